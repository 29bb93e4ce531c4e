//! What surrounds the interventions: residences, assessments, certificates, taking in charge, plan, consents.

use jiff::{ToSpan, civil::Date};
use serde_json::{Map, Value, json};

use super::intervention::{ASSESSMENT, needs_assessment};
use super::person::Subject;
use super::places::{COMUNI, STATES};
use super::prng::Prng;
use super::services::Profile;

/// Needs that other exporters know, for assessments.
const NEEDS: [&str; 8] = ["A1.10", "A1.11", "A1.12", "A1.16", "A2.07", "A2.08", "A2.14", "A3.02"];

/// Days back from today before every service has begun.
const BEFORE_ALL_DAYS: i64 = 1250;

/// Adds everything but person, ISEE certificates and interventions.
pub fn add(prng: &mut Prng, subject: &Subject, ente: &str, folder: &mut Map<String, Value>) {
    let mut put = |field: &str, value: Value| folder.insert(field.to_owned(), value);
    put("residenze", residences(prng, subject, ente));
    if prng.chance(80) {
        put("nucleo", json!({"componenti": prng.between(1, 7)}));
    }
    put("fragilita", frailties(subject.profile));
    if subject.profile == Profile::Disabled {
        put("certificazioni", certificates(prng, subject));
    }
    if needs_assessment(subject) {
        put("valutazioni", json!([assessment(prng, subject)]));
    }
    if subject.in_charge {
        put("prese_in_carico", charges(prng, subject));
        put("piano", plan(prng, subject));
    }
    if prng.chance(20) {
        let given = json!({"destinatario": "fse", "dal": before(subject, 30), "prestato": prng.chance(85)});
        put("consensi", json!([given]));
    }
    if prng.chance(30) {
        let year = subject.today.year() - 1;
        put("completa_per", json!([{"dal": format!("{year}-01-01"), "al": format!("{year}-12-31")}]));
    }
}

/// The register of the health side, whose records need the person's consent.
const CONSENT_REGISTER: &str = "fse-sociale";

/// Most people agree to the exchange with the health side; a few have refused, or never answered.
pub fn consent(prng: &mut Prng, subject: &Subject, folder: &mut Map<String, Value>) {
    if prng.chance(4) {
        return;
    }
    let given = json!({
        "destinatario": CONSENT_REGISTER, "dal": before(subject, 20), "prestato": prng.chance(97),
    });
    match folder.get_mut("consensi").and_then(Value::as_array_mut) {
        Some(list) => list.push(given),
        None => drop(folder.insert("consensi".to_owned(), json!([given]))),
    }
}

/// A day well before every service.
fn before(subject: &Subject, more_days: i64) -> String {
    let day = subject.today.saturating_sub((BEFORE_ALL_DAYS + more_days).days());
    day.max(subject.born).to_string()
}

fn residences(prng: &mut Prng, subject: &Subject, ente: &str) -> Value {
    let home = COMUNI.iter().find(|comune| comune.belfiore == ente).unwrap_or_else(|| prng.pick(&COMUNI));
    let here = |from: String| json!({"dal": from, "nazione": "380", "comune": home.istat});
    if prng.chance(25) {
        let elsewhere =
            json!({"dal": subject.born.to_string(), "nazione": "380", "comune": prng.pick(&COMUNI).istat});
        return json!([elsewhere, here(moved(prng, subject).to_string())]);
    }
    if prng.chance(1) {
        return json!([{"dal": subject.born.to_string(), "nazione": prng.pick(&STATES).iso}]);
    }
    json!([here(subject.born.to_string())])
}

/// A day between birth and today.
fn moved(prng: &mut Prng, subject: &Subject) -> Date {
    let months = prng.between(1, i64::from(subject.today.year() - subject.born.year()) * 12 - 12);
    subject.born.saturating_add(months.months())
}

fn frailties(profile: Profile) -> Value {
    match profile {
        Profile::Child => json!(["minore"]),
        Profile::Poverty => json!(["poverta"]),
        Profile::Elderly => json!(["anziano"]),
        Profile::Disabled => json!(["disabile", "non_autosufficiente"]),
    }
}

fn certificates(prng: &mut Prng, subject: &Subject) -> Value {
    let source = if prng.chance(80) { "verificata" } else { "dichiarata" };
    let kind =
        *prng.pick(&["invalidita_parziale_75", "invalidita_totale_accompagnamento", "invalidita_totale"]);
    let mut list = vec![json!({"tipo": kind, "dal": before(subject, 300), "fonte": source})];
    if prng.chance(50) {
        let law = *prng.pick(&["l104_art3_c1", "l104_art3_c3"]);
        list.push(json!({"tipo": law, "dal": before(subject, 200), "fonte": source}));
    }
    Value::Array(list)
}

fn assessment(prng: &mut Prng, subject: &Subject) -> Value {
    let mut assessment = json!({
        "id": ASSESSMENT,
        "data": before(subject, 10),
        "mobilita": prng.pick(&["da_solo", "assistito", "non_si_sposta"]),
        "vita_quotidiana": prng.pick(&["autonomo", "parzialmente_dipendente", "totalmente_dipendente"]),
        "disturbi_comportamentali": prng.pick(&["assenti", "presenti"]),
        "area_reddituale": prng.pick(&["autonomo", "aiuto_parenti", "bisogno_senza_aiuti"]),
        "area_supporto": prng.pick(&["presenza", "parziale", "assenza"]),
        "fonte": prng.pick(&["uvm", "cartella_sociale", "altra_documentazione", "raccolta_diretta"]),
        "strumento": prng.pick(&["svama", "aged", "rug", "sosia", "schema_polare", "valgraf", "altro"]),
    });
    if prng.chance(50) {
        assessment["area_cognitiva"] = json!(prng.pick(&["lievi", "moderati", "gravi"]));
    }
    if prng.chance(50) {
        assessment["cure_sanitarie"] = json!(prng.pick(&["bassa", "media", "alta"]));
    }
    if prng.chance(60) {
        let first = prng.between(0, 6) as usize;
        assessment["bisogni"] = json!(NEEDS[first..first + prng.between(1, 2) as usize]);
    }
    assessment
}

fn charges(prng: &mut Prng, subject: &Subject) -> Value {
    let area = match subject.profile {
        Profile::Child => "famiglia_minori",
        Profile::Poverty => "poverta_esclusione",
        Profile::Elderly | Profile::Disabled => "disabilita_non_autosufficienza",
    };
    let current = json!({"dal": before(subject, 0), "area": area});
    if subject.profile != Profile::Child && prng.chance(15) {
        let earlier =
            json!({"dal": before(subject, 900), "al": before(subject, 100), "area": "poverta_esclusione"});
        return json!([earlier, current]);
    }
    json!([current])
}

fn plan(prng: &mut Prng, subject: &Subject) -> Value {
    let outcome = prng.pick(&["raggiunto", "parziale", "non_raggiunto"]);
    let aim =
        json!({"codice": "OB-1", "descrizione": "Restare nel proprio contesto di vita", "esito": outcome});
    json!({"data": before(subject, 0), "obiettivi": [aim]})
}
