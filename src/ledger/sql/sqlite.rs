//! The embedded store: SQLite, WAL, synchronous=FULL. The only file of the ledger that names rusqlite.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{OpenFlags, params_from_iter};

use super::row::unfit;
use super::{Connection, Each, Row as AnyRow, Value};
use crate::exchange::LedgerError;

type R<T> = Result<T, LedgerError>;

pub type Row<'a> = rusqlite::Row<'a>;

/// A connection to the file.
pub struct Sqlite(rusqlite::Connection);

impl Sqlite {
    /// The one connection that writes; the file is made at first start.
    pub fn open(path: &Path) -> R<Connection> {
        let connection = rusqlite::Connection::open(path).map_err(store)?;
        keep_plans(&connection)?;
        // What an erased key was is overwritten where it stood.
        // Savepoints keep the former pages of what they change: in memory, else each job writes them to a file.
        let settings = "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 4000; PRAGMA busy_timeout = 10000;
             PRAGMA temp_store = MEMORY; PRAGMA secure_delete = FAST;";
        connection.execute_batch(settings).map_err(store)?;
        connection.set_prepared_statement_cache_capacity(128);
        Ok(Connection::Sqlite(Self(connection)))
    }

    /// A connection that can change nothing.
    pub fn reader(path: &Path) -> R<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = rusqlite::Connection::open_with_flags(path, flags).map_err(store)?;
        keep_plans(&connection)?;
        let settings = "PRAGMA busy_timeout = 10000; PRAGMA query_only = ON;";
        connection.execute_batch(settings).map_err(store)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(Connection::Sqlite(Self(connection)))
    }

    pub(super) fn each(&self, sql: &str, values: &[Value<'_>], read: Each<'_>) -> R<()> {
        let mut statement = self.0.prepare_cached(sql).map_err(store)?;
        let mut rows = statement.query(params_from_iter(values)).map_err(store)?;
        while let Some(row) = rows.next().map_err(store)? {
            if !read(&AnyRow::Sqlite(row))? {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn run(&self, sql: &str, values: &[Value<'_>]) -> R<usize> {
        let mut statement = self.0.prepare_cached(sql).map_err(store)?;
        statement.execute(params_from_iter(values)).map_err(store)
    }

    pub(super) fn add(&self, sql: &str, values: &[Value<'_>]) -> R<i64> {
        let mut statement = self.0.prepare_cached(sql).map_err(store)?;
        statement.insert(params_from_iter(values)).map_err(store)
    }

    pub(super) fn batch(&self, sql: &str) -> R<()> {
        self.0.execute_batch(sql).map_err(store)
    }

    /// A statement without parameters that comes again and again.
    pub(super) fn again(&self, sql: &str) -> R<()> {
        self.0.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map(drop).map_err(store)
    }

    pub(super) fn is_in_transaction(&self) -> bool {
        !self.0.is_autocommit()
    }
}

/// Plans do not depend on bound values: else SQLite prepares a cached statement anew for many of them.
fn keep_plans(connection: &rusqlite::Connection) -> R<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop).map_err(store)
}

/// Wraps a failure of the store.
fn store(error: rusqlite::Error) -> LedgerError {
    LedgerError::Store(Box::new(error))
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match self {
            Self::Integer(number) => number.map_or(ValueRef::Null, ValueRef::Integer),
            Self::Text(text) => text.map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes())),
            Self::Bytes(bytes) => bytes.map_or(ValueRef::Null, ValueRef::Blob),
            Self::TooLarge => {
                return Err(rusqlite::Error::ToSqlConversionFailure("the number is too large".into()));
            }
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}

pub(super) fn integer(row: &Row<'_>, column: usize) -> R<Option<i64>> {
    match row.get_ref(column).map_err(store)? {
        ValueRef::Null => Ok(None),
        ValueRef::Integer(number) => Ok(Some(number)),
        _ => Err(unfit(column)),
    }
}

pub(super) fn text<'r>(row: &'r Row<'_>, column: usize) -> R<Option<&'r str>> {
    match row.get_ref(column).map_err(store)? {
        ValueRef::Null => Ok(None),
        ValueRef::Text(text) => std::str::from_utf8(text).map(Some).map_err(|_| unfit(column)),
        _ => Err(unfit(column)),
    }
}

pub(super) fn bytes<'r>(row: &'r Row<'_>, column: usize) -> R<Option<&'r [u8]>> {
    match row.get_ref(column).map_err(store)? {
        ValueRef::Null => Ok(None),
        ValueRef::Blob(bytes) => Ok(Some(bytes)),
        _ => Err(unfit(column)),
    }
}
