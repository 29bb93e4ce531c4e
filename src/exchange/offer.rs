//! The offer: the recipient polls us (SIUSS WaaS, `GET /flussi?since&limit`).
//!
//! Identifier and timestamp are given at first serving, inside the transaction that the
//! answer waits for; so nothing can ever appear below a timestamp already served, and a
//! death between commit and answer only means that the same bytes are asked for again.

use super::select::requeue;
use super::{
    Bucket, Kind, Ledger, LedgerError, Millis, Offered, Operation, Record, RouteState, State, Submission,
    SubmissionState, Suspension,
};

/// What the offer is told by configuration.
pub struct OfferPolicy<'a> {
    /// Makes a container's name from its record, the day `AAAAMMGG` and the progressive.
    pub name: &'a dyn Fn(&Record, &str, u32) -> String,
    /// A `since` further in the future than this is beyond reason, ms.
    pub since_tolerance: Millis,
    /// The sequences that name this route's containers, as [`sequence`] writes them.
    pub sequences: &'a [String],
    /// How far the progressive jumps when the ledger was found to be behind.
    pub progressive_jump: u32,
    /// Another system served this route before: the first `since` may be unknown to us.
    pub taken_over: bool,
}

/// One poll of the recipient.
#[derive(Clone, Copy, Debug)]
pub struct Poll<'a> {
    pub route: &'a str,
    pub since: Millis,
    pub limit: usize,
    pub now: Millis,
    /// Today in Europe/Rome, `AAAAMMGG`.
    pub day: &'a str,
}

/// The answer to a poll.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// In rising order of timestamp, at most `limit`.
    pub flows: Vec<Offered>,
    /// This poll showed that the ledger is behind its recipient.
    pub found_behind: bool,
    /// The `since` was beyond reason and was ignored.
    pub beyond_reason: bool,
}

/// Answers a poll: what is still out after `since`, then what is queued, up to `limit`.
pub fn poll(ledger: &mut dyn Ledger, poll: Poll<'_>, policy: &OfferPolicy<'_>) -> Result<Page, LedgerError> {
    let mut route = ledger.route(poll.route)?;
    if poll.since > route.last_given && poll.since > poll.now.saturating_add(policy.since_tolerance) {
        return Ok(Page { beyond_reason: true, ..Page::default() });
    }
    route.last_since = Some(poll.since);
    route.last_polled = Some(poll.now);
    let unknown = poll.since > route.last_given;
    let first_of_takeover = policy.taken_over && route.last_given == 0;
    if unknown && !first_of_takeover {
        return behind(ledger, route, poll, policy);
    }
    let mut page = Page::default();
    if route.suspended.is_none() {
        page.flows = ledger.out_after(poll.route, poll.since, poll.limit)?;
        promote(ledger, &mut route, poll, policy, &mut page.flows)?;
    }
    ledger.put_route(&route)?;
    Ok(page)
}

/// The recipient knows a timestamp that we never gave: stop, and doubt what was open.
fn behind(
    ledger: &mut dyn Ledger,
    mut route: RouteState,
    poll: Poll<'_>,
    policy: &OfferPolicy<'_>,
) -> Result<Page, LedgerError> {
    let gap = Suspension::LedgerBehind { last_given: route.last_given, recipient_has: poll.since };
    route.last_given = poll.since;
    for sequence in policy.sequences {
        ledger.jump_progressive(sequence, poll.day, policy.progressive_jump)?;
    }
    suspend(ledger, &mut route, gap, poll.now)?;
    Ok(Page { found_behind: true, ..Page::default() })
}

/// Stops a route and puts its open operations in doubt where `why` is a gap.
pub fn suspend(
    ledger: &mut dyn Ledger,
    route: &mut RouteState,
    why: Suspension,
    now: Millis,
) -> Result<(), LedgerError> {
    route.suspended = Some(why);
    ledger.put_route(route)?;
    if why == Suspension::ByPerson {
        return Ok(());
    }
    for operation in ledger.open_operations(&route.id)? {
        doubt(ledger, operation, now, "the ledger was behind its recipient")?;
    }
    Ok(())
}

/// Lets a suspended route go on, once a person has looked.
pub fn resume(ledger: &mut dyn Ledger, route: &str) -> Result<(), LedgerError> {
    let mut route = ledger.route(route)?;
    route.suspended = None;
    ledger.put_route(&route)
}

