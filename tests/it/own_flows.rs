//! Flows of one's own, without compiling: begun by a command, checked, tested, served; and what each
//! flow does with the folder's fields.

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::{raccordo, write_lines};
use crate::serving::{FLOW, configure, generated};

fn new_flow(dir: &Path, more: &[&str]) -> crate::cli::Said {
    let mut arguments = vec!["new-flow", "registro-prova", "1", "--valid-from", "2026-01-01", "--dir", "own"];
    arguments.extend(more);
    raccordo(dir, &arguments)
}

/// The folder that the new flow's first case maps.
fn folder(dir: &Path) -> Value {
    let path = dir.join("own/fixtures/registro-prova/1/minimo/folder.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_new_flow_passes_at_once_in_either_format() {
    for format in ["xml", "json"] {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path();
        let said = new_flow(at, &["--format", format]).exit(0);
        assert!(said.out.contains("mapping.toml") && said.out.contains("3 cases"), "{}", said.out);
        let checked = raccordo(at, &["--flows", "own", "check"]).exit(0).out;
        assert!(checked.contains("registro-prova/1: sound") && checked.contains(FLOW), "{checked}");
        let tested = raccordo(at, &["--flows", "own", "test"]).exit(0).out;
        assert!(tested.contains("3 passed, 0 failed"), "{tested}");
        let cases = at.join("own/fixtures/registro-prova/1");
        let expected = std::fs::read_to_string(cases.join(format!("minimo/expected.{format}"))).unwrap();
        assert!(expected.contains("INT-1") && expected.contains("2026-01-01"), "{expected}");
        let refused =
            std::fs::read_to_string(cases.join("rilievo-data-inizio-mancante/findings.txt")).unwrap();
        assert_eq!(refused, "withhold data-inizio-mancante /interventi/0/dal\n");
        assert!(!cases.join("rilievo-data-inizio-mancante").join(format!("expected.{format}")).exists());
        let refused =
            std::fs::read_to_string(cases.join("rilievo-persona-senza-codice/findings.txt")).unwrap();
        assert_eq!(refused, "withhold persona-senza-codice /persona\n");
        // A working copy is where `check` and `test` stand.
        raccordo(&at.join("own"), &["--flows", ".", "test"]).exit(0);
    }
}

#[test]
fn nothing_is_overwritten_and_names_are_plain() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    new_flow(at, &[]).exit(0);
    let mapping = at.join("own/mappings/registro-prova/1/mapping.toml");
    std::fs::write(&mapping, "mine").unwrap();
    new_flow(at, &[]).refused("is there already");
    assert_eq!(std::fs::read_to_string(&mapping).unwrap(), "mine");
    let (family, version) = FLOW.split_once('/').unwrap();
    raccordo(at, &["new-flow", family, version]).refused(FLOW);
    for (name, version) in [("Registro", "1"), ("../x", "1"), ("x", "1/2"), ("x", ""), ("folder", "2")] {
        raccordo(at, &["new-flow", name, version]).exit(2);
    }
    raccordo(at, &["new-flow", "altro", "1", "--from", "none/1"]).refused(FLOW);
    raccordo(at, &["--flows", "nowhere", "check"]).refused("nowhere");
    assert_eq!(std::fs::read_dir(at).unwrap().count(), 1, "a refusal leaves nothing behind");
}

