//! A value on its way from the folder to the payload; money is never a float.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::Value as Json;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::str::FromStr;

/// What a path, a step or a function yields. Its `Debug` tells the kind only:
/// the value may be a citizen's.
#[derive(Clone, PartialEq)]
pub enum Value<'a> {
    Absent,
    Text(Cow<'a, str>),
    Integer(i64),
    Boolean(bool),
    Date(Date),
    Decimal(Decimal),
}

impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Absent => "absent",
            Self::Text(_) => "text",
            Self::Integer(_) => "integer",
            Self::Boolean(_) => "boolean",
            Self::Date(_) => "date",
            Self::Decimal(_) => "decimal",
        })
    }
}

impl<'a> Value<'a> {
    /// A scalar of the folder; objects and arrays count as absent.
    pub fn of(json: &'a Json) -> Self {
        match json {
            Json::String(text) => Self::Text(Cow::Borrowed(text)),
            Json::Bool(value) => Self::Boolean(*value),
            Json::Number(number) => number.as_i64().map_or(Self::Absent, Self::Integer),
            _ => Self::Absent,
        }
    }

    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The civil date, from a date or its ISO text.
    pub fn date(&self) -> Option<Date> {
        match self {
            Self::Date(date) => Some(*date),
            Self::Text(text) => iso_date(text),
            _ => None,
        }
    }

    /// The number as a decimal, from decimal text too.
    pub fn decimal(&self) -> Option<Decimal> {
        match self {
            Self::Decimal(value) => Some(*value),
            Self::Integer(value) => Some(Decimal::from(*value)),
            Self::Text(text) => Decimal::from_str(text).ok(),
            _ => None,
        }
    }

    /// How two values compare; `None` where they cannot (so: false).
    pub fn compare(&self, other: &Value<'_>) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Value::Text(b)) => Some(a.as_ref().cmp(b.as_ref())),
            (Self::Integer(a), Value::Integer(b)) => Some(a.cmp(b)),
            (Self::Boolean(a), Value::Boolean(b)) => Some(a.cmp(b)),
            (Self::Date(_), _) | (_, Value::Date(_)) => Some(self.date()?.cmp(&other.date()?)),
            (Self::Decimal(_), _) | (_, Value::Decimal(_)) => Some(self.decimal()?.cmp(&other.decimal()?)),
            _ => None,
        }
    }

    /// Appends the value as the payload writes it: dates ISO, decimals plain.
    pub fn append_to(&self, out: &mut String) {
        use std::fmt::Write as _;
        // Writing into a String cannot fail.
        let _ = match self {
            Self::Absent => Ok(()),
            Self::Text(text) => {
                out.push_str(text);
                Ok(())
            }
            Self::Integer(value) => write!(out, "{value}"),
            Self::Boolean(value) => write!(out, "{value}"),
            Self::Date(date) => {
                push_date(*date, out);
                Ok(())
            }
            Self::Decimal(value) => write!(out, "{value}"),
        };
    }
}

/// Reads `AAAA-MM-GG` and nothing else (jiff alone would take times too).
pub fn iso_date(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<i16> {
        bytes[from..to]
            .iter()
            .try_fold(0_i16, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i16::from(byte - b'0')))
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// Appends a date as `AAAA-MM-GG`.
pub fn push_date(date: Date, out: &mut String) {
    let digit = |value: i16| char::from(b'0' + u8::try_from(value.rem_euclid(10)).unwrap_or(0));
    let year = date.year();
    for part in [year / 1000, year / 100, year / 10, year] {
        out.push(digit(part));
    }
    for part in [i16::from(date.month()), i16::from(date.day())] {
        out.push('-');
        out.push(digit(part / 10));
        out.push(digit(part));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_and_written_strictly() {
        let date = iso_date("2024-02-29").unwrap();
        let mut out = String::new();
        push_date(date, &mut out);
        assert_eq!(out, "2024-02-29");
        for wrong in ["2023-02-29", "2024-2-9", "2024-02-29T00", "2024/02/29", "+024-02-29"] {
            assert_eq!(iso_date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn absent_and_unlike_values_do_not_compare() {
        assert_eq!(Value::Absent.compare(&Value::Absent), None);
        assert_eq!(Value::Text("1".into()).compare(&Value::Integer(1)), None);
    }
}
