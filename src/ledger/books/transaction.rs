//! A transaction of the ledger, or one moment of it that is read: what is asked, and what is changed.

use super::R;
use crate::ledger::sql::{Connection, Parameters, Row};

/// One transaction. Its methods are the acts of the books, theme by theme in their files.
pub struct Tx<'a> {
    connection: &'a Connection,
}

impl<'a> Tx<'a> {
    pub(super) const fn on(connection: &'a Connection) -> Self {
        Self { connection }
    }

    /// Every row of an answer.
    pub fn many<T>(
        &self,
        sql: &str,
        parameters: impl Parameters,
        read: impl FnMut(&Row<'_>) -> R<T>,
    ) -> R<Vec<T>> {
        self.connection.many(sql, parameters, read)
    }

    /// The first row of an answer.
    pub fn maybe<T>(
        &self,
        sql: &str,
        parameters: impl Parameters,
        read: impl FnOnce(&Row<'_>) -> R<T>,
    ) -> R<Option<T>> {
        self.connection.maybe(sql, parameters, read)
    }

    /// The first row of an answer that has one; `what` names it where there is none.
    pub fn one<T>(
        &self,
        what: &str,
        sql: &str,
        parameters: impl Parameters,
        read: impl FnOnce(&Row<'_>) -> R<T>,
    ) -> R<T> {
        self.connection.one(what, sql, parameters, read)
    }

    /// Changes rows, and says how many.
    pub fn run(&self, sql: &str, parameters: impl Parameters) -> R<usize> {
        self.connection.run(sql, parameters)
    }

    /// Inserts one row into a table that numbers its rows as `id`, and says its number.
    pub fn add(&self, sql: &str, parameters: impl Parameters) -> R<i64> {
        self.connection.add(sql, parameters)
    }

    /// How the store speaks.
    pub(super) const fn dialect(&self) -> crate::ledger::sql::Dialect {
        self.connection.dialect()
    }

    /// The texts of a JSON array that is a parameter, to stand behind `IN`.
    pub fn list(&self, parameter: &str) -> String {
        self.connection.dialect().list(parameter)
    }

    /// The days from one ISO day to another, never negative, as an expression.
    pub fn days_between(&self, one: &str, other: &str) -> String {
        self.connection.dialect().days_between(one, other)
    }

    /// Stands behind a table's name where SQLite would not find the right index by itself.
    pub fn by_index(&self, index: &str) -> String {
        self.connection.dialect().by_index(index)
    }
}
