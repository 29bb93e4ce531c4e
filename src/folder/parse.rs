//! From bytes to a folder: size, JSON, schema. All violations are said at once.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use super::finding::Finding;
use super::{Folder, Labels, fields, json, violation};
use crate::personal::Personal;

/// The schema of the folder, as it is published.
pub const SCHEMA_TEXT: &str = include_str!("../../schemas/folder/1/folder.schema.json");

/// Largest folder read unless the caller says otherwise, in bytes.
pub const SIZE_LIMIT_BYTES: usize = 1 << 20;

/// Longest list of findings given back for one folder.
const MOST_FINDINGS: usize = 200;

/// Why a text is not a usable folder schema.
#[derive(Debug, thiserror::Error)]
pub enum FolderSchemaError {
    #[error("the folder schema is not JSON")]
    Json(#[source] serde_json::Error),
    #[error("the folder schema does not compile: {0}")]
    Compile(String),
}

/// The folder's schema, compiled once and shared.
pub struct FolderSchema {
    schema: Value,
    validator: Validator,
    labels: Labels,
}

impl FolderSchema {
    /// The schema that travels in the binary.
    ///
    /// # Errors
    /// None in a released build: a test compiles it.
    pub fn embedded() -> Result<Self, FolderSchemaError> {
        Self::compile(SCHEMA_TEXT)
    }

    /// Compiles the text of a JSON Schema; formats are asserted, nothing is fetched.
    ///
    /// # Errors
    /// If the text is not JSON or not a schema.
    pub fn compile(text: &str) -> Result<Self, FolderSchemaError> {
        let schema: Value = serde_json::from_str(text).map_err(FolderSchemaError::Json)?;
        let validator = jsonschema::draft202012::options()
            .should_validate_formats(true)
            .with_pattern_options(PatternOptions::regex())
            .build(&schema)
            .map_err(|error| FolderSchemaError::Compile(error.to_string()))?;
        let labels = Labels::from_schema(&schema);
        Ok(Self { schema, validator, labels })
    }

    /// The JSON Schema itself.
    pub const fn schema(&self) -> &Value {
        &self.schema
    }

    /// Names of the places.
    pub const fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Reads a folder of at most [`SIZE_LIMIT_BYTES`].
    ///
    /// # Errors
    /// Everything wrong with it, never a value; at most 200 findings and a last one that counts the rest.
    pub fn parse(&self, bytes: &[u8]) -> Result<Folder, Vec<Finding>> {
        self.parse_within(bytes, SIZE_LIMIT_BYTES)
    }

    /// Reads a folder of at most `limit_bytes`.
    ///
    /// # Errors
    /// As [`FolderSchema::parse`].
    pub fn parse_within(&self, bytes: &[u8], limit_bytes: usize) -> Result<Folder, Vec<Finding>> {
        if bytes.len() > limit_bytes {
            return Err(vec![violation::too_large(limit_bytes)]);
        }
        let (body, oddities) = json::read(bytes).map_err(|at| vec![violation::malformed(at)])?;
        if !oddities.is_empty() || !self.validator.is_valid(&body) {
            return Err(self.findings(&body, &oddities));
        }
        Ok(folder(body))
    }

