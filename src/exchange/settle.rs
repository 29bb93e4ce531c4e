//! A receipt came: the acknowledged side moves, in the same transaction as the operation's state
//! and the next operation of the same unit. What a person decides is in `decide`.

use super::select::{enqueue, hold, needs_approval};
use super::{
    Bucket, Hash, Held, Kind, Ledger, LedgerError, Millis, Operation, Record, Rest, State, Step, Submission,
    SubmissionState, Suspension, Trouble, next_step, suspend,
};

/// What a recipient said of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The register did it.
    Accepted,
    /// The register did nothing, and says that the content is wrong.
    Refused,
    /// The register does not find what it should act on.
    NotFound,
    /// The register failed; what it did is unknown and a person decides.
    Failed,
    /// It says something that no one has agreed with it: what it means is for a person to find out.
    Unknown,
}

impl Answer {
    /// The word by which receipts are counted.
    pub const fn counted(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::NotFound => "not_found",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// A receipt as the recipient wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The container's name, an opaque string.
    pub name: String,
    /// The container's timestamp, ms: name and timestamp must both fit.
    pub timestamp: Millis,
    pub answer: Answer,
    /// The recipient's own code, verbatim.
    pub code: String,
    /// The recipient's free text, sealed: it may hold personal values.
    pub text: Option<Vec<u8>>,
    /// The recipient's number of the acquisition.
    pub acquired_as: Option<String>,
}

/// What became of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It moved the operation.
    Moved(State),
    /// We knew it already.
    Duplicate,
    /// It contradicts an earlier one; a person must look.
    Contradicts,
    /// It fits nothing that we sent; kept aside.
    Foreign,
}

impl Settled {
    /// The word by which receipts are counted: the state that one brought about, or what else it was.
    pub const fn counted(self) -> &'static str {
        match self {
            Self::Moved(state) => state.word(),
            other => other.word(),
        }
    }

    /// The word stored with the receipt.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Moved(_) => "settled",
            Self::Duplicate => "duplicate",
            Self::Contradicts => "contradiction",
            Self::Foreign => "foreign",
        }
    }
}

/// Settles a receipt of a container that carries one operation. Idempotent.
pub fn settle(
    ledger: &mut dyn Ledger,
    route: &str,
    receipt: &Receipt,
    now: Millis,
) -> Result<Settled, LedgerError> {
    let understood = receipt.answer != Answer::Unknown;
    let fits = |found: &Submission| understood && found.timestamp == receipt.timestamp;
    let Some(submission) = ledger.submission_named(route, &receipt.name)?.filter(fits) else {
        ledger.keep_receipt(route, None, receipt, Settled::Foreign.word(), now)?;
        return foreign(ledger, route, receipt, now);
    };
    let mut settled = Settled::Duplicate;
    for operation in ledger.operations_in(submission.id)? {
        let id = operation.id;
        settled = settle_operation(ledger, operation, receipt.answer, now)?;
        ledger.keep_receipt(route, Some(id), receipt, settled.word(), now)?;
    }
    Ok(settled)
}

/// A timestamp further ahead than this is no flow of a lost ledger, only a strange receipt.
const AHEAD_TOLERANCE_MS: Millis = 86_400_000;

/// A receipt that fits nothing: if it accepts what we are yet to give, the ledger is behind.
fn foreign(
    ledger: &mut dyn Ledger,
    route: &str,
    receipt: &Receipt,
    now: Millis,
) -> Result<Settled, LedgerError> {
    let mut route = ledger.route(route)?;
    let effect = matches!(receipt.answer, Answer::Accepted | Answer::Failed);
    let ahead = receipt.timestamp > route.last_given && receipt.timestamp <= now + AHEAD_TOLERANCE_MS;
    if effect && ahead && route.last_given > 0 {
        let gap = Suspension::LedgerBehind { last_given: route.last_given, recipient_has: receipt.timestamp };
        suspend(ledger, &mut route, gap, now)?;
    }
    Ok(Settled::Foreign)
}

