//! `GET /flussi`: parameters, pages, names, timestamps, and the bytes inside.

use std::process::Command;

use base64::Engine;
use serde_json::Value;

use crate::serving::{Site, official, request};

fn xml(flusso: &Value) -> Vec<u8> {
    let text = flusso["flusso"].as_str().expect("base64");
    base64::engine::general_purpose::STANDARD.decode(text).expect("it decodes")
}

#[test]
fn limits_and_cursors_are_those_of_the_contract() {
    let site = Site::open();
    site.fill(60);
    assert_eq!(site.flussi("since=0").len(), 10, "ten when not said");
    assert_eq!(site.flussi("since=0&limit=0").len(), 0);
    assert_eq!(site.flussi("since=0&max_entries=3").len(), 3, "as the SPEC's examples call it");
    assert_eq!(site.flussi("since=0&limit=25").len(), 25);
    let wrong = [
        "",
        "limit=1",
        "since=",
        "since=-1",
        "since=abc",
        "since=1.5",
        "since=0&limit=101",
        "since=0&limit=-1",
        "since=0&limit=x",
        "since=0&limit=",
        "since=0&max_entries=101",
        "since=0&limit=99999999999999999999",
    ];
    for query in wrong {
        let answer = site.waas(&format!("/flussi?{query}"));
        answer.problem(400);
        assert_eq!(answer.json().as_object().unwrap().len(), 4, "no extension members: {}", answer.text());
    }
    for since in ["100000000000000000000", "9223372036854775807", "99999999999999"] {
        assert_eq!(site.flussi(&format!("since={since}")).len(), 0, "beyond reason is an empty list");
    }
    assert_eq!(site.flussi("since=0&limit=25").len(), 25, "and it stopped nothing");
}

#[test]
fn pages_are_strictly_rising_repeatable_and_complete() {
    let site = Site::open();
    site.fill(20);
    let first = site.waas("/flussi?since=0&limit=7");
    assert_eq!(site.waas("/flussi?since=0&limit=7").body, first.body, "the same since, the same bytes");
    let (mut since, mut seen, mut pages) = (0, Vec::new(), 0);
    loop {
        let page = site.flussi(&format!("since={since}&limit=7"));
        let Some(last) = page.last() else { break };
        since = millis(last);
        seen.extend(page);
        pages += 1;
        assert!(pages < 100, "the pages never end");
    }
    assert!(seen.windows(2).all(|two| millis(&two[0]) < millis(&two[1])));
    let names: std::collections::BTreeSet<_> =
        seen.iter().map(|flusso| flusso["id_flusso"].to_string()).collect();
    assert_eq!(names.len(), seen.len());
    let routes = site.api("GET", "/routes", b"").good(200);
    assert_eq!(
        (&routes["routes"][0]["queued"], &routes["routes"][0]["out"]),
        (&0.into(), &seen.len().into())
    );
    let from_first = site.flussi(&format!("since={}&limit=100", millis(&seen[0])));
    assert_eq!(from_first, seen[1..], "strictly after `since`");
}

