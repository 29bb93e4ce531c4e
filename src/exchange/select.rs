//! A run, a sync or a replay wants records up to date: operations are queued.

use super::{
    Bucket, Desired, Hash, Ledger, LedgerError, Millis, Operation, Record, RecordId, Rest, RunRow, State,
    Step, next_step,
};

/// How the selected records shall leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Route by which they leave.
    pub route: String,
    /// A person waits for it: before bulk work.
    pub interactive: bool,
}

/// What selecting one record came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selected {
    pub bucket: Bucket,
    /// Another record holds the register's key: one cancel could remove two.
    pub duplicate_key: bool,
    /// It is a cancel without replacement: counts towards the threshold.
    pub cancels: bool,
}

/// Selects one record for `run`: queues what brings it up to date, or says where it stands.
///
/// With `hold_cancels` a cancel that replaces nothing is held for a person's approval.
pub fn select(
    ledger: &mut dyn Ledger,
    run: i64,
    record: RecordId,
    order: &Order,
    hold_cancels: bool,
    now: Millis,
) -> Result<Option<Selected>, LedgerError> {
    let mut record = ledger.record(record)?;
    let step = next_step(&record);
    if record.current.is_none() && step == Step::Rest(Rest::Nothing) {
        return Ok(None);
    }
    let mut selected = Selected { bucket: Bucket::Unchanged, duplicate_key: false, cancels: false };
    selected.cancels = step.only_cancels();
    if let Some(current) = record.current {
        selected.bucket = take_up(ledger, current, order, now)?.into();
        selected.cancels = false;
        // What a person waits for stays urgent when bulk work selects it too.
        let interactive = order.interactive || record.due.is_some_and(|due| due.interactive);
        record.due = Some(Order { interactive, ..order.clone() });
        ledger.put_record(&record)?;
    } else if taken_by_another(ledger, &record, step)? {
        selected.bucket = Bucket::SetAside;
        selected.duplicate_key = true;
    } else {
        selected.bucket = start(ledger, record.clone(), step, order, hold_cancels && selected.cancels, now)?;
    }
    ledger.add_run_row(run, RunRow { record: record.id, bucket: selected.bucket })?;
    Ok(Some(selected))
}

/// What is queued already leaves before bulk work once a person waits for it.
fn take_up(
    ledger: &mut dyn Ledger,
    operation: i64,
    order: &Order,
    now: Millis,
) -> Result<State, LedgerError> {
    let mut operation = ledger.operation(operation)?;
    if order.interactive && !operation.interactive && operation.state == State::Queued {
        operation.interactive = true;
        ledger.put_operation(&operation, State::Queued, now, "a person waits for it")?;
    }
    if let Some(submission) = operation.submission.filter(|_| order.interactive) {
        hurry(ledger, submission, now)?;
    }
    Ok(operation.state)
}

/// A container that waits for its turn, or for its next try, is due now once a person waits for it.
fn hurry(ledger: &mut dyn Ledger, submission: i64, now: Millis) -> Result<(), LedgerError> {
    let mut submission = ledger.submission(submission)?;
    if submission.state == super::SubmissionState::Queued && !submission.interactive {
        submission.interactive = true;
        submission.due = submission.due.min(now);
        ledger.put_submission(&submission)?;
    }
    Ok(())
}

fn start(
    ledger: &mut dyn Ledger,
    mut record: Record,
    step: Step,
    order: &Order,
    hold: bool,
    now: Millis,
) -> Result<Bucket, LedgerError> {
    let bucket = match step {
        Step::Rest(Rest::Unchanged | Rest::Nothing) => Bucket::Unchanged,
        Step::Rest(Rest::SetAside) => Bucket::SetAside,
        Step::Rest(Rest::Refused) => Bucket::Refused,
        Step::Rest(Rest::Trouble) => Bucket::Uncertain,
        Step::Do { .. } if hold => Bucket::Held,
        Step::Do { .. } => Bucket::Queued,
    };
    if bucket == Bucket::Queued {
        record.due = Some(order.clone());
        enqueue(ledger, record, step, now, "selected")?;
    }
    Ok(bucket)
}

/// Queues the operations of a run that were held, once a person approved them.
pub fn approve(ledger: &mut dyn Ledger, run: i64, order: &Order, now: Millis) -> Result<u64, LedgerError> {
    let mut approved = 0;
    for id in ledger.held_rows(run)? {
        let mut record = ledger.record(id)?;
        let step = next_step(&record);
        if record.current.is_none() && matches!(step, Step::Do { .. }) {
            record.due = Some(order.clone());
            enqueue(ledger, record, step, now, "approved")?;
            ledger.move_run_rows(id, Bucket::Queued)?;
            approved += 1;
        } else {
            let current = record.current.map(|current| ledger.operation(current)).transpose()?;
            ledger.move_run_rows(id, current.map_or(Bucket::Superseded, |current| current.state.into()))?;
        }
    }
    Ok(approved)
}

