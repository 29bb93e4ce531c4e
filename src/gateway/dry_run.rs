//! A replay's dry run: what today's mapping would change, counted, with the fields of a sample.
//! Nothing is written, and no value leaves: fields are told by their places.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Gateway;
use super::replay::{Chosen, Counts, ReplayError, ReplayRequest, count, no_counts, place};
use crate::exchange::{Change, Desired, DesiredSet, LedgerError, Record, foresee};
use crate::flow::difference::{difference, field_of};
use crate::flow::{Flow, Mapped};
use crate::folder::Lang;
use crate::folder::finding::{Finding, Severity, Text};
use crate::ledger::FolderRow;
use crate::ledger::books::ReplayScope;
use crate::personal::Personal;

/// Folders looked at in one go.
const CHUNK: usize = 100;
/// Fields told of one record.
const MOST_FIELDS: usize = 200;

/// What a replay would do.
#[derive(Debug, Default, Serialize)]
pub struct DryRun {
    /// Today's version of the flow.
    pub flow: String,
    pub folders: u64,
    pub records: u64,
    /// Records by what today's mapping means for them.
    pub changes: Counts,
    /// In how many records a field differs, by its place without positions.
    pub fields: BTreeMap<String, u64>,
    /// By which rules records that could leave would be withheld.
    pub newly_withheld_by: BTreeMap<String, RuleImpact>,
    /// The first records that do not stay as they are.
    pub sample: Vec<SampleRow>,
}

/// What one rule would withhold.
#[derive(Debug, Serialize)]
pub struct RuleImpact {
    pub records: u64,
    pub message: Text,
    pub hint: Text,
    /// Where in the folder, by its label without numbers, and for how many records.
    pub places: BTreeMap<String, u64>,
    /// The first folders.
    pub folders: Vec<FolderAt>,
}

/// One place of one folder.
#[derive(Debug, Serialize)]
pub struct FolderAt {
    pub ente: String,
    pub folder_id: String,
    /// JSON pointer into the folder, and its label.
    pub path: String,
    pub label: Text,
}

/// One record of the sample.
#[derive(Debug, Serialize)]
pub struct SampleRow {
    pub ente: String,
    pub folder_id: String,
    pub record: String,
    pub change: &'static str,
    /// Places of the payload that differ from what was desired before, or else from what is held.
    pub fields: Vec<String>,
    /// Rules that withhold it now.
    pub rules: Vec<String>,
    /// What the register holds, against what it should by today's mapping: `same`, `different`, `nothing`.
    pub held: &'static str,
}

/// A folder as a mapping sees it.
struct Seen<'a> {
    row: &'a FolderRow,
    mapped: Mapped,
    set: DesiredSet,
}

impl Gateway {
    /// What a replay would change, with at most `sample` records in detail.
    pub fn dry_run(&self, request: &ReplayRequest, sample: usize) -> Result<DryRun, ReplayError> {
        let (flow, scopes) = self.scopes(request)?;
        let mut told = DryRun { flow: flow.id().to_owned(), changes: no_counts(), ..DryRun::default() };
        for scope in &scopes {
            let mut after = 0;
            loop {
                let rows = self.books.folders_to_replay(scope, after, CHUNK)?;
                for row in &rows {
                    self.look(flow, scope, row, sample, &mut told)?;
                }
                match rows.last() {
                    Some(last) if rows.len() == CHUNK => after = last.id,
                    _ => break,
                }
            }
        }
        Ok(told)
    }

    /// Foresees what a flow would make of one folder's records.
    pub(super) fn look(
        &self,
        flow: &Flow,
        scope: &ReplayScope,
        row: &FolderRow,
        sample: usize,
        told: &mut DryRun,
    ) -> Result<(), LedgerError> {
        told.folders += 1;
        let (Ok(folder), Some(ente)) = (self.open_folder(row), self.settings.ente(&row.ente)) else {
            count(&mut told.changes, "unreadable");
            return Ok(());
        };
        let mapped = flow.map(&folder, &self.context(ente));
        let seen = Seen { row, set: self.set_of(&scope.register, &mapped), mapped };
        let known = self.books.records_of(row.id, &scope.register)?;
        let chosen = Chosen::of(scope, self.books.records_to_replay(scope, row.id)?, &known);
        for (before, after) in foresee(known, place(scope, flow.id(), row.id, flow.powers()), &seen.set) {
            if !chosen.has(before.as_ref(), &after) {
                continue;
            }
            let change = Change::between(before.as_ref(), &after);
            told.records += 1;
            count(&mut told.changes, change.word());
            if change == Change::NewlyWithheld {
                self.withheld_by(&seen, &after, sample, told);
            }
            if change != Change::Unchanged {
                self.tell(&seen, change, before.as_ref(), &after, sample, told)?;
            }
        }
        Ok(())
    }