#[test]
fn a_copy_of_a_flow_is_another_version_with_cases_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let family = FLOW.split('/').next().unwrap();
    let copy = ["new-flow", family, "2027", "--from", FLOW, "--valid-from", "2027-01-01"];
    assert!(raccordo(at, &copy).exit(0).out.contains("2 cases"));
    assert!(raccordo(at, &["--flows", ".", "check"]).exit(0).out.contains("/2027: sound"));
    raccordo(at, &["--flows", ".", "test"]).exit(0);
    let findings = format!("fixtures/{family}/2027/rilievo-cf-carattere-controllo/findings.txt");
    assert!(std::fs::read_to_string(at.join(findings)).unwrap().contains("withhold cf-carattere-controllo"));
    // Two versions of a family that begin on the same day: which one is meant?
    let same = ["--flows", ".", "new-flow", family, "2028", "--from", FLOW, "--valid-from", "2027-01-01"];
    assert!(raccordo(at, &same).exit(1).out.contains("begins on the same day"));
    let mapping = at.join(format!("mappings/{family}/2028/mapping.toml"));
    let text = std::fs::read_to_string(&mapping).unwrap();
    let dated = |more: &str| {
        std::fs::write(&mapping, text.replace("valid_from = \"2027-01-01\"", more)).unwrap();
        raccordo(at, &["--flows", ".", "check"])
    };
    dated("valid_from = \"2026-01-01\"\nvalid_to = \"2026-12-31\"").exit(0);
    assert!(
        dated("valid_from = \"2026-01-01\"\nvalid_to = \"2027-01-01\"").exit(1).out.contains("2026-12-31")
    );
    let gap = dated("valid_from = \"2026-01-01\"\nvalid_to = \"2026-11-30\"").exit(1).out;
    assert!(gap.contains("no version is in force after 2026-11-30"), "{gap}");
    assert!(
        dated("valid_from = \"2026-02-01\"\nvalid_to = \"2026-01-01\"").exit(1).out.contains("comes before")
    );
}

#[test]
fn a_dated_code_is_that_of_the_event() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    new_flow(at, &[]).exit(0);
    let codes = at.join("own/mappings/registro-prova/1/codes/carattere.csv");
    let dated =
        "from,to,valid_from,valid_to\noccasionale,1,,\nperiodico,1,,2025-12-31\nperiodico,2,2026-01-01,\n";
    std::fs::write(&codes, dated).unwrap();
    let undated = raccordo(at, &["--flows", "own", "check"]).exit(1).out;
    assert!(undated.contains("name the event's day in `codes_at`"), "{undated}");
    let mapping = at.join("own/mappings/registro-prova/1/mapping.toml");
    let text = std::fs::read_to_string(&mapping).unwrap();
    let row = "codes = \"carattere\"\n";
    std::fs::write(&mapping, text.replace(row, &format!("{row}codes_at = \"intervento.dal\"\n"))).unwrap();
    let mapped = |day: &str| {
        let mut folder = folder(at);
        folder["interventi"][0]["dal"] = day.into();
        std::fs::write(at.join("folder.json"), folder.to_string()).unwrap();
        raccordo(at, &["--flows", "own", "map", "--flow", "registro-prova/1", "folder.json"]).exit(0).out
    };
    assert!(mapped("2025-12-31").contains("Carattere=\"1\""));
    assert!(mapped("2026-01-01").contains("Carattere=\"2\""));
    std::fs::write(&codes, dated.replace("2025-12-31", "2026-01-01")).unwrap();
    let twice = raccordo(at, &["--flows", "own", "check"]).exit(1).out;
    assert!(twice.contains("carattere.csv:4") && twice.contains("holds on the same days"), "{twice}");
}

