//! A JSON Schema as a [`Shape`]: the places a folder or a payload may have.
//!
//! Arrays stand as one place with the suffix `[]`, which carries the items'
//! facets and counts. Keywords that only forbid combinations (`anyOf`, `if`…)
//! are left to the validator: a shape says where, what and how often.

use serde_json::{Map, Value};

use super::SchemaError;
use super::shape::{Kind, Node, Shape};
use super::shape_xsd::empty_node;

/// The pattern by which money is known.
pub const MONEY_PATTERN: &str = r"^\d{1,9}(\.\d{1,2})?$";
const MOST_DEPTH: usize = 32;

/// Keywords that a shape reads or may pass over.
const KNOWN: [&str; 36] = [
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "$ref",
    "title",
    "description",
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "maxItems",
    "uniqueItems",
    "enum",
    "const",
    "format",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "default",
    "examples",
    "deprecated",
    "anyOf",
    "oneOf",
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "minProperties",
    "contentEncoding",
];

/// Compiles the text of a JSON Schema 2020-12 (one document) to its shape.
///
/// # Errors
/// A keyword outside the list above, a foreign or recursive `$ref`.
pub fn compile(source: &str) -> Result<Shape, SchemaError> {
    let value = serde_json::from_str(source).map_err(|error| SchemaError::Unreadable(error.to_string()))?;
    from_value(&value)
}

pub(super) fn from_value(root: &Value) -> Result<Shape, SchemaError> {
    let mut reading = Reading { root, between: '.', shape: Shape::default() };
    let schema = reading.resolved(root, "#")?;
    reading.inside(&schema, "", 0)?;
    Ok(reading.shape)
}

/// The places of a payload, written as targets are (`entry[]/resource/status`): of the whole
/// document, or of the definition `$defs/…` below `prefix`.
///
/// # Errors
/// As [`compile`], and a definition that is not there.
pub fn targets(root: &Value, definition: Option<&str>, prefix: &str) -> Result<Shape, SchemaError> {
    let mut reading = Reading { root, between: '/', shape: Shape::default() };
    let start = match definition {
        None => root,
        Some(name) => root
            .get("$defs")
            .and_then(|all| all.get(name))
            .ok_or_else(|| SchemaError::Unresolved(format!("#/$defs/{name}")))?,
    };
    let schema = reading.resolved(start, prefix)?;
    reading.inside(&schema, prefix, 0)?;
    Ok(reading.shape)
}

struct Reading<'s> {
    root: &'s Value,
    /// What stands between the words of a path.
    between: char,
    shape: Shape,
}

impl Reading<'_> {
    /// The schema with its reference followed; what stands beside `$ref` wins.
    fn resolved(&self, schema: &Value, place: &str) -> Result<Map<String, Value>, SchemaError> {
        let mut merged = object(schema, place)?.clone();
        for _ in 0..MOST_DEPTH {
            let Some(reference) = merged.remove("$ref") else {
                return known(&merged, place).map(|()| merged);
            };
            let reference = reference.as_str().unwrap_or_default().to_owned();
            let pointer = reference.strip_prefix('#').filter(|pointer| pointer.starts_with("/$defs/"));
            let target = pointer.and_then(|pointer| self.root.pointer(pointer));
            let target = target.ok_or(SchemaError::Unresolved(reference))?;
            for (key, value) in object(target, place)? {
                merged.entry(key).or_insert_with(|| value.clone());
            }
        }
        Err(SchemaError::not_understood("a circular $ref", place))
    }

    /// The properties of an object.
    fn inside(&mut self, schema: &Map<String, Value>, path: &str, depth: usize) -> Result<(), SchemaError> {
        if depth > MOST_DEPTH {
            return Err(SchemaError::not_understood("a recursive schema", path));
        }
        let Some(Value::Object(properties)) = schema.get("properties") else { return Ok(()) };
        let required: Vec<&str> = list(schema, "required").iter().filter_map(Value::as_str).collect();
        for (name, property) in properties {
            let place = if path.is_empty() { name.clone() } else { format!("{path}{}{name}", self.between) };
            let property = self.resolved(property, &place)?;
            self.place(&property, place, u32::from(required.contains(&name.as_str())), depth)?;
        }
        Ok(())
    }

    fn place(
        &mut self,
        schema: &Map<String, Value>,
        path: String,
        min_occurs: u32,
        depth: usize,
    ) -> Result<(), SchemaError> {
        let (path, schema, min_occurs, max_occurs) = match schema.get("items") {
            None => (path, schema.clone(), min_occurs, Some(1)),
            Some(items) => {
                let items = self.resolved(items, &path)?;
                let count = |name: &str| schema.get(name).and_then(Value::as_u64).map(|count| count as u32);
                let fewest = min_occurs * count("minItems").unwrap_or(0);
                (format!("{path}[]"), titled(items, schema), fewest, count("maxItems"))
            }
        };
        let node = Node { min_occurs, max_occurs, order: self.shape.nodes.len(), ..node(&schema, &path)? };
        let kind = node.kind;
        self.shape.nodes.insert(path.clone(), node);
        if kind == Kind::Object { self.inside(&schema, &path, depth + 1) } else { Ok(()) }
    }
}

/// The items, with the array's titles where they have none.
fn titled(mut items: Map<String, Value>, array: &Map<String, Value>) -> Map<String, Value> {
    for key in ["title", "x-title-en"] {
        if let Some(title) = array.get(key).filter(|_| !items.contains_key(key)) {
            items.insert(key.into(), title.clone());
        }
    }
    items
}

