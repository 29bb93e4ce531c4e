//! SIAD (Ministry of Health): the step behind `mappings/siad-…`.
//!
//! A table looks at one value at a time; what holds for whole lists (periods that overlap, events
//! outside their period, re-assessments that say too much or too little) is looked at here. The
//! mapping's rules say what follows.

#[cfg(test)]
mod tests;

use jiff::civil::Date;
use serde_json::Value as Json;

use crate::mapping::step::{Step, StepField, StepInput};
use crate::mapping::value::{Value, iso_date};
use crate::schema::shape::Kind;

/// What this family registers.
pub const STEPS: &[&dyn Step] = &[&Examination];

/// Looks at one taking in charge as a whole.
pub struct Examination;

const fn yes_no(name: &'static str) -> StepField {
    StepField { name, kind: Kind::Boolean }
}

/// A taking in charge of which nothing is told for longer than this is noticed.
const QUIET_DAYS: i64 = 90;

const FIELDS: [StepField; 12] = [
    StepField { name: "ultimo", kind: Kind::Date },
    yes_no("sovrapposta"),
    yes_no("icd_prevalente"),
    yes_no("icd_concomitante"),
    yes_no("icd_rivalutazioni"),
    yes_no("conferma_ripetuta"),
    yes_no("rivalutazione_vuota"),
    yes_no("incompleta"),
    yes_no("fuori_periodo"),
    yes_no("sospensione_invertita"),
    yes_no("accesso_sospeso"),
    yes_no("inattiva"),
];

/// What an assessment must have; what is left out of this list is optional in the flow.
const ASSESSED: [&str; 37] = [
    "patologia_prevalente",
    "patologia_concomitante",
    "mobilita",
    "disturbi_cognitivi",
    "disturbi_comportamentali",
    "supporto_sociale",
    "fragilita_familiare",
    "rischio_infettivo",
    "rischio_sanguinamento",
    "drenaggio_posturale",
    "ossigenoterapia",
    "ventiloterapia",
    "tracheostomia",
    "alimentazione_assistita",
    "alimentazione_enterale",
    "alimentazione_parenterale",
    "gestione_stomia",
    "eliminazione",
    "sonno_veglia",
    "educazione_terapeutica",
    "lesioni_cute",
    "ulcere_primo_secondo",
    "ulcere_terzo_quarto",
    "prelievi_venosi",
    "ecg",
    "telemetria",
    "terapia_iniettiva",
    "gestione_catetere",
    "trasfusioni",
    "controllo_dolore",
    "trattamento_neurologico",
    "trattamento_motorio",
    "trattamento_mantenimento",
    "supervisione_continua",
    "assistenza_iadl",
    "assistenza_adl",
    "supporto_caregiver",
];

impl Step for Examination {
    fn name(&self) -> &'static str {
        "siad.presa"
    }

    fn fields(&self) -> &'static [StepField] {
        &FIELDS
    }

    fn reads(&self) -> &'static [&'static str] {
        &["dal", "regione", "asl", "valutazione", "rivalutazioni", "accessi", "sospensioni", "conclusione"]
    }

    fn run<'a>(&self, input: &StepInput<'_, 'a>) -> Vec<Vec<Value<'a>>> {
        let care = Care(input.item);
        let Some(last) = care.last() else { return Vec::new() };
        let findings = [
            care.overlaps(input.folder),
            has_code(&input.item["valutazione"], "patologia_prevalente"),
            has_code(&input.item["valutazione"], "patologia_concomitante"),
            care.assessed().all(|value| {
                ["patologia_prevalente", "patologia_concomitante"]
                    .iter()
                    .all(|name| value.get(name).is_none() || has_code(value, name))
            }),
            care.again().any(|item| text(item, "conferma") == "si" && item.get("valutazione").is_some()),
            care.again().any(|item| text(item, "conferma") == "no" && item.get("valutazione").is_none()),
            care.assessed().any(|value| ASSESSED.iter().any(|name| value.get(name).is_none())),
            care.strays(),
            care.suspensions().any(|item| day(item, "al").is_some_and(|end| Some(end) < day(item, "dal"))),
            care.visits_while_suspended(),
            care.is_quiet() && care.noticed().is_some_and(|day| day <= input.today),
        ];
        let mut values = vec![Value::Date(last)];
        values.extend(findings.map(Value::Boolean));
        vec![values]
    }

    fn look_again(&self, input: &StepInput<'_, '_>) -> Option<Date> {
        let care = Care(input.item);
        care.noticed().filter(|day| care.is_quiet() && *day > input.today)
    }
}

