//! What stores answer: rows, and the values that are read out of their columns.

use super::{postgres, sqlite};
use crate::exchange::LedgerError;

type R<T> = Result<T, LedgerError>;

/// One row, still in its driver's hands; columns are counted from 0.
pub enum Row<'a> {
    Sqlite(&'a sqlite::Row<'a>),
    Postgres(&'a postgres::Row),
}

impl Row<'_> {
    /// The value of a column.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] when it is NULL or of another kind.
    pub fn get<T: Column>(&self, column: usize) -> R<T> {
        T::of(self, column)
    }

    /// The text of a column, where it lies.
    ///
    /// # Errors
    /// As [`Row::get`].
    pub fn text(&self, column: usize) -> R<&str> {
        self.text_or_null(column)?.ok_or_else(|| unfit(column))
    }

    fn integer_or_null(&self, column: usize) -> R<Option<i64>> {
        match self {
            Self::Sqlite(row) => sqlite::integer(row, column),
            Self::Postgres(row) => postgres::integer(row, column),
        }
    }

    fn text_or_null(&self, column: usize) -> R<Option<&str>> {
        match self {
            Self::Sqlite(row) => sqlite::text(row, column),
            Self::Postgres(row) => postgres::text(row, column),
        }
    }

    fn bytes_or_null(&self, column: usize) -> R<Option<&[u8]>> {
        match self {
            Self::Sqlite(row) => sqlite::bytes(row, column),
            Self::Postgres(row) => postgres::bytes(row, column),
        }
    }
}

/// What can be read out of a column.
pub trait Column: Sized {
    /// The value; `None` where it is NULL.
    fn or_null(row: &Row<'_>, column: usize) -> R<Option<Self>>;

    /// The value; an error where it is NULL.
    fn of(row: &Row<'_>, column: usize) -> R<Self> {
        Self::or_null(row, column)?.ok_or_else(|| unfit(column))
    }
}

macro_rules! integer_columns {
    ($($type:ty),*) => {$(
        impl Column for $type {
            fn or_null(row: &Row<'_>, column: usize) -> R<Option<Self>> {
                let number = row.integer_or_null(column)?;
                number.map(|number| number.try_into().map_err(|_| unfit(column))).transpose()
            }
        }
    )*};
}

integer_columns!(u64, u32, u16, u8, usize);

impl Column for i64 {
    fn or_null(row: &Row<'_>, column: usize) -> R<Option<Self>> {
        row.integer_or_null(column)
    }
}

impl Column for bool {
    fn or_null(row: &Row<'_>, column: usize) -> R<Option<Self>> {
        Ok(row.integer_or_null(column)?.map(|number| number != 0))
    }
}

impl Column for String {
    fn or_null(row: &Row<'_>, column: usize) -> R<Option<Self>> {
        Ok(row.text_or_null(column)?.map(str::to_owned))
    }
}

impl Column for Vec<u8> {
    fn or_null(row: &Row<'_>, column: usize) -> R<Option<Self>> {
        Ok(row.bytes_or_null(column)?.map(<[u8]>::to_vec))
    }
}

impl<const N: usize> Column for [u8; N] {
    fn or_null(row: &Row<'_>, column: usize) -> R<Option<Self>> {
        let bytes = row.bytes_or_null(column)?;
        bytes.map(|bytes| bytes.try_into().map_err(|_| unfit(column))).transpose()
    }
}

impl<T: Column> Column for Option<T> {
    fn or_null(row: &Row<'_>, column: usize) -> R<Option<Self>> {
        T::or_null(row, column).map(Some)
    }
}

/// The column, never its value.
pub(super) fn unfit(column: usize) -> LedgerError {
    LedgerError::Corrupt(format!("column {column} of an answer is not of the kind that is read"))
}