/// Settles what a recipient said of one operation, whatever its container.
pub fn settle_operation(
    ledger: &mut dyn Ledger,
    operation: Operation,
    answer: Answer,
    now: Millis,
) -> Result<Settled, LedgerError> {
    let submission = operation.submission;
    let settled = settle_within(ledger, operation, answer, now)?;
    if let Settled::Moved(state) = settled {
        close_submission(ledger, submission, state)?;
    }
    Ok(settled)
}

/// As [`settle_operation`], for whoever closes the container after the last of its operations.
pub(super) fn settle_within(
    ledger: &mut dyn Ledger,
    operation: Operation,
    answer: Answer,
    now: Millis,
) -> Result<Settled, LedgerError> {
    match (operation.state, answer) {
        (_, Answer::Unknown) => Ok(Settled::Foreign),
        (State::Accepted, Answer::Accepted)
        | (State::Refused, Answer::Refused | Answer::NotFound | Answer::Failed)
        | (State::Parked, Answer::Failed) => Ok(Settled::Duplicate),
        (State::Accepted, _) => Ok(Settled::Contradicts),
        (State::Refused, Answer::Accepted) => late_yes(ledger, operation, now),
        (State::Superseded, Answer::Accepted) => after_decision(ledger, &operation),
        (State::Superseded, _) => Ok(Settled::Duplicate),
        _ => conclude(ledger, operation, answer, now).map(Settled::Moved),
    }
}

/// The register now says yes to what it refused: believed only if nothing was sent since.
fn late_yes(ledger: &mut dyn Ledger, mut operation: Operation, now: Millis) -> Result<Settled, LedgerError> {
    let mut record = ledger.record(operation.record)?;
    record.trouble = Some(Trouble::Contradiction);
    if record.generation == operation.generation {
        operation.state = State::Accepted;
        acknowledge(ledger, &mut record, &operation)?;
        ledger.put_operation(&operation, State::Refused, now, "accepted after a refusal")?;
    }
    ledger.put_record(&record)?;
    Ok(Settled::Contradicts)
}

/// A receipt after a person decided: the person's word stands, and is questioned.
fn after_decision(ledger: &mut dyn Ledger, operation: &Operation) -> Result<Settled, LedgerError> {
    let mut record = ledger.record(operation.record)?;
    record.trouble = Some(Trouble::Contradiction);
    ledger.put_record(&record)?;
    Ok(Settled::Contradicts)
}

fn conclude(
    ledger: &mut dyn Ledger,
    mut operation: Operation,
    answer: Answer,
    now: Millis,
) -> Result<State, LedgerError> {
    let from = operation.state;
    operation.state = match (answer, operation.kind) {
        (Answer::Accepted, _) => State::Accepted,
        (Answer::NotFound, Kind::Cancel) => State::Uncertain,
        (Answer::Refused | Answer::NotFound, _) => State::Refused,
        (Answer::Failed | Answer::Unknown, _) => State::Parked,
    };
    let mut record = ledger.record(operation.record)?;
    match operation.state {
        State::Accepted => acknowledge(ledger, &mut record, &operation)?,
        State::Refused => refuse(ledger, &mut record, &operation)?,
        _ => {}
    }
    let cause = format!("receipt: {answer:?}").to_lowercase();
    finish(ledger, record, &operation, from, now, &cause)?;
    Ok(operation.state)
}

/// Moves the acknowledged side after an accepted operation.
pub(super) fn acknowledge(
    ledger: &mut dyn Ledger,
    record: &mut Record,
    operation: &Operation,
) -> Result<(), LedgerError> {
    let before = record.held;
    record.held = match operation.kind {
        Kind::Cancel => None,
        Kind::Insert | Kind::Replace => Some(Held {
            content: operation.content,
            register_key: operation.register_key,
            generation: operation.generation,
        }),
    };
    record.refused = None;
    if let Some(held) = record.held {
        claim_late(ledger, record, &held.register_key)?;
    }
    let given_up = before.map(|held| held.register_key);
    drop_claim(ledger, record, given_up)
}

/// What is held is claimed, also where it is learned after the claim was given back; where
/// another record took the key meanwhile, a person must look at both.
fn claim_late(ledger: &mut dyn Ledger, record: &mut Record, key: &Hash) -> Result<(), LedgerError> {
    match ledger.claimant(&record.ente, &record.register, key)? {
        Some(other) if other == record.id => Ok(()),
        Some(_) => {
            record.trouble = Some(Trouble::Contradiction);
            Ok(())
        }
        None => ledger.claim(&record.ente, &record.register, key, record.id),
    }
}

