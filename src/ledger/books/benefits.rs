//! Benefits by keyed hash: which folders seem to record the same one.

use super::{Books, Tx, params};
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
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.look(|tx| {
            let sql = format!(
                "SELECT one_ente, one_folder, one_item, other_ente, other_folder, other_item FROM (
                   SELECT f.ente AS one_ente, f.folder_id AS one_folder, one.item AS one_item,
                     g.ente AS other_ente, g.folder_id AS other_folder, other.item AS other_item,
                     one.folder AS one_number, other.folder AS other_number,
                     row_number() OVER (PARTITION BY one.folder, one.item, other.folder
                       ORDER BY {}, other.item) AS place
                   FROM benefit one JOIN benefit other ON other.hash = one.hash
                   JOIN folder f ON f.id = one.folder JOIN folder g ON g.id = other.folder
                   WHERE {pair} AND one.from_day <= other.to_day AND other.from_day <= one.to_day
                     AND (?2 IS NULL OR (f.ente IN {list} AND g.ente IN {list}))) AS met
                 WHERE place = 1 ORDER BY one_number, one_item, other_number LIMIT ?3",
                tx.days_between("one.from_day", "other.from_day"),
                list = tx.list("?2")
            );
            tx.many(&sql, params![folder, enti, limit], |r| {
                Ok(DuplicateRow {
                    one: (r.get(0)?, r.get(1)?, r.get(2)?),
                    other: (r.get(3)?, r.get(4)?, r.get(5)?),
                })
            })
        })
    }
}
