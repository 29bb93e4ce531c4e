//! Gathering what is pushed: one container per person and register at a time (the lane), with
//! everything of that person that can go together.

use super::offer::{claim_key, sequence};
use super::select::{decide_again, enqueue};
use super::{
    Bucket, Kind, Ledger, LedgerError, Millis, Operation, Record, State, Step, Submission, SubmissionState,
    next_step,
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
}

/// Gathers queued operations of a route, lane by lane, into named containers.
///
/// Names are stored before anything is sent.
pub fn gather_lanes(ledger: &mut dyn Ledger, wish: &Gathering<'_>) -> Result<Gathered, LedgerError> {
    let mut gathered = Gathered::default();
    if ledger.route(wish.route)?.suspended.is_some() {
        return Ok(gathered);
    }
    let lanes = ledger.queued_lanes(wish.route, wish.interactive, wish.after, wish.look)?;
    if lanes.len() == wish.look {
        gathered.after = lanes.last().map(|lane| lane.position);
    }
    let mut seen = std::collections::HashSet::new();
    for lane in lanes.into_iter().filter(|lane| seen.insert(lane.folder)) {
        gathered.submissions.extend(gather_lane(ledger, lane, wish)?);
    }
    Ok(gathered)
}

fn gather_lane(
    ledger: &mut dyn Ledger,
    lane: Lane,
    wish: &Gathering<'_>,
) -> Result<Option<Submission>, LedgerError> {
    let mut ready = Load::default();
    // What others need goes first; so a second look finds it in the load.
    for _ in 0..2 {
        let current = ledger.current_of_lane(lane.folder)?;
        let busy: Vec<_> = current.iter().filter(|(_, operation)| under_way(operation)).collect();
        let busy: Vec<_> = busy.into_iter().map(|(record, _)| record.register.clone()).collect();
        let mut left = false;
        for (record, operation) in current {
            let queued = operation.state == State::Queued && operation.route == wish.route;
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
    let Some((first, _)) = ready.carried.first() else { return Ok(None) };
    let first = first.clone();
    let progressive = ledger.next_progressive(&sequence(&first.register, &first.ente), wish.day)?;
    let mut submission = Submission {
        id: 0,
        route: wish.route.to_owned(),
        name: (wish.name)(&first, wish.day, progressive),
        timestamp: wish.now,
        state: SubmissionState::Queued,
        attempt: 0,
        due: wish.now,
        interactive: ready.carried.iter().any(|(_, operation)| operation.interactive),
    };
    submission.id = ledger.add_submission(&submission)?;
    for (record, mut operation) in ready.carried {
        operation.submission = Some(submission.id);
        operation.state = State::Sending;
        ledger.put_operation(&operation, State::Queued, wish.now, "gathered")?;
        ledger.move_run_rows(record.id, Bucket::Sending)?;
    }
    Ok(Some(submission))
}

/// Whether nothing else of the person may go to the same register meanwhile.
const fn under_way(operation: &Operation) -> bool {
    matches!(operation.state, State::Sending | State::Retrying | State::Waiting | State::Uncertain)
}

/// What goes into one container.
#[derive(Default)]
struct Load {
    carried: Vec<(Record, Operation)>,
    bytes: usize,
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
    fn has(&self, record: i64) -> bool {
        self.carried.iter().any(|(carried, _)| carried.id == record)
    }

    /// Whether what a record needs goes with it; else the whole folder must be looked through.
    fn brings(&self, record: &Record) -> bool {
        let needed = |other: &Record| {
            (other.folder, &other.register, Some(&other.key))
                == (record.folder, &record.register, record.needs.as_ref())
        };
        self.carried.iter().any(|(carried, _)| needed(carried))
    }

    fn consider(
        &mut self,
        ledger: &mut dyn Ledger,
        record: Record,
        operation: Operation,
        wish: &Gathering<'_>,
    ) -> Result<(), LedgerError> {
        // A container goes to one register, by one flow: that of the first that can go.
        let fits = |(first, _): &(Record, Operation)| {
            (&first.register, &first.flow) == (&record.register, &record.flow)
        };
        if !self.carried.first().is_none_or(fits) {
            return Ok(());
        }
        let Some(operation) = decide_again(ledger, record.clone(), operation, wish.now)? else {
            return Ok(());
        };
        match self.need(ledger, &record, &operation, wish)? {
            Need::Met => {}
            Need::Waits => return Ok(()),
            Need::Hopeless => return give_way(ledger, operation, wish.now),
        }
        let others = self.carried.iter().filter_map(|(_, other)| other.together);
        let most = others.chain(operation.together).min().map_or(wish.limit, |most| most as usize);
        let bytes = match operation.kind {
            Kind::Cancel => 0,
            _ => ledger.fragment_bytes(operation.record, &operation.content)?,
        };
        let full = self.carried.len() >= most.min(wish.limit) || self.bytes + bytes > wish.max_bytes;
        if (full && !self.carried.is_empty()) || !claim_key(ledger, &record, &operation)? {
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
        if record.needs.is_none() || self.brings(record) {
            return Ok(Need::Met);
        }
        let others = ledger.records_of_folder(record.folder, &record.register)?;
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
            let Some(key) = &needing.needs else { return met };
            let Some(needed) = others.iter().find(|other| other.key == *key) else { return Need::Hopeless };
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
        let others = ledger.records_of_folder(record.folder, &record.register)?;
        // Those that are going anyway go first; whether one that stays keeps it, the register says.
        let goes = |other: &Record| {
            other.needs.as_ref() == Some(&record.key) && other.held.is_some() && other.current.is_some()
        };
        let waits = others.iter().any(|other| goes(other) && !self.has(other.id));
        Ok(if waits { Need::Waits } else { Need::Met })
    }
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