fn object<'v>(schema: &'v Value, place: &str) -> Result<&'v Map<String, Value>, SchemaError> {
    schema.as_object().ok_or_else(|| SchemaError::not_understood("a schema that is not an object", place))
}

fn known(schema: &Map<String, Value>, place: &str) -> Result<(), SchemaError> {
    let unknown = schema.keys().find(|key| !KNOWN.contains(&key.as_str()) && !key.starts_with("x-"));
    unknown.map_or(Ok(()), |key| Err(SchemaError::not_understood(key, place)))
}

fn list<'v>(schema: &'v Map<String, Value>, key: &str) -> &'v [Value] {
    schema.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn node(schema: &Map<String, Value>, path: &str) -> Result<Node, SchemaError> {
    let text = |key: &str| schema.get(key).and_then(Value::as_str).map(str::to_owned);
    let length = |key: &str| schema.get(key).and_then(Value::as_u64).map(|length| length as usize);
    let number = |key: &str| schema.get(key).filter(|value| value.is_number()).map(Value::to_string);
    let allowed = schema.get("const").map_or_else(|| list(schema, "enum"), std::slice::from_ref);
    Ok(Node {
        min_length: length("minLength"),
        max_length: length("maxLength"),
        min_value: number("minimum"),
        max_value: number("maximum"),
        enumeration: allowed.iter().map(plain).collect(),
        pattern: text("pattern"),
        title_it: text("title"),
        title_en: text("x-title-en"),
        bare: matches!(schema.get("type").and_then(Value::as_str), Some("integer" | "number" | "boolean")),
        ..empty_node(kind(schema, path)?)
    })
}

/// A value of an enumeration as text.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn kind(schema: &Map<String, Value>, path: &str) -> Result<Kind, SchemaError> {
    if schema.get("x-kind").and_then(Value::as_str) == Some("decimal") {
        return Ok(Kind::Decimal);
    }
    let named = match schema.get("type") {
        Some(Value::Array(types)) => types.iter().find(|name| *name != "null"),
        named => named,
    };
    match (named.and_then(Value::as_str), schema.get("format").and_then(Value::as_str)) {
        (Some("object"), _) => Ok(Kind::Object),
        (Some("integer"), _) => Ok(Kind::Integer),
        (Some("number"), _) => Ok(Kind::Decimal),
        (Some("boolean"), _) => Ok(Kind::Boolean),
        (Some("string"), Some("date")) => Ok(Kind::Date),
        (Some("string"), Some("date-time")) => Ok(Kind::DateTime),
        (Some("string"), _) => Ok(text_kind(schema)),
        (None, _) if schema.contains_key("properties") => Ok(Kind::Object),
        (None, _) if schema.contains_key("const") || schema.contains_key("enum") => Ok(Kind::Text),
        _ => Err(SchemaError::not_understood("a place without one type", path)),
    }
}

fn text_kind(schema: &Map<String, Value>) -> Kind {
    let pattern = schema.get("pattern").and_then(Value::as_str);
    if pattern == Some(MONEY_PATTERN) { Kind::Decimal } else { Kind::Text }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r##"{ "type": "object", "required": ["persona"],
        "properties": {
            "schema": { "const": "1" },
            "persona": { "$ref": "#/$defs/persona", "title": "Persona" },
            "interventi": { "type": "array", "title": "Interventi", "x-title-en": "Interventions", "items": {
                "type": "object", "properties": {
                    "dal": { "type": "string", "format": "date" },
                    "importo": { "$ref": "#/$defs/importo" } } } },
            "fragilita": { "type": "array", "minItems": 1, "items": { "enum": ["anziano", "altro"] } } },
        "$defs": {
            "persona": { "type": "object", "required": ["nome"], "properties": {
                "nome": { "type": "string", "minLength": 1, "maxLength": 60, "title": "Nome" } } },
            "importo": { "type": "string", "pattern": "^\\d{1,9}(\\.\\d{1,2})?$" } } }"##;

    #[test]
    fn knows_every_place() {
        let shape = compile(SCHEMA).expect("shape");
        let at = |path: &str| shape.nodes.get(path).unwrap_or_else(|| panic!("{path} is missing"));
        assert_eq!(at("schema").enumeration, ["1"]);
        assert_eq!((at("persona").min_occurs, at("persona").kind), (1, Kind::Object));
        assert_eq!(at("persona.nome").max_length, Some(60));
        assert_eq!(at("persona.nome").title_it.as_deref(), Some("Nome"));
        assert_eq!((at("interventi[]").min_occurs, at("interventi[]").max_occurs), (0, None));
        assert_eq!(at("interventi[]").title_en.as_deref(), Some("Interventions"));
        assert_eq!(at("interventi[].dal").kind, Kind::Date);
        assert_eq!(at("interventi[].importo").kind, Kind::Decimal);
        assert_eq!(at("fragilita[]").enumeration, ["anziano", "altro"]);
    }

    #[test]
    fn refuses_what_it_cannot_say() {
        for source in [
            r#"{ "type": "object", "patternProperties": {} }"#,
            r#"{ "properties": { "a": { "$ref": "other.json" } } }"#,
            r##"{ "properties": { "a": { "$ref": "#/$defs/a" } }, "$defs": { "a": { "$ref": "#/$defs/a" } } }"##,
            r#"{ "properties": { "a": {} } }"#,
        ] {
            assert!(compile(source).is_err(), "{source}");
        }
    }
}
