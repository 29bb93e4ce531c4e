//! Records as their registers know them, and the pages of folders. Read-only.

use super::{Books, Row, params};
use crate::exchange::{LedgerError, Millis};

type R<T> = Result<T, LedgerError>;

/// A record and its acknowledged side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRecord {
    pub id: i64,
    pub register: String,
    pub flow: String,
    pub key: String,
    /// First and last day, ISO.
    pub from: String,
    pub to: String,
    pub held: bool,
    pub held_generation: Option<u64>,
    /// The register holds what the folder maps to today.
    pub is_todays: bool,
    /// Mapping rows that fired, a bitmap.
    pub rows: Vec<u8>,
}

/// An operation of a record, with its newest receipt: code and moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastOperation {
    pub generation: u64,
    pub kind: String,
    pub state: String,
    pub queued_at: Millis,
    pub submission: Option<String>,
    pub route: String,
    pub receipt: Option<(String, Millis)>,
}

/// A folder on a page: whose, and when it was saved.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FolderLine {
    pub ente: String,
    pub id: String,
    pub version: Option<u64>,
    pub saved_at: Millis,
}

impl Books {
    /// The records of a folder, of one register if given.
    pub fn known_records(&self, folder: i64, register: Option<&str>) -> R<Vec<KnownRecord>> {
        let sql = "SELECT id, register, flow, key, from_day, to_day, held_content, held_generation,
                     desired_content, rows
                   FROM record WHERE folder = ?1 AND (?2 IS NULL OR register = ?2) ORDER BY register, key";
        let read = |row: &Row<'_>| {
            let (held, desired): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.get(6)?, row.get(8)?);
            Ok(KnownRecord {
                id: row.get(0)?,
                register: row.get(1)?,
                flow: row.get(2)?,
                key: row.get(3)?,
                from: row.get(4)?,
                to: row.get(5)?,
                held: held.is_some(),
                held_generation: row.get(7)?,
                is_todays: held == desired,
                rows: row.get::<Option<Vec<u8>>>(9)?.unwrap_or_default(),
            })
        };
        self.look(|tx| tx.many(sql, params![folder, register], read))
    }

    /// The operations of a record, oldest first.
    pub fn past_operations(&self, record: i64) -> R<Vec<PastOperation>> {
        let sql = "SELECT o.generation, o.kind, o.state, o.queued_at, s.name, o.route, x.code, x.at
                   FROM operation o LEFT JOIN submission s ON s.id = o.submission
                   LEFT JOIN receipt x ON x.id = (SELECT max(id) FROM receipt WHERE operation = o.id)
                   WHERE o.record = ?1 ORDER BY o.generation";
        let read = |row: &Row<'_>| {
            let (code, at): (Option<String>, Option<Millis>) = (row.get(6)?, row.get(7)?);
            Ok(PastOperation {
                generation: row.get(0)?,
                kind: row.get(1)?,
                state: row.get(2)?,
                queued_at: row.get(3)?,
                submission: row.get(4)?,
                route: row.get(5)?,
                receipt: code.zip(at),
            })
        };
        self.look(|tx| tx.many(sql, params![record], read))
    }

    /// Folders of an ente after an id, in the order of their ids; of those saved since a moment.
    pub fn folder_lines(&self, ente: &str, after: &str, since: Millis, limit: usize) -> R<Vec<FolderLine>> {
        let sql = "SELECT ente, folder_id, version, saved_at FROM folder
                   WHERE ente = ?1 AND folder_id > ?2 AND saved_at >= ?3 ORDER BY folder_id LIMIT ?4";
        let read = |row: &Row<'_>| {
            Ok(FolderLine { ente: row.get(0)?, id: row.get(1)?, version: row.get(2)?, saved_at: row.get(3)? })
        };
        self.look(|tx| tx.many(sql, params![ente, after, since, limit as i64], read))
    }
}
