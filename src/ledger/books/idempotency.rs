//! Rows of requests that are done once (header `Idempotency-Key`), with their answers.

use super::{Books, Row, Tx, params};
use crate::exchange::{Hash, LedgerError, Millis};

type R<T> = Result<T, LedgerError>;

/// Which request: who sent it, and the hash of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnceKey {
    pub caller: String,
    pub key: Hash,
}

/// A request as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnceRow {
    /// Of method, path and body.
    pub request: Hash,
    pub at: Millis,
    /// What it opened, where that was stored with its effect: a run.
    pub run: Option<i64>,
    pub status: Option<u16>,
    /// Sealed, with what opens it.
    pub answer: Option<(Vec<u8>, Vec<u8>)>,
}

fn once(row: &Row<'_>) -> R<OnceRow> {
    let (wrapped, sealed): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.get(4)?, row.get(5)?);
    Ok(OnceRow {
        request: row.get(0)?,
        at: row.get(1)?,
        run: row.get(2)?,
        status: row.get(3)?,
        answer: wrapped.zip(sealed),
    })
}

const ONCE: &str = "SELECT request, at, run, status, wrapped_key, answer FROM api_request \
                    WHERE caller = ?1 AND key = ?2";

impl Books {
    /// A request that was sent before.
    pub fn once(&self, key: &OnceKey) -> R<Option<OnceRow>> {
        self.look(|tx| tx.maybe(ONCE, params![key.caller, key.key], once))
    }
}

impl Tx<'_> {
    /// Begins a request, or says how the one of this key stands; what is older than `before` is forgotten.
    /// One that was begun before `stale`, and opened nothing, was broken off: it begins again.
    pub fn begin_once(
        &self,
        key: &OnceKey,
        request: &Hash,
        now: Millis,
        (before, stale): (Millis, Millis),
    ) -> R<Option<OnceRow>> {
        self.run("DELETE FROM api_request WHERE at < ?1", params![before])?;
        let again = "DELETE FROM api_request WHERE caller = ?1 AND key = ?2 AND request = ?3
                       AND status IS NULL AND run IS NULL AND at < ?4";
        self.run(again, params![key.caller, key.key, request, stale])?;
        let sql = "INSERT INTO api_request (caller, key, request, at) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO NOTHING";
        if self.run(sql, params![key.caller, key.key, request, now])? == 1 {
            return Ok(None);
        }
        self.maybe(ONCE, params![key.caller, key.key], once)
    }

    /// Notes the run that a request opened, in the transaction that opens it.
    pub fn note_once(&self, key: &OnceKey, run: i64) -> R<()> {
        let sql = "UPDATE api_request SET run = ?3 WHERE caller = ?1 AND key = ?2";
        self.run(sql, params![key.caller, key.key, run]).map(drop)
    }

    /// Keeps the answer to a request.
    pub fn end_once(&self, key: &OnceKey, status: u16, (wrapped, sealed): &(Vec<u8>, Vec<u8>)) -> R<()> {
        let sql = "UPDATE api_request SET status = ?3, wrapped_key = ?4, answer = ?5
                   WHERE caller = ?1 AND key = ?2";
        self.run(sql, params![key.caller, key.key, status, wrapped, sealed]).map(drop)
    }

    /// Forgets a request that failed for a reason of ours: it may be sent again.
    pub fn forget_once(&self, key: &OnceKey) -> R<()> {
        let sql = "DELETE FROM api_request WHERE caller = ?1 AND key = ?2 AND run IS NULL";
        self.run(sql, params![key.caller, key.key]).map(drop)
    }
}
