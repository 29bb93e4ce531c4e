//! Alerts as stored: what holds, since when, whether it was told, and what sinks are still to hear.

use serde::Serialize;

use super::{Row, Tx, params};
use crate::exchange::{LedgerError, Millis};

type R<T> = Result<T, LedgerError>;

/// An alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlertRow {
    pub id: i64,
    pub kind: String,
    /// What it is grouped by: ids only.
    pub cause: String,
    /// The condition holds since then.
    pub since: Millis,
    /// When it was told; `None` while it may still pass by itself.
    pub began_at: Option<Millis>,
    pub ended_at: Option<Millis>,
    pub count: u64,
    /// Numbers and ids, JSON.
    pub detail: String,
}

/// Something a sink is still to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telling {
    pub alert: AlertRow,
    /// `begins` or `ends`.
    pub what: String,
    pub sink: String,
    /// Tries so far.
    pub attempt: u32,
}

const ALERT: &str = "a.id, a.kind, a.cause, a.since, a.began_at, a.ended_at, a.count, a.detail";

fn alert(row: &Row<'_>) -> R<AlertRow> {
    Ok(AlertRow {
        id: row.get(0)?,
        kind: row.get(1)?,
        cause: row.get(2)?,
        since: row.get(3)?,
        began_at: row.get(4)?,
        ended_at: row.get(5)?,
        count: row.get(6)?,
        detail: row.get(7)?,
    })
}

impl Tx<'_> {
    /// Alerts that have not ended, told or not.
    pub fn open_alerts(&self) -> R<Vec<AlertRow>> {
        self.many(
            &format!("SELECT {ALERT} FROM alert a WHERE a.ended_at IS NULL ORDER BY a.id"),
            params![],
            alert,
        )
    }

    /// Alerts that were told and have ended, newest first.
    pub fn ended_alerts(&self, limit: i64) -> R<Vec<AlertRow>> {
        let sql = format!(
            "SELECT {ALERT} FROM alert a WHERE a.ended_at IS NOT NULL ORDER BY a.ended_at DESC LIMIT ?1"
        );
        self.many(&sql, params![limit], alert)
    }

    /// A condition holds of which nothing was known.
    pub fn add_alert(&self, kind: &str, cause: &str, since: Millis, count: u64, detail: &str) -> R<i64> {
        let sql = "INSERT INTO alert (kind, cause, since, count, detail) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.add(sql, params![kind, cause, since, count, detail])
    }

    /// A condition holds still, perhaps with other numbers; `began_at` once it is told.
    pub fn put_alert(&self, id: i64, began_at: Option<Millis>, count: u64, detail: &str) -> R<()> {
        let sql = "UPDATE alert SET began_at = ?2, count = ?3, detail = ?4 WHERE id = ?1";
        self.run(sql, params![id, began_at, count, detail]).map(drop)
    }

    /// A condition that was told has ended.
    pub fn end_alert(&self, id: i64, at: Millis) -> R<()> {
        self.run("UPDATE alert SET ended_at = ?2 WHERE id = ?1", params![id, at]).map(drop)
    }

    /// A condition passed before it was told.
    pub fn drop_alert(&self, id: i64) -> R<()> {
        self.run("DELETE FROM alert WHERE id = ?1", params![id]).map(drop)
    }

    /// A sink is to be told.
    pub fn add_telling(&self, alert: i64, what: &str, sink: &str, due: Millis) -> R<()> {
        let sql = "INSERT INTO telling (alert, what, sink, attempt, due) VALUES (?1, ?2, ?3, 0, ?4)
                   ON CONFLICT (alert, what, sink) DO NOTHING";
        self.run(sql, params![alert, what, sink, due]).map(drop)
    }

    /// What sinks are to be told now; beginnings before ends.
    pub fn tellings(&self, now: Millis, limit: i64) -> R<Vec<Telling>> {
        let sql = format!(
            "SELECT {ALERT}, t.what, t.sink, t.attempt FROM telling t JOIN alert a ON a.id = t.alert
             WHERE t.due <= ?1 ORDER BY t.alert, t.what LIMIT ?2"
        );
        self.many(&sql, params![now, limit], |row| {
            Ok(Telling { alert: alert(row)?, what: row.get(8)?, sink: row.get(9)?, attempt: row.get(10)? })
        })
    }

    /// A sink took it, or will never.
    pub fn told(&self, alert: i64, what: &str, sink: &str) -> R<()> {
        let sql = "DELETE FROM telling WHERE alert = ?1 AND what = ?2 AND sink = ?3";
        self.run(sql, params![alert, what, sink]).map(drop)
    }

    /// A sink did not take it: not before `due` again.
    pub fn not_told(&self, alert: i64, what: &str, sink: &str, due: Millis) -> R<()> {
        let sql = "UPDATE telling SET attempt = attempt + 1, due = ?4
                   WHERE alert = ?1 AND what = ?2 AND sink = ?3";
        self.run(sql, params![alert, what, sink, due]).map(drop)
    }

    /// Alerts that ended before a moment and of which nothing is to be told; how many went.
    pub fn prune_alerts(&self, before: Millis, limit: i64) -> R<usize> {
        let sql = "DELETE FROM alert WHERE id IN (SELECT a.id FROM alert a WHERE a.ended_at < ?1
                     AND NOT EXISTS (SELECT 1 FROM telling t WHERE t.alert = a.id) LIMIT ?2)";
        self.run(sql, params![before, limit])
    }
}
