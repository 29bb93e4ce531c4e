//! The beginning of a flow: files that load, pass their own fixtures, and wait for the
//! authority's facts. Made whole or as a copy of another flow; whoever calls writes them.

use super::Flow;
use super::files::Files;
use crate::folder::template;
use crate::mapping::document::Format;
use jiff::civil::Date;
use serde_json::Value;

/// What a new flow shall be.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub family: String,
    pub version: String,
    pub register: String,
    pub format: Format,
    /// First sending date.
    pub valid_from: Date,
}

/// A file of the new flow: path below the directory of the flows, content.
pub type NewFile = (String, Vec<u8>);

impl Wanted {
    /// `family/version`.
    pub fn id(&self) -> String {
        format!("{}/{}", self.family, self.version)
    }

    /// What is wrong with its names; they become directories, and words in payloads.
    pub fn problem(&self) -> Option<String> {
        let plain = |text: &str, more: &[char]| {
            let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
            text.starts_with(fits) && text.chars().all(|letter| fits(letter) || more.contains(&letter))
        };
        let named = [
            ("name", &self.family, plain(&self.family, &['-'])),
            ("version", &self.version, plain(&self.version, &['-', '.'])),
            ("register", &self.register, plain(&self.register, &['-'])),
        ];
        let wrong = named.into_iter().find(|(_, _, fits)| !fits);
        if self.family == "folder" {
            return Some("`folder` is the folder's own schema: choose another name".to_owned());
        }
        wrong.map(|(what, text, _)| {
            format!("the {what} `{text}` is not made of small letters, digits and hyphens")
        })
    }

    /// The files of a flow that begins from nothing.
    pub fn files(&self) -> Vec<NewFile> {
        let (mapping, schema_name, schema) = match self.format {
            Format::Xml => (include_str!("scaffold/mapping.xml.toml"), "flusso.xsd", XSD),
            Format::Json => (include_str!("scaffold/mapping.json.toml"), "invio.schema.json", JSON_SCHEMA),
        };
        let id = self.id();
        let below = |top: &str, name: &str, text: &str| {
            (format!("{top}/{id}/{name}"), self.filled(text).into_bytes())
        };
        let mut files = vec![
            below("mappings", "mapping.toml", mapping),
            below("mappings", "rules.toml", include_str!("scaffold/rules.toml")),
            below("mappings", "README.md", include_str!("scaffold/README.md")),
            below("mappings", "codes/carattere.csv", include_str!("scaffold/carattere.csv")),
            below("schemas", schema_name, schema),
            below("schemas", "ORIGIN.toml", include_str!("scaffold/ORIGIN.toml")),
        ];
        files.extend(CASES.iter().map(|(case, change)| self.case(case, &changed(*change))));
        files
    }

    /// The files of a flow that begins as a copy of another; `files` is where that one comes from.
    pub fn copied(&self, from: &Flow, files: &dyn Files, folder_schema: &Value) -> Vec<NewFile> {
        let mut made = Vec::new();
        for top in ["mappings", "schemas", "fixtures"] {
            let folder = format!("{top}/{}", from.id());
            for path in files.list(&folder) {
                let bytes = files.read(&path).map(|bytes| bytes.into_owned()).unwrap_or_default();
                let below = path[folder.len()..].to_owned();
                let bytes = if below == "/mapping.toml" { self.dated(bytes) } else { bytes };
                made.push((format!("{top}/{}{below}", self.id()), bytes));
            }
        }
        if !made.iter().any(|(path, _)| path.starts_with("fixtures/")) {
            let full = template::template(folder_schema, &from.fields_read());
            let mut wrong = full.clone();
            wrong["persona"]["codice_fiscale"] = Value::from(WRONG_LETTER);
            made.push(self.case("completo", &full));
            made.push(self.case("rilievo-cf-carattere-controllo", &wrong));
        }
        made
    }

    /// A mapping with its register and its own dates; the rest stays as it is written.
    fn dated(&self, bytes: Vec<u8>) -> Vec<u8> {
        let Ok(text) = String::from_utf8(bytes.clone()) else { return bytes };
        let key = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
        let mut inside = false;
        let mut out = String::with_capacity(text.len());
        for line in text.lines() {
            if line.starts_with('[') {
                inside = line.trim() == "[flow]";
            }
            match (inside, key(line).as_str()) {
                (true, "valid_to") => {}
                (true, "valid_from") => out.push_str(&format!("valid_from = \"{}\"\n", self.valid_from)),
                (true, "register") => out.push_str(&format!("register = \"{}\"\n", self.register)),
                _ => {
                    out.push_str(line);
                    out.push('\n');
                }
            }
        }
        out.into_bytes()
    }

    fn case(&self, name: &str, folder: &Value) -> NewFile {
        let text = serde_json::to_string_pretty(folder).unwrap_or_default() + "\n";
        (format!("fixtures/{}/{name}/folder.json", self.id()), text.into_bytes())
    }

    fn filled(&self, text: &str) -> String {
        let kind: String =
            self.family.to_ascii_uppercase().chars().filter(char::is_ascii_alphanumeric).collect();
        let (tax_code, first_day) = match self.format {
            Format::Xml => ("@CodiceFiscale", "@DataInizio"),
            Format::Json => ("codiceFiscale", "dataInizio"),
        };
        text.replace("@P_CODICE_FISCALE@", tax_code)
            .replace("@P_DATA_INIZIO@", first_day)
            .replace("@NAME@", &self.family)
            .replace("@VERSION@", &self.version)
            .replace("@REGISTER@", &self.register)
            .replace("@KIND@", &kind)
            .replace("@VALID_FROM@", &self.valid_from.to_string())
    }
}

const XSD: &str = include_str!("scaffold/flusso.xsd");
const JSON_SCHEMA: &str = include_str!("scaffold/invio.schema.json");
const FOLDER: &str = include_str!("scaffold/folder.json");
/// The example's codice fiscale with another check letter: every flow of persons withholds it.
const WRONG_LETTER: &str = "XXXYYY80A01H501A";

/// A case: its name, and what its folder lacks or has instead.
type Case = (&'static str, fn(&mut Value));

const CASES: [Case; 3] = [
    ("minimo", |_| {}),
    ("rilievo-data-inizio-mancante", |folder| lack(folder, "/interventi/0", "dal")),
    ("rilievo-persona-senza-codice", |folder| {
        lack(folder, "/persona", "codice_fiscale");
        folder["persona"]["codice_stp"] = Value::from("STP0301000000001");
    }),
];

fn lack(folder: &mut Value, parent: &str, field: &str) {
    if let Some(object) = folder.pointer_mut(parent).and_then(Value::as_object_mut) {
        object.remove(field);
    }
}

fn changed(change: fn(&mut Value)) -> Value {
    let mut folder: Value = serde_json::from_str(FOLDER).unwrap_or_default();
    change(&mut folder);
    folder
}
