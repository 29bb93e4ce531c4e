//! One folder: saved whole or not at all.

use serde_json::{Value, json};

use crate::serving::{Site, generated};

fn put(site: &Site, folder: &Value) -> crate::serving::Answer {
    let path = format!("/folders/{}", folder["id"].as_str().unwrap());
    site.api("PUT", &path, folder.to_string().as_bytes())
}

fn count(site: &Site) -> u64 {
    site.gateway.books.folder_count().unwrap()
}

#[test]
fn a_saved_folder_shows_where_it_stands() {
    let site = Site::open();
    let folder = generated(1).remove(0);
    let saved = put(&site, &folder).good(201);
    assert!(saved["records"].as_u64() > Some(0) && saved["withheld"] == 0, "{saved}");
    assert_eq!(put(&site, &folder).good(200)["created"], false);
    let path = format!("/folders/{}", folder["id"].as_str().unwrap());
    let shown = site.api("GET", &path, b"").good(200);
    assert_eq!(shown["records"].as_array().unwrap().len() as u64, saved["records"].as_u64().unwrap());
    let name = folder["persona"]["codice_fiscale"].as_str().unwrap();
    assert!(!shown.to_string().contains(name), "the body is shown only when asked for");
    assert_eq!(site.api("GET", &format!("{path}?body=true"), b"").good(200)["folder"], folder);
}

#[test]
fn an_invalid_folder_is_not_stored_and_its_findings_say_where() {
    let site = Site::open();
    let mut folder = generated(1).remove(0);
    folder["persona"]["genere"] = json!("X");
    folder["persona"].as_object_mut().unwrap().remove("cognome");
    folder["sconosciuto"] = json!(1);
    let answer = put(&site, &folder);
    answer.problem(422);
    let body = answer.json();
    let places: Vec<_> =
        body["findings"].as_array().unwrap().iter().map(|f| f["folder_path"].as_str().unwrap()).collect();
    assert!(places.len() >= 3, "all at once: {places:?}");
    assert!(places.contains(&"/persona/genere"), "{places:?}");
    assert!(
        body["findings"][0]["message"]["it"].is_string() && body["findings"][0]["hint"]["it"].is_string()
    );
    for text in [&b""[..], b"{", b"[]", b"null", b"\xff", br#"{"schema": "1"}"#] {
        site.api("PUT", "/folders/x", text).problem(422);
    }
    let mut stranger = generated(1).remove(0);
    stranger["ente"] = json!("A001");
    put(&site, &stranger).problem(422);
    let sound = generated(1).remove(0);
    site.api("PUT", "/folders/another", sound.to_string().as_bytes()).problem(400);
    assert_eq!(count(&site), 0);
}

#[test]
fn a_wrong_change_leaves_the_stored_folder_as_it_was() {
    let site = Site::open();
    let mut folder = generated(1).remove(0);
    folder["versione"] = json!(5);
    put(&site, &folder).good(201);
    let path = format!("/folders/{}?body=true", folder["id"].as_str().unwrap());
    let mut changed = folder.clone();
    changed["persona"]["nome"] = json!("");
    changed["versione"] = json!(6);
    put(&site, &changed).problem(422);
    let mut older = folder.clone();
    older["versione"] = json!(4);
    put(&site, &older).problem(409);
    assert_eq!(site.api("GET", &path, b"").good(200)["folder"], folder);
    let mut newer = folder.clone();
    newer["versione"] = json!(6);
    put(&site, &newer).good(200);
}

#[test]
fn an_oversized_folder_is_refused_as_a_problem() {
    let site = Site::with("folder_limit_bytes = 20000\n");
    let mut folder = generated(1).remove(0);
    folder["nucleo"] = json!({"componenti": 2, "note": "x".repeat(100_000)});
    put(&site, &folder).problem(413);
    folder["nucleo"]["note"] = json!("x".repeat(20_000));
    assert!([413, 422].contains(&put(&site, &folder).status));
    let nested = "[".repeat(15_000);
    site.api("PUT", "/folders/x", nested.as_bytes()).problem(422);
    assert_eq!(count(&site), 0);
}