/// One taking in charge of the folder.
struct Care<'a>(&'a Json);

fn text<'a>(item: &'a Json, name: &str) -> &'a str {
    item[name].as_str().unwrap_or_default()
}

fn day(item: &Json, name: &str) -> Option<Date> {
    iso_date(text(item, name))
}

fn list<'a>(item: &'a Json, name: &str) -> impl Iterator<Item = &'a Json> + use<'a> {
    item[name].as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

impl<'a> Care<'a> {
    fn again(&self) -> impl Iterator<Item = &'a Json> + use<'a> {
        list(self.0, "rivalutazioni")
    }

    /// The assessments of re-assessments, as far as they are sent.
    fn assessed(&self) -> impl Iterator<Item = &'a Json> + use<'a> {
        let new = self.again().filter(|item| text(item, "conferma") == "no");
        new.filter_map(|item| item.get("valutazione"))
    }

    fn visits(&self) -> impl Iterator<Item = &'a Json> + use<'a> {
        list(self.0, "accessi")
    }

    fn suspensions(&self) -> impl Iterator<Item = &'a Json> + use<'a> {
        list(self.0, "sospensioni")
    }

    fn begin(&self) -> Option<Date> {
        day(self.0, "dal")
    }

    fn end(&self) -> Option<Date> {
        day(&self.0["conclusione"], "data")
    }

    /// The days of all events but begin and end.
    fn days(&self) -> impl Iterator<Item = Date> + use<'a> {
        let dated = self.again().chain(self.visits()).filter_map(|item| day(item, "data"));
        let of_suspension = |item: &'a Json| [day(item, "dal"), day(item, "al")].into_iter().flatten();
        dated.chain(self.suspensions().flat_map(of_suspension))
    }

    /// The day of the last event.
    fn last(&self) -> Option<Date> {
        self.days().chain(self.end()).chain(self.begin()).max()
    }

    fn strays(&self) -> bool {
        let outside = |day: Date| {
            self.begin().is_some_and(|begin| day < begin) || self.end().is_some_and(|end| day > end)
        };
        self.days().any(outside) || self.end() < self.begin() && self.end().is_some()
    }

    fn visits_while_suspended(&self) -> bool {
        let suspended = |visited: Date| {
            self.suspensions().any(|item| {
                // The first and the last day may have a visit yet.
                day(item, "dal").is_some_and(|from| from < visited)
                    && day(item, "al").is_none_or(|to| visited < to)
            })
        };
        self.visits().filter_map(|item| day(item, "data")).any(suspended)
    }

    fn is_quiet(&self) -> bool {
        self.visits().next().is_none() && self.suspensions().next().is_none()
    }

    /// The day from which silence is noticed.
    fn noticed(&self) -> Option<Date> {
        self.begin()?.checked_add(jiff::Span::new().days(QUIET_DAYS + 1)).ok()
    }

    /// Whether an earlier one of the same person and ASL is still open when this one begins.
    fn overlaps(&self, folder: &Json) -> bool {
        let all: Vec<&Json> = list(folder, "assistenza_domiciliare").collect();
        let own = all.iter().position(|other| std::ptr::eq(*other, self.0)).unwrap_or(all.len());
        let order = |index: usize, care: &Json| (day(care, "dal"), index);
        all.iter().enumerate().any(|(index, other)| {
            let earlier = order(index, other) < order(own, self.0) && index != own;
            let same = text(other, "stato") != "annullata" && place_of(other) == place_of(self.0);
            let open = Care(other).end().is_none_or(|end| Some(end) > self.begin());
            earlier && same && open
        })
    }
}

fn place_of(care: &Json) -> (&str, &str) {
    (text(care, "regione"), text(care, "asl"))
}

/// Whether a code of a disease is the three digits that the flow takes.
fn has_code(value: &Json, name: &str) -> bool {
    let code = text(value, name);
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit())
}
