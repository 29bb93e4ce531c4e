//! Benefits by keyed hash: which folders seem to record the same one.

use rusqlite::params;

use super::{Books, Tx};
use crate::exchange::{Hash, LedgerError};

type R<T> = Result<T, LedgerError>;

/// One benefit of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BenefitRow {
    /// Of person and code, under the installation's key.
    pub hash: Hash,
    /// The intervention's id.
    pub item: String,
    /// First and last day, ISO.
    pub from: String,
    pub to: String,
}

/// Ente, folder id and intervention id of two folders that meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicateRow {
    pub one: (String, String, String),
    pub other: (String, String, String),
}

impl Tx<'_> {
    /// Replaces the benefits of a folder; a new folder has none yet.
    pub fn put_benefits(&self, folder: i64, created: bool, rows: &[BenefitRow]) -> R<()> {
        if !created {
            self.run("DELETE FROM benefit WHERE folder = ?1", [folder])?;
        }
        for row in rows {
            let sql =
                "INSERT INTO benefit (hash, folder, item, from_day, to_day) VALUES (?1, ?2, ?3, ?4, ?5)";
            self.run(sql, params![row.hash, folder, row.item, row.from, row.to])?;
        }
        Ok(())
    }
}

impl Books {
    /// Folders that seem to record the same benefit, both of these enti (`None` = any): of one
    /// folder, which then stands first, or all, each pair once. Of several benefits of the other
    /// folder that meet, the one that begins nearest is named.
    pub fn duplicates(
        &self,
        enti: Option<&[String]>,
        folder: Option<i64>,
        limit: usize,
    ) -> R<Vec<DuplicateRow>> {
        let enti = enti.map(|enti| serde_json::json!(enti).to_string());
        let pair = match folder {
            Some(_) => "one.folder = ?1 AND other.folder <> one.folder",
            None => "?1 IS NULL AND other.folder > one.folder",
        };
        let sql = format!(
            "SELECT f.ente, f.folder_id, one.item, g.ente, g.folder_id, other.item,
               min(abs(julianday(one.from_day) - julianday(other.from_day)))
             FROM benefit one JOIN benefit other ON other.hash = one.hash
             JOIN folder f ON f.id = one.folder JOIN folder g ON g.id = other.folder
             WHERE {pair} AND one.from_day <= other.to_day AND other.from_day <= one.to_day
               AND (?2 IS NULL OR (f.ente IN (SELECT value FROM json_each(?2))
                 AND g.ente IN (SELECT value FROM json_each(?2))))
             GROUP BY one.folder, one.item, other.folder
             ORDER BY one.folder, one.item, other.folder LIMIT ?3"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|c| {
            let mut statement = c.prepare_cached(&sql)?;
            let rows = statement.query_map(params![folder, enti, limit], |r| {
                Ok(DuplicateRow {
                    one: (r.get(0)?, r.get(1)?, r.get(2)?),
                    other: (r.get(3)?, r.get(4)?, r.get(5)?),
                })
            })?;
            rows.collect()
        })
    }
}
