//! To which trace a run and a container belong, so that a delivery much later is told together
//! with the request that wanted it.

use super::{Tx, params};
use crate::exchange::LedgerError;

type R<T> = Result<T, LedgerError>;

impl Tx<'_> {
    /// Notes by which trace a run was wanted; the first word stands.
    pub fn put_run_trace(&self, run: i64, parent: &str) -> R<()> {
        self.put_trace("run", run, parent)
    }

    /// Notes to which trace a container belongs; the first word stands.
    pub fn put_submission_trace(&self, submission: i64, parent: &str) -> R<()> {
        self.put_trace("submission", submission, parent)
    }

    fn put_trace(&self, kind: &str, id: i64, parent: &str) -> R<()> {
        let sql =
            "INSERT INTO trace (kind, id, parent) VALUES (?1, ?2, ?3) ON CONFLICT (kind, id) DO NOTHING";
        self.run(sql, params![kind, id, parent]).map(drop)
    }

    /// The trace of a container: its own, else that of the newest run that wants one of its records.
    pub fn trace_of_submission(&self, submission: i64) -> R<Option<String>> {
        let sql = "SELECT parent FROM trace WHERE kind = 'submission' AND id = ?1";
        if let Some(parent) = self.maybe(sql, params![submission], |row| row.get(0))? {
            return Ok(Some(parent));
        }
        let first = "SELECT min(record) FROM operation WHERE submission = ?1";
        let record: Option<i64> = self.maybe(first, params![submission], |row| row.get(0))?.flatten();
        let sql = "SELECT t.parent FROM run_row w JOIN trace t ON t.kind = 'run' AND t.id = w.run
                   WHERE w.record = ?1 AND w.open = 1 ORDER BY w.run DESC LIMIT 1";
        self.maybe(sql, params![record], |row| row.get(0))
    }

    /// The trace by which a run was wanted.
    pub fn trace_of_run(&self, run: i64) -> R<Option<String>> {
        let sql = "SELECT parent FROM trace WHERE kind = 'run' AND id = ?1";
        self.maybe(sql, params![run], |row| row.get(0))
    }
}
