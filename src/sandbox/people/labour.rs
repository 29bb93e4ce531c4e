//! Active labour policies of those whom poverty brought to the social service, and their consent.

use jiff::{ToSpan, civil::Date};
use serde_json::{Map, Value, json};

use super::person::Subject;
use super::prng::Prng;
use super::services::Profile;

/// The register of the labour side.
const REGISTER: &str = "lavoro-sap";

/// What an ente proposes beside a pact: kind, project, title.
const ACTIVITIES: [(&str, &str, &str); 4] = [
    ("A03", "05", "Orientamento specialistico"),
    ("C05", "02", "Laboratorio di ricerca attiva"),
    ("C07", "01", "Tirocinio di inclusione"),
    ("A03", "02", "Bilancio di competenze"),
];

/// Adds policies and consent to some of the adults of working age, to the others nothing.
pub fn add(prng: &mut Prng, subject: &Subject, folder: &mut Map<String, Value>) {
    let age = subject.today.year() - subject.born.year();
    let works = subject.profile == Profile::Poverty && (18..65).contains(&age);
    if !works || !folder.contains_key("persona") || !prng.chance(60) {
        return;
    }
    let number = subject.index;
    let pact = format!("PA-{number}-1");
    let proposed = subject.today.saturating_sub(prng.between(40, 400).days());
    let mut policies = vec![json!({
        "id": pact,
        "tipo_attivita": "A02",
        "progetto": "05",
        "titolo": "Patto di attivazione",
        "data_proposta": proposed.to_string(),
        "dal": proposed.to_string(),
        "indice_profiling": format!("0.{:09}", prng.between(0, 999_999_999)),
        "ultimo_evento": { "evento": "01", "data": proposed.to_string() },
    })];
    for more in 2..=*prng.pick(&[1, 2, 2, 3]) {
        policies.push(activity(prng, &format!("PA-{number}-{more}"), &pact, proposed));
    }
    folder.insert("politiche_attive".to_owned(), Value::Array(policies));
    consent(prng, subject, folder);
}

fn activity(prng: &mut Prng, id: &str, pact: &str, proposed: Date) -> Value {
    let (kind, project, title) = *prng.pick(&ACTIVITIES);
    let begin = proposed.saturating_add(prng.between(5, 30).days());
    let mut activity = json!({
        "id": id,
        "tipo_attivita": kind,
        "progetto": project,
        "titolo": title,
        "data_proposta": proposed.to_string(),
        "dal": begin.to_string(),
        "durata": prng.between(2, 12),
        "unita_durata": prng.pick(&["mesi", "ore", "giorni"]),
        "presa_in_carico": pact,
    });
    if prng.chance(30) {
        activity["al"] = json!(begin.saturating_add(prng.between(10, 180).days()).to_string());
    }
    if prng.chance(50) {
        activity["ultimo_evento"] = json!({ "evento": "02", "data": begin.to_string() });
    }
    activity
}

/// Most agree to the exchange; a few have refused.
fn consent(prng: &mut Prng, subject: &Subject, folder: &mut Map<String, Value>) {
    let day = subject.today.saturating_sub(prng.between(500, 900).days()).max(subject.born);
    let given = json!({ "destinatario": REGISTER, "dal": day.to_string(), "prestato": prng.chance(96) });
    match folder.get_mut("consensi").and_then(Value::as_array_mut) {
        Some(list) => list.push(given),
        None => drop(folder.insert("consensi".to_owned(), json!([given]))),
    }
}
