//! One moment of the ledger, however long it takes to read: a connection and a read transaction of its own.

use super::{Books, Moment, R, Tx, decode, folders, params};
use crate::exchange::{LedgerError, Record};
use crate::ledger::FolderRow;

/// The ledger as it was at the first question.
pub struct Snapshot<'c> {
    tx: Tx<'c>,
}

impl Books {
    /// Asks many questions of one moment; saves go on meanwhile, and the other readers stay free.
    pub fn snapshot<T, E: From<LedgerError>>(
        &self,
        ask: impl FnOnce(&Snapshot<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let own = self.own_reader()?;
        let _moment = Moment::begin(&own)?;
        ask(&Snapshot { tx: Tx::on(&own) })
    }
}

impl Snapshot<'_> {
    /// Number of stored folders of an ente.
    pub fn folder_count(&self, ente: &str) -> R<u64> {
        let sql = "SELECT count(*) FROM folder WHERE ente = ?1";
        self.tx.one("the count", sql, [ente], |row| row.get(0))
    }

    /// The folders of an ente after `after`, by their number.
    pub fn folders(&self, ente: &str, after: i64, limit: usize) -> R<Vec<FolderRow>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = format!(
            "SELECT {} FROM folder WHERE ente = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
            folders::FOLDER
        );
        self.tx.many(&sql, params![ente, after, limit], folders::folder)
    }

    /// The records of a folder in all registers.
    pub fn records(&self, folder: i64) -> R<Vec<Record>> {
        let sql = format!("SELECT {} FROM record WHERE folder = ?1", decode::RECORD);
        self.tx.many(&sql, [folder], decode::record)
    }
}
