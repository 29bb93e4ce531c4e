//! Flows whose record is an ente and a period: indicators, computed on request and sent nowhere by us.
//!
//! `check` is the static check, `books` the reconciliation, `protect` decides which numbers
//! are not published, and `report` puts together what is given out (JSON; `csv` writes the same as a table).

mod books;
mod check;
pub mod csv;
pub mod protect;
mod report;

pub use books::{BookLine, Books, Entry, RegisterTally, STATES, Same, Term};
pub use report::{About, Counted, Report};

use super::catalog::{allows, defect, load_codes};
use super::files::Files;
use crate::mapping::Defect;
use crate::mapping::aggregate::{Plan, compile};
use crate::mapping::value::iso_date;
use crate::schema::shape::Shape;
use crate::schema::{JsonSchema, SchemaProblem};
use jiff::civil::Date;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One version of an aggregate flow, ready to count.
pub struct AggregateFlow {
    id: String,
    pub plan: Plan,
    schema: JsonSchema,
    valid_from: Date,
    valid_to: Option<Date>,
    /// What no primary source confirms, in words.
    unverified: Vec<String>,
}

#[derive(Deserialize)]
struct Origin {
    #[serde(default)]
    facts: Vec<Fact>,
}

#[derive(Deserialize)]
struct Fact {
    what: String,
    status: String,
}

impl AggregateFlow {
    /// Loads and statically checks one flow.
    ///
    /// # Errors
    /// All its defects.
    pub(super) fn load(files: &dyn Files, id: &str, folder: &Shape) -> Result<Self, Vec<Defect>> {
        let one = |defect: Defect| vec![defect];
        let file = format!("mappings/{id}/mapping.toml");
        let text = files.text(&file).ok_or_else(|| one(defect(&file, "not readable as UTF-8")))?;
        let document = compile::read(&file, &text)?;
        let codes = load_codes(files, id)?;
        let plan = compile::compile(&file, &text, &document, &codes)?;
        let day = |text: &str| {
            iso_date(text).ok_or_else(|| one(defect(&file, &format!("`{text}` is not a date AAAA-MM-GG"))))
        };
        let valid_from = day(&plan.flow.valid_from)?;
        let valid_to = plan.flow.valid_to.as_deref().map(day).transpose()?;
        let path = format!("schemas/{id}/{}", plan.flow.schema);
        let schema = files.text(&path).ok_or_else(|| one(defect(&path, "the schema is missing")))?;
        let schema = JsonSchema::compile(&schema).map_err(|error| one(defect(&path, &error.to_string())))?;
        let origin = files.text(&format!("schemas/{id}/ORIGIN.toml")).unwrap_or_default();
        let facts = toml::from_str(&origin).map(|origin: Origin| origin.facts).unwrap_or_default();
        let unverified = facts.into_iter().filter(|fact| fact.status != "verified").map(|fact| fact.what);
        let unverified = unverified.collect();
        let flow = Self { id: id.to_owned(), plan, schema, valid_from, valid_to, unverified };
        let defects = check::flow(&flow, files, folder, &file, &text);
        if defects.is_empty() { Ok(flow) } else { Err(defects) }
    }

    /// `family/version`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The id without its version.
    pub fn family(&self) -> &str {
        self.id.rsplit_once('/').map_or(&self.id, |(family, _)| family)
    }

    pub fn version(&self) -> &str {
        self.id.rsplit_once('/').map_or("", |(_, version)| version)
    }

    /// Whether the version computes on a day.
    pub fn valid_on(&self, day: Date) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|last| day <= last)
    }

    /// First day on which it computes.
    pub const fn valid_from(&self) -> Date {
        self.valid_from
    }

    /// What no primary source confirms, in words.
    pub fn unverified(&self) -> &[String] {
        &self.unverified
    }

    /// The fewest persons of a published cell, by an ente's settings.
    ///
    /// # Errors
    /// The setting's name, when its value is not allowed.
    pub fn threshold(&self, settings: &BTreeMap<String, String>) -> Result<u64, String> {
        let name = &self.plan.threshold;
        let declared = self.plan.flow.settings.get(name).ok_or_else(|| name.clone())?;
        let value = settings.get(name).unwrap_or(&declared.default);
        let number = value.parse().ok().filter(|_| allows(declared, value));
        number.ok_or_else(|| name.clone())
    }

    /// All problems of what would be given out; empty = valid.
    pub fn validate(&self, document: &serde_json::Value) -> Vec<SchemaProblem> {
        self.schema.validate_value(document)
    }
}