/// A refused insert gives its claim on the register's key back.
fn refuse(ledger: &mut dyn Ledger, record: &mut Record, operation: &Operation) -> Result<(), LedgerError> {
    record.refused = Some((operation.kind, operation.content));
    record.due = None;
    let claimed = (operation.kind != Kind::Cancel).then_some(operation.register_key);
    drop_claim(ledger, record, claimed)
}

/// Releases a key unless the register still holds the record under it.
pub(super) fn drop_claim(
    ledger: &mut dyn Ledger,
    record: &Record,
    key: Option<Hash>,
) -> Result<(), LedgerError> {
    match key {
        Some(key) if record.held.is_none_or(|held| held.register_key != key) => {
            ledger.release_claim(&record.ente, &record.register, &key, record.id)
        }
        _ => Ok(()),
    }
}

/// Stores an operation's new state with all its consequences, but for its container.
pub(super) fn finish(
    ledger: &mut dyn Ledger,
    mut record: Record,
    operation: &Operation,
    from: State,
    now: Millis,
    cause: &str,
) -> Result<(), LedgerError> {
    ledger.put_operation(operation, from, now, cause)?;
    if operation.state.is_final() {
        record.current = None;
    }
    if record.current.is_none() && follow(ledger, &mut record, operation, now)? {
        return Ok(());
    }
    ledger.put_record(&record)?;
    ledger.move_run_rows(record.id, last_word(&record, operation))
}

/// What a run shows of a record whose operation moved and has no successor.
fn last_word(record: &Record, operation: &Operation) -> Bucket {
    let withheld = matches!(record.desired, super::Desired::SetAside | super::Desired::Vanished);
    if operation.state == State::Accepted && withheld { Bucket::SetAside } else { operation.state.into() }
}

/// Queues the next operation of a record that is due, or holds it; false when there is none, and
/// the record is still to be stored.
fn follow(
    ledger: &mut dyn Ledger,
    record: &mut Record,
    before: &Operation,
    now: Millis,
) -> Result<bool, LedgerError> {
    let step = next_step(record);
    if record.due.as_ref().is_some_and(|order| needs_approval(before, step, order.interactive)) {
        hold(ledger, record.clone())?;
        return Ok(true);
    }
    if record.due.is_some() && matches!(step, Step::Do { .. }) {
        enqueue(ledger, record.clone(), step, now, "follows")?;
        ledger.move_run_rows(record.id, Bucket::Queued)?;
        return Ok(true);
    }
    if step != Step::Rest(Rest::Trouble) {
        record.due = None;
    }
    Ok(false)
}

/// A container is settled once each of its operations has its receipt; unclear ones withdraw it.
/// `last` is where the last of them moved.
pub(super) fn close_submission(
    ledger: &mut dyn Ledger,
    submission: Option<i64>,
    last: State,
) -> Result<(), LedgerError> {
    let Some(id) = submission else { return Ok(()) };
    let mut submission = ledger.submission(id)?;
    let operations = ledger.operations_in(id)?;
    // What is pushed goes on by itself: it is tried again, or asked about.
    let pushed = matches!(
        submission.state,
        SubmissionState::Queued | SubmissionState::Sending | SubmissionState::Asking
    );
    let open = |other: &Operation| match other.state {
        State::Waiting | State::Sending => true,
        State::Retrying | State::Uncertain => pushed,
        _ => false,
    };
    submission.state = match last {
        _ if operations.iter().any(open) => return Ok(()),
        State::Accepted => SubmissionState::Settled,
        _ => SubmissionState::Withdrawn,
    };
    ledger.put_submission(&submission)
}

/// What left, or may have left, can't be worked on any further: a person decides.
pub fn park(
    ledger: &mut dyn Ledger,
    mut operation: Operation,
    now: Millis,
    cause: &str,
) -> Result<(), LedgerError> {
    let from = operation.state;
    operation.state = State::Parked;
    let record = ledger.record(operation.record)?;
    finish(ledger, record, &operation, from, now, cause)?;
    close_submission(ledger, operation.submission, operation.state)
}
