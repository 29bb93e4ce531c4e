//! Erasing a person: what is kept can never be read again, what was sent stays provable, and nothing
//! is cancelled by it. And what a person stops before it leaves.

use serde_json::{Value, json};

use crate::serving::{FLOW, ROME, Site, generated, request};

const KNOWINGLY: &[u8] = br#"{"knowingly":true}"#;

fn esito(site: &Site, flusso: &Value) {
    let esito = json!({
        "id_flusso": flusso["id_flusso"], "tipo": flusso["tipo"], "ts_flusso": flusso["ts_flusso"],
        "ts_acquisizione": flusso["ts_flusso"], "codice_esito": "OK",
    });
    assert_eq!(site.esiti(json!({ "elenco_esiti": [esito] }).to_string().as_bytes()).status, 204);
}

/// One saved folder whose records INPS has all fetched; how they stand is the test's.
fn fetched() -> (Site, Value, Vec<Value>) {
    let site = Site::open();
    site.fill(1);
    let page = site.flussi("since=0");
    assert!(!page.is_empty());
    (site, generated(1).remove(0), page)
}

fn events(site: &Site) -> Vec<String> {
    let told = site.api("GET", "/audit", b"").good(200);
    let events = told["events"].as_array().unwrap().iter();
    events
        .map(|event| event["event"]["what"].as_str().or(event["what"].as_str()).unwrap().to_owned())
        .collect()
}

#[test]
fn who_was_never_sent_is_erased_at_once_and_stays_so() {
    let site = Site::open();
    let folder = generated(1).remove(0);
    let id = folder["id"].as_str().unwrap();
    let path = |what: &str| format!("/folders/{id}{what}");
    site.api("PUT", &path(""), folder.to_string().as_bytes()).good(201);
    site.report();
    // What a person has stopped before it left keeps nobody here.
    let queued = site.api("GET", "/operations?state=queued&limit=1", b"").good(200);
    let parked = format!("/operations/{}/park", queued["operations"][0]["operation"]);
    assert_eq!(site.api("POST", &parked, b"").status, 204);
    // Without a reason, or without the right, nothing happens.
    let token = format!("Bearer {}", crate::serving::ALL);
    let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
    request(site.api, "POST", &format!("/api/v1{}", path("/erase")), &headers, b"{}").problem(400);
    let told = site.api("POST", &path("/erase"), b"{}").good(200);
    assert_eq!(told["state"], "erased", "{told}");
    assert_eq!(site.api("POST", &path("/erase"), b"{}").good(200)["state"], "erased", "again: the same");
    for reading in ["/body", "?body=true", "/explain?body=true"] {
        let answer = site.api("GET", &path(reading), b"");
        assert!(
            answer.status == 409 || answer.status == 200 && reading.contains("explain"),
            "{}",
            answer.text()
        );
    }
    let shown = site.api("GET", &path(""), b"").good(200);
    assert_eq!((&shown["erased"], &shown["findings"]), (&json!(true), &json!([])), "{shown}");
    assert!(site.api("PUT", &path(""), folder.to_string().as_bytes()).problem(409).contains("was erased"));
    let line = site.api("POST", "/import", format!("{folder}\n").as_bytes()).lines().remove(0);
    assert!(line["why"].as_str().unwrap().contains("was erased"), "{line}");
    assert_eq!(site.flussi("since=0"), Vec::<Value>::new(), "what was queued is taken back");
    let run = site.report();
    assert_eq!(run["balance"]["selected"], 0, "{run}");
    raccordo::node::tick(&site.gateway).unwrap();
    let row = site.gateway.books.folder("H501", id).unwrap().unwrap();
    assert!(row.wrapped_key.is_empty() && row.body.is_empty(), "the key is gone");
    let told = events(&site);
    assert!(told.contains(&"subject-erased".to_owned()), "{told:?}");
    assert_eq!(site.api("GET", "/audit/verify", b"").good(200)["intact"], true);
}

