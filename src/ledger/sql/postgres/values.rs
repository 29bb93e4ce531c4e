//! Integers, texts and bytes as the wire carries them.

use std::error::Error;

use bytes::BytesMut;
use tokio_postgres::Row;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

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

/// A parameter as the driver takes it.
pub(super) struct Bound<'v>(&'v Value<'v>);

/// No value is ever printed.
impl std::fmt::Debug for Bound<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bound")
    }
}

impl ToSql for Bound<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.0 {
            Value::Integer(number) => number.to_sql(kind, out),
            // SQLite can hold a NUL character and PostgreSQL cannot: what others put into their words is
            // kept, and found again, with the sign for a character that cannot be shown.
            Value::Text(Some(text)) if text.contains('\0') => {
                text.replace('\0', "\u{fffd}").to_sql(kind, out)
            }
            Value::Text(text) => text.to_sql(kind, out),
            Value::Bytes(bytes) => bytes.to_sql(kind, out),
            Value::TooLarge => Err("the number is too large".into()),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::TEXT, Type::BYTEA].contains(kind)
    }

    to_sql_checked!();
}

/// The parameters as the driver takes them.
pub(super) fn bound<'v>(values: &'v [Value<'v>]) -> R<Vec<Bound<'v>>> {
    match values.iter().any(|value| matches!(value, Value::TooLarge)) {
        true => Err(Failure::of("the number is too large")),
        false => Ok(values.iter().map(Bound).collect()),
    }
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