/// True when another record holds, and will go on holding, the key that an insert needs.
fn taken_by_another(ledger: &mut dyn Ledger, record: &Record, step: Step) -> Result<bool, LedgerError> {
    let Desired::Present { register_key, .. } = record.desired else { return Ok(false) };
    if matches!(step, Step::Rest(_)) {
        return Ok(false);
    }
    if record.held.is_none() && ledger.reserved(&record.ente, &record.register, &register_key)? {
        return Ok(true);
    }
    match holder(ledger, record, &register_key)? {
        None => Ok(false),
        Some(other) => Ok(keeps(&ledger.record(other)?, &register_key)),
    }
}

fn keeps(other: &Record, key: &Hash) -> bool {
    match other.desired {
        Desired::Present { register_key, .. } => register_key == *key,
        // What should go and cannot is there for good.
        Desired::Absent(_) => !other.powers.cancel,
        Desired::SetAside | Desired::Vanished | Desired::Nothing => true,
    }
}

/// The other record that claims a key, if any.
pub(super) fn holder(
    ledger: &mut dyn Ledger,
    record: &Record,
    key: &Hash,
) -> Result<Option<RecordId>, LedgerError> {
    Ok(ledger.claimant(&record.ente, &record.register, key)?.filter(|other| *other != record.id))
}

/// Queues the operation of a step and makes it the record's current one.
pub(super) fn enqueue(
    ledger: &mut dyn Ledger,
    mut record: Record,
    step: Step,
    now: Millis,
    cause: &str,
) -> Result<(), LedgerError> {
    let (Step::Do { kind, content, register_key, replacement }, Some(order)) = (step, record.due.as_ref())
    else {
        return Ok(());
    };
    record.generation += 1;
    let operation = Operation {
        id: 0,
        record: record.id,
        generation: record.generation,
        kind,
        state: State::Queued,
        content,
        register_key,
        route: order.route.clone(),
        interactive: order.interactive,
        queued_at: now,
        submission: None,
        replacement,
        together: None,
    };
    record.current = Some(ledger.add_operation(&operation, cause)?);
    ledger.put_record(&record)
}

/// True where bulk work that needed no approval would now go on as a cancel that replaces nothing:
/// no run has counted it towards its threshold (ADR 0008).
pub(super) fn needs_approval(before: &Operation, step: Step, interactive: bool) -> bool {
    step.only_cancels() && !before.only_cancels() && !interactive
}

/// Holds a record, which has no operation, in each run that has it open, until a person approves.
pub(super) fn hold(ledger: &mut dyn Ledger, mut record: Record) -> Result<(), LedgerError> {
    record.due = None;
    ledger.put_record(&record)?;
    ledger.move_run_rows(record.id, Bucket::Held)
}

/// A record that was held, and for which nothing is left to do, no longer waits for approval.
fn nothing_to_approve(ledger: &mut dyn Ledger, record: &Record) -> Result<(), LedgerError> {
    match next_step(record) {
        Step::Rest(Rest::Trouble) | Step::Do { .. } => Ok(()),
        Step::Rest(Rest::SetAside) => ledger.move_run_rows(record.id, Bucket::SetAside),
        Step::Rest(_) => ledger.move_run_rows(record.id, Bucket::Superseded),
    }
}

/// Re-decides a queued operation after its record moved; what has left stays as it is.
///
/// `None` when nothing is queued any more: it is no longer needed, or is held for approval.
pub(super) fn requeue(
    ledger: &mut dyn Ledger,
    record: Record,
    now: Millis,
) -> Result<Option<Operation>, LedgerError> {
    let Some(current) = record.current else {
        return nothing_to_approve(ledger, &record).map(|()| None);
    };
    let operation = ledger.operation(current)?;
    if operation.state != State::Queued {
        return Ok(None);
    }
    decide_again(ledger, record, operation, now)
}

/// As [`requeue`], for a record with its current operation, which is queued.
pub(super) fn decide_again(
    ledger: &mut dyn Ledger,
    mut record: Record,
    mut operation: Operation,
    now: Millis,
) -> Result<Option<Operation>, LedgerError> {
    match next_step(&record) {
        step if needs_approval(&operation, step, operation.interactive) => {
            operation.state = State::Superseded;
            ledger.put_operation(&operation, State::Queued, now, "now only a cancel: needs approval")?;
            record.current = None;
            hold(ledger, record)?;
            Ok(None)
        }
        Step::Do { kind, content, register_key, replacement } => {
            let before = operation.clone();
            (operation.kind, operation.content, operation.register_key) = (kind, content, register_key);
            operation.replacement = replacement;
            if operation != before {
                ledger.put_operation(&operation, State::Queued, now, "coalesced")?;
            }
            Ok(Some(operation))
        }
        Step::Rest(rest) => {
            operation.state = State::Superseded;
            ledger.put_operation(&operation, State::Queued, now, "no longer needed")?;
            record.current = None;
            record.due = None;
            ledger.put_record(&record)?;
            let bucket = if rest == Rest::SetAside { Bucket::SetAside } else { Bucket::Superseded };
            ledger.move_run_rows(record.id, bucket)?;
            Ok(None)
        }
    }
}
