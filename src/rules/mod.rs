//! The authority's written business rules, as data: conditions that must hold
//! over a record before it is written, so that findings are born on folder places.
//!
//! Structure and facets belong to `schema`; what holds for any flow to `folder::checks`.

use crate::folder::finding::{Finding, Severity, Text, Verdict};
use crate::mapping::condition::Condition;
use crate::mapping::condition_parse::{self, Codes};
use crate::mapping::defect::Defects;
use crate::mapping::path::{Names, PathRef, Scope};
use crate::mapping::{Defect, Mapping};
use serde::Deserialize;
use toml::Spanned;

/// `rules.toml` as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesDocument {
    #[serde(default)]
    pub rule: Vec<Spanned<RuleTable>>,
}

/// One rule as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleTable {
    /// Stable id, in the field's words.
    pub id: String,
    pub severity: Severity,
    pub scope: RuleScope,
    /// The kind of record over which it is asked; all of them if absent.
    pub record: Option<String>,
    /// The rule is asked only where this holds.
    pub when: Option<String>,
    /// What must hold.
    pub check: String,
    /// Place of the finding: the first of these that is in the folder, else the last.
    pub at: Vec<String>,
    /// Place in the payload, relative to the record's element.
    pub payload: Option<String>,
    pub message: Text,
    pub hint: Text,
    pub verdict: Verdict,
    /// Clause of the authority's document.
    pub source: String,
    pub status: RuleStatus,
}

/// Over what a rule is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleScope {
    /// Once for each record.
    Record,
    /// Once for the folder.
    Person,
}

/// Whether the authority says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleStatus {
    Stated,
    /// Deduced, or another exporter's habit: may only warn.
    Inferred,
}

/// A compiled rule.
#[derive(Clone, Debug)]
pub struct Rule {
    pub table: RuleTable,
    when: Option<Condition>,
    check: Condition,
    at: Vec<PathRef>,
    /// The kind of record over which it is asked, by its index.
    pub record: Option<usize>,
    payload: Option<String>,
    /// Byte offset in `rules.toml`.
    pub offset: usize,
}

impl Rule {
    /// The finding, if the rule is asked here and does not hold.
    pub fn judge(&self, names: &Names, scope: &Scope<'_>) -> Option<Finding> {
        if self.when.as_ref().is_some_and(|when| !when.holds(scope)) || self.check.holds(scope) {
            return None;
        }
        let place = self.at.iter().find(|path| scope.has(path)).or(self.at.last());
        let table = &self.table;
        Some(Finding {
            rule: table.id.clone(),
            severity: table.severity,
            folder_path: place.map(|path| names.pointer(path, scope)).unwrap_or_default(),
            payload_path: self.payload.clone(),
            message: table.message.clone(),
            hint: table.hint.clone(),
            verdict: table.verdict,
            source: table.source.clone(),
        })
    }

    /// Every path that the rule reads or names.
    pub fn paths(&self) -> Vec<&PathRef> {
        let mut out: Vec<&PathRef> = self.at.iter().collect();
        self.check.paths(&mut out);
        if let Some(when) = &self.when {
            when.paths(&mut out);
        }
        out
    }
}

/// Compiles one `rules.toml` with the names of its mapping.
pub fn compile(file: &str, text: &str, mapping: &mut Mapping) -> Result<Vec<Rule>, Vec<Defect>> {
    let kinds: Vec<&str> = mapping.records.iter().map(|record| record.kind.as_str()).collect();
    compile_over(file, text, &mut mapping.names, &mapping.codes, &kinds)
}

/// Compiles one `rules.toml` over any names; `kinds` are those of its records, or of its lists.
pub fn compile_over(
    file: &str,
    text: &str,
    names: &mut Names,
    codes: &Codes,
    kinds: &[&str],
) -> Result<Vec<Rule>, Vec<Defect>> {
    let mut defects = Defects::new(file, text);
    let document: RulesDocument = match toml::from_str(text) {
        Ok(document) => document,
        Err(error) => {
            let offset = error.span().map_or(0, |span| span.start);
            defects.add(offset, "", error.message(), "see mappings/README.md");
            return Err(defects.found);
        }
    };
    let mut rules = Vec::new();
    for table in document.rule {
        let offset = table.span().start;
        let table = table.into_inner();
        let id = table.id.clone();
        match rule(table, offset, names, codes, kinds) {
            Ok(rule) => rules.push(rule),
            Err(message) => defects.add(offset, &id, message, "see mappings/README.md"),
        }
    }
    if defects.found.is_empty() { Ok(rules) } else { Err(defects.found) }
}

fn rule(
    table: RuleTable,
    offset: usize,
    names: &mut Names,
    codes: &Codes,
    kinds: &[&str],
) -> Result<Rule, String> {
    if table.status == RuleStatus::Inferred && table.severity == Severity::Withhold {
        return Err("an inferred rule may warn, never withhold".to_owned());
    }
    if table.at.is_empty() {
        return Err("`at` names no place".to_owned());
    }
    let kind = |kind: &String| {
        let known = kinds.iter().position(|known| known == kind);
        known.ok_or_else(|| format!("there is no kind of record `{kind}`"))
    };
    let record = table.record.as_ref().map(kind).transpose()?;
    let name = kinds.get(record.unwrap_or(0)).copied().unwrap_or_default();
    let payload = table.payload.as_ref().map(|path| format!("{name}/{path}"));
    let when = table.when.as_deref().map(|text| condition_parse::compile(text, names, codes)).transpose()?;
    let check = condition_parse::compile(&table.check, names, codes)?;
    let at = table.at.iter().map(|path| names.path(path)).collect::<Result<Vec<_>, _>>()?;
    Ok(Rule { table, when, check, at, record, payload, offset })
}
