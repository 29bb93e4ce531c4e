//! The pseudonym key of an installation: remembered, compared at start, changed by a person's act only.

use std::path::Path;
use std::sync::Arc;

use raccordo::channel::offer::OfferDesk;
use raccordo::gateway::{Gateway, KeyStanding, RunRequest};
use raccordo::mapping::keyed::TEST_KEY;
use raccordo::node;
use raccordo::trust::signing::SigningKey;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{FLOW, KEY_FILE, attributes, children, save, site, with_children};
use crate::cli::raccordo;
use crate::serving::{request, secret};

struct Place {
    dir: tempfile::TempDir,
    runtime: Runtime,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let jwks = dir.path().join("jwks.json");
        std::fs::write(&jwks, SigningKey::generate().unwrap().jwks()).unwrap();
        with_children(dir.path(), &jwks.display().to_string());
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { dir, runtime }
    }

    fn at(&self) -> &Path {
        self.dir.path()
    }

    fn key(&self, text: &str) {
        secret(&self.at().join(KEY_FILE), text);
    }

    fn open(&self) -> Arc<Gateway> {
        let settings = crate::ledgers::load(&self.at().join("raccordo.toml"));
        Arc::new(node::open(settings).unwrap())
    }

    /// Payloads that are out or queued, as INPS would get them.
    fn served(&self, gateway: &Arc<Gateway>) -> Vec<String> {
        let page = self.runtime.block_on(gateway.page("waas-H501", 0, 100)).unwrap();
        let served = page.into_iter().filter(|served| served.kind == "SINBA");
        served.map(|served| String::from_utf8(served.bytes.into_exposed()).unwrap()).collect()
    }
}

fn rules(gateway: &Gateway, folder: &Value) -> Vec<String> {
    let saved = gateway.save_bytes(folder.to_string().as_bytes(), "test").unwrap();
    let own = saved.findings.iter().filter(|row| row.flow == FLOW);
    own.map(|row| row.finding.rule.clone()).collect()
}

fn report(gateway: &Gateway) {
    let request = RunRequest {
        ente: "H501".into(),
        flow: FLOW.into(),
        period: None,
        folder: None,
        route: None,
        actor: "test".into(),
    };
    gateway.start_run(&request).unwrap();
}

fn standing(gateway: &Gateway, ente: &str) -> KeyStanding {
    let views = gateway.key_views().unwrap();
    views.iter().find(|view| view.ente == ente && view.name == "sinba").unwrap().state
}

#[test]
fn a_changed_key_makes_nothing_new_and_what_was_queued_may_go() {
    let (place, folders) = (Place::new(), children(60));
    let gateway = place.open();
    assert_eq!(rules(&gateway, &folders[0]), [""; 0]);
    report(&gateway);
    drop(gateway);

    place.key(&"ab".repeat(32));
    let gateway = place.open();
    assert_eq!(standing(&gateway, "H501"), KeyStanding::Changed);
    assert_eq!(
        standing(&gateway, "F205"),
        KeyStanding::Ready,
        "of an ente without records any key is the first"
    );
    assert_eq!(rules(&gateway, &folders[1]), ["chiave-cambiata"]);
    report(&gateway);
    let out = place.served(&gateway);
    assert_eq!(out.len(), folders[0]["casi_minore"][0]["prestazioni"].as_array().unwrap().len());
    drop(gateway);

    // The former key again: all as before.
    place.key(&format!("{TEST_KEY}\n"));
    let gateway = place.open();
    assert_eq!(standing(&gateway, "H501"), KeyStanding::Ready);
    assert_eq!(rules(&gateway, &folders[1]), [""; 0]);
    report(&gateway);
    let again = place.served(&gateway);
    assert!(again.len() > out.len() && again[..out.len()] == out, "the same bytes for what was out");
}

#[test]
fn readiness_names_a_changed_key() {
    let (place, folders) = (Place::new(), children(60));
    let gateway = place.open();
    rules(&gateway, &folders[0]);
    drop(gateway);
    place.key(&"ab".repeat(32));
    let running = place.runtime.block_on(node::start(place.open())).unwrap();
    let ready = request(running.api.unwrap(), "GET", "/readyz", &[], b"").good(200);
    assert_eq!(ready["changed_keys"], json!(["H501/sinba"]));
    place.runtime.block_on(running.stop());
}

#[test]
fn a_missing_key_is_told_and_makes_nothing() {
    let (place, folders) = (Place::new(), children(60));
    let config = place.at().join("raccordo.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace(&format!("keys = {{ sinba = \"{KEY_FILE}\" }}\n"), "")).unwrap();
    let gateway = place.open();
    assert_eq!(rules(&gateway, &folders[0]), ["chiave-mancante"]);
    assert_eq!(standing(&gateway, "H501"), KeyStanding::Missing);
    report(&gateway);
    assert_eq!(place.served(&gateway), [""; 0]);
    assert_eq!(gateway.books.known_keys().unwrap(), []);
    drop(gateway);
    let told = raccordo(place.at(), &["doctor"]).exit(1).out;
    assert!(told.contains("WRONG  pseudonym key H501/sinba"), "{told}");
}

