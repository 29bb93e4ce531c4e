//! One intervention of a person, complete by the written rules of the national registers.

use jiff::{ToSpan, civil::Date};
use serde_json::{Map, Value, json};

use super::person::Subject;
use super::prng::Prng;
use super::services::{Profile, Service};

/// Id of the one assessment that a folder in charge for disability holds.
pub const ASSESSMENT: &str = "VAL-1";

/// Days back from today within which services begin.
const OLDEST_DAYS: i64 = 1150;

/// Fields of an intervention under construction.
pub type Fields = Map<String, Value>;

/// Builds intervention `number` (from 1) of a person; adds the ISEE certificate it needs.
pub fn build(
    prng: &mut Prng,
    subject: &Subject,
    service: &Service,
    number: usize,
    isee: &mut Vec<Value>,
) -> Fields {
    let day = subject.today.saturating_sub(prng.between(40, OLDEST_DAYS).days());
    // Whole months only: whether a broken one counts is a setting, and no defect of the folder.
    let start = if service.periodic { day.first_of_month() } else { day };
    let mut fields = Fields::new();
    put(&mut fields, "id", format!("INT-{:07}-{number}", subject.index));
    put(&mut fields, "stato", "erogato");
    put(&mut fields, "codice", service.code);
    put(&mut fields, "protocollo_domanda", format!("{}/{:07}-{number}", start.year(), subject.index));
    put(&mut fields, "carattere", if service.periodic { "periodico" } else { "occasionale" });
    means_test(prng, service, start, subject.index, &mut fields, isee);
    if service.periodic {
        periodic(prng, service, start, subject.today, &mut fields);
    } else {
        occasional(prng, service, start, &mut fields);
    }
    put(&mut fields, "presa_in_carico", if subject.in_charge { "si" } else { "no" });
    if needs_assessment(subject) {
        put(&mut fields, "valutazione", ASSESSMENT);
    }
    fields
}

/// Whether the person's interventions must refer to an assessment.
pub fn needs_assessment(subject: &Subject) -> bool {
    subject.in_charge && matches!(subject.profile, Profile::Disabled | Profile::Elderly)
}

pub fn put(fields: &mut Fields, field: &str, value: impl Into<Value>) {
    fields.insert(field.to_owned(), value.into());
}

fn means_test(
    prng: &mut Prng,
    service: &Service,
    start: Date,
    index: u64,
    fields: &mut Fields,
    isee: &mut Vec<Value>,
) {
    let test = match (service.isee, prng.chance(88)) {
        (true, true) => "isee",
        (true, false) => "sottratta",
        (false, true) => "nessuna",
        (false, false) => "altra",
    };
    put(fields, "prova_mezzi", test);
    if test == "isee" {
        put(fields, "dsu", certificate(prng, start, index, isee));
    }
}

/// Protocol of an ISEE certificate filed before the start: one of the folder's, else a new one.
fn certificate(prng: &mut Prng, start: Date, index: u64, isee: &mut Vec<Value>) -> String {
    let filed = start.saturating_sub(prng.between(3, 60).days());
    let year = filed.year().to_string();
    let first_day = start.to_string();
    let known = isee.iter().find(|held| {
        held["anno_dsu"] == year.as_str()
            && held["data_dsu"].as_str().is_some_and(|day| day <= first_day.as_str())
    });
    if let Some(protocol) = known.and_then(|held| held["protocollo_dsu"].as_str()) {
        return protocol.to_owned();
    }
    let letter = char::from(b'A' + prng.between(0, 25) as u8);
    let protocol = format!("INPS-ISEE-{year}-{:08}{letter}-{:02}", index % 100_000_000, isee.len());
    isee.push(json!({
        "protocollo_dsu": protocol,
        "anno_dsu": year,
        "data_dsu": filed.to_string(),
        "valore": euro(prng.between(0, 1_450_000)),
        "scadenza": format!("{year}-12-31"),
    }));
    protocol
}

fn occasional(prng: &mut Prng, service: &Service, day: Date, fields: &mut Fields) {
    if service.code == "A1.05.01" || prng.chance(10) {
        put(fields, "data_evento", day.saturating_sub(prng.between(5, 30).days()).to_string());
    }
    put(fields, "data_erogazione", day.to_string());
    let cents = amount(prng, service);
    put(fields, "importo", euro(cents));
    shares(prng, cents, fields);
}

fn periodic(prng: &mut Prng, service: &Service, start: Date, today: Date, fields: &mut Fields) {
    put(fields, "dal", start.to_string());
    let cents = amount(prng, service);
    let is_open = prng.chance(35);
    let months = prng.between(1, 30);
    let end = start.saturating_add(months.months()).saturating_sub(1.days());
    if !is_open {
        put(fields, "al", end.to_string());
    }
    if is_open || end > today {
        put(fields, "stato", "attivo");
    }
    if !is_open && end <= today && prng.chance(25) {
        let total = cents * months + prng.between(0, 99);
        put(fields, "importo_totale", euro(total));
        shares(prng, total, fields);
    } else {
        put(fields, "importo_mensile", euro(cents));
        shares(prng, cents, fields);
    }
    if service.hours {
        put(fields, "minuti_mensili", prng.between(8, 160) * 15);
    }
    if prng.chance(20) {
        put(fields, "quota_richiesta", euro(cents + prng.between(0, 5000)));
        put(fields, "soglia_isee", euro(prng.between(6, 25) * 100_000));
    }
}

fn amount(prng: &mut Prng, service: &Service) -> i64 {
    prng.between(service.euro.0 * 100, service.euro.1 * 100)
}

/// In half of the cases, who pays what: to the cent, ente and health service never nothing.
fn shares(prng: &mut Prng, cents: i64, fields: &mut Fields) {
    if prng.chance(50) {
        return;
    }
    let ente = cents * prng.between(40, 80) / 100;
    let health = if prng.chance(30) { (cents - ente) * prng.between(30, 100) / 100 } else { 0 };
    put(fields, "quota_ente", euro(ente));
    put(fields, "quota_utente", euro(cents - ente - health));
    if health > 0 {
        put(fields, "quota_ssn", euro(health));
    }
}

/// Decimal text of cents.
pub fn euro(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
