//! Commands over flows and folders, which store nothing.

use std::path::Path;
use std::process::Stdio;

use super::{command, raccordo, said};
use crate::serving::FLOW;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in from.read_dir().unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A copy of this repository's flows, to be spoiled.
fn flows() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for part in ["mappings", "schemas"] {
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(part), &dir.path().join(part));
    }
    dir
}

fn check(flows: &Path) -> super::Said {
    said(command(flows).env("RACCORDO_FLOWS", flows).arg("check").output().unwrap())
}

#[test]
fn check_names_file_line_and_mend() {
    let dir = tempfile::tempdir().unwrap();
    assert!(raccordo(dir.path(), &["check"]).exit(0).out.contains("sound"));
    raccordo(dir.path(), &["--json", "check"]).exit(0).json();
    let flows = flows();
    let mapping = flows.path().join(format!("mappings/{FLOW}/mapping.toml"));
    let sound = std::fs::read_to_string(&mapping).unwrap();
    check(flows.path()).exit(0);

    std::fs::write(&mapping, sound.replacen("persona.cognome", "persona.cognomme", 1)).unwrap();
    let at = sound.lines().position(|line| line.contains("persona.cognome")).unwrap() + 1;
    let broken = check(flows.path()).exit(1);
    let line = broken.out.lines().next().unwrap_or_default();
    assert!(
        line.starts_with(&format!("mappings/{FLOW}/mapping.toml:")) && line.contains("cognomme"),
        "{line}"
    );
    let told: usize =
        line.split(':').nth(1).and_then(|rest| rest.split(' ').next()).unwrap().parse().unwrap();
    assert!(told.abs_diff(at) <= 3, "line {told}, not near {at}");
    assert!(line.ends_with(')'), "no mend: {line}");

    std::fs::write(&mapping, sound.replacen("[record", "[record[", 1)).unwrap();
    assert!(check(flows.path()).exit(1).out.contains("mapping.toml:"));
    std::fs::write(&mapping, b"\xff\xfe").unwrap();
    assert!(check(flows.path()).exit(1).out.contains("mapping.toml"));
    std::fs::write(&mapping, &sound).unwrap();
    std::fs::remove_file(flows.path().join(format!("schemas/{FLOW}/flusso.xsd"))).unwrap();
    assert!(check(flows.path()).exit(1).out.contains("flusso.xsd"));
    // Other commands cannot even try with flows that do not load.
    let serve = command(flows.path()).env("RACCORDO_FLOWS", flows.path()).arg("serve").output().unwrap();
    said(serve).refused("flusso.xsd");
    let nowhere = command(flows.path()).env("RACCORDO_FLOWS", "nowhere").arg("check").output().unwrap();
    said(nowhere).refused("nowhere");
}

#[test]
fn the_template_of_a_flow_maps_without_findings() {
    let dir = tempfile::tempdir().unwrap();
    for (arguments, name) in
        [(vec!["folder", "template"], "small"), (vec!["folder", "template", "--flow", FLOW], "full")]
    {
        let made = raccordo(dir.path(), &arguments).exit(0).out;
        std::fs::write(dir.path().join(name), &made).unwrap();
        let mapped = raccordo(dir.path(), &["map", "--flow", FLOW, name]).exit(0);
        assert_eq!(mapped.err, "", "{name}");
        let json = raccordo(dir.path(), &["--json", "map", "--flow", FLOW, name]).exit(0).json();
        assert_eq!(json["records"].as_array().unwrap().is_empty(), name == "small");
    }
    raccordo(dir.path(), &["folder", "template", "--flow", "none/1"]).refused("none/1");
}

#[test]
fn map_tells_findings_by_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let template = raccordo(dir.path(), &["folder", "template", "--flow", FLOW]).exit(0).out;
    let mut folder: serde_json::Value = serde_json::from_str(&template).unwrap();
    folder["persona"]["genere"] = "X".into();
    std::fs::write(dir.path().join("bad.json"), folder.to_string()).unwrap();
    let said = raccordo(dir.path(), &["map", "--flow", FLOW, "bad.json"]).exit(1);
    assert!(said.err.contains("Genere") && said.err.contains('→'), "{}", said.err);
    raccordo(dir.path(), &["map", "--flow", FLOW, "missing.json"]).refused("missing.json");
    raccordo(dir.path(), &["map", "--flow", "none/1", "bad.json"]).refused(FLOW);
    std::fs::write(dir.path().join("no.json"), "{").unwrap();
    raccordo(dir.path(), &["map", "--flow", FLOW, "no.json"]).exit(1);
}

