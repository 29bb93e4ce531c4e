//! What an explanation needs of the books: operations with the newest answer to each. Read-only.

use super::{Books, R, Row, params};
use crate::exchange::LedgerError;

/// Which operations are to be explained.
#[derive(Clone, Copy, Debug)]
pub enum OfWhich<'a> {
    /// Those of a container that were not simply accepted.
    Submission(&'a str),
    Operation(i64),
    /// The newest one of each record of a folder; of one record key, if given.
    Folder {
        folder: i64,
        record: Option<&'a str>,
    },
}

/// An operation with its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationToExplain {
    pub operation: i64,
    pub ente: String,
    pub folder_id: String,
    pub flow: String,
    pub key: String,
    pub kind: String,
    pub generation: u64,
    pub state: String,
    pub route: String,
    pub submission: Option<String>,
    /// The folder still maps to what the operation carried.
    pub is_todays: bool,
    /// Mapping rows that fired when the folder was saved last.
    pub rows: Vec<u8>,
    /// The newest code of an attempt to deliver its container; empty if there is none.
    pub attempt_code: String,
}

/// What a recipient answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerRow {
    /// The container that it was an answer to.
    pub submission: String,
    pub code: String,
    /// What became of it, e.g. `settled` or `foreign`.
    pub what: String,
    /// Sealed.
    pub text: Option<Vec<u8>>,
}

/// Attempts of a container that said anything, newest first.
const ATTEMPT_CODE: &str = "SELECT code FROM attempt WHERE submission = s.id AND code <> '' ORDER BY began_at DESC, number DESC LIMIT 1";

impl Books {
    /// The operations to explain, by their number; at most `limit`.
    pub fn operations_to_explain(
        &self,
        which: OfWhich<'_>,
        limit: usize,
    ) -> Result<Vec<OperationToExplain>, LedgerError> {
        let (clause, number, text) = match which {
            OfWhich::Submission(name) => (
                "s.name = ?2 AND (o.state <> 'accepted' OR EXISTS (SELECT 1 FROM receipt x
                   WHERE x.operation = o.id AND x.what = 'contradiction'))",
                0,
                Some(name),
            ),
            OfWhich::Operation(id) => ("o.id = ?1", id, None),
            OfWhich::Folder { folder, record } => (
                "r.folder = ?1 AND (?2 IS NULL OR r.key = ?2)
                   AND o.generation = (SELECT max(n.generation) FROM operation n WHERE n.record = r.id)",
                folder,
                record,
            ),
        };
        let sql = format!(
            "SELECT o.id, r.ente, f.folder_id, r.flow, r.key, o.kind, o.generation, o.state, o.route, s.name,
               r.desired_content IS NOT DISTINCT FROM o.content, r.rows, coalesce(({ATTEMPT_CODE}), '')
             FROM operation o JOIN record r ON r.id = o.record JOIN folder f ON f.id = r.folder
             LEFT JOIN submission s ON s.id = o.submission
             WHERE {clause} AND ?1 IS NOT NULL ORDER BY o.id LIMIT ?3"
        );
        self.look(|tx| tx.many(&sql, params![number, text, limit as i64], operation))
    }

    /// The newest answer to an operation; one that fits no operation counts by its container's name.
    pub fn newest_answer(&self, of: &OperationToExplain) -> Result<Option<AnswerRow>, LedgerError> {
        let sql = "SELECT name, code, what, text FROM receipt
                 WHERE (operation = ?1 OR operation IS NULL AND route = ?2 AND name = ?3) AND what <> 'duplicate'
                 ORDER BY id DESC LIMIT 1";
        self.look(|tx| {
            tx.maybe(sql, params![of.operation, of.route, of.submission], |r| {
                Ok(AnswerRow { submission: r.get(0)?, code: r.get(1)?, what: r.get(2)?, text: r.get(3)? })
            })
        })
    }

    /// The findings of a folder, as stored JSON, with flow and record key.
    pub fn findings_of(
        &self,
        folder: i64,
        record: Option<&str>,
    ) -> Result<Vec<(String, Option<String>, String)>, LedgerError> {
        let sql = "SELECT flow, record, finding FROM finding
                 WHERE folder = ?1 AND (?2 IS NULL OR record IS NULL OR record = ?2) ORDER BY rowid";
        self.look(|tx| tx.many(sql, params![folder, record], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))))
    }
}

fn operation(r: &Row<'_>) -> R<OperationToExplain> {
    Ok(OperationToExplain {
        operation: r.get(0)?,
        ente: r.get(1)?,
        folder_id: r.get(2)?,
        flow: r.get(3)?,
        key: r.get(4)?,
        kind: r.get(5)?,
        generation: r.get(6)?,
        state: r.get(7)?,
        route: r.get(8)?,
        submission: r.get(9)?,
        is_todays: r.get(10)?,
        rows: r.get::<Option<_>>(11)?.unwrap_or_default(),
        attempt_code: r.get(12)?,
    })
}
