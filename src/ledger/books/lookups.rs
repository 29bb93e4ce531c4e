//! Single rows that an act needs: read-only, on a snapshot.

use super::folders::{FOLDER, folder};
use super::{Books, params};
use crate::exchange::{Hash, LedgerError, Operation};
use crate::ledger::FolderRow;

/// A sealed fragment with what opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFragment {
    pub sealed: Vec<u8>,
    pub wrapped_key: Vec<u8>,
    pub ente: String,
    pub folder_id: String,
    pub record_key: String,
}

/// A record that wants a register's key, with what seals its fragments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedRecord {
    pub record: i64,
    pub key: String,
    pub folder_id: String,
    pub wrapped_key: Vec<u8>,
    pub desired_content: Option<Hash>,
}

/// Whose a record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordHead {
    pub ente: String,
    pub flow: String,
    pub register: String,
    pub key: String,
    pub folder_id: String,
}

impl Books {
    /// The sealed fragment of a record under a content hash.
    pub fn payload(&self, record: i64, content: &Hash) -> Result<KeptFragment, LedgerError> {
        let sql = "SELECT p.sealed, f.wrapped_key, f.ente, f.folder_id, r.key FROM payload p
                 JOIN record r ON r.id = p.record JOIN folder f ON f.id = r.folder
                 WHERE p.record = ?1 AND p.content = ?2";
        let found = self.look(|tx| {
            tx.maybe(sql, params![record, content], |r| {
                Ok(KeptFragment {
                    sealed: r.get(0)?,
                    wrapped_key: r.get(1)?,
                    ente: r.get(2)?,
                    folder_id: r.get(3)?,
                    record_key: r.get(4)?,
                })
            })
        })?;
        found.ok_or_else(|| LedgerError::Missing(format!("the payload of record {record}")))
    }

    /// Whose a record is.
    pub fn record_head(&self, record: i64) -> Result<RecordHead, LedgerError> {
        let sql = "SELECT r.ente, r.flow, r.register, r.key, f.folder_id FROM record r
                 JOIN folder f ON f.id = r.folder WHERE r.id = ?1";
        let found = self.look(|tx| {
            tx.maybe(sql, [record], |r| {
                Ok(RecordHead {
                    ente: r.get(0)?,
                    flow: r.get(1)?,
                    register: r.get(2)?,
                    key: r.get(3)?,
                    folder_id: r.get(4)?,
                })
            })
        })?;
        found.ok_or_else(|| LedgerError::Missing(format!("record {record}")))
    }

    /// The wrapped key of the folder that a container of one record speaks of.
    pub fn key_of_submission(&self, name: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        let sql = "SELECT f.wrapped_key FROM submission s JOIN operation o ON o.submission = s.id
                   JOIN record r ON r.id = o.record JOIN folder f ON f.id = r.folder WHERE s.name = ?1 LIMIT 1";
        self.look(|tx| tx.maybe(sql, [name], |r| r.get(0)))
    }

    /// The record of an ente that wants a register's key today.
    pub fn record_with_key(
        &self,
        ente: &str,
        register: &str,
        key: &Hash,
    ) -> Result<Option<KeyedRecord>, LedgerError> {
        let sql = "SELECT r.id, r.key, f.folder_id, f.wrapped_key, r.desired_content FROM record r
                 JOIN folder f ON f.id = r.folder
                 WHERE r.ente = ?1 AND r.register = ?2 AND r.desired_key = ?3 ORDER BY r.id LIMIT 1";
        self.look(|tx| {
            tx.maybe(sql, params![ente, register, key], |r| {
                Ok(KeyedRecord {
                    record: r.get(0)?,
                    key: r.get(1)?,
                    folder_id: r.get(2)?,
                    wrapped_key: r.get(3)?,
                    desired_content: r.get(4)?,
                })
            })
        })
    }

    /// The record under whose key a register holds something.
    pub fn record_holding(&self, ente: &str, register: &str, key: &Hash) -> Result<Option<i64>, LedgerError> {
        let sql = "SELECT id FROM record WHERE ente = ?1 AND register = ?2 AND held_key = ?3 LIMIT 1";
        self.look(|tx| tx.maybe(sql, params![ente, register, key], |r| r.get(0)))
    }

    /// How many things of former files no folder maps to, per ente and register.
    pub fn unmatched(&self) -> Result<Vec<(String, String, u64)>, LedgerError> {
        self.look(|tx| {
            let sql = "SELECT ente, register, count(*) FROM unmatched GROUP BY ente, register ORDER BY ente";
            tx.many(sql, [], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
        })
    }

    /// The stored folders after `after` (by number), to map again or to export.
    pub fn folders_after(&self, after: i64, limit: usize) -> Result<Vec<FolderRow>, LedgerError> {
        let sql = format!("SELECT {FOLDER} FROM folder WHERE id > ?1 ORDER BY id LIMIT ?2");
        self.look(|tx| tx.many(&sql, params![after, limit as i64], folder))
    }

    /// The operations that a container carries.
    pub fn operations_of(&self, submission: i64) -> Result<Vec<Operation>, LedgerError> {
        self.look(|tx| {
            let sql = super::exchange::operations_of_submission();
            tx.many(&sql, [submission], super::decode::operation)
        })
    }
}
