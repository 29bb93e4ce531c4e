//! Requests that come twice, at the same moment, too often, too slowly, or over a folder that has changed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::serving::{ALL, Answer, FLOW, Site, configure, generated, request};

fn with(site: &Site, method: &str, path: &str, header: (&str, &str), body: &str) -> Answer {
    let authorization = format!("Bearer {ALL}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json"), header];
    request(site.api, method, &format!("/api/v1{path}"), &headers, body.as_bytes())
}

/// With more lines of `[api]`.
fn api_with(more: &str) -> Site {
    Site::configured(|dir, jwks| {
        let path = configure(dir, jwks, "");
        let text = std::fs::read_to_string(&path).unwrap().replace("[api]\n", &format!("[api]\n{more}\n"));
        std::fs::write(&path, text).unwrap();
        path
    })
}

fn runs(site: &Site) -> usize {
    site.api("GET", "/runs", b"").good(200)["runs"].as_array().unwrap().len()
}

#[test]
fn a_request_that_comes_twice_with_its_key_is_done_once() {
    let site = Site::open();
    site.fill(1);
    let key = ("idempotency-key", "8d1f0c1e-run-of-november");
    let run = json!({"ente": "H501", "flow": FLOW}).to_string();
    let first = with(&site, "POST", "/runs", key, &run);
    let again = with(&site, "POST", "/runs", key, &run);
    assert_eq!(first.good(201), again.good(201));
    assert_eq!((again.headers["idempotency-replayed"].as_str(), runs(&site)), ("true", 2));
    let other = json!({"ente": "F205", "flow": FLOW}).to_string();
    with(&site, "POST", "/runs", key, &other).problem(422);
    with(&site, "POST", "/replay", key, &run).problem(422);
    with(&site, "POST", "/runs", ("idempotency-key", "another-key-of-today"), &run).good(201);
    assert_eq!(runs(&site), 3);
    // A refusal is an answer too; a key that is none is told.
    let key = ("idempotency-key", "a-key-of-a-wrong-request");
    let refusal = with(&site, "POST", "/runs/99/approve", key, "").problem(404);
    assert_eq!(with(&site, "POST", "/runs/99/approve", key, "").problem(404), refusal);
    with(&site, "POST", "/runs", ("idempotency-key", "short"), &run).problem(400);
    with(&site, "POST", "/import", ("idempotency-key", "a-key-of-an-import"), "").problem(400);
    // What a token is told once is told again only to who knows the key, and is kept sealed.
    let body = json!({"name": "once", "role": "auditor"}).to_string();
    let key = ("idempotency-key", "a-key-of-a-new-token");
    let token = with(&site, "POST", "/tokens", key, &body).good(201)["token"].clone();
    assert_eq!(with(&site, "POST", "/tokens", key, &body).good(201)["token"], token);
    let sql = "SELECT answer FROM api_request WHERE answer IS NOT NULL";
    let kept = site.gateway.books.look(|tx| tx.many(sql, [], |row| row.get::<Vec<u8>>(0))).unwrap();
    let token = token.as_str().unwrap().as_bytes();
    let tells = |answer: &Vec<u8>| answer.windows(token.len()).any(|window| window == token);
    assert!(!kept.is_empty() && !kept.iter().any(tells));
}

#[test]
fn a_key_sent_at_the_same_moment_does_not_do_it_twice() {
    let site = Site::open();
    site.fill(1);
    let run = json!({"ente": "H501", "flow": FLOW}).to_string();
    let key = ("idempotency-key", "pressed-by-an-impatient-hand");
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let all: Vec<_> =
            (0..6).map(|_| scope.spawn(|| with(&site, "POST", "/runs", key, &run).status)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|status| [201, 409].contains(status)), "{statuses:?}");
    assert_eq!(runs(&site), 2);
}

#[test]
fn two_operators_who_send_at_once_make_one_submission() {
    let site = Site::open();
    let folder = generated(1).remove(0);
    let id = folder["id"].as_str().unwrap();
    let records = site.api("PUT", &format!("/folders/{id}"), folder.to_string().as_bytes()).good(201);
    let sync = format!("/folders/{id}/sync");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| site.api("POST", &sync, br#"{"to": "siuss"}"#).good(200));
        }
    });
    let operations = site.api("GET", "/operations", b"").good(200);
    let operations = operations["operations"].as_array().unwrap();
    assert_eq!(operations.len() as u64, records["records"].as_u64().unwrap(), "one for each record");
    assert_eq!(site.flussi("since=0&limit=100").len(), operations.len());
}