fn millis(flusso: &Value) -> i64 {
    flusso["ts_flusso"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

#[test]
fn every_flow_has_the_published_form() {
    let site = Site::open();
    site.fill(10);
    for flusso in site.flussi("since=0&limit=100") {
        let members: Vec<_> = flusso.as_object().unwrap().keys().map(String::as_str).collect();
        let all = ["codice_ente", "denominazione_ente", "id_flusso", "tipo", "ts_flusso", "flusso"];
        assert_eq!(members, all);
        assert_eq!((&flusso["codice_ente"], &flusso["tipo"]), (&"H501".into(), &"PS_PSA_SINA".into()));
        let name: Vec<_> = flusso["id_flusso"].as_str().unwrap().split('.').collect();
        assert_eq!(name[..2], ["H501", "PS"]);
        assert!(name.len() == 4 && name[2].len() == 8 && name[3].len() == 7, "{name:?}");
        assert!(name[2..].concat().bytes().all(|byte| byte.is_ascii_digit()));
        let at = flusso["ts_flusso"].as_str().unwrap();
        assert!(at.len() == 24 && at.ends_with('Z') && at.as_bytes()[19] == b'.', "{at}");
        let payload = String::from_utf8(xml(&flusso)).unwrap();
        assert!(payload.contains(&format!("Nome=\"{}\"", flusso["id_flusso"].as_str().unwrap())));
        assert_eq!(payload.matches("<Beneficiario ").count(), 1);
        assert_eq!(payload.matches("<PrestazioniSociali ").count(), 1);
    }
}

#[test]
fn what_cannot_be_opened_is_parked_and_its_neighbours_are_served() {
    let site = Site::open();
    site.fill(10);
    let flows = site.flussi("since=0&limit=4");
    let damage = |sql: &str, flusso: &Value| {
        let whose = "WHERE (record, content) = (SELECT o.record, o.content FROM operation o
                       JOIN submission s ON s.id = o.submission WHERE s.name = ?1)";
        let (name, sql) = (flusso["id_flusso"].as_str().unwrap().to_owned(), format!("{sql} {whose}"));
        assert_eq!(site.gateway.books.write(move |tx| tx.run(&sql, [name])).unwrap(), 1);
    };
    damage("UPDATE payload SET sealed = substr(sealed, 2)", &flows[1]);
    damage("UPDATE payload SET sealed = substr(sealed, 1, 0)", &flows[2]);
    damage("DELETE FROM payload", &flows[3]);
    assert_eq!(site.flussi("since=0&limit=4"), flows[..1], "the same bytes, without what is damaged");
    let after = site.flussi("since=0&limit=4");
    assert_eq!((after.len(), &after[0]), (4, &flows[0]), "what is parked takes no place in a page");
    for (index, state) in [(0, "waiting"), (1, "parked"), (2, "parked"), (3, "parked")] {
        let path = format!("/submissions/{}", flows[index]["id_flusso"].as_str().unwrap());
        assert_eq!(site.api("GET", &path, b"").good(200)["operations"][0]["state"], state);
    }
    let events = site.gateway.books.audit(0, 1000).unwrap();
    let parked = events.iter().filter(|(_, event, _)| event.contains("operation-parked")).count();
    assert_eq!(parked, 3);
    assert!(site.gateway.verify_audit().unwrap().is_ok());
    let balance = site.api("GET", "/runs/1", b"").good(200)["balance"].clone();
    assert_eq!((&balance["closes"], &balance["terms"]["parked"]), (&true.into(), &3.into()));
}

#[test]
fn every_payload_is_valid_by_the_authoritys_own_schema() {
    let Some(schema) = official("siuss/PS_PSA_SINA201812.xsd") else { return };
    let site = Site::open();
    site.fill(40);
    let dir = tempfile::tempdir().unwrap();
    let flows = site.flussi("since=0&limit=100");
    assert!(flows.len() > 40);
    let mut lint = Command::new("xmllint");
    lint.args(["--noout", "--nonet", "--schema"]).arg(schema);
    for (number, flusso) in flows.iter().enumerate() {
        let path = dir.path().join(format!("{number}.xml"));
        std::fs::write(&path, xml(flusso)).unwrap();
        lint.arg(path);
    }
    let output = lint.output().expect("xmllint");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_the_api_does_not_have_is_a_problem() {
    let site = Site::open();
    for path in ["/waas/v1/", "/waas/v1/altro", "/altrove", "/"] {
        request(site.offer, "GET", path, &[], b"").problem(404);
    }
    for (method, path) in
        [("POST", "/waas/v1/flussi"), ("GET", "/waas/v1/esiti"), ("DELETE", "/waas/v1/status")]
    {
        request(site.offer, method, path, &[], b"").problem(405);
    }
}
