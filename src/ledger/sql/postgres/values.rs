//! Integers, texts and bytes as the wire carries them.

use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::failure::Failure;
use crate::exchange::LedgerError;
use crate::ledger::sql::Value;
use crate::ledger::sql::row::unfit;

type R<T> = Result<T, LedgerError>;

/// The types of parameters, which the server is told before it sees them.
pub(super) fn types(values: &[Value<'_>]) -> Vec<Type> {
    values.iter().map(kind).collect()
}

const fn kind(value: &Value<'_>) -> Type {
    match value {
        Value::Integer(_) | Value::TooLarge => Type::INT8,
        Value::Text(_) => Type::TEXT,
        Value::Bytes(_) => Type::BYTEA,
    }
}

/// The parameters as the driver takes them.
pub(super) fn bound<'v>(values: &'v [Value<'v>]) -> R<Vec<&'v (dyn ToSql + Sync)>> {
    let bind = |value: &'v Value<'v>| -> R<&'v (dyn ToSql + Sync)> {
        match value {
            Value::Integer(number) => Ok(number),
            // SQLite can hold one and PostgreSQL cannot: nothing of ours has one.
            Value::Text(Some(text)) if text.contains('\0') => {
                Err(LedgerError::Missing("a text with a NUL character".to_owned()))
            }
            Value::Text(text) => Ok(text),
            Value::Bytes(bytes) => Ok(bytes),
            Value::TooLarge => Err(Failure::of("the number is too large")),
        }
    };
    values.iter().map(bind).collect()
}

/// Counts are of other widths than columns, and truth is a type of its own.
pub fn integer(row: &Row, column: usize) -> R<Option<i64>> {
    let kind = row.columns().get(column).ok_or_else(|| unfit(column))?.type_();
    let number = match *kind {
        Type::INT8 => row.try_get(column),
        Type::INT4 => row.try_get::<_, Option<i32>>(column).map(|number| number.map(i64::from)),
        Type::BOOL => row.try_get::<_, Option<bool>>(column).map(|truth| truth.map(i64::from)),
        _ => return Err(unfit(column)),
    };
    number.map_err(|_| unfit(column))
}

pub fn text(row: &Row, column: usize) -> R<Option<&str>> {
    row.try_get(column).map_err(|_| unfit(column))
}

pub fn bytes(row: &Row, column: usize) -> R<Option<&[u8]>> {
    row.try_get(column).map_err(|_| unfit(column))
}
