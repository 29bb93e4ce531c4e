//! `/healthz` and `/readyz` where something is stuck or away, and what `/metrics` then says.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::samples;
use crate::serving::{Site, request};

fn get(site: &Site, path: &str) -> crate::serving::Answer {
    request(site.api, "GET", path, &[], b"")
}

/// Whether a sample is this number.
fn is(sample: f64, number: f64) -> bool {
    (sample - number).abs() < 1e-6
}

#[test]
fn a_writer_that_is_stuck_is_not_ready_and_is_given_no_more_to_do() {
    let site = Site::open();
    assert_eq!(get(&site, "/readyz").good(200)["status"], "ready");
    let (open, gate) = mpsc::channel::<()>();
    let (began, begun) = mpsc::channel::<()>();
    let blocked = site.gateway.books.submit(move |_| {
        let _ = began.send(());
        let _ = gate.recv();
        Ok(())
    });
    begun.recv().unwrap();
    // What was found a second ago may still be told: ask until it is not.
    let asked = Instant::now();
    let told = loop {
        let answer = get(&site, "/readyz");
        if answer.status == 503 || asked.elapsed() > Duration::from_secs(30) {
            break answer.good(503);
        }
    };
    assert_eq!(told["checks"]["ledger"]["ok"], false, "{told}");
    assert!(told["checks"]["ledger"]["why"].as_str().unwrap().contains("has not answered"), "{told}");
    assert_eq!(told["checks"]["queue"]["ok"], true);
    let again = Instant::now();
    get(&site, "/readyz").good(503);
    assert!(again.elapsed() < Duration::from_secs(10), "it answers, whatever is stuck");
    assert_eq!(get(&site, "/healthz").status, 200, "the process itself lives");
    open.send(()).unwrap();
    blocked.wait().unwrap();
    assert_eq!(get(&site, "/readyz").good(200)["checks"]["ledger"]["ok"], true);
}

#[test]
fn a_broker_that_is_away_is_not_ready_and_says_so() {
    let site = Site::with("queue.kind = \"rabbitmq\"\nqueue.url = \"amqp://127.0.0.1:1/%2f\"\n");
    let told = get(&site, "/readyz").good(503);
    assert_eq!((&told["status"], &told["checks"]["queue"]["ok"]), (&"not ready".into(), &false.into()));
    assert!(told["checks"]["queue"]["why"].is_string(), "{told}");
    assert_eq!(told["checks"]["ledger"]["ok"], true);
    assert!(is(samples(&get(&site, "/metrics").text())["raccordo_queue_connected"], 0.0));
}

#[test]
fn a_loop_that_does_not_come_round_is_not_healthy() {
    let site = Site::open();
    let asked = Instant::now();
    let begun = |told: &serde_json::Value| {
        let loops: Vec<_> = told["loops"].as_array().unwrap().iter().map(|one| one["loop"].clone()).collect();
        ["feeder", "watcher", "ticks"].into_iter().all(|name| loops.contains(&name.into()))
    };
    // Each begins by itself.
    while !begun(&get(&site, "/healthz").good(200)) {
        assert!(asked.elapsed() < Duration::from_secs(30), "a loop never began");
    }
    site.gateway.watch.beat("stuck", Duration::ZERO);
    let told = get(&site, "/healthz").good(503);
    assert!(told["why"][0].as_str().unwrap().starts_with("stuck has not come round"), "{told}");
}

#[test]
fn metrics_keep_to_their_format_and_follow_what_happens() {
    let site = Site::open();
    site.fill(10);
    let before = samples(&get(&site, "/metrics").text());
    let waiting = "raccordo_waiting_operations{route=\"waas-H501\",priority=\"bulk\"}";
    assert!(before[waiting] > 0.0);
    assert!(before["raccordo_oldest_waiting_seconds{route=\"waas-H501\",priority=\"bulk\"}"] >= 0.0);
    assert!(is(before["raccordo_breaker_state{route=\"waas-H501\",state=\"closed\"}"], 1.0));
    assert!(is(before["raccordo_audit_intact"], 1.0));
    assert!(before["raccordo_ledger_write_seconds_count"] > 0.0);
    let page = site.flussi("since=0&limit=3");
    let esiti: Vec<_> = page
        .iter()
        .map(|flusso| {
            serde_json::json!({
                "id_flusso": flusso["id_flusso"], "tipo": flusso["tipo"], "ts_flusso": flusso["ts_flusso"],
                "ts_acquisizione": flusso["ts_flusso"], "codice_esito": "OK",
            })
        })
        .collect();
    let answered = site.esiti(serde_json::json!({ "elenco_esiti": esiti }).to_string().as_bytes());
    assert!(answered.status < 300, "{}", answered.text());
    let after = samples(&get(&site, "/metrics").text());
    assert!(is(after[waiting], before[waiting] - 3.0));
    assert!(is(after["raccordo_receipts_total{route=\"waas-H501\",outcome=\"accepted\"}"], 3.0));
}
