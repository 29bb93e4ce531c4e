//! One SQL text for both stores: values go in, rows come out, and few words differ (`dialect`).
//!
//! Parameters are written `?1`; truth is an integer, compared as `x = 1`. No other file of the
//! ledger names a driver.

mod dialect;
pub mod postgres;
mod row;
pub mod sqlite;
mod value;

use std::sync::Arc;

use crate::exchange::LedgerError;
pub use dialect::Dialect;
pub use row::{Column, Row};
pub(crate) use value::params;
pub use value::{Bind, Parameters, Value};

type R<T> = Result<T, LedgerError>;

/// Is asked for each row; false ends the reading.
pub(super) type Each<'f> = &'f mut dyn FnMut(&Row<'_>) -> R<bool>;

/// A connection to a store; its statements are prepared once and kept.
pub enum Connection {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

impl Connection {
    /// A connection to a server, made at its first use.
    pub fn to(server: &Arc<postgres::Server>) -> Self {
        Self::Postgres(postgres::Postgres::new(Arc::clone(server)))
    }

    /// As many transactions as may share one commit.
    pub const fn group(&self) -> usize {
        match self {
            Self::Sqlite(_) => 200,
            // Beyond 64 savepoints, each reader must look up on disk which of them are committed.
            Self::Postgres(_) => 60,
        }
    }

    /// How this store speaks.
    pub const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Every row of an answer.
    pub fn many<T>(
        &self,
        sql: &str,
        parameters: impl Parameters,
        mut read: impl FnMut(&Row<'_>) -> R<T>,
    ) -> R<Vec<T>> {
        let mut found = Vec::new();
        self.each(sql, parameters, &mut |row| {
            found.push(read(row)?);
            Ok(true)
        })?;
        Ok(found)
    }

    /// The first row of an answer.
    pub fn maybe<T>(
        &self,
        sql: &str,
        parameters: impl Parameters,
        read: impl FnOnce(&Row<'_>) -> R<T>,
    ) -> R<Option<T>> {
        let (mut read, mut found) = (Some(read), None);
        self.each(sql, parameters, &mut |row| {
            found = read.take().map(|read| read(row)).transpose()?;
            Ok(false)
        })?;
        Ok(found)
    }

    /// The first row of an answer that has one; `what` names it where there is none.
    pub fn one<T>(
        &self,
        what: &str,
        sql: &str,
        parameters: impl Parameters,
        read: impl FnOnce(&Row<'_>) -> R<T>,
    ) -> R<T> {
        self.maybe(sql, parameters, read)?.ok_or_else(|| LedgerError::Missing(what.to_owned()))
    }

    fn each(&self, sql: &str, parameters: impl Parameters, read: Each<'_>) -> R<()> {
        parameters.bind(|values| match self {
            Self::Sqlite(sqlite) => sqlite.each(sql, values, read),
            Self::Postgres(postgres) => postgres.each(sql, values, read),
        })
    }

    /// Changes rows, and says how many.
    pub fn run(&self, sql: &str, parameters: impl Parameters) -> R<usize> {
        parameters.bind(|values| match self {
            Self::Sqlite(sqlite) => sqlite.run(sql, values),
            Self::Postgres(postgres) => postgres.run(sql, values),
        })
    }

    /// Inserts one row into a table that numbers its rows as `id`, and says its number.
    pub fn add(&self, sql: &str, parameters: impl Parameters) -> R<i64> {
        parameters.bind(|values| match self {
            Self::Sqlite(sqlite) => sqlite.add(sql, values),
            Self::Postgres(postgres) => postgres.add(sql, values),
        })
    }

    /// Statements without parameters or answers.
    pub fn batch(&self, sql: &str) -> R<()> {
        match self {
            Self::Sqlite(sqlite) => sqlite.batch(sql),
            Self::Postgres(postgres) => postgres.batch(sql),
        }
    }

    /// Begins a transaction in which only this connection writes.
    pub fn begin(&self) -> R<()> {
        match self {
            Self::Sqlite(sqlite) => sqlite.batch("BEGIN IMMEDIATE"),
            Self::Postgres(postgres) => postgres.begin(),
        }
    }

    /// Begins a transaction that changes the tables themselves.
    pub fn begin_upgrade(&self) -> R<()> {
        match self {
            Self::Sqlite(sqlite) => sqlite.batch("BEGIN IMMEDIATE"),
            Self::Postgres(postgres) => postgres.begin_upgrade(),
        }
    }

    /// Begins to read one moment of the store.
    pub fn begin_reading(&self) -> R<()> {
        match self {
            Self::Sqlite(sqlite) => sqlite.again("BEGIN"),
            Self::Postgres(postgres) => {
                postgres.begin_reading();
                Ok(())
            }
        }
    }

    /// Ends the reading of one moment.
    pub fn end_reading(&self) {
        match self {
            Self::Sqlite(sqlite) => drop(sqlite.again("COMMIT")),
            Self::Postgres(postgres) => postgres.end_reading(),
        }
    }

    /// Whether a transaction is open: a store that fails in its midst may end it.
    pub fn is_in_transaction(&self) -> bool {
        match self {
            Self::Sqlite(sqlite) => sqlite.is_in_transaction(),
            Self::Postgres(postgres) => postgres.is_in_transaction(),
        }
    }

    /// Marks where a job begins, so that it can be undone alone.
    pub fn savepoint(&self) -> R<()> {
        match self {
            Self::Sqlite(sqlite) => sqlite.again("SAVEPOINT job"),
            Self::Postgres(postgres) => postgres.savepoint(),
        }
    }

    /// Keeps what was done since the savepoint, or undoes it.
    pub fn end_savepoint(&self, keep: bool) -> R<()> {
        match self {
            Self::Sqlite(sqlite) if keep => sqlite.again("RELEASE job"),
            Self::Sqlite(sqlite) => {
                sqlite.again("ROLLBACK TO job").and_then(|()| sqlite.again("RELEASE job"))
            }
            Self::Postgres(postgres) => postgres.end_savepoint(keep),
        }
    }

    /// Commits; on an error nothing of the transaction stands.
    pub fn commit(&self) -> R<()> {
        match self {
            Self::Sqlite(sqlite) => sqlite.batch("COMMIT"),
            Self::Postgres(postgres) => postgres.commit(),
        }
    }

    /// Undoes the transaction, if there is one.
    pub fn roll_back(&self) {
        match self {
            Self::Sqlite(sqlite) if sqlite.is_in_transaction() => drop(sqlite.batch("ROLLBACK")),
            Self::Sqlite(_) => {}
            Self::Postgres(postgres) => postgres.roll_back(),
        }
    }
}