#[test]
fn only_a_person_who_names_it_puts_another_key_in_its_place() {
    let (place, folders) = (Place::new(), children(60));
    let gateway = place.open();
    rules(&gateway, &folders[0]);
    report(&gateway);
    let first = place.served(&gateway);
    drop(gateway);
    raccordo(place.at(), &["doctor"]).exit(0);
    let accept = |fingerprint: &str| {
        let named = ["keys", "accept", "--ente", "H501", "--name", "sinba", "--fingerprint", fingerprint];
        raccordo(place.at(), &named)
    };
    let listed = || raccordo(place.at(), &["--json", "keys", "list"]).json()["keys"].clone();
    let of_rome =
        |keys: &Value| keys.as_array().unwrap().iter().find(|key| key["ente"] == "H501").unwrap().clone();
    let sound = of_rome(&listed());
    assert_eq!((&sound["state"], &sound["fingerprint"]), (&"ready".into(), &sound["made_with"]));
    accept(sound["fingerprint"].as_str().unwrap()).refused("nothing to accept");

    place.key(&"ab".repeat(32));
    let told = raccordo(place.at(), &["doctor"]).exit(1).out;
    assert!(told.contains("WRONG  pseudonym key H501/sinba: records were made with"), "{told}");
    raccordo(place.at(), &["keys", "list"]).exit(1);
    let changed = of_rome(&listed());
    assert_eq!((&changed["state"], &changed["made_with"]), (&"changed".into(), &sound["fingerprint"]));
    accept(sound["fingerprint"].as_str().unwrap()).refused("not that of the configured key");
    raccordo(place.at(), &["keys", "accept", "--ente", "X", "--name", "sinba", "--fingerprint", "0"])
        .refused("has no key");
    accept(changed["fingerprint"].as_str().unwrap()).exit(0);
    assert_eq!(of_rome(&listed())["state"], "ready");
    raccordo(place.at(), &["doctor"]).exit(0);

    let gateway = place.open();
    let events = gateway.books.audit(0, 1000).unwrap();
    assert_eq!(events.iter().filter(|(_, event, _)| event.contains("pseudonym-key-accepted")).count(), 1);
    assert!(gateway.verify_audit().unwrap().is_ok());
    assert_eq!(rules(&gateway, &folders[1]), [""; 0]);
    report(&gateway);
    let second = place.served(&gateway);
    let id = |payload: &String| attributes(payload, "IDBeneficiario")[0].to_owned();
    assert!(
        second.len() > first.len()
            && second
                .iter()
                .skip(first.len())
                .all(|payload| { first.iter().all(|before| id(before) != id(payload)) })
    );
}

#[test]
fn a_running_gateway_takes_the_accepted_key_at_once() {
    let (place, folders) = (Place::new(), children(60));
    let gateway = place.open();
    rules(&gateway, &folders[0]);
    drop(gateway);
    place.key(&"ab".repeat(32));
    let gateway = place.open();
    assert_eq!(rules(&gateway, &folders[1]), ["chiave-cambiata"]);
    let views = gateway.key_views().unwrap();
    let changed = views.iter().find(|view| view.state == KeyStanding::Changed).unwrap();
    gateway.accept_key("H501", "sinba", changed.fingerprint.as_ref().unwrap(), "the test").unwrap();
    assert_eq!(rules(&gateway, &folders[1]), [""; 0]);
}

#[test]
fn two_folders_with_one_pseudonym_are_a_finding_and_stop_nobody_else() {
    let site = site();
    let folders = children(60);
    for folder in &folders[..3] {
        assert_eq!(save(&site, folder), [""; 0]);
    }
    // As if the pseudonym of the first were the second's: 100 bits do not meet by themselves.
    let moved = "UPDATE pseudonym SET folder = (SELECT id FROM folder WHERE folder_id = ?2)
                 WHERE folder = (SELECT id FROM folder WHERE folder_id = ?1)";
    let id = |at: usize| folders[at]["id"].as_str().unwrap();
    let (from, to) = (id(0).to_owned(), id(1).to_owned());
    assert_eq!(site.gateway.books.write(move |tx| tx.run(moved, [from, to])).unwrap(), 1);
    assert_eq!(save(&site, &folders[0]), ["pseudonimo-doppio"]);
    let run = super::report(&site, None);
    let terms = site.api("GET", &format!("/runs/{}", run["id"]), b"").good(200)["balance"]["terms"].clone();
    let codes = |at: usize| folders[at]["casi_minore"][0]["prestazioni"].as_array().unwrap().len() as u64;
    assert_eq!((&terms["set_aside"], &terms["queued"]), (&codes(0).into(), &(codes(1) + codes(2)).into()));
    assert_eq!(site.flussi("since=0&limit=100").len() as u64, codes(1) + codes(2));
}