fn doubt(
    ledger: &mut dyn Ledger,
    mut operation: Operation,
    now: Millis,
    cause: &str,
) -> Result<(), LedgerError> {
    let from = operation.state;
    operation.state = State::Uncertain;
    ledger.put_operation(&operation, from, now, cause)?;
    ledger.move_run_rows(operation.record, Bucket::Uncertain)?;
    if let Some(id) = operation.submission {
        let open = ledger.operations_in(id)?;
        if !open.iter().any(|other| matches!(other.state, State::Waiting | State::Sending)) {
            let mut submission = ledger.submission(id)?;
            submission.state = SubmissionState::Withdrawn;
            ledger.put_submission(&submission)?;
        }
    }
    Ok(())
}

/// What was offered before `before` and has no receipt is no longer offered: a person decides.
///
/// Without this, flows that the recipient refuses in silence would fill every page for ever.
pub fn overdue(
    ledger: &mut dyn Ledger,
    route: &str,
    before: Millis,
    now: Millis,
) -> Result<u64, LedgerError> {
    let late = ledger.out_since_before(route, before)?;
    let count = late.len() as u64;
    for offered in late {
        doubt(ledger, offered.operation, now, "no receipt came in time")?;
    }
    Ok(count)
}

/// Gives identifiers and timestamps to queued operations until the page is full.
fn promote(
    ledger: &mut dyn Ledger,
    route: &mut RouteState,
    poll: Poll<'_>,
    policy: &OfferPolicy<'_>,
    flows: &mut Vec<Offered>,
) -> Result<(), LedgerError> {
    let mut skip = 0;
    while flows.len() < poll.limit {
        let room = poll.limit - flows.len();
        let queued = ledger.queued(&route.id, skip, room)?;
        if queued.is_empty() {
            break;
        }
        for operation in queued {
            match release(ledger, route, operation, poll, policy)? {
                Released::Out(offered) => flows.push(*offered),
                Released::Blocked => skip += 1,
                Released::Superseded => {}
            }
        }
    }
    Ok(())
}

enum Released {
    Out(Box<Offered>),
    /// Another record still holds the register's key: it waits in the queue.
    Blocked,
    Superseded,
}

fn release(
    ledger: &mut dyn Ledger,
    route: &mut RouteState,
    operation: Operation,
    poll: Poll<'_>,
    policy: &OfferPolicy<'_>,
) -> Result<Released, LedgerError> {
    let record = ledger.record(operation.record)?;
    let Some(mut operation) = requeue(ledger, record.clone(), poll.now)? else {
        return Ok(Released::Superseded);
    };
    if !claim_key(ledger, &record, &operation)? {
        return Ok(Released::Blocked);
    }
    route.last_given = poll.now.max(route.last_given + 1).max(poll.since + 1);
    let progressive = ledger.next_progressive(&sequence(&record.register, &record.ente), poll.day)?;
    let mut submission = Submission {
        id: 0,
        route: route.id.clone(),
        name: (policy.name)(&record, poll.day, progressive),
        timestamp: route.last_given,
        state: SubmissionState::Out,
        attempt: 0,
        due: poll.now,
        interactive: operation.interactive,
        handed: None,
    };
    submission.id = ledger.add_submission(&submission)?;
    operation.submission = Some(submission.id);
    operation.state = State::Waiting;
    ledger.put_operation(&operation, State::Queued, poll.now, "offered")?;
    ledger.move_run_rows(record.id, Bucket::Waiting)?;
    Ok(Released::Out(Box::new(Offered { submission, operation })))
}

/// Names are unique over all routes of an ente to a register, so their numbers are too.
pub fn sequence(register: &str, ente: &str) -> String {
    format!("{register}/{ente}")
}

/// An insert needs its register key for itself; false when another record has it.
pub(super) fn claim_key(
    ledger: &mut dyn Ledger,
    record: &Record,
    operation: &Operation,
) -> Result<bool, LedgerError> {
    if operation.kind == Kind::Cancel {
        return Ok(true);
    }
    let key = &operation.register_key;
    let reserved = operation.kind == Kind::Insert && ledger.reserved(&record.ente, &record.register, key)?;
    if reserved {
        return Ok(false);
    }
    match ledger.claimant(&record.ente, &record.register, key)? {
        Some(other) => Ok(other == record.id),
        None => ledger.claim(&record.ente, &record.register, key, record.id).map(|()| true),
    }
}
