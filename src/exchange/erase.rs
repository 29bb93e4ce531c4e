//! A person is erased: the books stop wanting anything for their folder, and keep what registers hold.
//!
//! Erasing never cancels: a cancel is made from the folder before, by the folder's own word.

use super::settle::drop_claim;
use super::{Bucket, Desired, Ledger, LedgerError, Millis, Operation, Record, State};

/// What stands in the way of an erasure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InTheWay {
    /// Operations that left, or whose outcome a person must find out: their payload is still needed.
    pub under_way: u64,
    /// Records that a register holds and would take back: afterwards no cancel can be made.
    pub revocable: u64,
}

impl InTheWay {
    /// Whether the erasure may be done now; `knowingly` is a person's word that no cancel will follow.
    pub const fn lets(self, knowingly: bool) -> bool {
        self.under_way == 0 && (knowingly || self.revocable == 0)
    }
}

/// Looks at the records of a folder in one register.
pub fn in_the_way(ledger: &mut dyn Ledger, records: &[Record]) -> Result<InTheWay, LedgerError> {
    let mut found = InTheWay::default();
    for record in records {
        let current = record.current.map(|current| ledger.operation(current)).transpose()?;
        // What a person parked before it left stands in nobody's way.
        let left = |operation: Operation| operation.submission.is_some() || operation.state != State::Parked;
        found.under_way += u64::from(current.is_some_and(|one| one.state != State::Queued && left(one)));
        found.revocable += u64::from(record.held.is_some() && record.powers.cancel);
    }
    Ok(found)
}

/// Nothing is wanted of these records any more: what is queued is taken back, what is held stays held.
pub fn let_go(ledger: &mut dyn Ledger, records: Vec<Record>, now: Millis) -> Result<(), LedgerError> {
    for mut record in records {
        if let Some(current) = record.current {
            let mut operation = ledger.operation(current)?;
            let from = std::mem::replace(&mut operation.state, State::Superseded);
            ledger.put_operation(&operation, from, now, "the person was erased")?;
            drop_claim(ledger, &record, Some(operation.register_key))?;
        }
        (record.desired, record.current, record.due) = (Desired::Nothing, None, None);
        ledger.put_record(&record)?;
        ledger.move_run_rows(record.id, Bucket::Superseded)?;
    }
    Ok(())
}