/// An installation whose configuration names the directory of a flow that was never compiled in.
#[test]
fn an_installation_serves_a_flow_that_is_not_compiled_in() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    new_flow(at, &[]).exit(0);
    let config = configure(at, "unused.json", "flows = \"own\"");
    let mut text = std::fs::read_to_string(&config).unwrap();
    text.push_str(
        "[[route]]\nid = \"prova\"\nregister = \"registro-prova\"\nchannel = \"file\"\nenti = [\"H501\"]\noutbox = \"out-prova\"\n",
    );
    std::fs::write(&config, text).unwrap();
    assert!(raccordo(at, &["check"]).exit(0).out.contains("registro-prova/1"));
    raccordo(at, &["map", "--flow", "registro-prova/1", "own/fixtures/registro-prova/1/minimo/folder.json"])
        .exit(0);
    write_lines(at, "folders.ndjson", &[folder(at)]);
    raccordo(at, &["import", "folders.ndjson"]);
    let report = raccordo(
        at,
        &["--json", "report", "--flow", "registro-prova/1", "--ente", "H501", "--period", "2026"],
    );
    assert_eq!(report.json()["runs"][0]["balance"]["terms"]["queued"], 1, "{}", report.out);
    raccordo(at, &["routes", "files", "prova"]).exit(0);
    let files: Vec<_> = std::fs::read_dir(at.join("out-prova")).unwrap().map(Result::unwrap).collect();
    assert_eq!(files.len(), 1);
    let payload = std::fs::read_to_string(files[0].path()).unwrap();
    assert!(
        payload.contains("urn:raccordo:registro-prova:1") && payload.contains("Cartella=\"CS-0001\""),
        "{payload}"
    );
    raccordo(at, &["validate", "--flow", "registro-prova/1", files[0].path().to_str().unwrap()]).exit(0);
}

#[test]
fn coverage_tells_what_becomes_of_each_field() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let told = raccordo(at, &["--lang", "it", "coverage"]).exit(0).out;
    assert!(told.contains("Codice fiscale") && told.contains("non necessari"), "{told}");
    assert!(told.lines().all(|line| line.contains(": ") || line.chars().count() <= 104), "{told}");
    let flow = |said: crate::cli::Said| said.json()["flows"][0].clone();
    let field = |flow: &Value, path: &str| {
        let fields = flow["fields"].as_array().unwrap();
        fields.iter().find(|field| field["path"] == path).cloned().unwrap_or_else(|| panic!("{path}"))
    };
    let empty = flow(raccordo(at, &["--json", "coverage", "--flow", FLOW]).exit(0));
    let code = field(&empty, "persona.codice_fiscale");
    assert_eq!(
        (&code["state"], &code["needed"], &code["without_need"]),
        (&json!("sent"), &json!(true), &json!(false))
    );
    assert_eq!(code["label"]["it"], "Persona › Codice fiscale");
    assert_eq!(field(&empty, "persona.id_anpr")["state"], "not_needed");
    assert_eq!(field(&empty, "residenze[].dal")["state"], "read");
    assert_eq!(field(&empty, "persona.seconda_cittadinanza")["without_need"], true);

    new_flow(at, &[]).exit(0);
    let mut bare = folder(at);
    bare["persona"]["codice_stp"] = "STP0301000000001".into();
    bare["persona"].as_object_mut().unwrap().remove("codice_fiscale");
    std::fs::write(at.join("bare.json"), bare.to_string()).unwrap();
    let asked = ["--flows", "own", "--json", "coverage", "--flow", "registro-prova", "--folder", "bare.json"];
    let code = field(&flow(raccordo(at, &asked).exit(1)), "persona.codice_fiscale");
    assert_eq!((&code["state"], &code["lacking"]), (&json!("missing"), &json!(1)));
    raccordo(at, &["coverage", "--flow", "none"]).refused("none");

    configure(at, "unused.json", "");
    let folders = generated(20);
    write_lines(at, "folders.ndjson", &folders);
    raccordo(at, &["import", "folders.ndjson"]);
    let stored = raccordo(at, &["--json", "coverage", "--stored", "--flow", FLOW]).exit(0);
    assert!(
        folders.iter().all(|folder| !stored.out.contains(folder["persona"]["cognome"].as_str().unwrap()))
    );
    let stored = flow(stored);
    assert_eq!((&stored["folders"], &field(&stored, "persona.cognome")["filled"]), (&json!(20), &json!(20)));
    let other = raccordo(at, &["--json", "coverage", "--stored", "--flow", FLOW, "--ente", "F205"]).exit(0);
    assert_eq!(flow(other)["folders"], 0);
}
