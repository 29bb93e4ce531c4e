//! How all processes together use a route: when the next container may leave, how many are under
//! way, and what of each ente is queued.

use super::{Tx, params};
use crate::exchange::{Lane, LedgerError, Millis, Turnstile};

type R<T> = Result<T, LedgerError>;

impl Tx<'_> {
    /// A route's turnstile, for this transaction alone.
    pub fn turnstile(&self, route: &str) -> R<Turnstile> {
        let sql = "INSERT INTO pace (route, next, people_until, bulk_until, people) VALUES (?1, 0, 0, 0, 0)
                   ON CONFLICT (route) DO UPDATE SET people = pace.people
                   RETURNING next, people_until, bulk_until, people";
        self.one("the turnstile", sql, [route], |row| {
            Ok(Turnstile {
                next: row.get(0)?,
                people_until: row.get(1)?,
                bulk_until: row.get(2)?,
                people: row.get(3)?,
            })
        })
    }

    /// Stores what [`Tx::turnstile`] gave.
    pub fn put_turnstile(&self, route: &str, turnstile: &Turnstile) -> R<()> {
        let Turnstile { next, people_until, bulk_until, people } = turnstile;
        let sql =
            "UPDATE pace SET next = ?2, people_until = ?3, bulk_until = ?4, people = ?5 WHERE route = ?1";
        self.run(sql, params![route, next, people_until, bulk_until, people]).map(drop)
    }

    /// Containers of a route that workers have in hand, whatever process they are of.
    pub fn under_way(&self, route: &str) -> R<usize> {
        let sql = "SELECT count(*) FROM submission WHERE route = ?1 AND lease_token IS NOT NULL";
        self.one("the count", sql, [route], |row| row.get(0))
    }

    /// Containers of a route that are due by then, or in hand: those for which workers are wanted.
    pub fn wanted_soon(&self, route: &str, by: Millis) -> R<usize> {
        let sql = "SELECT count(*) FROM submission WHERE route = ?1
                     AND state IN ('queued', 'sending', 'asking') AND due <= ?2";
        self.one("the count", sql, params![route, by], |row| row.get(0))
    }

    /// The enti with work queued on a route. Each is found by the one before it, however much lies
    /// between them.
    pub fn enti_queued(&self, route: &str) -> R<Vec<String>> {
        let sql = "SELECT ente FROM operation WHERE route = ?1 AND state = 'queued' AND ente > ?2
                   ORDER BY ente LIMIT 1";
        // What an earlier version queues beside this one has none.
        let mut enti = Vec::new();
        if self.has_queued_of(route, "", 0)? {
            enti.push(String::new());
        }
        let mut last = String::new();
        while let Some(next) = self.maybe(sql, params![route, last], |row| row.get::<String>(0))? {
            last.clone_from(&next);
            enti.push(next);
        }
        Ok(enti)
    }

    /// Whether an ente has bulk work queued on a route, behind a place in the queue.
    pub fn has_queued_of(&self, route: &str, ente: &str, after: i64) -> R<bool> {
        let sql = "SELECT 1 FROM operation WHERE route = ?1 AND ente = ?2 AND interactive = 0 AND id > ?3
                     AND state = 'queued' LIMIT 1";
        Ok(self.maybe(sql, params![route, ente, after], |_| Ok(()))?.is_some())
    }

    pub(super) fn lanes_of(&self, route: &str, ente: &str, after: i64, limit: usize) -> R<Vec<Lane>> {
        let sql = "SELECT r.folder, o.id FROM operation o JOIN record r ON r.id = o.record
                   WHERE o.route = ?1 AND o.ente = ?2 AND o.interactive = 0 AND o.id > ?3 AND o.state = 'queued'
                     AND r.grouping IS NULL
                   ORDER BY o.id LIMIT ?4";
        self.many(sql, params![route, ente, after, limit as i64], |row| {
            Ok(Lane { folder: row.get(0)?, position: row.get(1)? })
        })
    }
}
