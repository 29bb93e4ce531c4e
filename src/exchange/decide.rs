//! A person decides what the recipient left open: what the register holds of an operation, that
//! a refused one may go again, what a record is at the register.

use super::select::requeue;
use super::settle::{acknowledge, close_submission, drop_claim, finish};
use super::{Bucket, Hash, Held, Kind, Ledger, LedgerError, Millis, Record, State};

/// What a person found out about an operation whose outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The register holds the record's content.
    RegisterHolds,
    /// The register does not hold the record.
    RegisterDoesNot,
}

/// A person says what the register holds of an operation whose outcome is unknown.
///
/// The operation itself becomes accepted or superseded; what is still due follows.
pub fn decide(
    ledger: &mut dyn Ledger,
    operation: i64,
    decision: Decision,
    now: Millis,
) -> Result<State, LedgerError> {
    let mut operation = ledger.operation(operation)?;
    let from = operation.state;
    if !matches!(from, State::Uncertain | State::Parked) {
        let word = from.word();
        return Err(LedgerError::Refused(format!(
            "operation {} is {word}: only an uncertain or parked one is decided by a person",
            operation.id
        )));
    }
    let mut record = ledger.record(operation.record)?;
    let happened = match decision {
        Decision::RegisterHolds => operation.kind != Kind::Cancel,
        Decision::RegisterDoesNot => operation.kind == Kind::Cancel,
    };
    operation.state = if happened { State::Accepted } else { State::Superseded };
    if happened {
        acknowledge(ledger, &mut record, &operation)?;
    } else if operation.kind != Kind::Cancel {
        drop_claim(ledger, &record, Some(operation.register_key))?;
    }
    finish(ledger, record, &operation, from, now, "decided by a person")?;
    close_submission(ledger, operation.submission, operation.state)?;
    Ok(operation.state)
}

/// A person lets a refused operation be tried again as it is: the next run or sync sends it
/// under a new generation. Without this, a refused cancel would rest for ever, since what the
/// register holds does not change with the folder.
pub fn try_again(ledger: &mut dyn Ledger, operation: i64) -> Result<(), LedgerError> {
    let operation = ledger.operation(operation)?;
    let mut record = ledger.record(operation.record)?;
    if operation.state != State::Refused || record.generation != operation.generation {
        return Err(LedgerError::Refused(format!(
            "operation {} is not a record's newest refusal: there is nothing to try again",
            operation.id
        )));
    }
    record.refused = None;
    ledger.put_record(&record)
}

/// A person stops a queued operation before it leaves: nothing moves it until they let it go.
pub fn set_aside(ledger: &mut dyn Ledger, operation: i64, now: Millis) -> Result<(), LedgerError> {
    let mut operation = ledger.operation(operation)?;
    if operation.state != State::Queued || operation.submission.is_some() {
        return Err(LedgerError::Refused(format!(
            "operation {} is {}: only one that has not left can be parked",
            operation.id,
            operation.state.word()
        )));
    }
    operation.state = State::Parked;
    let record = ledger.record(operation.record)?;
    finish(ledger, record, &operation, State::Queued, now, "parked by a person")
}

/// Lets a parked operation that never left go on, as the folder maps by now.
pub fn let_go_on(ledger: &mut dyn Ledger, operation: i64, now: Millis) -> Result<State, LedgerError> {
    let mut operation = ledger.operation(operation)?;
    if operation.state != State::Parked || operation.submission.is_some() {
        return Err(LedgerError::Refused(format!(
            "operation {} has left or is not parked: say what the register holds of it instead",
            operation.id
        )));
    }
    operation.state = State::Queued;
    ledger.put_operation(&operation, State::Parked, now, "let go on by a person")?;
    ledger.move_run_rows(operation.record, Bucket::Queued)?;
    let record = ledger.record(operation.record)?;
    let queued = requeue(ledger, record, now)?;
    Ok(queued.map_or(State::Superseded, |operation| operation.state))
}

/// Sets the acknowledged side of a record to what is known to be at the register
/// (a former system's receipts, or a person who looked); clears its trouble.
pub fn adopt(
    ledger: &mut dyn Ledger,
    record: i64,
    held: Option<(Hash, Hash)>,
    now: Millis,
) -> Result<(), LedgerError> {
    let mut record = ledger.record(record)?;
    withdraw_doubtful(ledger, &mut record, now)?;
    let before = record.held.map(|held| held.register_key);
    record.held = held.map(|(content, register_key)| Held { content, register_key, generation: 0 });
    record.trouble = None;
    record.refused = None;
    if let Some(held) = record.held {
        ledger.claim(&record.ente, &record.register, &held.register_key, record.id)?;
    }
    drop_claim(ledger, &record, before)?;
    ledger.put_record(&record)?;
    requeue(ledger, record, now)?;
    Ok(())
}

/// The register's book answers what an uncertain operation asked; anything else must end first.
fn withdraw_doubtful(ledger: &mut dyn Ledger, record: &mut Record, now: Millis) -> Result<(), LedgerError> {
    let Some(current) = record.current else { return Ok(()) };
    let mut operation = ledger.operation(current)?;
    let from = operation.state;
    match from {
        State::Queued => Ok(()),
        State::Uncertain | State::Parked => {
            operation.state = State::Superseded;
            ledger.put_operation(&operation, from, now, "the register's book was adopted")?;
            drop_claim(ledger, record, Some(operation.register_key))?;
            record.current = None;
            record.due = None;
            ledger.move_run_rows(record.id, Bucket::Superseded)
        }
        _ => Err(LedgerError::Refused(format!(
            "operation {current} is {}: its receipt must come first",
            from.word()
        ))),
    }
}
