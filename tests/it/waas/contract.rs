//! schemathesis, driven by INPS's own OpenAPI file, against the real endpoint with real flows.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use raccordo::sandbox::token_service::VoucherChanges;

use crate::python::python;
use crate::serving::{Site, official};

const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
const SEED: &str = "20261123";

/// Runs schemathesis over one operation; its report on failure, its last lines on success.
fn schemathesis(site: &Site, api: &Path, operation: &str) -> String {
    let voucher = site.voucher(&VoucherChanges::default());
    let st = python().with_file_name("st");
    let output = Command::new(st)
        .arg("run")
        .arg(api)
        .args(["--url", &format!("http://{}/waas/v1", site.offer), "--include-path", operation])
        .args(["-H", &format!("Authorization: Bearer {voucher}"), "--checks", CHECKS, "--seed", SEED])
        .args(["--max-examples", "40", "--workers", "1", "--phases", "examples,coverage,fuzzing"])
        .args(["--generation-database", "none", "--suppress-health-check", "all", "--no-color"])
        .current_dir(site.dir.path())
        .stdin(Stdio::null())
        .output()
        .expect("schemathesis starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{operation} does not keep INPS's contract:\n{said}\n{errors}");
    said
}

/// INPS's file with one answer bound to `/flussi` that it describes and binds to nothing: the tool
/// also calls without a voucher, and then only 401 is right.
fn bound(site: &Site, api: &Path) -> PathBuf {
    let text = std::fs::read_to_string(api).expect("INPS's file");
    let not_found = "        '404':\n          $ref: '#/components/responses/404NotFound'\n";
    let both =
        format!("{not_found}        '401':\n          $ref: '#/components/responses/401Unauthorized'\n");
    assert_eq!(text.matches(not_found).count(), 1, "INPS's file is another than we know");
    let path = site.dir.path().join("api-comuni.yaml");
    std::fs::write(&path, text.replace(not_found, &both)).expect("it is written");
    path
}

#[test]
fn the_endpoint_keeps_the_contract_that_inps_published() {
    let Some(api) = official("siuss/api-comuni.yaml") else { return };
    let site = Site::open();
    site.fill(40);
    let api = bound(&site, &api);
    // As INPS begins. A first poll with the `since` of the file's example would know a timestamp that
    // this ledger never gave: the route stops, and every page is empty.
    assert_eq!(site.flussi("since=0&limit=100").len(), 100);
    // Receipts last: one that schemathesis invents may stop the route.
    for operation in ["/flussi", "/status", "/esiti"] {
        if operation == "/esiti" {
            assert!(!site.flussi("since=0&limit=100").is_empty(), "the route stopped");
        }
        let said = schemathesis(&site, &api, operation);
        let summary: Vec<_> = said.lines().filter(|line| !line.trim().is_empty()).collect();
        println!("{operation}\n{}", summary[summary.len().saturating_sub(14)..].join("\n"));
    }
    // Whatever it sent, what is served and waits is still all there, and the books still close.
    assert!(site.gateway.verify_audit().expect("the chain is read").is_ok());
    let runs = site.api("GET", "/runs", b"").good(200);
    assert_eq!(runs["runs"][0]["balance"]["closes"], true);
}
