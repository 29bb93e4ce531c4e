//! Of some hundred children nothing that tells who they are is found where it must not be: payloads of
//! both forms, names of containers, the log at its most talkative.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex};

use base64::Engine;
use serde_json::Value;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::{children, report, site};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

fn text<'f>(object: &'f Value, name: &str) -> &'f str {
    object[name].as_str().unwrap()
}

/// Identifiers of a child that no text may hold: code, folder, case, day of birth, comune, protocols.
fn identifiers(folder: &Value) -> BTreeSet<String> {
    let (person, case) = (&folder["persona"], &folder["casi_minore"][0]);
    let own =
        [text(person, "codice_fiscale"), text(folder, "id"), text(case, "id"), text(person, "data_nascita")];
    let homes = folder["residenze"].as_array().unwrap().iter().filter_map(|home| home["comune"].as_str());
    let given = folder["interventi"].as_array().unwrap().iter();
    let given = given.flat_map(|item| [text(item, "id"), text(item, "protocollo_domanda")]);
    own.into_iter().chain(homes).chain(given).map(str::to_owned).collect()
}

/// Words of a text, as they are written.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '\'').collect()
}

#[test]
fn nothing_tells_who_the_children_are() {
    let log = Lines::default();
    let filter = EnvFilter::new("raccordo=trace");
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(log.clone());
    tracing::subscriber::set_global_default(subscriber.finish()).expect("no other test takes the log");

    let site = site();
    let folders = children(2_400);
    assert!(folders.len() >= 200, "{} children", folders.len());
    let lines: String = folders.iter().map(|folder| format!("{folder}\n")).collect();
    let summary = site.api("POST", "/import", lines.as_bytes()).lines().pop().unwrap();
    assert_eq!(summary["summary"]["saved"], folders.len(), "{summary}");
    report(&site, None);
    let (mut since, mut payloads, mut names) = (0, Vec::new(), Vec::new());
    loop {
        let page = site.flussi(&format!("since={since}&limit=100"));
        let Some(last) = page.last() else { break };
        since = text(last, "ts_flusso").parse::<jiff::Timestamp>().unwrap().as_millisecond();
        for flusso in &page {
            assert_eq!(flusso["tipo"], "SINBA");
            let bytes = base64::engine::general_purpose::STANDARD.decode(text(flusso, "flusso")).unwrap();
            payloads.push(String::from_utf8(bytes).unwrap());
            names.push(text(flusso, "id_flusso").to_owned());
        }
    }
    assert!(payloads.len() >= folders.len());
    // A changed case goes as a file.
    for folder in &folders[..50] {
        let mut folder = folder.clone();
        folder["casi_minore"][0]["scuola"] = "formazione_professionale".into();
        folder["versione"] = 90.into();
        super::save(&site, &folder);
    }
    let receipts: Vec<Value> = names.iter().map(|name| accepted(&site, name)).collect();
    for some in receipts.chunks(100) {
        let body = serde_json::json!({ "elenco_esiti": some }).to_string();
        assert_eq!(site.esiti(body.as_bytes()).status, 204);
    }
    report(&site, Some("file-H501"));
    for path in site.api("POST", "/routes/file-H501/files", b"{}").good(200)["files"].as_array().unwrap() {
        payloads.push(std::fs::read_to_string(path.as_str().unwrap()).unwrap());
        names.push(path.as_str().unwrap().to_owned());
    }
    let (sent, named) = (payloads.concat().replace("CFOperatore=\"XXXYYY80A01H501D\"", ""), names.join("\n"));
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.len() > 1_000, "the log was taken");
    for (place, text) in [("payloads", &sent), ("names", &named), ("log", &logged)] {
        nobody_in(place, text, &folders);
    }
}

#[track_caller]
fn nobody_in(place: &str, text: &str, folders: &[Value]) {
    let spoken = words(text);
    for folder in folders {
        for identifier in identifiers(folder) {
            assert!(!text.contains(&identifier), "{identifier} in {place}");
        }
        for name in ["cognome", "nome"].map(|field| text_of(&folder["persona"], field)) {
            for spelling in [name.clone(), name.to_uppercase()] {
                assert!(!spoken.contains(spelling.as_str()), "{spelling} in {place}");
            }
        }
    }
}

fn text_of(object: &Value, name: &str) -> String {
    text(object, name).to_owned()
}

fn accepted(site: &crate::serving::Site, name: &str) -> Value {
    let submission = site.api("GET", &format!("/submissions/{name}"), b"").good(200);
    let at = jiff::Timestamp::from_millisecond(submission["timestamp"].as_i64().unwrap()).unwrap();
    let at = at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    serde_json::json!({
        "id_flusso": name, "tipo": "SINBA", "ts_flusso": at, "ts_acquisizione": at, "codice_esito": "OK",
    })
}
