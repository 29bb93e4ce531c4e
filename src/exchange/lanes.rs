//! Gathering what is pushed: one container per person and register at a time (the lane), with
//! everything of that person that can go together.

use super::offer::{claim_key, sequence};
use super::select::{decide_again, enqueue};
use super::{
    Bucket, Kind, Ledger, LedgerError, Millis, Operation, Record, RecordId, State, Step, Submission,
    SubmissionState, next_step,
};

/// A person with queued work on a route and nothing under way at its register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The ledger's number of the folder.
    pub folder: i64,
    /// The place in the queue of its first operation, to go on behind it.
    pub position: i64,
}

/// Limits and naming of pushed containers.
pub struct Gathering<'a> {
    pub route: &'a str,
    /// Only what people wait for.
    pub interactive: bool,
    /// Only bulk work of this ente, where the route's enti take turns.
    pub ente: Option<&'a str>,
    /// Lanes whose first operation stands behind this place.
    pub after: i64,
    /// At most this many queued operations are looked at in one transaction.
    pub look: usize,
    /// At most this many operations in one container.
    pub limit: usize,
    /// At most this many bytes of fragments in one container.
    pub max_bytes: usize,
    pub now: Millis,
    /// Today in Europe/Rome, `AAAAMMGG`.
    pub day: &'a str,
    /// Makes the container's name from one of its records, the day and the progressive.
    pub name: &'a dyn Fn(&Record, &str, u32) -> String,
}

/// What one gathering came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gathered {
    pub submissions: Vec<Submission>,
    /// Where to go on; `None` when every lane was looked at.
    pub after: Option<i64>,
    /// Records that were set aside, because what they need is not at its register.
    pub set_aside: Vec<RecordId>,
}

/// Gathers queued operations of a route, lane by lane, into named containers.
///
/// Names are stored before anything is sent.
pub fn gather_lanes(ledger: &mut dyn Ledger, wish: &Gathering<'_>) -> Result<Gathered, LedgerError> {
    let mut gathered = Gathered::default();
    if ledger.route(wish.route)?.suspended.is_some() {
        return Ok(gathered);
    }
    let lanes = match wish.ente {
        Some(ente) => ledger.queued_lanes_of(wish.route, ente, wish.after, wish.look)?,
        None => ledger.queued_lanes(wish.route, wish.interactive, wish.after, wish.look)?,
    };
    if lanes.len() == wish.look {
        gathered.after = lanes.last().map(|lane| lane.position);
    }
    let mut seen = std::collections::HashSet::new();
    for lane in lanes.into_iter().filter(|lane| seen.insert(lane.folder)) {
        let mut load = load_lane(ledger, lane, wish)?;
        gathered.set_aside.append(&mut load.set_aside);
        gathered.submissions.extend(load.send(ledger, wish)?);
    }
    Ok(gathered)
}

fn load_lane(ledger: &mut dyn Ledger, lane: Lane, wish: &Gathering<'_>) -> Result<Load, LedgerError> {
    let mut ready = Load::default();
    // What others need goes first; so a second look finds it in the load.
    for _ in 0..2 {
        let current = ledger.current_of_lane(lane.folder)?;
        let busy: Vec<_> = current.iter().filter(|(_, operation)| under_way(operation)).collect();
        let busy: Vec<_> = busy.into_iter().map(|(record, _)| record.register.clone()).collect();
        let mut left = false;
        for (record, operation) in current {
            // What has a group goes with its lot, unless a person waits.
            let ours = wish.interactive || record.group.is_none();
            let queued = ours && operation.state == State::Queued && operation.route == wish.route;
            if queued && !busy.contains(&record.register) && !ready.has(record.id) {
                let id = record.id;
                ready.consider(ledger, record, operation, wish)?;
                left |= !ready.has(id);
            }
        }
        if !left {
            break;
        }
    }
    Ok(ready)
}

