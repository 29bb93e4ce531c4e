//! What the generator promises: validity, determinism, difference, and defects where it says.

use std::collections::{BTreeMap, HashSet};

use super::*;
use crate::folder::checks::check;
use crate::folder::{FolderSchema, codice_fiscale, fields, money};
use jiff::civil::date;

const TODAY: Date = date(2026, 3, 17);

fn people(n: u64, seed: u64, rate: f64) -> Vec<Generated> {
    generate(n, seed, rate, &["H501", "F205", "M1234"], TODAY).collect()
}

/// FNV-1a of the text.
fn fingerprint(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn every_sound_folder_is_valid() {
    let schema = FolderSchema::embedded().unwrap();
    for generated in people(2000, 7, 0.0) {
        let text = generated.folder.to_string();
        let parsed = schema.parse(text.as_bytes());
        assert!(parsed.is_ok(), "{:#?}\n{text}", parsed.err());
        assert_eq!(check(&generated.folder), [], "{text}");
        assert!(generated.planted.is_empty());
    }
}

#[test]
fn the_same_seed_gives_the_same_people() {
    assert_eq!(people(50, 7, 0.3), people(80, 7, 0.3)[..50]);
    assert_ne!(people(50, 7, 0.3), people(50, 8, 0.3));
}

/// Whoever changes this number changes everybody's test data: on purpose only.
#[test]
fn people_stay_the_same_for_ever() {
    let (mut first, mut later) = (String::new(), String::new());
    for generated in people(200, 7, 0.3) {
        // Parts that came later have a stream of their own: they change nothing of the first ones.
        later.extend(generated.folder.get("casi_minore").map(ToString::to_string));
        first.push_str(&first_parts(&generated.folder).to_string());
    }
    assert_eq!(fingerprint(&first), FOR_EVER);
    assert_eq!(fingerprint(&later), CASES_FOR_EVER);
}

/// A folder as it was before there were children's cases, home care and labour policies in it.
fn first_parts(folder: &Value) -> Value {
    let mut folder = folder.clone();
    let Some(fields) = folder.as_object_mut() else { return folder };
    for part in ["politiche_attive", "assistenza_domiciliare", "casi_minore"] {
        fields.shift_remove(part);
    }
    if let Some(list) = fields.get_mut("consensi").and_then(Value::as_array_mut) {
        list.retain(|consent| consent["destinatario"] != "lavoro-sap");
        if list.is_empty() {
            fields.shift_remove("consensi");
        }
    }
    folder
}

#[test]
fn some_have_labour_policies() {
    let people = people(400, 7, 0.0);
    let with = people.iter().filter(|generated| generated.folder.get("politiche_attive").is_some()).count();
    assert!((60..200).contains(&with), "{with}");
}

const FOR_EVER: u64 = 13_711_088_446_421_826_998;
const CASES_FOR_EVER: u64 = 12_480_532_678_764_915_992;

#[test]
fn persons_and_protocols_are_unique() {
    let people = people(5000, 3, 0.2);
    let persons: HashSet<String> = people
        .iter()
        .filter_map(|generated| fields::person_key(&generated.folder))
        .map(crate::personal::Personal::into_exposed)
        .collect();
    assert_eq!(persons.len(), people.len());
    let interventions = || people.iter().flat_map(|generated| fields::interventions(&generated.folder));
    let ids: HashSet<&str> = interventions().map(|item| fields::text(item, "id")).collect();
    assert_eq!(ids.len(), interventions().count());
    let protocols: HashSet<&str> =
        interventions().filter_map(|item| item["protocollo_domanda"].as_str()).collect();
    assert_eq!(
        protocols.len(),
        interventions().filter(|item| item.get("protocollo_domanda").is_some()).count()
    );
}

#[test]
fn a_planted_defect_keeps_the_folder_readable() {
    let schema = FolderSchema::embedded().unwrap();
    let mut seen = BTreeMap::new();
    for generated in people(3000, 11, 1.0) {
        let [planted] = generated.planted.as_slice() else { panic!("not one defect") };
        *seen.entry(planted.rule.clone()).or_insert(0) += 1;
        assert!(schema.parse(generated.folder.to_string().as_bytes()).is_ok(), "{planted:?}");
        // A benefit that is there twice is told beside what follows from it.
        let told =
            check(&generated.folder).into_iter().filter(|finding| finding.rule != "prestazione-forse-doppia");
        let found: Vec<(String, String)> = told.map(|finding| (finding.rule, finding.folder_path)).collect();
        let ours = ["cf-carattere-controllo", "fine-prima-di-inizio"].contains(&planted.rule.as_str());
        let wanted = if ours { vec![(planted.rule.clone(), planted.path.clone())] } else { vec![] };
        assert_eq!(found, wanted, "{planted:?}");
    }
    assert_eq!(seen.len(), 23, "{seen:?}");
}

#[test]
fn the_rate_is_about_kept() {
    let faulty = people(4000, 5, 0.1).iter().filter(|generated| !generated.planted.is_empty()).count();
    assert!((300..500).contains(&faulty), "{faulty}");
}

#[test]
fn heavy_omocodia_reaches_the_day() {
    let people = people(2000, 11, 1.0);
    let heavy =
        people.iter().filter(|generated| generated.planted[0].rule == "persona-non-inviabile-omocodia");
    for generated in heavy {
        let code = fields::text(&generated.folder["persona"], "codice_fiscale");
        assert!(codice_fiscale::omocodia_level(code).unwrap() >= 4);
        assert!(code.as_bytes()[10].is_ascii_alphabetic());
    }
}

/// The registers' written rules that the folder schema cannot see.
#[test]
fn sound_interventions_are_complete() {
    for generated in people(2000, 19, 0.0) {
        for intervention in fields::interventions(&generated.folder) {
            let has = |field: &str| intervention.get(field).is_some();
            let code = fields::text(intervention, "codice");
            assert!(has("protocollo_domanda") && !has("denominazione"));
            assert_eq!(has("dsu"), fields::text(intervention, "prova_mezzi") == "isee");
            let is_periodic = fields::text(intervention, "carattere") == "periodico";
            assert_eq!(has("dal") && (has("importo_mensile") ^ has("importo_totale")), is_periodic);
            assert_eq!(has("data_erogazione") && has("importo"), !is_periodic);
            assert!(code != "A1.05.01" || has("data_evento"));
            let in_charge = fields::text(intervention, "presa_in_carico") == "si";
            assert!(in_charge || !("A2.16".."A2.30").contains(&code), "{code}");
            assert_eq!(in_charge, generated.folder.get("prese_in_carico").is_some());
            shares_sum(intervention);
            filed_before(&generated.folder, intervention);
        }
    }
}

/// The ISEE certificate was there when the benefit began.
fn filed_before(folder: &Value, intervention: &Value) {
    let Some(protocol) = intervention.get("dsu") else { return };
    let mut certificates = fields::items(folder, "isee").iter();
    let certificate = certificates.find(|held| held["protocollo_dsu"] == *protocol).unwrap();
    let begun = fields::date(intervention, "dal").or(fields::date(intervention, "data_erogazione"));
    assert!(fields::date(certificate, "data_dsu") <= begun);
    assert_eq!(protocol.as_str().map(str::len), Some(27));
}

fn shares_sum(intervention: &Value) {
    let amount = |field: &str| intervention.get(field).and_then(Value::as_str).and_then(money::parse);
    let Some(ente) = amount("quota_ente") else { return };
    let whole = amount("importo").or(amount("importo_mensile")).or(amount("importo_totale")).unwrap();
    let sum = ente + amount("quota_utente").unwrap_or_default() + amount("quota_ssn").unwrap_or_default();
    assert_eq!(sum, whole);
    assert!(ente > 0.into());
}

#[test]
fn the_variety_is_there() {
    let people = people(2000, 19, 0.0);
    let count = |wanted: &dyn Fn(&Value) -> bool| {
        people
            .iter()
            .flat_map(|generated| fields::interventions(&generated.folder))
            .filter(|item| wanted(item))
            .count()
    };
    let state = |name: &'static str| count(&move |item| fields::text(item, "stato") == name);
    assert!(["annullato", "pianificato", "attivo", "erogato"].into_iter().all(|name| state(name) > 10));
    let year = |item: &Value, field: &str| fields::date(item, field).map(Date::year);
    assert!(count(&|item| year(item, "al").is_some_and(|last| Some(last) > year(item, "dal"))) > 100);
    assert!(count(&|item| item.get("importo_totale").is_some()) > 50);
    assert!(count(&|item| item.get("quota_ssn").is_some()) > 50);
    let heavy = |generated: &&Generated| {
        codice_fiscale::omocodia_level(fields::text(&generated.folder["persona"], "codice_fiscale")) > Some(0)
    };
    assert!((10..100).contains(&people.iter().filter(heavy).count()));
}

#[test]
fn services_agree_with_the_groups_of_the_code_table() {
    use services::Profile::{Child, Disabled, Elderly, Poverty};
    for service in [Child, Poverty, Elderly, Disabled].into_iter().flat_map(services::of) {
        let within = |from: &str, to: &str| (from..=to).contains(&&service.code[..5]);
        let isee = within("A1.01", "A1.21") || within("A2.01", "A2.15") || within("A3.01", "A3.05");
        assert_eq!(service.isee, isee, "{}", service.code);
        assert_eq!(service.charge_only, within("A2.16", "A2.29"), "{}", service.code);
        assert!(!service.code.starts_with("A4") && !service.code.starts_with("A7"));
    }
}
