//! `adopt`: what a former system sent becomes the acknowledged side.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{raccordo, write_lines};
use crate::serving::{FLOW, configure, generated};

/// An installation with these folders.
fn installation(folders: &[Value]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    configure(dir.path(), "unused.json", "");
    write_lines(dir.path(), "folders.ndjson", folders);
    raccordo(dir.path(), &["import", "folders.ndjson"]).exit(0);
    dir
}

/// The bulk container of everything in an installation, as a former system may have sent it.
fn container(at: &Path) -> PathBuf {
    report(at, &["--route", "file-H501"]);
    let told = raccordo(at, &["routes", "files", "file-H501"]).exit(0).out;
    let files: Vec<_> = told.lines().collect();
    assert_eq!(files.len(), 1, "{told}");
    PathBuf::from(files[0])
}

fn report(at: &Path, more: &[&str]) -> Value {
    let mut arguments = vec!["--json", "report", "--ente", "H501", "--flow", FLOW, "--period", "2026"];
    arguments.extend(more);
    raccordo(at, &arguments).exit(0).json()["runs"][0]["balance"].clone()
}

fn adopt(at: &Path, file: &Path, more: &[&str]) -> super::Said {
    let mut arguments = vec!["--json", "adopt", "--ente", "H501", "--flow", FLOW, file.to_str().unwrap()];
    arguments.extend(more);
    raccordo(at, &arguments)
}

#[test]
fn after_adoption_only_what_is_new_or_different_is_sent() {
    let mut folders = generated(25);
    let former = installation(&folders);
    let file = container(former.path());

    let fresh = installation(&folders);
    let at = fresh.path();
    let row = adopt(at, &file, &[]).exit(0).json()[0].clone();
    let records = row["records"].as_u64().unwrap();
    assert!(records >= 25 && row["same"] == records, "{row}");
    assert_eq!((&row["different"], &row["unmatched"]), (&json!(0), &json!(0)));
    let balance = report(at, &[]);
    assert_eq!(balance["terms"]["unchanged"], records, "nothing is sent: {balance}");
    assert_eq!(balance["selected"], records);
    assert_eq!(adopt(at, &file, &[]).exit(0).json()[0]["same"], records, "adopting twice changes nothing");

    // One benefit changes: exactly one correction, which begins with the cancel.
    let changed = folders
        .iter_mut()
        .find(|folder| {
            folder["interventi"]
                .as_array()
                .is_some_and(|list| list.len() == 1 && list[0]["carattere"] == "occasionale")
        })
        .expect("a folder with one occasional benefit");
    changed["interventi"][0]["minuti_mensili"] = Value::Null;
    changed["interventi"][0].as_object_mut().unwrap().remove("minuti_mensili");
    changed["interventi"][0]["denominazione"] = json!("Contributo corretto dopo il controllo");
    write_lines(at, "change.ndjson", std::slice::from_ref(changed));
    raccordo(at, &["import", "change.ndjson"]).exit(0);
    let balance = report(at, &[]);
    assert_eq!(balance["terms"]["queued"], 1, "{balance}");
    assert_eq!(balance["terms"]["unchanged"], records - 1);
    let operations = raccordo(at, &["--json", "submissions", "--state", "queued"]).exit(0).json();
    let operations = operations["operations"].as_array().unwrap().clone();
    assert_eq!((operations.len(), &operations[0]["kind"]), (1, &json!("cancel")));
    raccordo(at, &["audit", "verify"]).exit(0);
}

#[test]
fn a_record_that_no_folder_has_is_told_until_one_has_it() {
    let folders = generated(12);
    let former = installation(&folders);
    let file = container(former.path());
    // The new system lacks the last folder.
    let fresh = installation(&folders[..11]);
    let told = adopt(fresh.path(), &file, &[]).exit(1).json()[0].clone();
    assert!(told["unmatched"].as_u64() > Some(0), "{told}");
    let ready = raccordo(fresh.path(), &["--json", "readiness"]).exit(1).json();
    assert_eq!(ready["unmatched"][0]["records"], told["unmatched"], "it stays visible: {ready}");
    let shown = raccordo(fresh.path(), &["readiness"]).exit(1).out;
    assert!(shown.contains("that no folder maps to"), "{shown}");
    // Once its folder is there, adopting again settles it.
    write_lines(fresh.path(), "last.ndjson", &folders[11..]);
    raccordo(fresh.path(), &["import", "last.ndjson"]).exit(0);
    assert_eq!(adopt(fresh.path(), &file, &[]).exit(0).json()[0]["unmatched"], 0);
    let ready = raccordo(fresh.path(), &["--json", "readiness"]).exit(0).json();
    assert_eq!(ready["unmatched"], json!([]));
}

#[test]
fn receipts_choose_and_rubbish_is_refused() {
    let folders = generated(5);
    let former = installation(&folders);
    let file = container(former.path());
    let fresh = installation(&folders);
    let at = fresh.path();
    let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
    let receipts = |code: &str| {
        let esito = json!({"elenco_esiti": [{"id_flusso": name, "codice_esito": code}]});
        std::fs::write(at.join("esiti.json"), esito.to_string()).unwrap();
    };
    receipts("RICHIESTA_INVALIDA");
    let told = adopt(at, &file, &["--receipts", "esiti.json"]).exit(1).json();
    assert_eq!(told[0]["skipped"], "RICHIESTA_INVALIDA");
    assert_eq!(report(at, &[])["terms"]["unchanged"], 0, "what was refused is not held");
    receipts("OK");
    std::fs::write(at.join("rubbish.xml"), "<Flusso><Benef").unwrap();
    adopt(at, Path::new("rubbish.xml"), &[]).refused("well-formed");
    std::fs::write(at.join("other.xml"), "<Altro/>").unwrap();
    adopt(at, Path::new("other.xml"), &[]).refused("no record");
    adopt(at, Path::new("missing.xml"), &[]).refused("missing.xml");
    std::fs::write(at.join("esiti.json"), "[").unwrap();
    adopt(at, &file, &["--receipts", "esiti.json"]).refused("esiti.json");
}