    fn findings(&self, body: &Value, oddities: &[json::Oddity]) -> Vec<Finding> {
        let speaker = violation::Speaker { schema: &self.schema, labels: &self.labels };
        let violations = self.validator.iter_errors(body).flat_map(|error| speaker.violation(&error));
        let mut findings: Vec<Finding> =
            oddities.iter().map(|oddity| speaker.oddity(oddity)).chain(violations).collect();
        if let Some(more) = findings.len().checked_sub(MOST_FINDINGS).filter(|&more| more > 0) {
            findings.truncate(MOST_FINDINGS);
            findings.push(violation::and_more(more));
        }
        findings
    }
}

/// A body that passed the schema, with its keys at hand.
fn folder(body: Value) -> Folder {
    Folder {
        ente: fields::ente(&body).to_owned(),
        id: fields::id(&body).to_owned(),
        version: fields::version(&body),
        body: Personal::new(body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::template::{FULL_TEXT, SMALLEST_TEXT};
    use proptest::prelude::*;
    use serde_json::json;

    fn refused(bytes: &[u8]) -> Vec<Finding> {
        FolderSchema::embedded().unwrap().parse(bytes).err().unwrap_or_default()
    }

    fn rules(body: &Value) -> Vec<(String, String)> {
        let findings = refused(body.to_string().as_bytes());
        findings.into_iter().map(|finding| (finding.rule, finding.folder_path)).collect()
    }

    fn smallest() -> Value {
        serde_json::from_str(SMALLEST_TEXT).unwrap()
    }

    #[test]
    fn the_examples_are_valid() {
        for text in [SMALLEST_TEXT, FULL_TEXT] {
            let folder = FolderSchema::embedded().unwrap().parse(text.as_bytes());
            let folder =
                folder.map_err(|findings| format!("{findings:#?}")).unwrap_or_else(|said| panic!("{said}"));
            assert_eq!(folder.ente, "H501");
            assert_eq!(crate::folder::checks::check(folder.body.expose()), []);
        }
        assert!(SMALLEST_TEXT.lines().count() <= 24);
    }

    #[test]
    fn all_violations_are_said_at_once() {
        let mut body = smallest();
        body["versione"] = json!(0);
        body["persona"]["genere"] = json!("X");
        body["persona"]["data_nascita"] = json!("2025-02-30");
        body["persona"]["soprannome"] = json!("Pippo");
        body["persona"].as_object_mut().unwrap().shift_remove("nome");
        body["interventi"] = json!([{"importo": 12.5}, 7]);
        let rules = rules(&body);
        for (rule, path) in [
            ("cartella-intervallo", "/versione"),
            ("cartella-valore-ammesso", "/persona/genere"),
            ("cartella-formato", "/persona/data_nascita"),
            ("cartella-campo-sconosciuto", "/persona"),
            ("cartella-campo-mancante", "/persona/nome"),
            ("cartella-campo-mancante", "/interventi/0/codice"),
            ("cartella-schema-tipo", "/interventi/0/importo"),
            ("cartella-schema-tipo", "/interventi/1"),
        ] {
            assert!(rules.contains(&(rule.to_owned(), path.to_owned())), "{rule} {path} not in {rules:?}");
        }
    }

    #[test]
    fn a_finding_says_what_to_write() {
        let mut body: Value = serde_json::from_str(FULL_TEXT).unwrap();
        body["interventi"][1]["importo"] = json!(450);
        body["interventi"][2]["importo_totale"] = json!("100,00");
        let findings = refused(body.to_string().as_bytes());
        let said: Vec<&str> = findings.iter().map(|finding| finding.message.it.as_str()).collect();
        assert_eq!(
            said,
            [
                "«Interventi › 2 › Importo» deve essere un testo fra virgolette.",
                "«Interventi › 3 › Importo totale» non ha la forma attesa."
            ]
        );
        assert!(findings.iter().all(|finding| finding.hint.it.ends_with("Esempio: 123.45.")));
        assert!(findings.iter().all(|finding| finding.hint.en.ends_with("Example: 123.45.")));
    }

    #[test]
    fn a_person_needs_an_identifier() {
        let mut body = smallest();
        body["persona"].as_object_mut().unwrap().shift_remove("codice_fiscale");
        assert_eq!(rules(&body), [("cartella-campo-mancante".to_owned(), "/persona".to_owned())]);
    }

    #[test]
    fn fields_given_twice_are_refused() {
        let text = SMALLEST_TEXT.replacen("\"ente\"", "\"id\": \"X\",\n  \"ente\"", 1);
        let findings = refused(text.as_bytes());
        assert_eq!(findings.len(), 1);
        assert_eq!(
            (findings[0].rule.as_str(), findings[0].folder_path.as_str()),
            ("cartella-campo-doppio", "/id")
        );
    }

    #[test]
    fn malformed_and_oversized_are_refused() {
        let findings = refused(b"{\n  \"id\": }");
        assert_eq!(findings[0].rule, "cartella-json");
        assert!(findings[0].message.it.contains("riga 2, colonna 9"), "{}", findings[0].message.it);
        assert_eq!(refused(&vec![b' '; SIZE_LIMIT_BYTES + 1])[0].rule, "cartella-troppo-grande");
        assert_eq!(refused(b"7")[0].rule, "cartella-schema-tipo");
    }

    #[test]
    fn a_long_list_of_findings_is_cut() {
        let mut body = smallest();
        body["interventi"] = json!(vec![json!(1); 1000]);
        let findings = refused(body.to_string().as_bytes());
        assert_eq!(findings.len(), MOST_FINDINGS + 1);
        assert!(findings[MOST_FINDINGS].message.it.contains("800"));
    }

    /// Replaces each leaf in turn by a marker of a wrong type or form and looks for it in all that is said.
    #[test]
    fn no_value_is_ever_said() {
        const MARK: &str = "Zzq-Segreto";
        let full: Value = serde_json::from_str(FULL_TEXT).unwrap();
        for pointer in leaves(&full, "") {
            for mark in [json!(MARK), json!({ MARK: MARK }), json!([MARK])] {
                let mut body = full.clone();
                *body.pointer_mut(&pointer).unwrap() = mark;
                let said = serde_json::to_string(&refused(body.to_string().as_bytes())).unwrap();
                assert!(!said.contains(MARK), "{pointer}");
            }
        }
    }

    fn leaves(value: &Value, path: &str) -> Vec<String> {
        match value {
            Value::Object(fields) => {
                fields.iter().flat_map(|(name, value)| leaves(value, &format!("{path}/{name}"))).collect()
            }
            Value::Array(items) => items
                .iter()
                .enumerate()
                .flat_map(|(n, value)| leaves(value, &format!("{path}/{n}")))
                .collect(),
            _ => vec![path.to_owned()],
        }
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(FolderSchema::embedded().unwrap().parse(&bytes).is_err());
        }

        /// One byte changed anywhere: a folder or findings, and no panic in the checks that follow.
        #[test]
        fn a_mangled_folder_gets_an_answer(at in 0usize..6000, byte: u8) {
            let mut bytes = FULL_TEXT.as_bytes().to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            match FolderSchema::embedded().unwrap().parse(&bytes) {
                Ok(folder) => { crate::folder::checks::check(folder.body.expose()); }
                Err(findings) => prop_assert!(!findings.is_empty()),
            }
        }
    }
}
