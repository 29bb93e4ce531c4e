//! Generated people: synthetic folders, the same for the same seed for ever, with known defects if asked.
//!
//! Without defects every folder is valid by the written rules of the registers. No one of these people exists.

mod prng;
mod names;
mod places;
mod services;
mod person;
mod intervention;
mod history;
mod care;
mod labour;
mod children;
mod defect;

use jiff::{ToSpan, civil::Date};
use serde_json::{Map, Value, json};

use defect::{DEFECTS, Defect};
use person::Subject;
use prng::Prng;
use services::Service;

/// A defect put into a folder on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planted {
    /// Id of the rule that must find it.
    pub rule: String,
    /// JSON pointer at which it must be found.
    pub path: String,
}

/// A generated folder and what is wrong with it: nothing, or one defect.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    pub folder: Value,
    pub planted: Vec<Planted>,
}

/// Generates `n` folders, spread over `enti` (codes such as `H501`; none means `H501`).
///
/// About `faulty_rate` (0 to 1) of them carry one defect. Folder `i` depends on seed, `i`, the enti, the rate and
/// `today` only, so a longer generation begins like a shorter one. Up to 8 million persons are different from
/// one another.
pub fn generate(
    n: u64,
    seed: u64,
    faulty_rate: f64,
    enti: &[&str],
    today: Date,
) -> impl Iterator<Item = Generated> + use<> {
    let mut enti: Vec<String> = enti.iter().map(|&ente| ente.to_owned()).collect();
    if enti.is_empty() {
        enti.push("H501".to_owned());
    }
    (0..n).map(move |index| one(index, seed, faulty_rate, &enti, today))
}

fn one(index: u64, seed: u64, faulty_rate: f64, enti: &[String], today: Date) -> Generated {
    let mut prng = Prng::new(seed, index);
    let mut faults = Prng::new(seed ^ 0x0FA1_17ED, index);
    let defect = (faults.unit() < faulty_rate).then(|| faults.pick(&DEFECTS));
    let wish = defect.and_then(Defect::profile);
    let (subject, person) = person::draw(&mut prng, seed, index, today, wish);
    let ente: &String = faults.pick(enti);
    let mut folder = sound(&mut prng, &subject, person, ente);
    // A stream of its own: what was generated before there were consents stays the same.
    history::consent(&mut Prng::new(seed ^ 0x0C04_5E47, index), &subject, &mut folder);
    labour::add(&mut Prng::new(seed ^ 0x1A80_0E5A, index), &subject, &mut folder);
    care::add(&mut Prng::new(seed ^ 0x0CA2_E501, index), &subject, ente, &mut folder);
    children::add(&mut Prng::new(seed ^ 0x00C4_11D5, index), &subject, &mut folder);
    let planted = defect.map(|defect| defect::plant(&mut faults, &subject, defect, &mut folder));
    Generated { folder: Value::Object(folder), planted: planted.into_iter().collect() }
}

/// A folder without defects.
fn sound(prng: &mut Prng, subject: &Subject, person: Value, ente: &str) -> Map<String, Value> {
    let mut folder = Map::new();
    folder.insert("schema".to_owned(), json!("1"));
    folder.insert("id".to_owned(), json!(format!("CS-{:07}", subject.index)));
    folder.insert("ente".to_owned(), json!(ente));
    if prng.chance(50) {
        folder.insert("versione".to_owned(), json!(prng.between(1, 9)));
    }
    folder.insert("persona".to_owned(), person);
    history::add(prng, subject, ente, &mut folder);
    let (isee, interventions) = interventions(prng, subject);
    if !isee.is_empty() {
        folder.insert("isee".to_owned(), Value::Array(isee));
    }
    folder.insert("interventi".to_owned(), Value::Array(interventions));
    folder
}

/// ISEE certificates and one to four interventions; the first is always alive.
fn interventions(prng: &mut Prng, subject: &Subject) -> (Vec<Value>, Vec<Value>) {
    let services: Vec<&Service> = services::of(subject.profile)
        .iter()
        .filter(|service| subject.in_charge || !service.charge_only)
        .collect();
    let mut isee = Vec::new();
    let mut list = Vec::new();
    for number in 1..=*prng.pick(&[1, 1, 1, 2, 2, 3, 4]) {
        let service = *prng.pick(&services);
        let mut fields = intervention::build(prng, subject, service, number, &mut isee);
        if number > 1 {
            unusual_state(prng, subject, service, &mut fields);
        }
        list.push(Value::Object(fields));
    }
    (isee, list)
}

/// Now and then an intervention is annulled, or only planned for the next weeks.
fn unusual_state(prng: &mut Prng, subject: &Subject, service: &Service, fields: &mut intervention::Fields) {
    if prng.chance(8) {
        intervention::put(fields, "stato", "annullato");
    } else if service.periodic && !fields.contains_key("importo_totale") && prng.chance(6) {
        intervention::put(fields, "stato", "pianificato");
        intervention::put(
            fields,
            "dal",
            subject.today.saturating_add(prng.between(5, 60).days()).to_string(),
        );
        fields.shift_remove("al");
    }
}

#[cfg(test)]
mod tests;
