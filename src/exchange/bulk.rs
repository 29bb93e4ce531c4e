//! Bulk containers: many operations of one route in one file for a portal.

use super::offer::{claim_key, sequence};
use super::select::requeue;
use super::{Bucket, Ledger, LedgerError, Millis, Operation, Record, State, Submission, SubmissionState};

/// Limits and naming of a bulk container.
pub struct Batch<'a> {
    pub route: &'a str,
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

/// Gathers queued operations of a route into one named container, to be built by a worker.
///
/// Returns `None` when nothing can go. The name is stored before anything is written.
pub fn gather(ledger: &mut dyn Ledger, batch: &Batch<'_>) -> Result<Option<Submission>, LedgerError> {
    let route = ledger.route(batch.route)?;
    if route.suspended.is_some() {
        return Ok(None);
    }
    let ready = ready(ledger, batch)?;
    if ready.is_empty() {
        return Ok(None);
    }
    let first = ledger.record(ready[0].record)?;
    let progressive = ledger.next_progressive(&sequence(&first.register, &first.ente), batch.day)?;
    let mut submission = Submission {
        id: 0,
        route: batch.route.to_owned(),
        name: (batch.name)(&first, batch.day, progressive),
        timestamp: batch.now,
        state: SubmissionState::Queued,
        attempt: 0,
        due: batch.now,
        interactive: ready.iter().any(|operation| operation.interactive),
        handed: None,
    };
    submission.id = ledger.add_submission(&submission)?;
    for mut operation in ready {
        operation.submission = Some(submission.id);
        operation.state = State::Sending;
        ledger.put_operation(&operation, State::Queued, batch.now, "gathered")?;
        ledger.move_run_rows(operation.record, Bucket::Sending)?;
    }
    Ok(Some(submission))
}

/// The next operations that can go together: of one ente and flow, within the limits.
fn ready(ledger: &mut dyn Ledger, batch: &Batch<'_>) -> Result<Vec<Operation>, LedgerError> {
    let mut ready = Vec::new();
    let (mut bytes, mut skip, mut whose) = (0, 0, None);
    loop {
        let queued = ledger.queued(batch.route, skip, batch.limit)?;
        let last = queued.len() < batch.limit;
        for operation in queued {
            skip += 1;
            let record = ledger.record(operation.record)?;
            let ours = (record.ente.clone(), record.flow.clone(), record.group.clone());
            if whose.as_ref().is_some_and(|whose| *whose != ours) {
                continue;
            }
            let Some(operation) = requeue(ledger, record.clone(), batch.now)? else {
                skip -= 1;
                continue;
            };
            let size = ledger.fragment_bytes(operation.record, &operation.content)?;
            if !ready.is_empty() && (bytes + size > batch.max_bytes || ready.len() == batch.limit) {
                return Ok(ready);
            }
            // A container speaks for one ente by one flow and group, named by the first that can go.
            if claim_key(ledger, &record, &operation)? {
                whose = Some(ours);
                bytes += size;
                ready.push(operation);
            }
        }
        if last || ready.len() >= batch.limit {
            return Ok(ready);
        }
    }
}
