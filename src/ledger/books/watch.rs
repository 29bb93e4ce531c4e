//! What watching asks of the books: depths and ages of queues, runs at work, the watcher's memory.
//! Every question goes by an index, whatever the ledger's size; those that count whole tables say so.

use super::{Tx, params};
use crate::exchange::{Bucket, LedgerError, Millis};

type R<T> = Result<T, LedgerError>;

/// What waits on a route at one priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    pub interactive: bool,
    /// Operations that wait for their container.
    pub operations: u64,
    /// When the oldest of them was queued.
    pub oldest: Option<Millis>,
    /// Containers that wait to be built, sent or asked about.
    pub submissions: u64,
    /// When the first of them is, or was, due.
    pub first_due: Option<Millis>,
}

/// Operations of a route in one state that a person may have to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubtful {
    pub route: String,
    pub state: String,
    pub operations: u64,
}

/// A run that is not over, with what of it still moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRun {
    pub id: i64,
    pub ente: String,
    pub register: String,
    pub flow: String,
    pub period: String,
    pub route: String,
    pub kind: String,
    pub started_at: Millis,
    pub selecting: bool,
}

impl Tx<'_> {
    /// What waits on a route: bulk work, then what people wait for.
    pub fn waiting_on(&self, route: &str) -> R<[Waiting; 2]> {
        let mut waiting = [Waiting::default(), Waiting { interactive: true, ..Waiting::default() }];
        let sql = "SELECT interactive, count(*), min(id) FROM operation WHERE route = ?1 AND state = 'queued'
                     AND state IN ('queued', 'sending', 'retrying', 'waiting') GROUP BY interactive";
        let rows = self.many(sql, params![route], |row| {
            Ok((row.get::<bool>(0)?, row.get::<u64>(1)?, row.get::<i64>(2)?))
        })?;
        for (interactive, operations, first) in rows {
            let place = &mut waiting[usize::from(interactive)];
            place.operations = operations;
            let sql = "SELECT queued_at FROM operation WHERE id = ?1";
            place.oldest = self.maybe(sql, params![first], |row| row.get(0))?;
        }
        let sql = "SELECT interactive, count(*), min(due) FROM submission WHERE route = ?1
                     AND state IN ('queued', 'sending', 'asking') GROUP BY interactive";
        let rows = self.many(sql, params![route], |row| {
            Ok((row.get::<bool>(0)?, row.get::<u64>(1)?, row.get::<Option<Millis>>(2)?))
        })?;
        for (interactive, submissions, due) in rows {
            let place = &mut waiting[usize::from(interactive)];
            (place.submissions, place.first_due) = (submissions, due);
        }
        Ok(waiting)
    }

    /// Operations whose outcome is not known, or that a person must decide, by route.
    pub fn doubtful(&self) -> R<Vec<Doubtful>> {
        let sql = "SELECT route, state, count(*) FROM operation WHERE state IN ('uncertain', 'parked')
                   GROUP BY route, state ORDER BY route, state";
        self.many(sql, params![], |row| {
            Ok(Doubtful { route: row.get(0)?, state: row.get(1)?, operations: row.get(2)? })
        })
    }

    /// Runs that were not cancelled, newest first.
    pub fn newest_runs(&self, since: Millis, limit: i64) -> R<Vec<OpenRun>> {
        let sql = "SELECT id, ente, register, flow, period, route, kind, started_at, selecting FROM run
                   WHERE cancelled_at IS NULL AND started_at >= ?1 ORDER BY id DESC LIMIT ?2";
        self.many(sql, params![since, limit], |row| {
            Ok(OpenRun {
                id: row.get(0)?,
                ente: row.get(1)?,
                register: row.get(2)?,
                flow: row.get(3)?,
                period: row.get(4)?,
                route: row.get(5)?,
                kind: row.get(6)?,
                started_at: row.get(7)?,
                selecting: row.get(8)?,
            })
        })
    }

    /// How the records of a run stand. Walks all its rows.
    pub fn run_counts(&self, run: i64) -> R<Vec<(Bucket, u64)>> {
        let sql = "SELECT bucket, count(*) FROM run_row WHERE run = ?1 GROUP BY bucket";
        let rows = self.many(sql, params![run], |row| Ok((row.get::<String>(0)?, row.get(1)?)))?;
        Ok(rows.into_iter().filter_map(|(word, count)| Some((Bucket::from_word(&word)?, count))).collect())
    }

    /// What the watcher keeps under a name.
    pub fn remembered(&self, name: &str) -> R<Option<(Millis, String)>> {
        let sql = "SELECT at, value FROM watch WHERE name = ?1";
        self.maybe(sql, params![name], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Keeps something under a name.
    pub fn remember(&self, name: &str, at: Millis, value: &str) -> R<()> {
        let sql = "INSERT INTO watch (name, at, value) VALUES (?1, ?2, ?3)
                   ON CONFLICT (name) DO UPDATE SET at = ?2, value = ?3";
        self.run(sql, params![name, at, value]).map(drop)
    }
}
