//! A portal and the person before it: takes every file of the outbox the moment it is seen,
//! keeps a book of its own, and says later what became of it.

use std::collections::BTreeMap;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use raccordo::flow::Flow;
use serde_json::json;

use super::installation::FILE_ROUTE;
use super::life::{Gone, Life};

/// One service in a file: the register's key, and whether it is cancelled.
type Service = (String, bool);

/// The portal's book.
#[derive(Default)]
pub struct Portal {
    /// Every file ever seen with the hash of its bytes and what the portal says of it.
    files: BTreeMap<String, (Vec<u8>, &'static str)>,
    /// Key of what is held with the file that brought it.
    held: BTreeMap<String, String>,
    pub answered: u64,
    pub anomalies: Vec<String>,
}

impl Portal {
    /// Takes what is new in the outbox; what is known must be there unchanged.
    pub fn take(&mut self, outbox: &Path, flow: &Flow) {
        let mut found = BTreeMap::new();
        for entry in std::fs::read_dir(outbox).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "xml") {
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
        for name in self.files.keys().filter(|name| !found.contains_key(*name)) {
            self.anomalies.push(format!("{name} has left the outbox"));
        }
        for (name, bytes) in found {
            let hash = digest(&SHA256, &bytes).as_ref().to_vec();
            match self.files.get(&name) {
                Some((before, _)) if *before != hash => {
                    self.anomalies.push(format!("{name} changed its bytes"))
                }
                Some(_) => {}
                None => {
                    let verdict = self.acquire(&name, &bytes, flow);
                    self.files.insert(name, (hash, verdict));
                }
            }
        }
    }

    fn acquire(&mut self, name: &str, bytes: &[u8], flow: &Flow) -> &'static str {
        let problems = flow.validate(bytes);
        let services = read(bytes).filter(|(named, _)| named == name && problems.is_empty());
        let Some((_, services)) = services else {
            self.anomalies.push(format!("{name} is no whole, valid file: {} problems", problems.len()));
            return "refused";
        };
        let verdict = verdict(name, services.iter().any(|(_, cancel)| *cancel));
        for (key, cancel) in services {
            let held = self.held.contains_key(&key);
            if cancel != held {
                let what = if cancel { "cancels what is not held" } else { "inserts what is held" };
                self.anomalies.push(format!("{name} {what}"));
            }
            match (verdict, cancel) {
                ("accepted", true) => drop(self.held.remove(&key)),
                ("accepted", false) => drop(self.held.insert(key, name.to_owned())),
                _ => {}
            }
        }
        verdict
    }

    /// Tells the gateway what became of each file that waits.
    pub fn answer(&mut self, life: &Life<'_>) -> Result<(), Gone> {
        let waiting = life.call("GET", "/api/v1/operations?state=waiting&limit=10000", b"")?.json();
        let operations = waiting["operations"].as_array().cloned().unwrap_or_default();
        let here = operations.iter().filter(|operation| operation["route"] == FILE_ROUTE);
        let mut names: Vec<_> = here.filter_map(|operation| operation["submission"].as_str()).collect();
        names.dedup();
        for name in names {
            // Finished since the portal looked; one that never comes is found still waiting at the end.
            let Some((_, verdict)) = self.files.get(name) else { continue };
            let body = json!([{ "outcome": verdict, "text": "detto dal portale" }]).to_string();
            life.call("POST", &format!("/api/v1/submissions/{name}/outcome"), body.as_bytes())?;
            self.answered += 1;
        }
        Ok(())
    }

    /// Names of the files by which what is held came, sorted, one per service.
    pub fn held(&self) -> Vec<String> {
        let mut names: Vec<_> = self.held.values().cloned().collect();
        names.sort();
        names
    }

    /// How many files it took.
    pub fn count(&self) -> usize {
        self.files.len()
    }
}

/// What the portal says of a file. A refused cancel rests until a person mends it, so too many
/// of them would leave nothing to do.
fn verdict(name: &str, cancels: bool) -> &'static str {
    match digest(&SHA256, name.as_bytes()).as_ref()[0] {
        0..20 => "failed",
        20 => "refused",
        21..55 if !cancels => "refused",
        _ => "accepted",
    }
}

/// The file's own name and its services, or `None` when it is no XML to its end.
fn read(bytes: &[u8]) -> Option<(String, Vec<Service>)> {
    let mut reader = Reader::from_reader(bytes);
    let (mut name, mut person, mut services) = (String::new(), String::new(), Vec::new());
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) | Event::Empty(start) => match start.local_name().as_ref() {
                b"IdentificazioneFlusso" => name = value(&start, "Nome"),
                b"Beneficiario" => person = value(&start, "CodiceFiscale"),
                b"PrestazioniSociali" => {
                    let parts = [
                        "CodicePrestazione",
                        "ProtocolloDomanda",
                        "DataInizioPrestazione",
                        "DataFinePrestazione",
                        "DataErogazionePrestazione",
                    ];
                    let key = parts.map(|part| value(&start, part)).join("|");
                    services.push((format!("{person}|{key}"), value(&start, "TipoOperazione") == "C"));
                }
                _ => {}
            },
            Event::Eof => return Some((name, services)),
            _ => {}
        }
    }
}

fn value(start: &BytesStart<'_>, name: &str) -> String {
    let attribute = start.try_get_attribute(name).ok().flatten();
    attribute.map(|attribute| String::from_utf8_lossy(&attribute.value).into_owned()).unwrap_or_default()
}
