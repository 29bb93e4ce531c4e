//! Another version of a flow: what it would change is told beforehand and changes nothing; on its
//! day it maps what is stored.

use std::path::Path;

use raccordo::exchange::{Desired, Record};
use raccordo::flow::Catalog;
use raccordo::flow::files::{Embedded, Files, Overlay};
use raccordo::gateway::Gateway;
use raccordo::node;
use serde_json::{Value, json};

use crate::calendar::Held;
use crate::cli::{raccordo, write_lines};
use crate::serving::{FLOW, ROME, Site, configure, generated};

/// A rule that withholds every benefit given once.
const STRICT: &str = r#"
[[rule]]
id = "prova-solo-periodici"
severity = "withhold"
scope = "record"
check = "intervento.carattere != 'occasionale'"
at = ["intervento.carattere"]
message = { it = "Solo periodici.", en = "Recurrent ones only." }
hint = { it = "Di prova.", en = "A trial." }
verdict = "correct-folder"
source = "trial"
status = "stated"
"#;

fn family() -> &'static str {
    FLOW.split('/').next().unwrap()
}

/// The next version in `dir/next`: a rule more, a row less, another name for one code.
fn next_version(dir: &Path, valid_from: &str) {
    let to = |top: &str| dir.join(format!("next/{top}/{}/next", family()));
    for top in ["mappings", "schemas"] {
        for path in Embedded.list(&format!("{top}/{FLOW}")) {
            let target = to(top).join(path.strip_prefix(&format!("{top}/{FLOW}/")).unwrap());
            std::fs::create_dir_all(target.parent().unwrap()).unwrap();
            std::fs::write(target, Embedded.read(&path).unwrap()).unwrap();
        }
    }
    let change = |file: &str, change: &dyn Fn(&str) -> String| {
        let path = to("mappings").join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let changed = change(&text);
        assert_ne!(text, changed, "{file}");
        std::fs::write(path, changed).unwrap();
    };
    change("mapping.toml", &|text| {
        let old = text.lines().find(|line| line.starts_with("valid_from")).unwrap();
        let text = text.replacen(old, &format!("valid_from = \"{valid_from}\""), 1);
        let at = text.find("[[row]]\ntarget = \"Anagrafica/@CodiceSecondaCittadinanza\"").unwrap();
        let end = at + 5 + text[at + 5..].find("\n\n").unwrap();
        format!("{}{}", &text[..at], &text[end..])
    });
    change("rules.toml", &|text| format!("{text}{STRICT}"));
    change("codes/tipo_categoria.csv", &|text| {
        let line = text.lines().find(|line| line.starts_with("A1.04,")).unwrap();
        let mut cells: Vec<&str> = line.split(',').collect();
        cells[1] = "Un altro nome della prestazione";
        text.replace(line, &cells.join(","))
    });
}

fn no_value_of(folders: &[Value], text: &str) {
    for folder in folders {
        let person = &folder["persona"];
        for value in [&person["codice_fiscale"], &person["cognome"]] {
            assert!(!text.contains(value.as_str().unwrap()), "places and ids, never values");
        }
    }
}

#[test]
fn what_another_version_would_refuse_is_told_before_its_day_and_nothing_changes() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    next_version(at, "2030-01-01");
    configure(at, "unused.json", "flows = \"next\"");
    let folders = generated(70);
    write_lines(at, "folders.ndjson", &folders);
    raccordo(at, &["import", "folders.ndjson"]);
    let trace = || {
        let readiness = raccordo(at, &["--json", "readiness"]).out;
        readiness + &raccordo(at, &["--json", "audit", "verify"]).out
    };
    let before = trace();
    let asked = ["upgrade-impact", "--flow", family(), "--to", "next"];
    let told = raccordo(at, &[&["--json"], asked.as_slice()].concat()).exit(1);
    let text = told.out.clone();
    let (upgrade, impact) = (&told.json()["upgrade"], &told.json()["impact"]);
    assert_eq!(upgrade["takes_effect"], "2030-01-01");
    let row = "Flusso/Beneficiario/Anagrafica/@CodiceSecondaCittadinanza";
    assert_eq!(upgrade["rows"], json!({ "added": [], "removed": [row], "changed": [] }));
    assert_eq!(upgrade["rules"]["added"], json!(["prova-solo-periodici"]));
    assert_eq!(upgrade["codes"]["changed"][0]["name"], "tipo_categoria: A1.04");
    assert_eq!((&upgrade["targets"]["added"], &upgrade["definition"]["changed"]), (&json!([]), &json!([])));

    let changes = &impact["changes"];
    let (withheld, changed) =
        (changes["newly_withheld"].as_u64().unwrap(), changes["changed"].as_u64().unwrap());
    assert!(withheld > 10 && changed > 5 && changes["fixed"] == 0, "{changes}");
    let by = &impact["newly_withheld_by"]["prova-solo-periodici"];
    assert_eq!((&by["records"], &by["message"]["it"]), (&json!(withheld), &json!("Solo periodici.")));
    assert_eq!(by["places"], json!({ "Interventi › Carattere": withheld }));
    let first = &by["folders"][0];
    assert!(
        first["ente"] == "H501" && first["label"]["it"].as_str().unwrap().ends_with("› Carattere"),
        "{first}"
    );
    assert!(by["folders"].as_array().unwrap().len() <= 20);
    no_value_of(&folders, &text);
    let human = raccordo(at, &[&["--lang", "it"], asked.as_slice()].concat()).exit(1).out;
    assert!(human.contains("Solo periodici.") && human.contains("ora trattenuto"), "{human}");
    assert_eq!(trace(), before, "it writes nothing");

    raccordo(at, &["upgrade-impact", "--flow", family(), "--to", "none"]).refused("none");
    raccordo(at, &["upgrade-impact", "--flow", "none", "--to", "next"]).refused("none");
    raccordo(at, &["upgrade-impact", "--flow", family(), "--to", "2018-12"]).refused("in force");
    let back = [
        "--json",
        "upgrade-impact",
        "--flow",
        &format!("{}/next", family()),
        "--to",
        "2018-12",
        "--ente",
        "F205",
    ];
    let back = raccordo(at, &back).exit(0).json();
    assert_eq!((&back["upgrade"]["rows"]["added"], &back["impact"]["folders"]), (&json!([row]), &json!(0)));
}

