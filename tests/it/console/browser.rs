//! The console in a real browser: the pages' main paths in both languages, checked by axe; the
//! script that drives it is `tests/browser/console.mjs`.

use std::path::{Path, PathBuf};
use std::process::Command;

use raccordo::gateway::rights::{Grant, Role};
use raccordo::gateway::{Clock, SystemClock};
use raccordo::personal::Personal;
use raccordo::sandbox::people;
use serde_json::{Value, json};

use super::PASSWORD;
use super::pages::esito;
use crate::serving::{FLOW, Site};

/// HTML where people write text: it must stay text.
const HOSTILE: &str = "<img src=x onerror=alert(1)><script>alert(2)</script>";

#[test]
fn every_page_works_in_a_real_browser() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let modules = here.join("tests/browser/node_modules/playwright-core");
    assert!(
        modules.exists(),
        "the browser's driver is not there: `make test` brings it (npm ci in tests/browser)"
    );
    let site = Site::open();
    let stage = prepare(&site);
    let shots = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../browser");
    std::fs::create_dir_all(&shots).unwrap();
    let profile = tempfile::tempdir().unwrap();
    let done = Command::new("node")
        .arg(here.join("tests/browser/console.mjs"))
        .env("RACCORDO_STAGE", stage.to_string())
        .env("RACCORDO_SHOTS", &shots)
        .env("RACCORDO_PROFILE", profile.path())
        .output()
        .expect("node");
    let told = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    println!("{told}");
    assert!(done.status.success(), "{told}");
    // What the browser did is in the books: one operation a record, however often it was sent.
    let operations = site.gateway.books.operations(None, None, 10_000).unwrap();
    let mut seen: Vec<_> =
        operations.iter().map(|one| (&one.folder_id, &one.record, one.generation)).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), operations.len());
}

/// People with and without defects, a report with every kind of outcome, and somebody who may do all.
fn prepare(site: &Site) -> Value {
    let grants = [Role::ReportingOfficer, Role::Administrator, Role::Operator].map(Grant::everywhere);
    site.gateway.add_account("vera", &Personal::new(PASSWORD.to_owned()), &grants, "test").unwrap();
    let today = SystemClock.today();
    let mut ids = Vec::new();
    for (number, made) in people::generate(24, 4242, 0.3, &["H501"], today).enumerate() {
        let mut folder = made.folder;
        if number == 0 {
            for benefit in folder["interventi"].as_array_mut().into_iter().flatten() {
                benefit["denominazione"] = json!(HOSTILE);
            }
        }
        let id = folder["id"].as_str().unwrap().to_owned();
        let answer = site.api("PUT", &format!("/folders/{id}"), folder.to_string().as_bytes());
        if answer.status < 300 {
            ids.push(id);
        }
    }
    assert!(ids.len() > 15, "{}", ids.len());
    site.gateway.sample_readiness().unwrap();
    site.report();
    let flows = site.flussi("since=0&limit=12");
    let codes = ["OK", "RICHIESTA_INVALIDA", "DATI_NON_TROVATI", "ERRORE_GENERICO", "OK", "OK"];
    let esiti: Vec<Value> = flows.iter().zip(codes).map(|(flow, code)| esito(flow, code)).collect();
    assert_eq!(site.esiti(json!({ "elenco_esiti": esiti }).to_string().as_bytes()).status, 204);
    // One that is not yet on its way, for "send now".
    let fresh = people::generate(1, 99, 0.0, &["H501"], today).next().unwrap().folder;
    let mut fresh = fresh;
    fresh["id"] = json!("NUOVA-1");
    site.api("PUT", "/folders/NUOVA-1", fresh.to_string().as_bytes()).good(201);
    let submission = |at: usize| flows[at]["id_flusso"].as_str().unwrap().to_owned();
    let folder_of = |name: &str| {
        site.gateway.books.submission_by_name(name).unwrap().unwrap().operations[0].folder_id.clone()
    };
    json!({
        "base": format!("http://{}", site.api), "name": "vera", "password": PASSWORD, "flow": FLOW,
        "accepted": submission(0), "refused": submission(1), "folder": folder_of(&submission(0)),
        "fresh": "NUOVA-1", "hostile": HOSTILE, "hostile_folder": ids[0],
    })
}
