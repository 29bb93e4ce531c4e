//! The end of what is kept: each kind walked in the order of its numbers, a bounded stretch in one
//! transaction, so that a long pruning never holds the writer. Where a walk stands is stored with
//! what it did: after a death it goes on there.
//!
//! Never pruned: what a register holds by our books and a cancel may need, what is under way, the
//! audit chain, operations and containers with their hashes, names and final outcomes.

use super::{Books, Row, Tx, params};
use crate::exchange::{LedgerError, Millis};
use crate::ledger::sql::Dialect;

type R<T> = Result<T, LedgerError>;

/// What may be pruned, by the name of its setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kept {
    /// Sealed fragments that are neither wanted, nor held, nor under way.
    Payload,
    /// What recipients wrote, sealed; the code stays.
    ReceiptText,
    /// Runs that are over, row by row.
    Run,
    /// Tries of containers that are settled.
    Attempt,
    /// Steps on the way of an operation that has ended; its first and last stay.
    Transition,
    /// Traces of containers that are settled.
    Trace,
    /// Sessions of the console.
    Session,
    /// Alerts that have ended.
    Alert,
}

/// All kinds, in the order in which they are walked.
pub const KEPT_KINDS: [Kept; 8] = [
    Kept::Payload,
    Kept::ReceiptText,
    Kept::Run,
    Kept::Attempt,
    Kept::Transition,
    Kept::Trace,
    Kept::Session,
    Kept::Alert,
];

impl Kept {
    /// The word stored and shown.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Payload => "payload",
            Self::ReceiptText => "receipt_text",
            Self::Run => "run",
            Self::Attempt => "attempt",
            Self::Transition => "transition",
            Self::Trace => "trace",
            Self::Session => "session",
            Self::Alert => "alert",
        }
    }

    /// The table by whose numbers it is walked; none where one statement is enough.
    const fn walked(self) -> Option<&'static str> {
        match self {
            Self::Payload => Some("record"),
            Self::ReceiptText => Some("receipt"),
            Self::Attempt | Self::Trace => Some("submission"),
            Self::Transition => Some("operation"),
            Self::Run | Self::Session | Self::Alert => None,
        }
    }

    fn memory(self) -> String {
        format!("retention.{}", self.word())
    }
}

/// What one stretch came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    /// Rows that went, or lost their text.
    pub pruned: usize,
    /// There is more to walk.
    pub more: bool,
}

impl Books {
    /// When the last whole walk over a kind ended; `None` before the first, or while one is on.
    pub fn walked_at(&self, kind: Kept) -> R<Option<Millis>> {
        let known = self.look(|tx| tx.remembered(&kind.memory()))?;
        Ok(known.filter(|(_, value)| value == "0").map(|(at, _)| at))
    }

    /// The next run that is over and began before a moment. Not in a transaction: it may walk
    /// all rows of a run, and what it finds stays so.
    pub fn run_to_prune(&self, before: Millis) -> R<Option<i64>> {
        let sql = "SELECT r.id FROM run r WHERE r.started_at < ?1 AND r.selecting = 0 AND r.cancelling = 0
                     AND NOT EXISTS (SELECT 1 FROM run_row w WHERE w.run = r.id AND w.open = 1)
                   ORDER BY r.id LIMIT 1";
        self.look(|tx| tx.maybe(sql, params![before], |row| row.get(0)))
    }
}