#[test]
fn what_is_under_way_is_waited_for_and_what_is_held_is_given_up_knowingly_only() {
    let (site, folder, page) = fetched();
    let path = format!("/folders/{}/erase", folder["id"].as_str().unwrap());
    let waits = site.api("POST", &path, KNOWINGLY).good(202);
    assert_eq!((&waits["state"], &waits["under_way"]), (&json!("waits"), &json!(page.len())));
    page.iter().for_each(|flusso| esito(&site, flusso));
    raccordo::node::tick(&site.gateway).unwrap();
    let waits = site.api("POST", &path, b"{}").good(202);
    assert_eq!((&waits["under_way"], &waits["revocable"]), (&json!(0), &json!(page.len())), "{waits}");
    assert_eq!(site.api("POST", &path, KNOWINGLY).good(200)["state"], "erased");
    assert_eq!(site.flussi("since=0"), Vec::<Value>::new(), "nothing is cancelled by it");
    let lineage = format!("/folders/{}/lineage", folder["id"].as_str().unwrap());
    let known = site.api("GET", &lineage, b"").good(200);
    let held = known["records"].as_array().unwrap().iter().filter(|record| record["held"] == true);
    assert_eq!(held.count(), page.len(), "that INPS holds it stays on record: {known}");
    let told = events(&site);
    for kind in ["erasure-asked", "erasure-confirmed", "subject-erased"] {
        assert!(told.contains(&kind.to_owned()), "{kind}: {told:?}");
    }
}

#[test]
fn an_erasure_that_waits_is_done_by_itself_once_the_cancels_are_through() {
    let (site, mut folder, page) = fetched();
    page.iter().for_each(|flusso| esito(&site, flusso));
    let id = folder["id"].as_str().unwrap().to_owned();
    site.api("POST", &format!("/folders/{id}/erase"), b"{}").good(202);
    for intervention in folder["interventi"].as_array_mut().unwrap() {
        intervention["stato"] = json!("annullato");
    }
    site.api("PUT", &format!("/folders/{id}"), folder.to_string().as_bytes()).good(200);
    site.api("POST", "/runs", json!({"ente": "H501", "flow": FLOW}).to_string().as_bytes()).good(201);
    let run = site.api("GET", "/runs", b"").good(200)["runs"][0]["id"].clone();
    if site.flussi("since=0").is_empty() {
        site.api("POST", &format!("/runs/{run}/approve"), b"").good(200);
    }
    let cancels = site.flussi("since=0");
    assert!(!cancels.is_empty());
    cancels.iter().for_each(|flusso| esito(&site, flusso));
    raccordo::node::tick(&site.gateway).unwrap();
    assert_eq!(site.api("GET", &format!("/folders/{id}"), b"").good(200)["erased"], true);
}

#[test]
fn what_a_person_parks_does_not_leave_until_they_let_it_go() {
    let site = Site::open();
    site.fill(1);
    let queued = site.api("GET", "/operations?state=queued", b"").good(200);
    let ids: Vec<i64> = queued["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["operation"].as_i64().unwrap())
        .collect();
    for id in &ids {
        assert_eq!(site.api("POST", &format!("/operations/{id}/park"), b"").status, 204);
        site.api("POST", &format!("/operations/{id}/park"), b"").problem(409);
    }
    assert_eq!(site.flussi("since=0"), Vec::<Value>::new());
    let runs = site.api("GET", "/runs", b"").good(200);
    assert_eq!(runs["runs"][0]["balance"]["terms"]["parked"], ids.len(), "{runs}");
    assert_eq!(runs["runs"][0]["balance"]["closes"], true);
    for id in &ids {
        let told = site.api("POST", &format!("/operations/{id}/unpark"), b"").good(200);
        assert_eq!(told["state"], "queued");
    }
    assert_eq!(site.flussi("since=0").len(), ids.len());
    let left = site.api("POST", &format!("/operations/{}/park", ids[0]), b"");
    assert!(left.problem(409).contains("has not left"), "it has left by now");
    site.api_as(ROME, "POST", "/operations/99999/unpark", b"").problem(404);
}
