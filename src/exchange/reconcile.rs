//! A folder was saved: the desired side of its records moves.
//!
//! Nothing is sent from here. Only a queued operation that no longer fits is
//! re-decided, so that what has not left yet coalesces.

use jiff::civil::Date;

use super::select::requeue;
use super::{Absence, Desired, Hash, Ledger, LedgerError, Millis, Powers, Record};

/// Which books a folder's records stand in.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub ente: &'a str,
    pub register: &'a str,
    pub flow: &'a str,
    /// The ledger's number of the folder.
    pub folder: i64,
    /// What the register lets us do with records of this flow.
    pub powers: Powers,
}

/// One record that the folder maps to today.
#[derive(Clone, Debug)]
pub struct DesiredRecord {
    pub key: String,
    pub source: String,
    pub from: Date,
    pub to: Date,
    /// The record of the same folder that must be held first.
    pub needs: Option<super::Needed>,
    /// Whose container it may share with other people's records.
    pub group: Option<String>,
    /// Content and register key; `None` when a finding withholds it.
    pub content: Option<(Hash, Hash)>,
}

/// All that the folder maps to today in one register.
#[derive(Clone, Debug, Default)]
pub struct DesiredSet {
    pub records: Vec<DesiredRecord>,
    pub annulled: Vec<String>,
    pub named: Vec<String>,
    pub withheld: Vec<String>,
    /// Periods the folder declares complete, both ends inclusive.
    pub complete: Vec<(Date, Date)>,
}

/// What a save did to the books.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Records in the order of the set: their ledger numbers.
    pub records: Vec<i64>,
    /// Keys of records that vanished without a word: each is a finding.
    pub vanished: Vec<String>,
    /// Keys of records that should go, from a register that takes nothing back: each is a finding.
    pub irrevocable: Vec<String>,
}

/// Moves the desired side of a folder's records to what the folder maps to today.
pub fn reconcile(
    ledger: &mut dyn Ledger,
    place: Place<'_>,
    set: &DesiredSet,
    now: Millis,
) -> Result<Reconciled, LedgerError> {
    let mut known = ledger.records_of_folder(place.folder, place.register)?;
    let mut done = Reconciled::default();
    for wanted in &set.records {
        let found = known.iter().position(|record| record.key == wanted.key);
        let id = match found {
            Some(index) => update(ledger, place, &known.swap_remove(index), wanted, now)?,
            None => ledger.add_record(&fresh(place, wanted))?,
        };
        done.records.push(id);
    }
    for record in known {
        missing(ledger, place, record, set, now, &mut done)?;
    }
    done.vanished.sort();
    done.irrevocable.sort();
    Ok(done)
}

pub(super) fn fresh(place: Place<'_>, wanted: &DesiredRecord) -> Record {
    Record {
        id: 0,
        ente: place.ente.to_owned(),
        register: place.register.to_owned(),
        flow: place.flow.to_owned(),
        folder: place.folder,
        key: wanted.key.clone(),
        source: wanted.source.clone(),
        from: wanted.from,
        to: wanted.to,
        needs: wanted.needs.clone(),
        group: wanted.group.clone(),
        desired: desired_of(wanted),
        held: None,
        current: None,
        refused: None,
        generation: 0,
        due: None,
        trouble: None,
        powers: place.powers,
    }
}

fn desired_of(wanted: &DesiredRecord) -> Desired {
    match wanted.content {
        Some((content, register_key)) => Desired::Present { content, register_key },
        None => Desired::SetAside,
    }
}

fn update(
    ledger: &mut dyn Ledger,
    place: Place<'_>,
    before: &Record,
    wanted: &DesiredRecord,
    now: Millis,
) -> Result<i64, LedgerError> {
    let record = moved(before, place, wanted);
    if record != *before { store(ledger, record, now) } else { Ok(record.id) }
}

/// A known record as the folder maps to it today.
pub(super) fn moved(before: &Record, place: Place<'_>, wanted: &DesiredRecord) -> Record {
    Record {
        desired: desired_of(wanted),
        from: wanted.from,
        to: wanted.to,
        flow: place.flow.to_owned(),
        source: wanted.source.clone(),
        needs: wanted.needs.clone(),
        group: wanted.group.clone(),
        powers: place.powers,
        ..before.clone()
    }
}

/// The folder no longer maps to a known record: says why, or that it vanished.
fn missing(
    ledger: &mut dyn Ledger,
    place: Place<'_>,
    mut record: Record,
    set: &DesiredSet,
    now: Millis,
    done: &mut Reconciled,
) -> Result<(), LedgerError> {
    let desired = verdict(&record, set);
    let there = record.held.is_some() || record.current.is_some();
    match desired {
        Desired::Vanished => done.vanished.push(record.key.clone()),
        Desired::Absent(_) if there && !place.powers.cancel => done.irrevocable.push(record.key.clone()),
        _ => {}
    }
    if record.desired != desired {
        record.desired = desired;
        record.powers = place.powers;
        store(ledger, record, now)?;
    }
    Ok(())
}

pub(super) fn verdict(record: &Record, set: &DesiredSet) -> Desired {
    let source = &record.source;
    let never_left = record.held.is_none() && record.current.is_none();
    let complete = set.complete.iter().any(|(from, to)| *from <= record.from && record.from <= *to);
    if set.annulled.contains(source) {
        return Desired::Absent(Absence::Annulled);
    }
    if set.withheld.contains(source) {
        return Desired::SetAside;
    }
    if set.named.contains(source) {
        return Desired::Absent(Absence::Changed);
    }
    if complete {
        return Desired::Absent(Absence::Complete);
    }
    if never_left { Desired::Nothing } else { Desired::Vanished }
}

fn store(ledger: &mut dyn Ledger, record: Record, now: Millis) -> Result<i64, LedgerError> {
    let id = record.id;
    ledger.put_record(&record)?;
    requeue(ledger, record, now)?;
    Ok(id)
}
