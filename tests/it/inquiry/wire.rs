//! From the API and the command line to the service and back.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use raccordo::gateway::Gateway;
use raccordo::node::{self, Running};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::service::Service;
use super::{CODE, DID, SCHEDA, configuration, folder, with_lavoro};
use crate::cli::raccordo;
use crate::serving::{ALL, Answer, request};

const KNOWN: [(&str, &str); 3] =
    [("verificaEsistenzaSAP", "RM12345678H"), ("richiestaSAP", SCHEDA), ("richiestaSAP_N00_A02", DID)];

/// A serving installation whose register is the loopback service.
struct Site {
    service: Arc<Service>,
    api: SocketAddr,
    gateway: Arc<Gateway>,
    running: Option<Running>,
    runtime: Runtime,
    _dir: tempfile::TempDir,
}

fn write_configuration(dir: &Path, at: SocketAddr) {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, ALL.as_bytes());
    let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let inquiry = configuration(dir, &format!("http://{at}/servizicoap"), "refresh_days = 0");
    let api =
        format!("[api]\nlisten = \"127.0.0.1:0\"\ntokens = [{{ name = \"csi\", sha256 = \"{hash}\" }}]\n");
    std::fs::write(dir.join("raccordo.toml"), inquiry + &api).unwrap();
}