/// Whether nothing else of the person may go to the same register meanwhile.
const fn under_way(operation: &Operation) -> bool {
    matches!(operation.state, State::Sending | State::Retrying | State::Waiting | State::Uncertain)
}

/// What goes into one container: of one ente, register, flow and group.
#[derive(Default)]
pub(super) struct Load {
    carried: Vec<(Record, Operation)>,
    bytes: usize,
    /// Something was left out for want of room.
    pub full: bool,
    /// Records that were met and set aside.
    pub set_aside: Vec<RecordId>,
}

/// Whether what a record needs is there.
enum Need {
    Met,
    /// It is on its way.
    Waits,
    /// Nothing brings it there by itself.
    Hopeless,
}

impl Load {
    /// Names the container and stores it; `None` if there is nothing to carry.
    pub fn send(
        self,
        ledger: &mut dyn Ledger,
        wish: &Gathering<'_>,
    ) -> Result<Option<Submission>, LedgerError> {
        let Some((first, _)) = self.carried.first() else { return Ok(None) };
        let progressive = ledger.next_progressive(&sequence(&first.register, &first.ente), wish.day)?;
        let mut submission = Submission {
            id: 0,
            route: wish.route.to_owned(),
            name: (wish.name)(first, wish.day, progressive),
            timestamp: wish.now,
            state: SubmissionState::Queued,
            attempt: 0,
            due: wish.now,
            interactive: self.carried.iter().any(|(_, operation)| operation.interactive),
            handed: None,
        };
        submission.id = ledger.add_submission(&submission)?;
        for (record, mut operation) in self.carried {
            operation.submission = Some(submission.id);
            operation.state = State::Sending;
            ledger.put_operation(&operation, State::Queued, wish.now, "gathered")?;
            ledger.move_run_rows(record.id, Bucket::Sending)?;
        }
        Ok(Some(submission))
    }

    /// Operations in it.
    pub fn len(&self) -> usize {
        self.carried.len()
    }

    fn has(&self, record: i64) -> bool {
        self.carried.iter().any(|(carried, _)| carried.id == record)
    }

    /// Whether what a record needs goes with it; else the whole folder must be looked through.
    fn brings(&self, record: &Record) -> bool {
        let needed = |other: &Record| other.folder == record.folder && record.needs_record(other);
        self.carried.iter().any(|(carried, _)| needed(carried))
    }

    pub fn consider(
        &mut self,
        ledger: &mut dyn Ledger,
        record: Record,
        operation: Operation,
        wish: &Gathering<'_>,
    ) -> Result<(), LedgerError> {
        // A container goes to one register, by one flow and group: those of the first that can go.
        if !self.carried.first().is_none_or(|(first, _)| first.may_join(&record)) {
            return Ok(());
        }
        let Some(operation) = decide_again(ledger, record.clone(), operation, wish.now)? else {
            return Ok(());
        };
        match self.need(ledger, &record, &operation, wish)? {
            Need::Met => {}
            Need::Waits => return Ok(()),
            Need::Hopeless => {
                self.set_aside.push(record.id);
                return give_way(ledger, operation, wish.now);
            }
        }
        let others = self.carried.iter().filter_map(|(_, other)| other.together);
        let most = others.chain(operation.together).min().map_or(wish.limit, |most| most as usize);
        let bytes = match operation.kind {
            Kind::Cancel => 0,
            _ => ledger.fragment_bytes(operation.record, &operation.content)?,
        };
        let full = self.carried.len() >= most.min(wish.limit) || self.bytes + bytes > wish.max_bytes;
        if full && !self.carried.is_empty() {
            self.full = true;
            return Ok(());
        }
        if !claim_key(ledger, &record, &operation)? {
            return Ok(());
        }
        self.bytes += bytes;
        self.carried.push((record, operation));
        Ok(())
    }

