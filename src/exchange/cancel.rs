//! A run is cancelled: what has not left and is wanted by no other run is withdrawn.
//!
//! What has left stays as it is, and so does the second half of a replacement whose first half
//! the register has accepted: withdrawing it would leave the record absent there.

use super::{Bucket, Kind, Ledger, LedgerError, Millis, Operation, Record, RecordId, State};

/// What cancelling a chunk of a run's records came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Withdrawn {
    /// Records that the run no longer wants.
    pub records: u64,
    /// Operations that will not leave.
    pub operations: u64,
    /// The last record looked at; `None` when there are no more.
    pub last: Option<RecordId>,
}

/// Withdraws the next `limit` records of a run after `after`. Idempotent.
pub fn withdraw(
    ledger: &mut dyn Ledger,
    run: i64,
    after: RecordId,
    limit: usize,
    now: Millis,
) -> Result<Withdrawn, LedgerError> {
    let mut withdrawn = Withdrawn::default();
    for row in ledger.idle_rows(run, after, limit)? {
        withdrawn.last = Some(row.record);
        let released = match row.bucket {
            Bucket::Queued => withdraw_queued(ledger, run, row.record, now)?,
            _ => Some(false),
        };
        if let Some(operation) = released {
            ledger.move_run_row(run, row.record, Bucket::Superseded)?;
            withdrawn.records += 1;
            withdrawn.operations += u64::from(operation);
        }
    }
    Ok(withdrawn)
}

/// `Some(true)` when the record's operation was withdrawn, `Some(false)` when another run still
/// wants it, `None` when it must go on.
fn withdraw_queued(
    ledger: &mut dyn Ledger,
    run: i64,
    id: RecordId,
    now: Millis,
) -> Result<Option<bool>, LedgerError> {
    if ledger.wanted_elsewhere(run, id)? {
        return Ok(Some(false));
    }
    let mut record = ledger.record(id)?;
    let current = record.current.map(|current| ledger.operation(current)).transpose()?;
    let Some(mut operation) = current.filter(|operation| operation.state == State::Queued) else {
        return Ok(None);
    };
    if completes_a_replacement(ledger, &operation)? {
        return Ok(None);
    }
    give_up(ledger, &mut record, &mut operation, now)?;
    if let Some(needed) = record.needs.clone() {
        give_up_needed(ledger, &record, &needed, now)?;
    }
    Ok(Some(true))
}

/// Takes back an operation that has not left, with its claim on the register's key.
fn give_up(
    ledger: &mut dyn Ledger,
    record: &mut Record,
    operation: &mut Operation,
    now: Millis,
) -> Result<(), LedgerError> {
    operation.state = State::Superseded;
    ledger.put_operation(operation, State::Queued, now, "its run was cancelled")?;
    let key = operation.register_key;
    if record.held.is_none_or(|held| held.register_key != key) {
        ledger.release_claim(&record.ente, &record.register, &key, record.id)?;
    }
    (record.current, record.due) = (None, None);
    ledger.put_record(record)
}

/// What was queued only because the withdrawn record needed it goes with it.
fn give_up_needed(
    ledger: &mut dyn Ledger,
    record: &Record,
    needed: &super::Needed,
    now: Millis,
) -> Result<(), LedgerError> {
    let register = needed.register.as_deref().unwrap_or(&record.register);
    let known = ledger.records_of_folder(record.folder, register)?;
    let Some(mut found) = known.into_iter().find(|other| other.key == needed.key) else { return Ok(()) };
    let others = ledger.dependents(&found)?;
    // No run has the number 0: wanted by any at all.
    if others.iter().any(|other| other.current.is_some()) || ledger.wanted_elsewhere(0, found.id)? {
        return Ok(());
    }
    let current = found.current.map(|current| ledger.operation(current)).transpose()?;
    match current.filter(|operation| operation.state == State::Queued) {
        Some(mut operation) if !completes_a_replacement(ledger, &operation)? => {
            give_up(ledger, &mut found, &mut operation, now)
        }
        _ => Ok(()),
    }
}

/// True for the insert that follows an accepted cancel of the same unit.
fn completes_a_replacement(ledger: &mut dyn Ledger, operation: &Operation) -> Result<bool, LedgerError> {
    if operation.kind == Kind::Cancel {
        return Ok(false);
    }
    let accepted = ledger.newest_accepted(operation.record)?;
    Ok(accepted.is_some_and(|before| before.kind == Kind::Cancel && before.replacement))
}