impl Site {
    fn open(says: &[(&'static str, &str)]) -> Self {
        let runtime = Runtime::new().unwrap();
        let (service, at) = Service::start(&runtime, says);
        let dir = tempfile::tempdir().unwrap();
        write_configuration(dir.path(), at);
        let settings = crate::ledgers::load(&dir.path().join("raccordo.toml"));
        let gateway = Arc::new(node::open(settings).unwrap());
        let running = runtime.block_on(node::start(Arc::clone(&gateway))).unwrap();
        let api = running.api.unwrap();
        Self { service, api, gateway, running: Some(running), runtime, _dir: dir }
    }

    fn api(&self, method: &str, path: &str, body: &Value) -> Answer {
        let token = format!("Bearer {ALL}");
        let headers = [
            ("authorization", token.as_str()),
            ("content-type", "application/json"),
            ("raccordo-reason", "a test"),
        ];
        request(self.api, method, &format!("/api/v1{path}"), &headers, body.to_string().as_bytes())
    }

    fn fetch(&self, id: &str) -> Answer {
        self.api("POST", &format!("/folders/{id}/fetch"), &json!({"from": "lavoro", "wait_ms": 30_000}))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }
}

#[test]
fn the_csi_product_fetches_proposals_and_takes_them_over() {
    let site = Site::open(&KNOWN);
    site.api("PUT", "/folders/F-1", &folder("F-1", true)).good(201);
    let fetched = site.fetch("F-1").good(200);
    assert_eq!((&fetched["settled"], &fetched["inquiry"]["state"]), (&true.into(), &"answered".into()));
    assert_eq!(fetched["inquiry"]["flow"], "labour-status/1");
    let calls = site.service.calls.lock().unwrap().clone();
    let operations: Vec<_> = calls.iter().map(|(operation, _)| *operation).collect();
    assert_eq!(operations, ["verificaEsistenzaSAP", "richiestaSAP", "richiestaSAP_N00_A02"]);
    assert!(calls.iter().all(|(_, at)| at == "/servizicoap"), "no personal value in an address");

    let shown = site.api("GET", "/folders/F-1/proposals", &Value::Null).good(200);
    let list = shown["proposals"].as_array().unwrap();
    let of = |field: &str| list.iter().find(|one| one["field"] == field).unwrap().clone();
    let status = of("lavoro.stato_occupazionale");
    assert_eq!((&status["new"], &status["old"]), (&"disoccupato".into(), &Value::Null));
    assert_eq!(status["label"]["it"], "Lavoro › Stato occupazionale");
    assert_eq!(status["source"]["flow"], "labour-status/1");
    assert!(status["source"]["place"].as_str().unwrap().ends_with("codstatooccupazionale"));
    let number = status["number"].as_i64().unwrap();
    let path = format!("/folders/F-1/proposals/{number}/accept");
    assert_eq!(site.api("POST", &path, &Value::Null).good(200)["state"], "accepted");
    let other = of("lavoro.did.data")["number"].as_i64().unwrap();
    let decline = format!("/folders/F-1/proposals/{other}/decline");
    assert_eq!(site.api("POST", &decline, &Value::Null).good(200)["was"], "proposed");
    site.api("POST", "/folders/F-1/proposals/99999/accept", &Value::Null).problem(404);

    let held = with_lavoro("F-1", json!({"stato_occupazionale": "disoccupato"}));
    site.api("PUT", "/folders/F-1", &held).good(200);
    let all = site.api("GET", "/folders/F-1/proposals?all=true", &Value::Null).good(200);
    let settled = all["proposals"].as_array().unwrap().iter().find(|one| one["number"] == number).unwrap();
    assert!(settled["held_at"].is_i64(), "{settled}");
    // Beside the folder, without values.
    let standing = site.api("GET", "/folders/F-1", &Value::Null).good(200);
    let beside = standing["proposals"].as_array().unwrap();
    assert!(
        beside.len() == list.len() - 1 && beside.iter().all(|one| one.get("new").is_none()),
        "{standing}"
    );
    assert!(!standing.to_string().contains("Tirocinio"));
    kept_and_noted(&site, fetched["inquiry"]["id"].as_i64().unwrap());
}

/// The answer is kept, what was done is in the chain, and no value stands there.
fn kept_and_noted(site: &Site, id: i64) {
    let raw = site.api("GET", &format!("/inquiries/{id}/answer"), &Value::Null).good(200);
    assert_eq!(raw["documents"].as_array().unwrap().len(), 2);
    site.api("GET", "/inquiries/77", &Value::Null).problem(404);
    let events = site.gateway.books.audit(0, 1000).unwrap();
    let text: String = events.iter().map(|(_, event, _)| event.as_str()).collect();
    for what in [
        "inquiry-asked",
        "inquiry-ended",
        "proposals-read",
        "proposal-decided",
        "proposals-held",
        "answer-read",
    ] {
        assert!(text.contains(what), "{what}");
    }
    for personal in [CODE, "disoccupato", "Tirocinio"] {
        assert!(!text.contains(personal));
    }
}

#[test]
fn without_consent_the_service_hears_nothing_and_the_reader_learns_why() {
    let site = Site::open(&KNOWN);
    site.api("PUT", "/folders/F-1", &folder("F-1", false)).good(201);
    let answer = site.fetch("F-1");
    answer.problem(409);
    assert_eq!(answer.json()["findings"][0]["rule"], "consenso-ricezione-mancante");
    assert_eq!(site.service.count(), 0);
    let unknown = json!({"from": "altrove"});
    site.api("POST", "/folders/F-1/fetch", &unknown).problem(404);
    site.api("POST", "/folders/F-9/fetch", &json!({"from": "lavoro"})).problem(404);
}

#[test]
fn none_found_and_the_limit_come_over_the_wire() {
    let site = Site::open(&[("verificaEsistenzaSAP", "0")]);
    site.api("PUT", "/folders/F-1", &folder("F-1", true)).good(201);
    assert_eq!(site.fetch("F-1").good(200)["inquiry"]["state"], "nothing_known");
    site.service.says.lock().unwrap().insert("verificaEsistenzaSAP", "X001".into());
    let body = json!({"from": "lavoro"});
    let id = site.api("POST", "/folders/F-1/fetch", &body).good(200)["inquiry"]["id"].as_i64().unwrap();
    let limited = loop {
        let shown = site.api("GET", &format!("/inquiries/{id}"), &Value::Null).good(200);
        if shown["inquiry"]["state"] == "retrying" {
            break shown;
        }
        std::thread::yield_now();
    };
    assert_eq!(limited["inquiry"]["code"], "X001");
    assert!(limited["inquiry"]["not_before"].is_i64() && limited["settled"] == false);
}

#[test]
fn the_command_asks_shows_and_decides() {
    let runtime = Runtime::new().unwrap();
    let (_service, at) = Service::start(&runtime, &KNOWN);
    let dir = tempfile::tempdir().unwrap();
    write_configuration(dir.path(), at);
    std::fs::write(dir.path().join("folders.ndjson"), folder("F-1", true).to_string() + "\n").unwrap();
    raccordo(dir.path(), &["import", "folders.ndjson"]).exit(0);
    let said =
        raccordo(dir.path(), &["--lang", "it", "fetch", "F-1", "--from", "lavoro", "--wait", "30s"]).exit(0);
    assert!(said.out.contains("Registro lavoro interrogato: risposta ricevuta"), "{}", said.out);
    assert!(
        said.out.contains("Lavoro › Stato occupazionale") && said.out.contains("disoccupato"),
        "{}",
        said.out
    );
    assert!(!said.err.contains(CODE));
    let list = raccordo(dir.path(), &["--json", "proposals", "list", "F-1"]).exit(0).json();
    let number = list["proposals"][0]["number"].to_string();
    let decided = raccordo(dir.path(), &["--lang", "it", "proposals", "accept", "F-1", &number]).exit(0);
    assert!(decided.out.contains("accettato"), "{}", decided.out);
    raccordo(dir.path(), &["proposals", "decline", "F-1", "4711"]).refused("proposal 4711 of this folder");
    raccordo(dir.path(), &["fetch", "F-1", "--from", "altrove"]).refused("no flow asks a register");
    raccordo(dir.path(), &["doctor"]).exit(0);
}
