//! One moment of the ledger, however long it takes to read: a connection and a read transaction of its own.

use rusqlite::{Connection, params};

use super::{Books, decode, folders, reader, store};
use crate::exchange::{LedgerError, Record};
use crate::ledger::FolderRow;

type R<T> = Result<T, LedgerError>;

/// The ledger as it was at the first question.
pub struct Snapshot<'c> {
    connection: &'c Connection,
}

impl Books {
    /// Asks many questions of one moment; saves go on meanwhile, and the other readers stay free.
    pub fn snapshot<T, E: From<LedgerError>>(
        &self,
        ask: impl FnOnce(&Snapshot<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let own = reader(self.path())?;
        let connection = own.into_inner().map_err(|_| LedgerError::Corrupt("a reader panicked".into()))?;
        let transaction = connection.unchecked_transaction().map_err(store)?;
        ask(&Snapshot { connection: &transaction })
    }
}

impl Snapshot<'_> {
    /// Number of stored folders of an ente.
    pub fn folder_count(&self, ente: &str) -> R<u64> {
        let sql = "SELECT count(*) FROM folder WHERE ente = ?1";
        self.connection.query_row(sql, [ente], |row| row.get(0)).map_err(store)
    }

    /// The folders of an ente after `after`, by their number.
    pub fn folders(&self, ente: &str, after: i64, limit: usize) -> R<Vec<FolderRow>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let ask = || {
            let sql = format!(
                "SELECT {} FROM folder WHERE ente = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
                folders::FOLDER
            );
            let mut statement = self.connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![ente, after, limit], folders::folder)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        ask().map_err(store)
    }

    /// The records of a folder in all registers.
    pub fn records(&self, folder: i64) -> R<Vec<Record>> {
        let ask = || {
            let sql = format!("SELECT {} FROM record WHERE folder = ?1", decode::RECORD);
            let mut statement = self.connection.prepare_cached(&sql)?;
            let rows = statement.query_map([folder], decode::record)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        ask().map_err(store)
    }
}
