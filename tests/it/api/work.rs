//! Runs, on-demand sync, decisions; health, readiness, metrics.

use serde_json::{Value, json};

use crate::serving::{FLOW, Site, generated, request};

#[test]
fn a_sync_answers_at_once_and_with_a_wait_when_the_recipient_has_answered() {
    let site = Site::open();
    let folder = generated(1).remove(0);
    let id = folder["id"].as_str().unwrap();
    site.api("PUT", &format!("/folders/{id}"), folder.to_string().as_bytes()).good(201);
    let path = format!("/folders/{id}/sync");
    let now = site.api("POST", &path, br#"{"to": "siuss"}"#).good(200);
    assert_eq!(now["settled"], false);
    assert_eq!(now["runs"][0]["balance"]["closes"], true);
    let waited = site.api("POST", &path, br#"{"to": "siuss", "wait_ms": 50}"#).good(200);
    assert_eq!(waited["settled"], false, "no one polled: an honest state");
    std::thread::scope(|scope| {
        let waiting =
            scope.spawn(|| site.api("POST", &path, br#"{"to": "siuss", "wait_ms": 30000}"#).good(200));
        accept_all(&site);
        let settled = waiting.join().unwrap();
        assert_eq!(settled["settled"], true);
        let terms = &settled["runs"][0]["balance"]["terms"];
        assert!(terms["accepted"].as_u64().unwrap() + terms["unchanged"].as_u64().unwrap() > 0, "{terms}");
    });
    site.api("POST", &path, br#"{"to": "nowhere"}"#).problem(404);
    site.api("POST", "/folders/none/sync", br#"{"to": "siuss"}"#).problem(404);
}

/// Polls until there is nothing more, and says OK to everything.
fn accept_all(site: &Site) {
    loop {
        let page = site.flussi("since=0&limit=100");
        if page.is_empty() {
            return;
        }
        let esiti: Vec<Value> = page.iter().map(|flusso| esito(flusso, "OK")).collect();
        assert_eq!(site.esiti(json!({ "elenco_esiti": esiti }).to_string().as_bytes()).status, 204);
    }
}

fn esito(flusso: &Value, code: &str) -> Value {
    json!({
        "id_flusso": flusso["id_flusso"], "tipo": "PS_PSA_SINA", "ts_flusso": flusso["ts_flusso"],
        "ts_acquisizione": flusso["ts_flusso"], "codice_esito": code,
    })
}

#[test]
fn the_balance_of_a_run_closes_at_each_moment() {
    let site = Site::open();
    site.fill(15);
    let balance = |run: &str| site.api("GET", &format!("/runs/{run}"), b"").good(200)["balance"].clone();
    let first = balance("1");
    assert!(first["selected"].as_u64() > Some(15) && first["closes"] == true && first["settled"] == false);
    let page = site.flussi("since=0&limit=2");
    assert_eq!(balance("1")["terms"]["waiting"], 2);
    let esiti = [esito(&page[0], "OK"), esito(&page[1], "ERRORE_GENERICO")];
    site.esiti(json!({ "elenco_esiti": esiti }).to_string().as_bytes());
    let then = balance("1");
    assert_eq!((&then["terms"]["accepted"], &then["terms"]["parked"]), (&json!(1), &json!(1)));
    accept_all(&site);
    let end = balance("1");
    assert!(end["closes"] == true && end["settled"] == true, "{end}");
    let again = site.report();
    assert_eq!(
        again["balance"]["terms"]["unchanged"].as_u64().unwrap() + 1,
        end["selected"].as_u64().unwrap()
    );
    let period = json!({"ente": "H501", "flow": FLOW, "period": "1999"}).to_string();
    assert_eq!(site.api("POST", "/runs", period.as_bytes()).good(201)["balance"]["selected"], 0);
}

#[test]
fn a_person_decides_only_what_is_unclear() {
    let site = Site::open();
    site.fill(3);
    let page = site.flussi("since=0&limit=1");
    let all = site.api("GET", "/operations?state=waiting", b"").good(200);
    let id = all["operations"][0]["operation"].as_i64().unwrap();
    let decide = || site.api("POST", &format!("/operations/{id}/decision"), br#"{"register_holds": true}"#);
    decide().problem(409);
    site.esiti(json!({ "elenco_esiti": [esito(&page[0], "ERRORE_GENERICO")] }).to_string().as_bytes());
    assert_eq!(decide().good(200)["state"], "accepted");
    decide().problem(409);
}

#[test]
fn health_readiness_and_metrics_tell_no_person() {
    let site = Site::open();
    site.fill(20);
    site.flussi("since=0&limit=5");
    let get = |path: &str| request(site.api, "GET", path, &[], b"");
    assert_eq!(get("/healthz").good(200)["status"], "ok");
    let queue = json!({"connected": true, "trouble": null});
    let well = json!({"ok": true, "why": null});
    let checks = json!({"ledger": well, "queue": well, "flows": well});
    let ready = json!({
        "status": "ready", "checks": checks, "suspended_routes": [], "changed_keys": [], "queue": queue,
    });
    assert_eq!(get("/readyz").good(200), ready);
    site.api("POST", "/routes/waas-H501/suspend", b"");
    assert_eq!(get("/readyz").good(200)["suspended_routes"], json!(["waas-H501"]));
    assert!(site.flussi("since=0").is_empty(), "a suspended route offers nothing");
    site.api("POST", "/routes/waas-H501/resume", b"");
    assert_eq!(site.flussi("since=0&limit=5").len(), 5);
    let metrics = get("/metrics");
    assert!(metrics.kind().starts_with("text/plain; version=0.0.4"));
    let text = metrics.text();
    assert!(
        text.contains("raccordo_folders 20") && text.contains("raccordo_operations{state=\"waiting\"} 5"),
        "{text}"
    );
    for folder in generated(20) {
        let person = &folder["persona"];
        for value in [&folder["id"], &person["codice_fiscale"], &person["cognome"], &person["nome"]] {
            let Some(value) = value.as_str() else { continue };
            assert!(!text.contains(value), "a metric tells {value}");
        }
    }
}
