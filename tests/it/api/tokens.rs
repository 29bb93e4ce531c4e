//! Named tokens: made once, ending by themselves, revoked at once; and by the command.

use serde_json::{Value, json};

use crate::cli::raccordo;
use crate::serving::{Site, configure, request};

fn add(site: &Site, body: &Value) -> crate::serving::Answer {
    site.api("POST", "/tokens", body.to_string().as_bytes())
}

#[test]
fn a_token_is_told_once_lets_in_and_is_ended() {
    let site = Site::open();
    let made =
        add(&site, &json!({"name": "csi-roma", "role": "operator", "enti": ["H501"], "days": 30})).good(201);
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("rac_") && token.len() > 40, "{made}");
    let listed = site.api("GET", "/tokens", b"");
    assert!(!listed.text().contains(token), "only its hash is kept");
    let listed = listed.good(200);
    assert_eq!(
        listed["tokens"][0]["grants"],
        json!([{"role": "operator", "enti": ["H501"], "registers": []}])
    );
    assert_eq!(
        (&listed["tokens"][0]["counts"], &listed["tokens"][0]["created_by"]),
        (&json!(true), &json!("csi"))
    );
    site.api_as(token, "GET", "/readiness", b"").good(200);
    site.api_as(token, "GET", "/tokens", b"").problem(403);
    add(&site, &json!({"name": "csi-roma", "role": "operator"})).problem(409);
    assert_eq!(site.api("POST", "/tokens/csi-roma/revoke", b"").status, 204);
    let turned_away = site.api_as(token, "GET", "/readiness", b"");
    turned_away.problem(401);
    assert_eq!(turned_away.headers["www-authenticate"], "Bearer error=\"invalid_token\"");
    site.api("POST", "/tokens/csi-roma/revoke", b"").problem(404);
    add(&site, &json!({"name": "csi-roma", "role": "auditor"})).good(201);
    assert!(site.gateway.verify_audit().unwrap().is_ok());
}

#[test]
fn an_ended_token_lets_nobody_in() {
    let site = Site::open();
    let token = add(&site, &json!({"name": "short", "role": "auditor", "days": 1})).good(201);
    let token = token["token"].as_str().unwrap();
    site.api_as(token, "GET", "/audit/verify", b"").good(200);
    site.gateway
        .books
        .write(|tx| {
            let mut row = tx.token("short")?.unwrap();
            row.expires_at = 1;
            tx.put_token(&row)
        })
        .unwrap();
    site.api_as(token, "GET", "/audit/verify", b"").problem(401);
    let listed = site.api("GET", "/tokens", b"").good(200);
    assert_eq!(listed["tokens"][0]["counts"], false);
    add(&site, &json!({"name": "short", "role": "auditor"})).good(201);
}

#[test]
fn what_is_wrong_with_a_new_token_is_said_in_both_languages() {
    let site = Site::open();
    for body in [
        json!({"name": "x", "role": "operator"}),
        json!({"name": "<b>csi</b>", "role": "operator"}),
        json!({"name": "csi2", "role": "king"}),
        json!({"name": "csi2", "role": "operator", "enti": ["A001"]}),
        json!({"name": "csi2", "role": "operator", "registers": ["nowhere"]}),
        json!({"name": "csi2", "role": "operator", "days": 0}),
        json!({"name": "csi2", "role": "operator", "days": 5000}),
        json!({"name": "csi2"}),
    ] {
        let answer = add(&site, &body);
        answer.problem(400);
        let (it, en) = (answer.json()["detail_it"].clone(), answer.json()["detail_en"].clone());
        assert!(it != en && it.is_string(), "{it} {en}");
    }
}

#[test]
fn every_answer_carries_the_name_of_its_request() {
    let site = Site::open();
    let ask = |id: &str| request(site.api, "GET", "/api/v1/runs", &[("x-request-id", id)], b"");
    let taken = ask("csi-4711");
    assert_eq!(taken.headers["x-request-id"], "csi-4711");
    assert_eq!(taken.json()["request_id"], "csi-4711");
    for wrong in ["", "a b", "<script>", &"x".repeat(65)] {
        let name = ask(wrong).headers["x-request-id"].clone();
        assert_eq!(name.len(), 36, "{name}");
    }
}

#[test]
fn the_command_makes_lists_and_ends_tokens() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    configure(at, "unused.json", "");
    let made = raccordo(at, &["--json", "token", "add", "csi", "--role", "operator", "--ente", "H501"])
        .exit(0)
        .json();
    assert!(made["token"].as_str().unwrap().starts_with("rac_"));
    let listed = raccordo(at, &["--lang", "it", "token", "list"]).exit(0).out;
    assert!(listed.contains("csi") && listed.contains("operator") && listed.contains("valido"), "{listed}");
    raccordo(at, &["token", "revoke", "csi"]).exit(0);
    raccordo(at, &["token", "revoke", "csi"]).refused("no token of this name");
    assert!(raccordo(at, &["token", "list"]).exit(0).out.contains("revoked"));
    raccordo(at, &["token", "add", "x2", "--role", "king"]).refused("`role` is one of");
    assert!(
        raccordo(at, &["token", "new", "old"]).exit(0).out.len() > 40,
        "for the configuration, as before"
    );
}
