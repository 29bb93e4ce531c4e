//! Consistency: what one folder tells two registers of the same intervention, and the same benefit
//! recorded in two folders. Both only warn: a person looks. See `docs/adr/0013`.

use std::collections::HashMap;

use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Value, json};

use super::Gateway;
use crate::exchange::{Desired, DesiredSet, Ledger, LedgerError};
use crate::folder::benefits::benefits;
use crate::folder::finding::{Finding, Severity, Text, Verdict};
use crate::folder::{Folder, fields};
use crate::ledger::books::{BenefitRow, DuplicateRow};
use crate::ledger::{FindingRow, Tx};

/// What one flow makes of a folder, for its register.
pub(super) struct Told<'t> {
    pub register: &'t str,
    pub flow: &'t str,
    pub set: &'t DesiredSet,
}

/// Interventions of which two registers would be told different things, as findings of the later flow.
///
/// `held_back` are the sources that a register holds in an older state, which findings keep from
/// being replaced.
pub(super) fn told_differently(told: &[Told<'_>], ids: &[String], held_back: &[HeldBack]) -> Vec<FindingRow> {
    let mut found = Vec::new();
    for (index, id) in ids.iter().enumerate() {
        let place = format!("/interventi/{index}");
        for (at, one) in told.iter().enumerate() {
            for other in &told[..at] {
                if contradict(one.set, other.set, id) || contradict(other.set, one.set, id) {
                    found.push(finding(one, &place, other.register, one.register));
                }
            }
            let mut others = told.iter().filter(|other| other.register != one.register);
            let behind = held_back.iter().any(|held| held.register == one.register && held.source == *id);
            if let Some(other) = others.find(|other| behind && span(other.set, id).is_some()) {
                found.push(behind_finding(one, &place, other.register));
            }
        }
    }
    found
}

/// A source of which a register holds an older state.
pub(super) struct HeldBack {
    pub register: String,
    pub source: String,
}

/// What registers hold of a folder and findings keep from being brought up to date.
pub(super) fn held_back(
    tx: &mut Tx<'_>,
    folder: i64,
    withheld: &[String],
) -> Result<Vec<HeldBack>, LedgerError> {
    let mut found = Vec::new();
    for register in withheld {
        let records = tx.records_of_folder(folder, register)?;
        let behind =
            records.into_iter().filter(|record| record.held.is_some() && record.desired == Desired::SetAside);
        found.extend(behind.map(|record| HeldBack { register: register.clone(), source: record.source }));
    }
    Ok(found)
}

/// One register is told that there is nothing of it any more, or days that never meet the other's.
fn contradict(one: &DesiredSet, other: &DesiredSet, source: &str) -> bool {
    let withdrawn = one.annulled.iter().any(|annulled| annulled == source);
    match (span(one, source), span(other, source)) {
        (None, Some(_)) => withdrawn,
        (Some((from, to)), Some((begins, ends))) => to < begins || ends < from,
        _ => false,
    }
}

/// First and last day of what may leave of a source.
fn span(set: &DesiredSet, source: &str) -> Option<(Date, Date)> {
    let records = set.records.iter().filter(|record| record.source == source && record.content.is_some());
    records.map(|record| (record.from, record.to)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

fn finding(told: &Told<'_>, place: &str, one: &str, other: &str) -> FindingRow {
    let message = Text::new(
        format!("I registri {one} e {other} ricevono dello stesso intervento cose che non vanno insieme."),
        format!("The registers {one} and {other} are told of one intervention what does not go together."),
    );
    let hint = Text::new(
        "Controllare date e stato dell'intervento; se sono giusti, segnalarlo a chi cura i tracciati.",
        "Check the intervention's days and state; if they are right, tell whoever maintains the flows.",
    );
    row(told, place, message, hint)
}

fn behind_finding(told: &Told<'_>, place: &str, other: &str) -> FindingRow {
    let own = told.register;
    let message = Text::new(
        format!("{own} ha ancora lo stato precedente di questo intervento, e {other} riceve quello nuovo."),
        format!("{own} still holds the former state of this intervention, and {other} is told the new one."),
    );
    let hint = Text::new(
        "Correggere ciò che trattiene il record: gli altri rilievi di questo intervento dicono che cosa.",
        "Mend what withholds the record: the other findings of this intervention say what.",
    );
    row(told, place, message, hint)
}

fn row(told: &Told<'_>, place: &str, message: Text, hint: Text) -> FindingRow {
    let finding = Finding {
        source: "raccordo: one folder, one account".to_owned(),
        ..Finding::in_folder("registri-discordanti", Severity::Warn, place, message, hint)
    };
    FindingRow { flow: told.flow.to_owned(), record: None, seen: None, finding }
}

/// Two folders that seem to record one benefit: ids, nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    pub ente: String,
    pub folder_id: String,
    /// The intervention's id.
    pub item: String,
    pub other_ente: String,
    pub other_folder_id: String,
    pub other_item: String,
}

impl Duplicate {
    /// The warning on the first of the two folders.
    pub fn finding(&self) -> Value {
        let (item, ente, folder, other) =
            (&self.item, &self.other_ente, &self.other_folder_id, &self.other_item);
        let message = Text::new(
            format!(
                "«{item}» sembra la stessa prestazione di «{other}» nella cartella {folder} dell'ente {ente}."
            ),
            format!(
                "\"{item}\" seems to be the same benefit as \"{other}\" in folder {folder} of ente {ente}."
            ),
        );
        let hint = Text::new(
            "Se è una sola, la registra chi la eroga: annullare l'altra. Se sono due, non serve far nulla.",
            "If it is one, whoever gives it records it: annul the other. If they are two, nothing is to be done.",
        );
        let finding = Finding {
            verdict: Verdict::CorrectFolder,
            source: "raccordo: one benefit, one folder".to_owned(),
            ..Finding::in_folder(
                "prestazione-in-altra-cartella",
                Severity::Warn,
                "/interventi",
                message,
                hint,
            )
        };
        json!({ "flow": null, "record": null, "finding": finding })
    }
}

impl Gateway {
    /// What is kept of a folder so that another one with the same benefit is noticed.
    pub(super) fn benefit_rows(&self, folder: &Folder) -> Vec<BenefitRow> {
        let body = folder.body.expose();
        // Without an identifier nobody is the same person as anybody.
        let Some(person) = fields::person_key(body) else { return Vec::new() };
        let mut rows = HashMap::new();
        for benefit in benefits(body) {
            let text = format!("{}|{}", person.expose(), benefit.code);
            let row = BenefitRow {
                hash: self.sealer.keyed_hash("benefit", text.as_bytes()),
                item: benefit.id.to_owned(),
                from: benefit.from.to_owned(),
                to: benefit.to.to_owned(),
            };
            rows.insert((row.hash, row.item.clone()), row);
        }
        rows.into_values().collect()
    }

    /// Benefits that two folders seem to record, both of enti that `only` names (`None` = all):
    /// nobody learns of a folder of an ente that he does not speak for.
    pub fn duplicates(
        &self,
        only: Option<&[String]>,
        folder: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Duplicate>, LedgerError> {
        let rows = self.books.duplicates(only, folder, limit)?;
        Ok(rows.into_iter().map(duplicate).collect())
    }
}

fn duplicate(row: DuplicateRow) -> Duplicate {
    let (one, other) = (row.one, row.other);
    Duplicate {
        ente: one.0,
        folder_id: one.1,
        item: one.2,
        other_ente: other.0,
        other_folder_id: other.1,
        other_item: other.2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::DesiredRecord;
    use jiff::civil::date;

    fn set(content: bool, from: Date, to: Date) -> DesiredSet {
        let content = content.then_some(([1; 32], [2; 32]));
        let record = DesiredRecord {
            key: "I/1".into(),
            source: "I".into(),
            from,
            to,
            needs: None,
            group: None,
            content,
        };
        DesiredSet { records: vec![record], named: vec!["I".into()], ..DesiredSet::default() }
    }

    fn found(one: &DesiredSet, other: &DesiredSet, behind: bool) -> Vec<String> {
        let told =
            [Told { register: "A", flow: "a/1", set: one }, Told { register: "B", flow: "b/1", set: other }];
        let held = HeldBack { register: "A".into(), source: "I".into() };
        let held = if behind { vec![held] } else { Vec::new() };
        let rows = told_differently(&told, &["I".to_owned()], &held);
        assert!(rows.iter().all(|row| row.finding.folder_path == "/interventi/0"));
        rows.into_iter().map(|row| row.flow).collect()
    }

    #[test]
    fn what_two_registers_are_told_must_go_together() {
        let (may, june) = ((date(2026, 5, 1), date(2026, 5, 31)), (date(2026, 6, 1), date(2026, 6, 30)));
        let whole = set(true, may.0, june.1);
        assert!(found(&whole, &set(true, may.0, may.1), false).is_empty(), "one may know more of it");
        assert_eq!(found(&set(true, may.0, may.1), &set(true, june.0, june.1), false), ["b/1"]);
        let withdrawn = DesiredSet { annulled: vec!["I".into()], ..DesiredSet::default() };
        assert_eq!(found(&withdrawn, &whole, false), ["b/1"]);
        assert_eq!(found(&whole, &withdrawn, false), ["b/1"]);
        assert!(found(&withdrawn, &withdrawn, false).is_empty());
        assert!(found(&DesiredSet::default(), &whole, false).is_empty(), "not every flow speaks of it");
        let aside = set(false, june.0, june.1);
        assert!(found(&aside, &set(true, may.0, may.1), false).is_empty(), "what is withheld tells nothing");
        assert_eq!(found(&aside, &whole, true), ["a/1"], "but what is held stays behind");
    }
}
