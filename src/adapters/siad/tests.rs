//! What the examination sees in a list, each trap by itself.

use std::collections::BTreeMap;

use jiff::civil::date;
use serde_json::json;

use super::*;

fn examined(folder: &Json, index: usize) -> BTreeMap<&'static str, bool> {
    let settings = BTreeMap::new();
    let item = &folder["assistenza_domiciliare"][index];
    let input = StepInput { item, folder, today: date(2026, 3, 1), settings: &settings };
    let values = Examination.run(&input).remove(0);
    let yes = |value: &Value<'_>| *value == Value::Boolean(true);
    FIELDS.iter().zip(&values).map(|(field, value)| (field.name, yes(value))).collect()
}

fn care(id: &str, from: &str, more: Json) -> Json {
    let mut care = json!({ "id": id, "stato": "attiva", "dal": from, "regione": "180", "asl": "201" });
    for (name, value) in more.as_object().unwrap() {
        care[name] = value.clone();
    }
    care
}

#[test]
fn only_the_later_of_two_open_ones_overlaps() {
    let overlap = |second: Json, first: Json| {
        let folder = json!({ "assistenza_domiciliare": [second, first] });
        (examined(&folder, 0)["sovrapposta"], examined(&folder, 1)["sovrapposta"])
    };
    let ended = |day: &str| json!({ "conclusione": { "data": day, "motivo": "altro" } });
    let later = || care("2", "2026-02-01", json!({}));
    assert_eq!(overlap(later(), care("1", "2026-01-01", json!({}))), (true, false));
    assert_eq!(overlap(later(), care("1", "2026-01-01", ended("2026-02-02"))), (true, false));
    assert_eq!(overlap(later(), care("1", "2026-01-01", ended("2026-02-01"))), (false, false));
    assert_eq!(overlap(later(), care("1", "2026-01-01", json!({ "asl": "202" }))), (false, false));
    assert_eq!(overlap(later(), care("1", "2026-01-01", json!({ "stato": "annullata" }))), (false, false));
}

#[test]
fn events_are_dated_and_held_against_their_period() {
    let events = |more: Json| json!({ "assistenza_domiciliare": [care("1", "2026-01-10", more)] });
    let visit = |day: &str| json!({ "accessi": [{ "data": day }] });
    assert!(!examined(&events(visit("2026-01-10")), 0)["fuori_periodo"]);
    assert!(examined(&events(visit("2026-01-09")), 0)["fuori_periodo"]);
    let suspended = json!({
        "accessi": [{ "data": "2026-01-20" }],
        "sospensioni": [{ "dal": "2026-01-15", "motivo": "hospice" }],
    });
    assert!(examined(&events(suspended), 0)["accesso_sospeso"]);
    let settings = BTreeMap::new();
    let folder = events(json!({ "sospensioni": [{ "dal": "2026-01-15", "al": "2026-05-01" }] }));
    let item = &folder["assistenza_domiciliare"][0];
    let input = StepInput { item, folder: &folder, today: date(2026, 3, 1), settings: &settings };
    assert_eq!(Examination.run(&input)[0][0].date(), Some(date(2026, 5, 1)));
}

#[test]
fn what_is_missing_in_a_new_assessment_is_seen() {
    let again = |more: Json| {
        let folder = json!({ "assistenza_domiciliare": [care("1", "2026-01-10", json!({ "rivalutazioni": [more] }))] });
        examined(&folder, 0)
    };
    assert!(again(json!({ "conferma": "no" }))["rivalutazione_vuota"]);
    assert!(again(json!({ "conferma": "si", "valutazione": {} }))["conferma_ripetuta"]);
    let partial = again(json!({ "conferma": "no", "valutazione": { "patologia_prevalente": "428.0" } }));
    assert!(partial["incompleta"] && !partial["icd_rivalutazioni"]);
}
