//! What workers need of the containers that are to leave: leases, and what the queue was told.

use serde::Serialize;

use super::decode::submission;
use super::{Tx, params};
use crate::exchange::{LedgerError, Millis, Submission};

type R<T> = Result<T, LedgerError>;

const OPEN: &str = "state IN ('queued', 'sending', 'asking')";
const SUBMISSION: &str = "id, route, name, timestamp, state, attempt, due, interactive, handle, handed_at";

/// A container that the queue is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    pub submission: i64,
    pub interactive: bool,
    pub due: Millis,
}

impl Tx<'_> {
    /// Leases a container to a worker until `until`; `None` if another has it, or it is closed. No
    /// clock ends the lease of another process that lives.
    pub fn lease_one(&self, id: i64, token: &str, now: Millis, until: Millis) -> R<Option<Submission>> {
        let sql = format!(
            "UPDATE submission SET lease_until = ?3, lease_token = ?2, announced_until = ?3
             WHERE id = ?1 AND {OPEN} AND due <= ?4 AND (lease_until IS NULL OR lease_until < ?4
               AND NOT EXISTS (SELECT 1 FROM node n
                 WHERE n.id = substr(lease_token, 1, 36) AND n.id <> substr(?2, 1, 36)))
             RETURNING {SUBMISSION}"
        );
        let leased = self.maybe(&sql, params![id, token, until, now], |row| submission(row, 0))?;
        if leased.is_none() {
            self.told_too_early(id, now)?;
        }
        Ok(leased)
    }

    /// A queue may bring an older announcement once more, and drop the one that holds for it: what
    /// came before it is due, with nobody at work on it, is announced anew.
    fn told_too_early(&self, id: i64, now: Millis) -> R<()> {
        let sql = format!(
            "UPDATE submission SET announced_until = 0
             WHERE id = ?1 AND {OPEN} AND due > ?2 AND (lease_until IS NULL OR lease_until < ?2)"
        );
        self.run(&sql, params![id, now]).map(drop)
    }

    /// Whoever has the directory's lock works alone: at start, a lease belongs to a dead process,
    /// and waiting for it to lapse would only keep its container from being worked on.
    pub fn free_leases(&self) -> R<()> {
        let sql = format!(
            "UPDATE submission SET lease_until = NULL, lease_token = NULL, announced_until = 0
             WHERE {OPEN} AND (lease_until IS NOT NULL OR announced_until > 0)"
        );
        self.run(&sql, []).map(drop)
    }

    /// Whether a worker still has its lease.
    pub fn has_lease(&self, id: i64, token: &str) -> R<bool> {
        let sql = "SELECT 1 FROM submission WHERE id = ?1 AND lease_token = ?2";
        Ok(self.maybe(sql, params![id, token], |_| Ok(()))?.is_some())
    }

    /// Gives a container back, if the worker has it still: whoever comes next may have it, the
    /// queue is told again not before `tell_at`.
    pub fn release_lease(&self, id: i64, token: &str, tell_at: Millis) -> R<()> {
        let sql = "UPDATE submission SET lease_until = NULL, lease_token = NULL, announced_until = ?3
                   WHERE id = ?1 AND lease_token = ?2";
        self.run(sql, params![id, token, tell_at]).map(drop)
    }

    /// The queue is told of a container that nobody works on again, but not before `tell_at`.
    pub fn postpone(&self, id: i64, tell_at: Millis) -> R<()> {
        let sql = "UPDATE submission SET announced_until = ?2 WHERE id = ?1 AND lease_until IS NULL";
        self.run(sql, params![id, tell_at]).map(drop)
    }

    /// Containers of a route that the queue has not been told of lately, those that people wait
    /// for first; they count as told for `again` from when they are due.
    pub fn announce_due(&self, route: &str, now: Millis, again: Millis, limit: usize) -> R<Vec<Due>> {
        let sql = format!(
            "UPDATE submission SET announced_until = CASE WHEN due > ?2 THEN due ELSE ?2 END + ?3 WHERE id IN (
               SELECT id FROM submission {}
               WHERE route = ?1 AND {OPEN} AND announced_until < ?2
               ORDER BY interactive DESC, due LIMIT ?4)
             RETURNING id, interactive, due",
            self.by_index("submission_untold")
        );
        let mut due = self.many(&sql, params![route, now, again, limit as i64], |row| {
            Ok(Due { submission: row.get(0)?, interactive: row.get(1)?, due: row.get(2)? })
        })?;
        due.sort_by_key(|due| (!due.interactive, due.due, due.submission));
        Ok(due)
    }

    /// The queue may have lost what it was told of these routes: it is told again.
    pub fn forget_announcements(&self, route: &str) -> R<usize> {
        let sql = format!(
            "UPDATE submission SET announced_until = 0 WHERE route = ?1 AND {OPEN} AND announced_until > 0
               AND lease_until IS NULL"
        );
        self.run(&sql, params![route])
    }

    /// The queue did not take these: they are told again at once.
    pub fn forget_announced(&self, submissions: &[i64]) -> R<()> {
        for id in submissions {
            self.run("UPDATE submission SET announced_until = 0 WHERE id = ?1", params![id])?;
        }
        Ok(())
    }

    /// Whether operations wait on a route, interactive or not, behind a place in the queue.
    pub fn has_queued(&self, route: &str, interactive: bool, after: i64) -> R<bool> {
        let sql =
            "SELECT 1 FROM operation WHERE route = ?1 AND state = 'queued' AND interactive = ?2 AND id > ?3
                     AND state IN ('queued', 'sending', 'retrying', 'waiting') LIMIT 1";
        Ok(self.maybe(sql, params![route, interactive, after], |_| Ok(()))?.is_some())
    }

    /// Whether [`Tx::announce_due`] would tell of anything.
    pub fn has_due(&self, route: &str, now: Millis) -> R<bool> {
        let sql =
            format!("SELECT 1 FROM submission WHERE route = ?1 AND {OPEN} AND announced_until < ?2 LIMIT 1");
        Ok(self.maybe(&sql, params![route, now], |_| Ok(()))?.is_some())
    }

    /// Containers of a route that are still to be built, oldest first.
    pub fn to_be_built(&self, route: &str) -> R<Vec<i64>> {
        let sql = "SELECT id FROM submission WHERE route = ?1 AND state = 'queued' ORDER BY id";
        self.many(sql, [route], |row| row.get(0))
    }

    /// Containers of a route that are still to be worked on.
    pub fn outstanding(&self, route: &str) -> R<usize> {
        let sql = format!("SELECT count(*) FROM submission WHERE route = ?1 AND {OPEN}");
        self.one("the count", &sql, [route], |row| row.get(0))
    }
}

/// A try to deliver a container, or to ask about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttemptView {
    pub number: u32,
    /// `send` or `ask`.
    pub what: String,
    pub began_at: Millis,
    pub ended_at: Option<Millis>,
    pub outcome: Option<String>,
    pub code: Option<String>,
}

/// The attempts for a container, in their order.
pub(super) fn attempts(tx: &Tx<'_>, submission: i64) -> R<Vec<AttemptView>> {
    let sql = "SELECT number, what, began_at, ended_at, outcome, code FROM attempt
               WHERE submission = ?1 ORDER BY began_at, number";
    tx.many(sql, [submission], |r| {
        Ok(AttemptView {
            number: r.get(0)?,
            what: r.get(1)?,
            began_at: r.get(2)?,
            ended_at: r.get(3)?,
            outcome: r.get(4)?,
            code: r.get(5)?,
        })
    })
}
