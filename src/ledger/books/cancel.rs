//! A run's rows while it is cancelled, and which runs are being cancelled.

use super::decode::{OPERATION, operation};
use super::{Tx, params};
use crate::exchange::{Bucket, LedgerError, Millis, Operation, RecordId, RunRow};

type R<T> = Result<T, LedgerError>;

impl Tx<'_> {
    pub(super) fn move_row_of_run(&self, run: i64, record: RecordId, bucket: Bucket) -> R<()> {
        let sql = "UPDATE run_row SET bucket = ?3, open = ?4 WHERE run = ?1 AND record = ?2";
        self.run(sql, params![run, record, bucket.word(), !bucket.is_final()]).map(drop)
    }

    pub(super) fn idle_rows_of_run(&self, run: i64, after: RecordId, limit: usize) -> R<Vec<RunRow>> {
        let sql = "SELECT record, bucket = 'queued' FROM run_row WHERE run = ?1 AND record > ?2
                     AND bucket IN ('queued', 'held') ORDER BY record LIMIT ?3";
        self.many(sql, params![run, after, limit as i64], |row| {
            let bucket = if row.get(1)? { Bucket::Queued } else { Bucket::Held };
            Ok(RunRow { record: row.get(0)?, bucket })
        })
    }

    pub(super) fn wanted_by_another_run(&self, run: i64, record: RecordId) -> R<bool> {
        let sql =
            "SELECT 1 FROM run_row WHERE record = ?2 AND open = 1 AND run <> ?1 AND bucket <> 'held' LIMIT 1";
        Ok(self.maybe(sql, params![run, record], |_| Ok(()))?.is_some())
    }

    pub(super) fn newest_accepted_of(&self, record: RecordId) -> R<Option<Operation>> {
        let sql = format!(
            "SELECT {OPERATION} FROM operation o WHERE o.record = ?1 AND o.state = 'accepted'
             ORDER BY o.generation DESC LIMIT 1"
        );
        self.maybe(&sql, [record], operation)
    }

    /// Notes that a run is cancelled: it selects nothing more, and its records are to be
    /// withdrawn. False when it was cancelled before.
    pub fn begin_cancel(&self, run: i64, now: Millis) -> R<bool> {
        let known = self.maybe("SELECT 1 FROM run WHERE id = ?1", [run], |_| Ok(()))?;
        known.ok_or_else(|| LedgerError::Missing(format!("run {run}")))?;
        let sql = "UPDATE run SET cancelled_at = ?2, cancelling = 1, selecting = 0
                   WHERE id = ?1 AND cancelled_at IS NULL";
        Ok(self.run(sql, params![run, now])? == 1)
    }

    /// Everything of a cancelled run is withdrawn.
    pub fn end_cancel(&self, run: i64) -> R<()> {
        self.run("UPDATE run SET cancelling = 0 WHERE id = ?1", [run]).map(drop)
    }

    /// Runs whose cancelling was interrupted.
    pub fn unfinished_cancels(&self) -> R<Vec<i64>> {
        self.many("SELECT id FROM run WHERE cancelling = 1 ORDER BY id", [], |row| row.get(0))
    }
}
