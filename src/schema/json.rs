//! JSON documents against a JSON Schema 2020-12 of ours.
//!
//! Built on the crate `jsonschema` without remote references. Problems carry a
//! JSON pointer, the keyword and the schema's own limit; never a value.

use std::sync::Arc;

use jsonschema::error::{ValidationError, ValidationErrorKind};
use serde_json::Value;

use super::shape::Shape;
use super::{MOST_PROBLEMS, SchemaError, SchemaProblem, Validator, shape_json};

/// Longest property name of a document that is repeated in a path.
const MOST_NAME_CHARS: usize = 64;

/// A compiled schema; cheap to clone, shared between threads.
#[derive(Clone)]
pub struct JsonSchema {
    inner: Arc<Inner>,
}

struct Inner {
    validator: jsonschema::Validator,
    source: Value,
}

impl JsonSchema {
    /// Compiles a JSON Schema 2020-12 that stands in one document.
    ///
    /// # Errors
    /// Not JSON, not a schema, or a reference that does not resolve inside it.
    pub fn compile(source: &str) -> Result<Self, SchemaError> {
        let source: Value =
            serde_json::from_str(source).map_err(|error| SchemaError::Unreadable(error.to_string()))?;
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .should_validate_formats(true)
            .build(&source)
            .map_err(|error| SchemaError::Refused(error.to_string()))?;
        Ok(Self { inner: Arc::new(Inner { validator, source }) })
    }

    /// The places of the schema (see [`Shape`]).
    ///
    /// # Errors
    /// A keyword that a shape cannot say; see [`shape_json::compile`].
    pub fn shape(&self) -> Result<Shape, SchemaError> {
        shape_json::from_value(&self.inner.source)
    }

    /// The places of a payload as targets; see [`shape_json::targets`].
    ///
    /// # Errors
    /// As [`JsonSchema::shape`].
    pub fn targets(&self, definition: Option<&str>, prefix: &str) -> Result<Shape, SchemaError> {
        shape_json::targets(&self.inner.source, definition, prefix)
    }

    /// All problems of the text `document`.
    pub fn validate(&self, document: &[u8]) -> Vec<SchemaProblem> {
        match serde_json::from_slice::<Value>(document) {
            Ok(value) => self.validate_value(&value),
            Err(error) => vec![unparsable(&error)],
        }
    }

    /// All problems of a document already parsed.
    pub fn validate_value(&self, document: &Value) -> Vec<SchemaProblem> {
        if self.inner.validator.is_valid(document) {
            return Vec::new();
        }
        let errors = self.inner.validator.iter_errors(document);
        errors.flat_map(|error| problems(&error)).take(MOST_PROBLEMS).collect()
    }
}

impl Validator for JsonSchema {
    fn validate(&mut self, document: &[u8]) -> Vec<SchemaProblem> {
        JsonSchema::validate(self, document)
    }
}

/// serde_json's texts may quote the document; only its place is kept.
fn unparsable(error: &serde_json::Error) -> SchemaProblem {
    SchemaProblem {
        code: "not-json".into(),
        path: String::new(),
        message: "the document is not JSON".into(),
        line: u32::try_from(error.line()).ok(),
        column: u32::try_from(error.column()).ok(),
    }
}

fn problems(error: &ValidationError<'_>) -> Vec<SchemaProblem> {
    let path = error.instance_path().as_str();
    let code = error.kind().keyword();
    let at = |path: String, message: String| SchemaProblem {
        code: code.into(),
        path,
        message,
        line: None,
        column: None,
    };
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            vec![at(below(path, name), "the required property is missing".into())]
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            let told = "the schema has no such property here";
            unexpected.iter().map(|name| at(below(path, name), told.into())).collect()
        }
        kind => vec![at(path.to_owned(), sentence(kind))],
    }
}

fn below(path: &str, name: &str) -> String {
    let name: String = name.chars().take(MOST_NAME_CHARS).collect();
    format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn sentence(kind: &ValidationErrorKind) -> String {
    use ValidationErrorKind as Kind;
    match kind {
        Kind::Pattern { pattern } => format!("the value does not have the required form: {pattern}"),
        Kind::Format { format } => format!("the value is not a {format}"),
        Kind::MinLength { limit } => format!("the value is too short: at least {limit} characters"),
        Kind::MaxLength { limit } => format!("the value is too long: at most {limit} characters"),
        Kind::MinItems { limit } => format!("too few items: at least {limit}"),
        Kind::MaxItems { limit } => format!("too many items: at most {limit}"),
        Kind::Minimum { limit } => format!("the number is too small: at least {limit}"),
        Kind::Maximum { limit } => format!("the number is too large: at most {limit}"),
        Kind::Enum { options } => format!("the value is not one of those allowed: {options}"),
        Kind::Constant { expected_value } => format!("the value must be {expected_value}"),
        Kind::Type { .. } => "the value is not of the required type".into(),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => "none of the alternatives is met".into(),
        Kind::OneOfMultipleValid { .. } => "more than one of the alternatives is met".into(),
        _ => "the schema does not allow this here".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"{
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object", "additionalProperties": false, "required": ["id"],
        "properties": {
            "id": { "type": "string", "maxLength": 3 },
            "day": { "type": "string", "format": "date" }
        } }"#;

    #[test]
    fn tells_places_and_rules_but_no_values() {
        let schema = JsonSchema::compile(SCHEMA).expect("schema");
        assert_eq!(schema.validate(br#"{"id":"abc","day":"2024-02-29"}"#), []);
        let problems = schema.validate(br#"{"day":"Rossi","a/b":1}"#);
        let mut told: Vec<_> = problems.iter().map(|p| format!("{} {}", p.code, p.path)).collect();
        told.sort();
        assert_eq!(told, ["additionalProperties /a~1b", "format /day", "required /id"]);
        assert!(problems.iter().all(|problem| !problem.message.contains("Rossi")));
        assert_eq!(schema.validate(br#"{"id":"#)[0].code, "not-json");
    }

    #[test]
    fn reaches_for_nothing_outside() {
        let error =
            JsonSchema::compile(r#"{ "$ref": "https://example.org/x.json" }"#).err().expect("refused");
        assert!(matches!(error, SchemaError::Refused(_)));
    }
}
