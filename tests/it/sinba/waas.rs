//! Both forms: one child per flow, polled by a simulated INPS that judges by itself; many in a file.

use std::collections::BTreeSet;
use std::process::Command;

use base64::Engine;
use raccordo::sandbox::clock;
use raccordo::sandbox::inps::{Inps, Script};
use serde_json::{Value, json};

use super::{FLOW, REGISTER, attributes, children, report, save, site};
use crate::serving::{Site, official, route};

fn inps(site: &Site) -> Inps {
    let base = format!("http://{}/waas/v1", site.offer);
    site.platform.inps(&route("H501"), &base, Script::default(), None, clock::system()).unwrap()
}

/// Names of the containers whose content our books say the registers hold.
fn ours(site: &Site) -> Vec<String> {
    let held = |register: &str| site.gateway.books.held("H501", register).unwrap();
    held("siuss").into_iter().chain(held(REGISTER)).map(|held| held.submission).collect()
}

fn xml(flusso: &Value) -> String {
    let bytes = base64::engine::general_purpose::STANDARD.decode(flusso["flusso"].as_str().unwrap()).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[track_caller]
fn settled(site: &Site, run: &Value) -> Value {
    let path = format!("/runs/{}", run["id"].as_i64().or(run["run"].as_i64()).expect("a run's number"));
    let balance = site.api("GET", &path, b"").good(200)["balance"].clone();
    assert_eq!(balance["closes"], true, "{balance}");
    balance["terms"].clone()
}

#[test]
fn children_and_persons_share_a_route_and_a_correction_takes_the_former_place() {
    let site = site();
    let mut children = children(60);
    assert!(children.len() >= 4);
    for folder in &children {
        assert_eq!(save(&site, folder), [""; 0]);
    }
    site.report();
    let run = report(&site, None);
    let page = site.flussi("since=0&limit=100");
    let kinds: BTreeSet<&str> = page.iter().map(|flusso| flusso["tipo"].as_str().unwrap()).collect();
    assert_eq!(kinds, BTreeSet::from(["PS_PSA_SINA", "SINBA"]));
    for flusso in page.iter().filter(|flusso| flusso["tipo"] == "SINBA") {
        let (name, payload) = (flusso["id_flusso"].as_str().unwrap(), xml(flusso));
        let parts: Vec<_> = name.split('.').collect();
        assert_eq!((parts[..2].concat(), parts[2].len(), parts[3].len()), ("H501SINBA".into(), 8, 7));
        assert_eq!(attributes(&payload, "Nome"), [name]);
        assert_eq!(payload.matches("<SINBA ").count(), 1);
        assert_eq!(payload.matches("<CodicePrestazione>").count(), 1);
    }
    let mut inps = inps(&site);
    let cycle = site.runtime.block_on(inps.cycle()).unwrap();
    assert_eq!(cycle.refused, 0, "{:?}", inps.book().acquired().filter_map(|one| one.why.as_ref()).next());
    assert_eq!(settled(&site, &run)["refused"].as_u64().unwrap_or(0), 0);
    assert_eq!((inps.book().compare(&ours(&site)), inps.book().anomalies()), (vec![], &[][..]));

    let before = site.gateway.books.held("H501", REGISTER).unwrap().len();
    let pseudonyms = |page: &[Value]| {
        let sinba = page.iter().filter(|flusso| flusso["tipo"] == "SINBA").map(xml);
        sinba.map(|payload| attributes(&payload, "IDBeneficiario")[0].to_owned()).collect::<BTreeSet<_>>()
    };
    children[0]["casi_minore"][0]["luogo_vita"] = json!("amici_conoscenti");
    children[0]["versione"] = json!(90);
    assert_eq!(save(&site, &children[0]), [""; 0]);
    report(&site, None);
    let again = site.flussi(&format!("since={}&limit=100", inps.book().since()));
    assert!(!again.is_empty() && pseudonyms(&again).is_subset(&pseudonyms(&page)), "the same child");
    site.runtime.block_on(inps.cycle()).unwrap();
    assert_eq!(site.gateway.books.held("H501", REGISTER).unwrap().len(), before, "no child became two");
    assert_eq!((inps.book().compare(&ours(&site)), inps.book().anomalies()), (vec![], &[][..]));
}

#[test]
fn what_was_sent_cannot_be_taken_back_and_a_finding_says_so() {
    let site = site();
    let mut child = children(60).remove(0);
    save(&site, &child);
    report(&site, None);
    let mut inps = inps(&site);
    site.runtime.block_on(inps.cycle()).unwrap();
    let held = ours(&site);
    assert!(!held.is_empty());
    child["casi_minore"][0]["annullato"] = json!(true);
    child["versione"] = json!(90);
    let told = save(&site, &child);
    assert!(!told.is_empty() && told.iter().all(|rule| rule == "non-ritirabile"), "{told:?}");
    let run = report(&site, None);
    assert_eq!(settled(&site, &run)["set_aside"].as_u64(), Some(held.len() as u64));
    assert_eq!(site.flussi(&format!("since={}", inps.book().since())), [] as [Value; 0]);
    assert_eq!(inps.book().compare(&held), [""; 0], "INPS still holds it, and we know that it does");
    // An error of the recording, undone: it is there already, unchanged.
    child["casi_minore"][0]["annullato"] = json!(false);
    child["versione"] = json!(91);
    assert_eq!(save(&site, &child), [""; 0]);
    let run = report(&site, None);
    assert_eq!(settled(&site, &run)["unchanged"].as_u64(), Some(held.len() as u64));
}

#[test]
fn two_codes_in_one_flow_are_refused_by_the_simulated_inps_as_in_its_own_example() {
    let site = Site::configured(|dir, jwks| {
        let config = super::with_children(dir, jwks);
        let text = std::fs::read_to_string(&config).unwrap();
        let text = text.replace("keys = {", "settings = { sinba_codes = \"all\" }\nkeys = {");
        std::fs::write(&config, text).unwrap();
        config
    });
    let mut child = children(60).remove(0);
    child["casi_minore"][0]["prestazioni"] = json!(["A2.24", "A2.28"]);
    save(&site, &child);
    let run = report(&site, None);
    let mut inps = inps(&site);
    site.runtime.block_on(inps.cycle()).unwrap();
    assert_eq!(settled(&site, &run)["refused"].as_u64(), Some(1));
}

#[test]
fn many_children_stand_in_one_file_in_no_order_of_their_folders() {
    let site = site();
    let children = children(120);
    for folder in &children {
        save(&site, folder);
    }
    let run = report(&site, Some("file-H501"));
    let written = site.api("POST", "/routes/file-H501/files", b"{}").good(200);
    let [path] = written["files"].as_array().unwrap().as_slice() else { panic!("{written}") };
    let path = std::path::Path::new(path.as_str().unwrap());
    let name = path.file_stem().unwrap().to_str().unwrap();
    assert!(name.starts_with("H501.SINBA."), "{name}");
    let payload = std::fs::read_to_string(path).unwrap();
    assert_eq!(attributes(&payload, "Nome"), [name]);
    let ids = attributes(&payload, "IDBeneficiario");
    assert!(ids.len() >= children.len() && ids.is_sorted());
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), children.len());
    assert!(site.gateway.catalog.find(FLOW).unwrap().validate(payload.as_bytes()).is_empty());
    if let Some(schema) = official("siuss/SINBA.xsd") {
        let lint =
            Command::new("xmllint").args(["--noout", "--nonet", "--schema"]).arg(schema).arg(path).output();
        let output = lint.expect("xmllint");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let outcome = json!([{"outcome": "accepted"}]).to_string();
    site.api("POST", &format!("/submissions/{name}/outcome"), outcome.as_bytes()).good(200);
    assert_eq!(settled(&site, &run)["accepted"].as_u64(), Some(ids.len() as u64));
}
