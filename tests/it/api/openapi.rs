//! The OpenAPI document, and schemathesis over the whole of it against a real server.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::python::python;
use crate::serving::{ALL, Site, request};

const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
const SEED: &str = "20261123";

#[test]
fn the_document_is_of_openapi_3_1_and_says_every_answer() {
    let site = Site::open();
    let answer = request(site.api, "GET", "/api/v1/openapi.json", &[], b"");
    let document = answer.good(200);
    assert_eq!(document["openapi"], "3.1.0");
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let said = operation["responses"].as_object().unwrap();
            assert!(said.keys().any(|status| status.starts_with('2')), "{method} {path}");
            assert!(
                ["400", "401", "403", "429"].iter().all(|status| said.contains_key(*status)),
                "{method} {path}"
            );
            assert!(operation["summary"].as_str().is_some_and(|says| says.ends_with('.')), "{method} {path}");
        }
    }
    for name in references(&document) {
        let found = document.pointer(name.trim_start_matches('#')).is_some();
        assert!(found, "{name} is not in the document");
    }
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) => {
            let own = map.get("$ref").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(map.values().flat_map(references)).collect()
        }
        Value::Array(list) => list.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_page_needs_no_other_host() {
    let site = Site::open();
    let page = request(site.api, "GET", "/api/v1/docs", &[], b"");
    assert_eq!((page.status, page.kind()), (200, "text/html; charset=utf-8"));
    let text = page.text();
    assert!(text.contains("/folders/{id}/sync") && text.contains("see-metadata"), "{text}");
    assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("<script"), "{text}");
}

#[test]
fn the_api_keeps_its_own_contract() {
    let site = Site::open();
    site.fill(5);
    site.flussi("since=0&limit=3");
    let st = python().with_file_name("st");
    let output = Command::new(st)
        .arg("run")
        .arg(format!("http://{}/api/v1/openapi.json", site.api))
        .args(["-H", &format!("Authorization: Bearer {ALL}"), "-H", "Raccordo-Reason: schemathesis"])
        .args(["--checks", CHECKS, "--seed", SEED, "--max-examples", "8", "--workers", "2"])
        .args(["--phases", "examples,coverage,fuzzing", "--generation-database", "none"])
        // A stream without an end: tests of its own.
        .args(["--exclude-path", "/events"])
        .args(["--suppress-health-check", "all", "--no-color", "--continue-on-failure"])
        .current_dir(site.dir.path())
        .stdin(Stdio::null())
        .output()
        .expect("schemathesis starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the API does not keep its contract:\n{said}\n{errors}");
    let summary: Vec<_> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    println!("{}", summary[summary.len().saturating_sub(14)..].join("\n"));
    assert!(site.gateway.verify_audit().expect("the chain is read").is_ok());
}