#[test]
fn validate_judges_payloads() {
    let dir = tempfile::tempdir().unwrap();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/ps/sina.xml");
    let path = sample.to_str().unwrap();
    raccordo(dir.path(), &["validate", "--flow", FLOW, path]).exit(0);
    let text = std::fs::read_to_string(&sample).unwrap();
    std::fs::write(dir.path().join("bad.xml"), text.replacen("Genere=\"", "Genere=\"9", 1)).unwrap();
    let said = raccordo(dir.path(), &["validate", "--flow", FLOW, "bad.xml"]).exit(1);
    assert!(said.out.contains("Genere"), "{}", said.out);
    std::fs::write(dir.path().join("torn.xml"), &text[..text.len() / 2]).unwrap();
    raccordo(dir.path(), &["validate", "--flow", FLOW, "torn.xml"]).exit(1);
    std::fs::write(dir.path().join("empty.xml"), "").unwrap();
    raccordo(dir.path(), &["validate", "--flow", FLOW, "empty.xml"]).refused("empty");
    raccordo(dir.path(), &["validate", "--flow", FLOW, "none.xml"]).refused("none.xml");
}

#[test]
fn test_runs_the_fixtures() {
    let dir = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let said = raccordo(dir.path(), &["test", fixtures.to_str().unwrap()]).exit(0);
    assert!(said.out.contains(" passed, 0 failed"), "{}", said.out);
    raccordo(dir.path(), &["test", "nothing-here"]).refused("no cases");
    let case = format!("fixtures/{FLOW}/minimo-occasionale");
    copy(&fixtures.join(FLOW).join("minimo-occasionale"), &dir.path().join(&case));
    raccordo(dir.path(), &["test"]).exit(0);
    let folder = dir.path().join(&case).join("folder.json");
    let changed = std::fs::read_to_string(&folder).unwrap().replace("\"importo\": \"", "\"importo\": \"1");
    std::fs::write(&folder, changed).unwrap();
    assert!(raccordo(dir.path(), &["test"]).exit(1).out.contains("FAILED"));
}

#[test]
fn generate_is_deterministic_and_a_longer_one_begins_alike() {
    let dir = tempfile::tempdir().unwrap();
    let make = |folders: &str, seed: &str| {
        let arguments =
            ["generate", "--folders", folders, "--seed", seed, "--faulty", "0.2", "--today", "2026-11-23"];
        raccordo(dir.path(), &arguments).exit(0).out
    };
    let (short, long) = (make("20", "7"), make("50", "7"));
    assert!(long.starts_with(&short) && short == make("20", "7") && short != make("20", "8"));
    assert_eq!(short.lines().count(), 20);
}

#[test]
fn every_command_has_help_and_wrong_arguments_exit_2() {
    let dir = tempfile::tempdir().unwrap();
    let help = raccordo(dir.path(), &["--help"]).exit(0).out;
    assert!(help.contains("Examples:"));
    let commands = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let names: Vec<_> = commands
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.len() >= 20, "{names:?}");
    for name in names {
        let help = raccordo(dir.path(), &[name, "--help"]).exit(0).out;
        assert!(help.contains("Usage: raccordo"), "{name}: {help}");
    }
    for wrong in [&["nothing"][..], &[], &["map"], &["report", "--ente", "H501"], &["decide", "x", "--holds"]]
    {
        raccordo(dir.path(), wrong).exit(2);
    }
    assert!(dir.path().read_dir().unwrap().next().is_none(), "nothing of this leaves anything behind");
    let version = raccordo(dir.path(), &["--version"]).exit(0).out;
    assert!(version.contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = command(dir.path())
        .args(["generate", "--folders", "3000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
}