#[test]
fn a_folder_is_replaced_only_by_who_has_read_it() {
    let site = Site::open();
    let mut folder = generated(1).remove(0);
    let path = format!("/folders/{}", folder["id"].as_str().unwrap());
    let put = |folder: &Value, header| with(&site, "PUT", &path, header, &folder.to_string());
    put(&folder, ("if-match", "*")).problem(412);
    let made = put(&folder, ("if-none-match", "*"));
    made.good(201);
    put(&folder, ("if-none-match", "*")).problem(412);
    let tag = made.headers["etag"].clone();
    assert_eq!(site.api("GET", &path, b"").headers["etag"], tag);
    folder["nucleo"] = json!({"componenti": 4});
    let changed = put(&folder, ("if-match", &tag));
    changed.good(200);
    assert_ne!(changed.headers["etag"], tag);
    put(&folder, ("if-match", &tag)).problem(412);
    put(&folder, ("if-match", "\"nonsense\"")).problem(412);
    put(&folder, ("if-none-match", "\"x\"")).problem(400);
    put(&folder, ("if-match", "*")).good(200);
}

#[test]
fn who_asks_too_often_is_told_when_to_go_on() {
    let site = api_with("requests_per_minute = 5");
    let answers: Vec<_> = (0..6).map(|_| site.api("GET", "/routes", b"")).collect();
    assert_eq!(answers[0].headers["ratelimit-policy"], "\"token\";q=5;w=60");
    assert_eq!(answers[0].headers["ratelimit"], "\"token\";r=4;t=12");
    assert!(answers[..5].iter().all(|answer| answer.status == 200));
    answers[5].problem(429);
    let wait: u32 = answers[5].headers["retry-after"].parse().unwrap();
    assert!((1..=12).contains(&wait), "{wait}");
    site.api_as("nobody", "GET", "/routes", b"").problem(401);
}

#[test]
fn who_sends_too_slowly_is_broken_off() {
    let site = api_with("head_timeout_ms = 400\nbody_silence_ms = 300");
    let began = Instant::now();
    let mut silent = TcpStream::connect(site.api).unwrap();
    silent.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    silent.write_all(b"GET /api/v1/runs HTTP/1.1\r\nhost: x\r\nx-slow: ").unwrap();
    let mut rest = Vec::new();
    drop(silent.read_to_end(&mut rest));
    assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
    let mut stops = TcpStream::connect(site.api).unwrap();
    stops.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "POST /api/v1/runs HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ALL}\r\ncontent-length: 500\r\n\r\n{{\"e"
    );
    stops.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    drop(stops.read_to_end(&mut answer));
    assert!(
        String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 408"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    assert!(began.elapsed() < Duration::from_secs(15));
    site.api("GET", "/runs", b"").good(200);
}

#[test]
fn an_import_that_is_cut_keeps_its_whole_lines() {
    let site = Site::open();
    let lines: Vec<_> = generated(3).iter().map(|folder| folder.to_string()).collect();
    let cut = format!("{}\n{}\n{}", lines[0], lines[1], &lines[2][..lines[2].len() / 2]);
    let results = site.api("POST", "/import", cut.as_bytes()).lines();
    let said: Vec<_> = results[..3].iter().map(|result| result["outcome"].as_str().unwrap()).collect();
    assert_eq!(said, ["saved", "saved", "invalid"]);
    assert_eq!((&results[2]["line"], &results[3]["summary"]["saved"]), (&json!(3), &json!(2)));
}

#[test]
fn large_answers_are_packed_for_who_takes_that() {
    let site = Site::open();
    site.fill(10);
    let plain = site.api("GET", "/operations?limit=100", b"");
    let packed = with(&site, "GET", "/operations?limit=100", ("accept-encoding", "gzip"), "");
    assert_eq!(packed.headers["content-encoding"], "gzip");
    assert!(packed.body.starts_with(&[0x1f, 0x8b]) && packed.body.len() * 3 < plain.body.len());
    assert!(!plain.headers.contains_key("access-control-allow-origin"), "no other site reads our answers");
}

#[test]
fn html_in_any_text_comes_back_as_text() {
    let site = Site::open();
    let html = "<script>alert(1)</script>";
    for (path, body) in [
        ("/tokens", json!({"name": html, "role": html})),
        ("/runs", json!({"ente": html, "flow": html, "period": html})),
        ("/replay", json!({"flow": html, "rule": html, "state": html, "folders": [html]})),
        ("/accounts", json!({"name": html, "password": html, "role": html})),
        ("/upgrade-impact", json!({"flow": html, "to": html})),
    ] {
        let answer = site.api("POST", path, body.to_string().as_bytes());
        assert!((400..500).contains(&answer.status) && answer.kind() == "application/problem+json", "{path}");
    }
    let page = request(site.api, "GET", "/api/v1/docs?x=%3Cscript%3E", &[], b"");
    assert!(!page.text().contains("<script"));
}