    /// What a mapping wants of the books, as a save would say it.
    fn set_of(&self, register: &str, mapped: &Mapped) -> DesiredSet {
        let content = |fragment: &Personal<Vec<u8>>| self.content_hash(register, fragment.expose());
        let wanted = mapped
            .records
            .iter()
            .map(|record| self.wanted(register, record, record.fragment.as_ref().map(content)));
        DesiredSet {
            records: wanted.collect(),
            annulled: mapped.annulled.clone(),
            named: mapped.named.clone(),
            withheld: mapped.withheld.clone(),
            complete: mapped.complete.clone(),
        }
    }

    /// Counts the rules that would withhold a record which could leave.
    fn withheld_by(&self, seen: &Seen<'_>, after: &Record, sample: usize, told: &mut DryRun) {
        let labels = self.folders.labels();
        let record = seen.mapped.records.iter().find(|record| record.key == after.key);
        let withholds = |finding: &&Finding| finding.severity == Severity::Withhold;
        let mut findings: Vec<_> =
            record.into_iter().flat_map(|record| &record.findings).filter(withholds).collect();
        if findings.is_empty() {
            findings.extend(seen.mapped.findings.iter().filter(withholds));
        }
        for finding in findings {
            let path = &finding.folder_path;
            let impact = told.newly_withheld_by.entry(finding.rule.clone()).or_insert_with(|| RuleImpact {
                records: 0,
                message: finding.message.clone(),
                hint: finding.hint.clone(),
                places: BTreeMap::new(),
                folders: Vec::new(),
            });
            impact.records += 1;
            count(&mut impact.places, &labels.label(&without_numbers(path), Lang::It));
            let label = Text::new(labels.label(path, Lang::It), labels.label(path, Lang::En));
            let (ente, folder_id) = (seen.row.ente.clone(), seen.row.folder_id.clone());
            let at = FolderAt { ente, folder_id, path: path.clone(), label };
            let known = |known: &FolderAt| known.folder_id == at.folder_id && known.ente == at.ente;
            if impact.folders.len() < sample && !impact.folders.iter().any(known) {
                impact.folders.push(at);
            }
        }
    }

    fn tell(
        &self,
        seen: &Seen<'_>,
        change: Change,
        before: Option<&Record>,
        after: &Record,
        sample: usize,
        told: &mut DryRun,
    ) -> Result<(), LedgerError> {
        let record = seen.mapped.records.iter().find(|record| record.key == after.key);
        let now = record.and_then(|record| record.fragment.as_ref());
        let former = before.map(|before| self.former(before)).transpose()?.flatten();
        let mut fields = match (&former, now) {
            (Some(former), Some(now)) => difference(former.expose(), now.expose()),
            _ => Vec::new(),
        };
        let mut names: Vec<String> = fields.iter().map(|place| field_of(place)).collect();
        names.sort();
        names.dedup();
        names.iter().for_each(|name| count(&mut told.fields, name));
        if told.sample.len() < sample {
            fields.truncate(MOST_FIELDS);
            let own = record.into_iter().flat_map(|record| &record.findings);
            let findings = own.chain(&seen.mapped.findings);
            let withhold = findings.filter(|finding| finding.severity == Severity::Withhold);
            let rules = if now.is_some() {
                Vec::new()
            } else {
                withhold.map(|finding| finding.rule.clone()).collect()
            };
            told.sample.push(SampleRow {
                ente: seen.row.ente.clone(),
                folder_id: seen.row.folder_id.clone(),
                record: after.key.clone(),
                change: change.word(),
                fields,
                rules,
                held: held(after),
            });
        }
        Ok(())
    }

    /// The fragment that was desired before; for a withheld record, the one that is held.
    fn former(&self, before: &Record) -> Result<Option<Personal<Vec<u8>>>, LedgerError> {
        let content = match (before.desired, before.held) {
            (Desired::Present { content, .. }, _) => content,
            (_, Some(held)) => held.content,
            (_, None) => return Ok(None),
        };
        self.open_fragment(before.id, &content).map(Some)
    }
}

/// `/interventi/1/dal` to `/interventi/dal`.
fn without_numbers(pointer: &str) -> String {
    let words = pointer.split('/').filter(|word| !word.is_empty() && word.parse::<usize>().is_err());
    words.map(|word| format!("/{word}")).collect()
}

fn held(after: &Record) -> &'static str {
    match (after.held, after.desired) {
        (None, _) => "nothing",
        (Some(held), Desired::Present { content, .. }) if held.content == content => "same",
        (Some(_), _) => "different",
    }
}
