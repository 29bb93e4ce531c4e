//! The same benefit in two folders is told to whoever speaks for both enti, and to nobody else.

use raccordo::folder::benefits::benefits;
use serde_json::{Value, json};

use crate::cli::{raccordo, write_lines};
use crate::serving::{ALL, ROME, Site, configure, generated};

/// A folder with a benefit, and the same one as another ente or under another id would keep it.
fn twins() -> (Value, impl Fn(&str, &str) -> Value) {
    let folder = generated(30).into_iter().find(|folder| !benefits(folder).is_empty()).expect("a benefit");
    let again = folder.clone();
    let twin = move |ente: &str, id: &str| {
        let mut twin = again.clone();
        (twin["ente"], twin["id"]) = (ente.into(), id.into());
        twin
    };
    (folder, twin)
}

fn put(site: &Site, token: &str, folder: &Value) -> Value {
    let path = format!("/folders/{}", folder["id"].as_str().unwrap());
    let answer = site.api_as(token, "PUT", &path, folder.to_string().as_bytes());
    assert!(answer.status == 201 || answer.status == 200, "{}", answer.text());
    answer.json()
}

fn warned(answer: &Value) -> usize {
    let findings = answer["findings"].as_array().unwrap().iter();
    findings.filter(|row| row["finding"]["rule"] == "prestazione-in-altra-cartella").count()
}

#[test]
fn a_benefit_in_two_enti_is_told_to_whoever_speaks_for_both() {
    let site = Site::open();
    let (folder, twin) = twins();
    let id = folder["id"].as_str().unwrap();
    let here = format!("/folders/{id}?ente=H501");
    let count = benefits(&folder).len();
    assert_eq!(warned(&put(&site, ALL, &folder)), 0);
    let mut other = twin("F205", "ALTRA-1");
    let saved = put(&site, ALL, &other);
    assert_eq!(warned(&saved), count, "{saved}");
    let text = saved.to_string();
    assert!(text.contains(id) && text.contains("H501"));
    assert!(!text.contains(folder["persona"]["codice_fiscale"].as_str().unwrap()));

    let shown = |token: &str| warned(&site.api_as(token, "GET", &here, b"").good(200));
    assert_eq!((shown(ALL), shown(ROME)), (count, 0), "who speaks for one ente learns nothing of the other");
    assert_eq!(warned(&put(&site, ROME, &folder)), 0);
    let all = |token: &str| {
        let told = site.api_as(token, "GET", "/duplicates", b"").good(200);
        told["duplicates"].as_array().unwrap().clone()
    };
    assert_eq!((all(ALL).len(), all(ROME).len()), (count, 0));
    assert_eq!(all(ALL)[0]["other_folder_id"], "ALTRA-1");
    assert_eq!(site.api("GET", "/duplicates?limit=0", b"").good(200)["duplicates"], json!([]));
    let stored = site.gateway.books.findings("H501", id).unwrap();
    assert!(stored.iter().all(|(_, finding)| !finding.contains("altra-cartella")), "stored nowhere");

    // A second folder of the same ente is that ente's own affair.
    put(&site, ROME, &twin("H501", "DOPPIA-1"));
    assert_eq!((shown(ROME), shown(ALL), all(ROME).len()), (count, 2 * count, count));
    for intervention in other["interventi"].as_array_mut().unwrap() {
        intervention["stato"] = "annullato".into();
    }
    put(&site, ALL, &other);
    assert_eq!(shown(ALL), count, "made anew at each look");
}

#[test]
fn other_people_codes_and_days_do_not_meet() {
    let site = Site::open();
    let (folder, twin) = twins();
    put(&site, ALL, &folder);
    let mut stranger = twin("F205", "ALTRA-1");
    let born = stranger["persona"].as_object_mut().unwrap();
    born.remove("codice_fiscale");
    born.insert("codice_stp".into(), "STP0301000000001".into());
    assert_eq!(warned(&put(&site, ALL, &stranger)), 0);
    let mut later = twin("F205", "ALTRA-2");
    for intervention in later["interventi"].as_array_mut().unwrap() {
        let ends = if intervention.get("dal").is_some() { "al" } else { "data_evento" };
        for field in ["dal", "data_erogazione", "data_evento"] {
            if intervention.get(field).is_some() {
                intervention[field] = "1999-01-01".into();
            }
        }
        intervention[ends] = "1999-01-01".into();
    }
    assert_eq!(warned(&put(&site, ALL, &later)), 0);
}

#[test]
fn a_benefit_twice_in_one_folder_is_a_finding_and_the_command_lists_pairs_of_folders() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    configure(at, "unused.json", "");
    let (folder, twin) = twins();
    let mut twice = twin("H501", "DOPPIA-1");
    let list = twice["interventi"].as_array_mut().unwrap();
    let mut again = list[benefits(&folder)[0].index].clone();
    again["id"] = "ANCORA".into();
    list.push(again);
    write_lines(at, "folders.ndjson", std::slice::from_ref(&folder));
    raccordo(at, &["import", "folders.ndjson"]);
    assert!(raccordo(at, &["duplicates"]).exit(0).out.contains("No benefit"));
    write_lines(at, "folders.ndjson", &[twice]);
    raccordo(at, &["import", "folders.ndjson"]);
    let readiness = raccordo(at, &["--json", "readiness"]).out;
    assert!(readiness.contains("prestazione-forse-doppia"), "{readiness}");
    let said = raccordo(at, &["--lang", "it", "duplicates"]).exit(1).out;
    assert!(said.contains("altra cartella") && said.contains("DOPPIA-1"), "{said}");
}

/// An installation that tells a second register of the interventions, by a flow of its own.
fn findings_with(change: &dyn Fn(String) -> String) -> String {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let today = raccordo::gateway::Clock::today(&raccordo::gateway::SystemClock).to_string();
    raccordo(at, &["new-flow", "registro-prova", "1", "--dir", "own", "--valid-from", &today]).exit(0);
    let mapping = at.join("own/mappings/registro-prova/1/mapping.toml");
    let text = std::fs::read_to_string(&mapping).unwrap();
    std::fs::write(&mapping, change(text)).unwrap();
    let config = configure(at, "unused.json", "flows = \"own\"");
    let route = "[[route]]\nid = \"prova\"\nregister = \"registro-prova\"\nchannel = \"file\"\nenti = [\"H501\"]\n\
                 outbox = \"out\"\n";
    std::fs::write(&config, std::fs::read_to_string(&config).unwrap() + route).unwrap();
    write_lines(at, "folders.ndjson", &generated(30));
    raccordo(at, &["import", "folders.ndjson"]);
    raccordo(at, &["--json", "readiness"]).out
}

#[test]
fn an_intervention_told_differently_to_two_registers_is_a_finding() {
    let rule = "registri-discordanti";
    let usual = findings_with(&|text| text);
    assert!(usual.contains("registro-prova/1") && !usual.contains(rule), "{usual}");
    let withdrawn = findings_with(&|text| {
        text.replace("['attivo', 'erogato']", "['attivo']").replace("== 'annullato'", "== 'erogato'")
    });
    assert!(withdrawn.contains(rule), "{withdrawn}");
    assert!(withdrawn.contains("siuss") && withdrawn.contains("registro-prova"), "{withdrawn}");
}
