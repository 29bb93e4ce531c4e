//! The closed list of transforms (`as = "…"`), in the field's own terms.

use super::value::Value;
use crate::schema::shape::Kind;
use rust_decimal::{Decimal, RoundingStrategy};
use std::borrow::Cow;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transform {
    /// As it is.
    Text,
    /// Upper case.
    Upper,
    /// `AAAA-MM-GG`.
    Date,
    /// Exactly two decimals, dot.
    Money,
    Integer,
    /// Minutes as `hours.minutes`, minutes on two digits: 125 becomes `2.05`.
    HoursMinutes,
    /// The year of a date.
    Year,
    /// The first n characters.
    Prefix(usize),
}

/// Names of the list, as error messages show them.
pub const NAMES: &str = "text, upper, date, money, integer, hours_minutes, year, prefix(n)";

impl Transform {
    /// Reads a name of the list.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "text" => Self::Text,
            "upper" => Self::Upper,
            "date" => Self::Date,
            "money" => Self::Money,
            "integer" => Self::Integer,
            "hours_minutes" => Self::HoursMinutes,
            "year" => Self::Year,
            _ => Self::Prefix(text.strip_prefix("prefix(")?.strip_suffix(')')?.parse().ok()?),
        })
    }

    /// Kinds of source value that the transform takes.
    pub fn takes(self, kind: Kind) -> bool {
        match self {
            Self::Text | Self::Upper | Self::Prefix(_) => matches!(kind, Kind::Text | Kind::Date),
            Self::Date | Self::Year => matches!(kind, Kind::Date | Kind::Text),
            Self::Money => matches!(kind, Kind::Decimal | Kind::Text),
            Self::Integer | Self::HoursMinutes => kind == Kind::Integer,
        }
    }

    /// Kind of the written value.
    pub fn makes(self, source: Kind) -> Kind {
        match self {
            Self::Date => Kind::Date,
            Self::Money | Self::HoursMinutes => Kind::Decimal,
            Self::Integer | Self::Year => Kind::Integer,
            Self::Text => source,
            Self::Upper | Self::Prefix(_) => Kind::Text,
        }
    }

    /// Applies it; `None` where the value is not of the kind it takes.
    pub fn apply<'a>(self, value: Value<'a>) -> Option<Cow<'a, str>> {
        match self {
            Self::Text => into_text(value),
            Self::Upper => into_text(value).map(upper),
            Self::Date => match value {
                Value::Text(text) => super::value::iso_date(&text).map(|_| text),
                other => other.date().and_then(|date| into_text(Value::Date(date))),
            },
            Self::Money => money(value),
            Self::Integer => matches!(value, Value::Integer(_)).then(|| into_text(value)).flatten(),
            Self::HoursMinutes => match value {
                Value::Integer(minutes) if minutes >= 0 => {
                    Some(Cow::Owned(format!("{}.{:02}", minutes / 60, minutes % 60)))
                }
                _ => None,
            },
            Self::Year => value.date().map(|date| Cow::Owned(date.year().to_string())),
            Self::Prefix(length) => into_text(value).map(|text| prefix(text, length)),
        }
    }
}

fn into_text(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value {
        Value::Absent => None,
        Value::Text(text) => Some(text),
        other => {
            let mut out = String::with_capacity(12);
            other.append_to(&mut out);
            Some(Cow::Owned(out))
        }
    }
}

fn upper(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.chars().any(char::is_lowercase) { Cow::Owned(text.to_uppercase()) } else { text }
}

/// The first `length` characters (not bytes).
pub fn prefix(text: Cow<'_, str>, length: usize) -> Cow<'_, str> {
    let Some((end, _)) = text.char_indices().nth(length) else { return text };
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
        Cow::Owned(mut text) => {
            text.truncate(end);
            Cow::Owned(text)
        }
    }
}

/// Two decimals, so that `120`, `120.0` and `120.00` are one value in one spelling.
fn money(value: Value<'_>) -> Option<Cow<'_, str>> {
    if let Value::Text(text) = &value
        && text.len() > 3
        && text.as_bytes()[text.len() - 3] == b'.'
        && text.bytes().enumerate().all(|(at, byte)| at == text.len() - 3 || byte.is_ascii_digit())
        && (text.len() == 4 || !text.starts_with('0'))
    {
        return into_text(value);
    }
    let mut amount: Decimal =
        value.decimal()?.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    amount.rescale(2);
    Some(Cow::Owned(amount.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(name: &str, value: Value<'_>) -> Option<String> {
        Transform::parse(name).unwrap().apply(value).map(Cow::into_owned)
    }

    #[test]
    fn money_has_one_spelling() {
        for text in ["120", "120.0", "120.00", "0120.00"] {
            assert_eq!(apply("money", Value::Text(text.into())).as_deref(), Some("120.00"));
        }
        assert_eq!(apply("money", Value::Text("x".into())), None);
        assert_eq!(apply("money", Value::Text("0.5".into())).as_deref(), Some("0.50"));
    }

    #[test]
    fn minutes_have_two_digits() {
        for (minutes, text) in [(0, "0.00"), (125, "2.05"), (179, "2.59"), (60_000, "1000.00")] {
            assert_eq!(apply("hours_minutes", Value::Integer(minutes)).as_deref(), Some(text));
        }
    }

    #[test]
    fn prefixes_count_characters() {
        assert_eq!(apply("prefix(3)", Value::Text("èàù1".into())).as_deref(), Some("èàù"));
        assert_eq!(apply("year", Value::Text("1950-03-01".into())).as_deref(), Some("1950"));
        assert!(Transform::parse("substring(1)").is_none());
    }
}
