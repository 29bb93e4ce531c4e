//! The calendar's memory: until when each entry was looked at, and what each firing came to.

use serde::Serialize;

use super::{Books, Row, Tx, params};
use crate::exchange::{LedgerError, Millis};

type R<T> = Result<T, LedgerError>;

/// What a firing came to for one ente.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FiringRow {
    pub calendar: String,
    /// The instant of the firing, ms.
    pub at: Millis,
    pub ente: String,
    /// `started`, `missed` (its window was over) or `failed` (see `why`).
    pub what: String,
    pub run: Option<i64>,
    /// The period reported, as [`crate::exchange::Period`] writes it.
    pub period: String,
    /// Its last day, ISO.
    pub period_end: String,
    pub noted_at: Millis,
    /// Earlier firings of the same absence that this one stands for.
    pub passed_over: u32,
    pub why: Option<String>,
}

const FIRING: &str = "calendar, at, ente, what, run, period, period_end, noted_at, passed_over, why";

fn firing(row: &Row<'_>) -> R<FiringRow> {
    Ok(FiringRow {
        calendar: row.get(0)?,
        at: row.get(1)?,
        ente: row.get(2)?,
        what: row.get(3)?,
        run: row.get(4)?,
        period: row.get(5)?,
        period_end: row.get(6)?,
        noted_at: row.get(7)?,
        passed_over: row.get(8)?,
        why: row.get(9)?,
    })
}

impl Tx<'_> {
    /// Notes until when an entry was looked at; follows a clock that was set back.
    pub fn put_calendar_seen(&self, id: &str, cron: &str, seen_until: Millis) -> R<()> {
        let sql = "INSERT INTO calendar (id, cron, seen_until) VALUES (?1, ?2, ?3)
                   ON CONFLICT (id) DO UPDATE SET cron = ?2, seen_until = ?3";
        self.run(sql, params![id, cron, seen_until]).map(drop)
    }

    /// Whether a firing was noted for an ente.
    pub fn has_fired(&self, calendar: &str, at: Millis, ente: &str) -> R<bool> {
        let sql = "SELECT 1 FROM firing WHERE calendar = ?1 AND at = ?2 AND ente = ?3";
        Ok(self.maybe(sql, params![calendar, at, ente], |_| Ok(()))?.is_some())
    }

    /// Notes what a firing came to for an ente; an error if it was noted before.
    pub fn add_firing(&self, f: &FiringRow) -> R<()> {
        let sql = format!("INSERT INTO firing ({FIRING}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
        self.run(
            &sql,
            params![
                f.calendar,
                f.at,
                f.ente,
                f.what,
                f.run,
                f.period,
                f.period_end,
                f.noted_at,
                f.passed_over,
                f.why
            ],
        )
        .map(drop)
    }
}

impl Books {
    /// Until when an entry was looked at; `None` for one that is new or had another cron then.
    pub fn calendar_seen(&self, id: &str, cron: &str) -> R<Option<Millis>> {
        let sql = "SELECT seen_until FROM calendar WHERE id = ?1 AND cron = ?2";
        self.look(|tx| tx.maybe(sql, [id, cron], |row| row.get(0)))
    }

    /// The newest firings of an entry, one row per ente.
    pub fn firings(&self, calendar: &str, limit: usize) -> R<Vec<FiringRow>> {
        self.look(|tx| {
            let sql =
                format!("SELECT {FIRING} FROM firing WHERE calendar = ?1 ORDER BY at DESC, ente LIMIT ?2");
            tx.many(&sql, params![calendar, limit as i64], firing)
        })
    }
}
