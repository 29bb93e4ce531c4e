//! No generated person may be found where no personal data belong: log, ledger, file names.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::installation::Installation;

/// What must not be found, by its first four bytes.
pub struct Forbidden(HashMap<[u8; 4], Vec<Vec<u8>>>);

impl Forbidden {
    /// Identifiers, and surname with name in the ways in which they are written together.
    pub fn of<'a>(people: impl Iterator<Item = &'a Value>) -> Self {
        let mut patterns = HashMap::new();
        for person in people {
            for pattern in patterns_of(person) {
                let first = *pattern.as_bytes().first_chunk::<4>().unwrap();
                let list: &mut Vec<Vec<u8>> = patterns.entry(first).or_default();
                list.push(pattern.into_bytes());
            }
        }
        Self(patterns)
    }

    /// How often something forbidden occurs.
    pub fn count(&self, bytes: &[u8]) -> usize {
        let hit = |at: &usize| {
            let candidates = bytes[*at..].first_chunk::<4>().and_then(|first| self.0.get(first));
            candidates.is_some_and(|list| list.iter().any(|pattern| bytes[*at..].starts_with(pattern)))
        };
        (0..bytes.len()).filter(hit).count()
    }
}

fn patterns_of(person: &Value) -> Vec<String> {
    let text = |field: &str| person[field].as_str().unwrap_or_default().to_owned();
    let (surname, name) = (text("cognome"), text("nome"));
    let (upper, upper_name) = (surname.to_uppercase(), name.to_uppercase());
    let identifiers = ["codice_fiscale", "codice_stp", "codice_eni", "id_anpr"].map(text);
    let names = [
        format!("{surname} {name}"),
        format!("{name} {surname}"),
        format!("{upper} {upper_name}"),
        format!("{upper_name} {upper}"),
        format!("\"{surname}\""),
        format!("=\"{upper}\""),
        format!("cognome\":\"{surname}"),
    ];
    identifiers.into_iter().filter(|identifier| identifier.len() >= 8).chain(names).collect()
}

/// Every place of the installation where something forbidden was found. The outbox's contents
/// are the declared exception; its file names are not.
pub fn search(place: &Installation, forbidden: &Forbidden) -> (u64, Vec<String>) {
    let (mut scanned, mut found) = (0, Vec::new());
    for path in files(&place.directory) {
        let name = path.display().to_string();
        if forbidden.count(name.as_bytes()) > 0 {
            found.push("a file's name".to_owned());
        }
        let ledger = path.starts_with(&place.data);
        if ledger || path == place.log {
            let bytes = std::fs::read(&path).unwrap_or_default();
            scanned += bytes.len() as u64;
            let count = forbidden.count(&bytes);
            if count > 0 {
                found.push(format!("{name}: {count} times"));
            }
        }
    }
    (scanned, found)
}

fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => all.extend(files(&entry.path())),
            Ok(kind) if kind.is_file() => all.push(entry.path()),
            _ => {}
        }
    }
    all
}

#[test]
fn the_search_finds_what_it_is_made_to_find() {
    let person =
        serde_json::json!({"cognome": "Rossi", "nome": "Anna", "codice_fiscale": "RSSNNA80A41H501X"});
    let forbidden = Forbidden::of(std::iter::once(&person));
    assert_eq!(forbidden.count(b"..RSSNNA80A41H501X.. ROSSI ANNA {\"cognome\":\"Rossi\"}"), 4);
    assert_eq!(forbidden.count(b"RSSNNA80A41H501Y Rossini Annamaria"), 0);
}