impl Tx<'_> {
    /// Walks one stretch of a kind: what ended before `before` goes.
    pub fn prune(&self, kind: Kept, before: Millis, now: Millis, batch: i64) -> R<Stretch> {
        match kind.walked() {
            Some(table) => self.prune_walking(kind, table, before, now, batch),
            None => {
                let pruned = match kind {
                    Kept::Session => self.run(
                        "DELETE FROM session WHERE token IN (SELECT s.token FROM session s WHERE s.seen < ?1 LIMIT ?2)",
                        params![before, batch],
                    )?,
                    _ => self.prune_alerts(before, batch)?,
                };
                let more = i64::try_from(pruned).is_ok_and(|pruned| pruned >= batch);
                if !more {
                    self.remember(&kind.memory(), now, "0")?;
                }
                Ok(Stretch { pruned, more })
            }
        }
    }

    fn prune_walking(&self, kind: Kept, table: &str, before: Millis, now: Millis, batch: i64) -> R<Stretch> {
        let memory = kind.memory();
        let known = self.remembered(&memory)?.map_or(0_i64, |(_, value)| value.parse().unwrap_or(0));
        let sql = format!(
            "SELECT max(n.id), count(*) FROM (SELECT t.id FROM {table} t WHERE t.id > ?1 ORDER BY t.id LIMIT ?2) n"
        );
        let read = |row: &Row<'_>| Ok((row.get::<Option<i64>>(0)?, row.get::<i64>(1)?));
        let (last, walked) = self.one("the stretch", &sql, params![known, batch], read)?;
        let Some(last) = last else {
            self.remember(&memory, now, "0")?;
            return Ok(Stretch::default());
        };
        let pruned = self.run(statement(kind), params![known, last, before])?;
        let more = walked == batch;
        self.remember(&memory, now, &if more { last } else { 0 }.to_string())?;
        Ok(Stretch { pruned, more })
    }

    /// Takes some rows of a run that is over, and at last the run; its balance closes all the while.
    pub fn prune_run(&self, run: i64, batch: i64) -> R<Stretch> {
        let sql = "DELETE FROM run_row WHERE run = ?1 AND open = 0
                     AND record IN (SELECT w.record FROM run_row w WHERE w.run = ?1 LIMIT ?2)";
        let pruned = self.run(sql, params![run, batch])?;
        let fewer = i64::try_from(pruned).unwrap_or(0);
        self.run("UPDATE run SET selected = selected - ?2 WHERE id = ?1", params![run, fewer])?;
        if fewer < batch {
            self.run("DELETE FROM trace WHERE kind = 'run' AND id = ?1", params![run])?;
            self.run("DELETE FROM run WHERE id = ?1", params![run])?;
        }
        Ok(Stretch { pruned, more: true })
    }

    /// Notes that there is no run left to prune.
    pub fn runs_pruned(&self, now: Millis) -> R<()> {
        self.remember(&Kept::Run.memory(), now, "0")
    }

    /// Gives so many free pages back to the file system, where the ledger was made to.
    pub fn give_back(&self, pages: u32) -> R<()> {
        // The other store has a process of its own for it.
        if self.dialect() == Dialect::Sqlite {
            self.many(&format!("PRAGMA incremental_vacuum({pages})"), params![], |_| Ok(()))?;
        }
        Ok(())
    }
}

/// What goes within a stretch (?1, ?2] of what ended before ?3.
const fn statement(kind: Kept) -> &'static str {
    match kind {
        Kept::Payload => {
            "DELETE FROM payload WHERE record > ?1 AND record <= ?2
               AND NOT EXISTS (SELECT 1 FROM record r WHERE r.id = payload.record
                 AND (r.desired_content = payload.content OR r.held_content = payload.content))
               AND NOT EXISTS (SELECT 1 FROM operation o WHERE o.record = payload.record
                 AND o.content = payload.content
                 AND (o.queued_at >= ?3 OR o.state NOT IN ('accepted', 'refused', 'superseded')))"
        }
        Kept::ReceiptText => {
            "UPDATE receipt SET text = NULL WHERE id > ?1 AND id <= ?2 AND at < ?3 AND text IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM operation o WHERE o.id = receipt.operation
                 AND o.state NOT IN ('accepted', 'refused', 'superseded'))"
        }
        Kept::Attempt => {
            "DELETE FROM attempt WHERE submission > ?1 AND submission <= ?2 AND began_at < ?3
               AND EXISTS (SELECT 1 FROM submission s WHERE s.id = attempt.submission AND s.state = 'settled')"
        }
        Kept::Trace => {
            "DELETE FROM trace WHERE kind = 'submission' AND id > ?1 AND id <= ?2
               AND EXISTS (SELECT 1 FROM submission s WHERE s.id = trace.id AND s.state = 'settled'
                 AND s.timestamp < ?3)"
        }
        _ => {
            "DELETE FROM transition WHERE operation > ?1 AND operation <= ?2 AND at < ?3 AND from_state <> ''
               AND to_state NOT IN ('accepted', 'refused', 'superseded', 'parked')
               AND EXISTS (SELECT 1 FROM operation o WHERE o.id = transition.operation
                 AND o.state IN ('accepted', 'refused', 'superseded'))"
        }
    }
}
