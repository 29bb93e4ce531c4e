//! Children in charge: over the same route as persons' benefits, as a pseudonym and never as anybody.

mod ages;
mod keys;
mod privacy;
mod waas;

use std::path::{Path, PathBuf};

use raccordo::gateway::{Clock, SystemClock};
use raccordo::mapping::keyed::TEST_KEY;
use raccordo::sandbox::people;
use serde_json::{Value, json};

use crate::serving::{Site, configure, secret};

pub const FLOW: &str = "siuss-sinba/1";
pub const REGISTER: &str = "siuss-sinba";
pub const KEY_FILE: &str = "sinba.key";

/// The usual installation, whose routes lead to the children's register too, and whose enti have a key.
pub fn with_children(dir: &Path, jwks: &str) -> PathBuf {
    let config = configure(dir, jwks, "");
    secret(&dir.join(KEY_FILE), TEST_KEY);
    let text = std::fs::read_to_string(&config).unwrap();
    let keyed = format!("operator_file = \"operator\"\nkeys = {{ sinba = \"{KEY_FILE}\" }}\n");
    let text = text.replace("operator_file = \"operator\"\n", &keyed).replace(
        "register = \"siuss\"\nchannel",
        &format!("register = \"siuss\"\nalso = [\"{REGISTER}\"]\nchannel"),
    );
    std::fs::write(&config, text).unwrap();
    config
}

pub fn site() -> Site {
    Site::configured(with_children)
}

/// Generated folders of H501 that hold a child's case, out of so many people.
pub fn children(people: u64) -> Vec<Value> {
    let made = people::generate(people, 4242, 0.0, &["H501"], SystemClock.today());
    made.map(|made| made.folder).filter(|folder| folder.get("casi_minore").is_some()).collect()
}

/// Saves a folder; what is said of it.
#[track_caller]
pub fn save(site: &Site, folder: &Value) -> Vec<String> {
    let path = format!("/folders/{}", folder["id"].as_str().unwrap());
    let answer = site.api("PUT", &path, folder.to_string().as_bytes());
    assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
    let saved = answer.json();
    let findings = saved["findings"].as_array().cloned().unwrap_or_default();
    let own = findings.iter().filter(|row| row["flow"] == FLOW);
    own.map(|row| row["finding"]["rule"].as_str().unwrap_or_default().to_owned()).collect()
}

/// A run over all children of H501, perhaps by a named route.
#[track_caller]
pub fn report(site: &Site, route: Option<&str>) -> Value {
    let request = json!({"ente": "H501", "flow": FLOW, "route": route});
    site.api("POST", "/runs", request.to_string().as_bytes()).good(201)
}

/// The value of an attribute, each time that it stands in a payload.
pub fn attributes<'p>(payload: &'p str, name: &str) -> Vec<&'p str> {
    let head = format!(" {name}=\"");
    payload.match_indices(&head).filter_map(|(at, _)| payload[at + head.len()..].split('"').next()).collect()
}
