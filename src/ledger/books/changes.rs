//! What is new since a place: containers and receipts, for whoever watches. Read-only.

use super::{Books, Row, params};
use crate::exchange::LedgerError;

type R<T> = Result<T, LedgerError>;

/// A container that got its name, or a receipt that came; of one ente and register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub id: i64,
    pub submission: String,
    pub route: String,
    /// The container's state, or the receipt's code.
    pub word: String,
    pub ente: String,
    pub register: String,
    pub operation: Option<i64>,
    /// Where the operation stands now.
    pub state: Option<String>,
}

/// The newest container and the newest receipt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Places {
    pub submission: i64,
    pub receipt: i64,
}

fn change(row: &Row<'_>) -> R<Change> {
    Ok(Change {
        id: row.get(0)?,
        submission: row.get(1)?,
        route: row.get(2)?,
        word: row.get(3)?,
        ente: row.get(4)?,
        register: row.get(5)?,
        operation: row.get(6)?,
        state: row.get(7)?,
    })
}

impl Books {
    /// Where the books stand now.
    pub fn places(&self) -> R<Places> {
        let sql = "SELECT coalesce((SELECT max(id) FROM submission), 0),
                     coalesce((SELECT max(id) FROM receipt), 0)";
        let read = |row: &Row<'_>| Ok(Places { submission: row.get(0)?, receipt: row.get(1)? });
        self.look(|tx| tx.one("the books' places", sql, [], read))
    }

    /// Containers after a place, oldest first.
    pub fn new_submissions(&self, after: i64, limit: usize) -> R<Vec<Change>> {
        let sql =
            "SELECT s.id, s.name, s.route, s.state, min(r.ente), min(r.register), min(o.id), min(o.state)
                   FROM submission s JOIN operation o ON o.submission = s.id JOIN record r ON r.id = o.record
                   WHERE s.id > ?1 GROUP BY s.id, s.name, s.route, s.state ORDER BY s.id LIMIT ?2";
        self.look(|tx| tx.many(sql, params![after, limit as i64], change))
    }

    /// Receipts of operations after a place, oldest first.
    pub fn new_receipts(&self, after: i64, limit: usize) -> R<Vec<Change>> {
        let sql = "SELECT x.id, x.name, x.route, x.code, r.ente, r.register, o.id, o.state
                   FROM receipt x JOIN operation o ON o.id = x.operation JOIN record r ON r.id = o.record
                   WHERE x.id > ?1 ORDER BY x.id LIMIT ?2";
        self.look(|tx| tx.many(sql, params![after, limit as i64], change))
    }
}