#[test]
fn a_token_foresees_only_what_it_speaks_for() {
    let site = Site::open();
    let ask = |ente: Value| {
        let asked = json!({ "flow": FLOW, "to": "2018-12", "ente": ente });
        site.api_as(ROME, "POST", "/upgrade-impact", asked.to_string().as_bytes())
    };
    ask("F205".into()).problem(403);
    ask(Value::Null).problem(400);
    assert_eq!(site.api_as(ROME, "GET", "/coverage?ente=F205", b"").status, 403);
    let told = site.api_as(ROME, "GET", "/coverage", b"").good(200);
    assert!(!told["flows"].as_array().unwrap().is_empty());
    site.api("GET", "/coverage?flow=none", b"").problem(404);
}

fn open(dir: &Path, files: &dyn Files, clock: &Held) -> Gateway {
    let config = configure(dir, "unused.json", "");
    let settings = crate::ledgers::load(&config);
    let catalog = Catalog::load(files).unwrap_or_else(|defects| panic!("{defects:#?}"));
    Gateway::open(settings, catalog, Box::new(clock.clone())).unwrap()
}

fn records(gateway: &Gateway, folders: &[Value]) -> Vec<Record> {
    let of = |folder: &Value| {
        let row = gateway.books.folder("H501", folder["id"].as_str().unwrap()).unwrap().unwrap();
        gateway.books.records_of(row.id, "siuss").unwrap()
    };
    folders.iter().flat_map(of).collect()
}

fn made_by(gateway: &Gateway, folders: &[Value], version: &str) -> usize {
    let id = format!("{}/{version}", family());
    records(gateway, folders).iter().filter(|record| record.flow == id).count()
}

#[test]
fn on_its_day_a_version_maps_what_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    next_version(dir.path(), "2026-12-05");
    let clock = Held::at("2026-12-01T08:00:00Z");
    let gateway = open(dir.path(), &Overlay::new(dir.path().join("next")), &clock);
    let folders = generated(12);
    for folder in &folders {
        gateway.save_bytes(folder.to_string().as_bytes(), "test").unwrap();
    }
    let all = records(&gateway, &folders).len();
    clock.set("2026-12-04T22:59:00Z");
    node::tick(&gateway).unwrap();
    assert_eq!(made_by(&gateway, &folders, "2018-12"), all, "not before midnight in Rome");
    clock.set("2026-12-04T23:01:00Z");
    node::tick(&gateway).unwrap();
    assert_eq!(made_by(&gateway, &folders, "next"), all);
    let aside = |record: &&Record| record.desired == Desired::SetAside;
    assert!(records(&gateway, &folders).iter().filter(aside).count() > 0, "by its rules");
}

#[test]
fn a_version_that_comes_with_a_new_raccordo_maps_what_another_one_made() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Held::at("2026-12-01T08:00:00Z");
    let folders = generated(12);
    let gateway = open(dir.path(), &Embedded, &clock);
    for folder in &folders {
        gateway.save_bytes(folder.to_string().as_bytes(), "test").unwrap();
    }
    let all = records(&gateway, &folders).len();
    drop(gateway);
    // Installed before its day, and started again after it.
    next_version(dir.path(), "2026-12-05");
    let next = Overlay::new(dir.path().join("next"));
    let gateway = open(dir.path(), &next, &clock);
    gateway.note_versions().unwrap();
    node::tick(&gateway).unwrap();
    assert_eq!(made_by(&gateway, &folders, "2018-12"), all);
    clock.set("2026-12-05T08:00:00Z");
    node::tick(&gateway).unwrap();
    assert_eq!(made_by(&gateway, &folders, "next"), all);
    drop(gateway);
    // And back: the version is withdrawn, its day past.
    let gateway = open(dir.path(), &Embedded, &clock);
    gateway.note_versions().unwrap();
    node::tick(&gateway).unwrap();
    assert_eq!(made_by(&gateway, &folders, "next"), all, "one version only: `replay` maps again");
}
