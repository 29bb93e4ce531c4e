//! What is no longer kept: a little at each look, in transactions that let others go first, so that
//! no length of pruning is felt. What is never pruned stands in the ledger's own file on it.

use serde::Deserialize;

use super::Gateway;
use crate::exchange::{LedgerError, Millis};
use crate::ledger::books::{KEPT_KINDS, Kept, Stretch};

const DAY_MS: Millis = 86_400_000;
/// A whole walk over a kind is begun so often.
const AGAIN_MS: Millis = 6 * 3_600_000;

/// How long things are kept, days; 0 = for ever.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Sealed fragments that nothing needs any more, after the last operation that carried them.
    pub payload_days: u32,
    /// What recipients wrote; codes and outcomes stay.
    pub receipt_text_days: u32,
    /// Runs that are over, with their balances.
    pub run_days: u32,
    /// Tries of containers that are settled.
    pub attempt_days: u32,
    /// Steps of operations that have ended; their first and last stay.
    pub transition_days: u32,
    /// Traces of containers that are settled.
    pub trace_days: u32,
    /// Sessions of the console.
    pub session_days: u32,
    /// Alerts that have ended.
    pub alert_days: u32,
    /// Rows that one transaction looks at, and transactions at one look.
    pub batch: u32,
    pub batches: u32,
    /// Free pages given back to the file system at one look (a ledger made before this setting
    /// gives none back until it is vacuumed once; what is free is used again in any case).
    pub vacuum_pages: u32,
}

/// What a look came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    pub rows: usize,
    /// There is more to walk at the next look.
    pub more: bool,
}

impl Retention {
    /// Days that a kind is kept; `None` = for ever.
    fn days(&self, kind: Kept) -> Option<u32> {
        let days = match kind {
            Kept::Payload => self.payload_days,
            Kept::ReceiptText => self.receipt_text_days,
            Kept::Run => self.run_days,
            Kept::Attempt => self.attempt_days,
            Kept::Transition => self.transition_days,
            Kept::Trace => self.trace_days,
            Kept::Session => self.session_days,
            Kept::Alert => self.alert_days,
        };
        (days > 0).then_some(days)
    }
}

impl Gateway {
    /// Prunes for one look: at most so many transactions in all, each kind where it stands.
    /// Not for async code.
    pub fn prune(&self) -> Result<Pruned, LedgerError> {
        let now = self.clock.now_ms();
        let (mut left, mut all) = (self.settings.retention.batches, Pruned::default());
        for kind in KEPT_KINDS {
            let Some(days) = self.settings.retention.days(kind) else { continue };
            if self.books.walked_at(kind)?.is_some_and(|at| now - at < AGAIN_MS && now >= at) {
                continue;
            }
            let before = now - Millis::from(days) * DAY_MS;
            let mut more = true;
            while more && left > 0 {
                left -= 1;
                let stretch = self.prune_once(kind, before, now)?;
                self.watch.meters.pruned(kind.word(), stretch.pruned);
                (all.rows, more) = (all.rows + stretch.pruned, stretch.more);
            }
            all.more |= more;
        }
        let pages = self.settings.retention.vacuum_pages;
        if all.rows > 0 && pages > 0 {
            self.write_on_duty(move |tx| tx.give_back(pages))?;
        }
        Ok(all)
    }

    fn prune_once(&self, kind: Kept, before: Millis, now: Millis) -> Result<Stretch, LedgerError> {
        let batch = i64::from(self.settings.retention.batch.max(1));
        if kind != Kept::Run {
            return self.write_on_duty(move |tx| tx.prune(kind, before, now, batch));
        }
        match self.books.run_to_prune(before)? {
            Some(run) => self.write_on_duty(move |tx| tx.prune_run(run, batch)),
            None => self.write_on_duty(move |tx| tx.runs_pruned(now)).map(|()| Stretch::default()),
        }
    }
}