    /// An insert waits for what it needs; a cancel for those that need it.
    fn need(
        &self,
        ledger: &mut dyn Ledger,
        record: &Record,
        operation: &Operation,
        wish: &Gathering<'_>,
    ) -> Result<Need, LedgerError> {
        if operation.kind == Kind::Cancel {
            return self.freed(ledger, record);
        }
        let Some(needed) = record.needs.as_ref().filter(|_| !self.brings(record)) else {
            return Ok(Need::Met);
        };
        let register = needed.register.as_ref().unwrap_or(&record.register);
        let others = ledger.records_of_folder(record.folder, register)?;
        if *register != record.register && taken_back(ledger, record, &others)? {
            return Ok(Need::Waits);
        }
        let mut missing = Vec::new();
        let need = self.chain(&others, record, &mut missing);
        if matches!(need, Need::Waits) {
            for needed in missing {
                bring_along(ledger, needed.clone(), operation, wish)?;
            }
        }
        Ok(need)
    }

    /// Follows what a record needs, and what that needs in turn; `missing` are those that nobody
    /// asked for yet and that can go.
    fn chain<'r>(&self, others: &'r [Record], record: &Record, missing: &mut Vec<&'r Record>) -> Need {
        let mut needing = record;
        // A way longer than there are records comes back to where it was: what needs itself is never there.
        for step in 0..=others.len() {
            let met = if step == 0 { Need::Met } else { Need::Waits };
            if needing.needs.is_none() {
                return met;
            }
            let Some(needed) = others.iter().find(|other| needing.needs_record(other)) else {
                return Need::Hopeless;
            };
            if needed.held.is_some() || self.has(needed.id) {
                return met;
            }
            if needed.current.is_none() {
                if !matches!(next_step(needed), Step::Do { kind: Kind::Insert, .. }) {
                    return Need::Hopeless;
                }
                missing.push(needed);
            }
            needing = needed;
        }
        Need::Hopeless
    }

    fn freed(&self, ledger: &mut dyn Ledger, record: &Record) -> Result<Need, LedgerError> {
        // Those that are going anyway go first; whether one that stays keeps it, the register says.
        let goes = |other: &Record| {
            let elsewhere = other.register != record.register;
            let leaves = matches!(next_step(other), Step::Do { kind: Kind::Cancel, .. });
            match other.current {
                // What brings it there, at another register, may be on its way.
                Some(_) => other.held.is_some() || elsewhere,
                None => other.held.is_some() && elsewhere && leaves,
            }
        };
        let dependents = ledger.dependents(record)?;
        let waits = dependents.iter().any(|other| goes(other) && !self.has(other.id));
        Ok(if waits { Need::Waits } else { Need::Met })
    }
}

/// Whether what a record needs of another register is just being taken back there.
fn taken_back(ledger: &mut dyn Ledger, record: &Record, others: &[Record]) -> Result<bool, LedgerError> {
    let current = others.iter().find(|other| record.needs_record(other)).and_then(|needed| needed.current);
    let Some(current) = current else { return Ok(false) };
    let operation = ledger.operation(current)?;
    Ok(operation.kind == Kind::Cancel && operation.state != State::Queued)
}

/// What an operation needs was not asked for: it is queued beside it, by the same order.
fn bring_along(
    ledger: &mut dyn Ledger,
    mut needed: Record,
    operation: &Operation,
    wish: &Gathering<'_>,
) -> Result<(), LedgerError> {
    let step = next_step(&needed);
    needed.due = Some(super::Order { route: wish.route.to_owned(), interactive: operation.interactive });
    enqueue(ledger, needed, step, wish.now, "needed by another record")
}

/// What an operation needs is withheld or refused: it is set aside until that is mended.
fn give_way(ledger: &mut dyn Ledger, mut operation: Operation, now: Millis) -> Result<(), LedgerError> {
    let mut record = ledger.record(operation.record)?;
    operation.state = State::Superseded;
    ledger.put_operation(&operation, State::Queued, now, "what it needs is not at the register")?;
    (record.current, record.due) = (None, None);
    ledger.put_record(&record)?;
    ledger.move_run_rows(record.id, Bucket::SetAside)
}
