//! The closed list of transforms (`as = "…"`), in the field's own terms.

use super::value::Value;
use crate::schema::shape::Kind;
use jiff::civil::Date;
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
    /// The calendar quarter of a date, `26T1` for the first of 2026.
    Quarter,
    /// Month and year of a date: `MM/AAAA`.
    Month,
    /// The first n characters.
    Prefix(usize),
    /// `true` or `false`.
    Boolean,
    /// A number without superfluous zeros: `12.50` becomes `12.5`.
    Decimal,
    /// Midnight of a day in Europe/Rome, with its offset (RFC 3339).
    Midnight,
    /// Percent-encoded, so that it can stand in a URL's query (RFC 3986, section 2.1).
    Percent,
    /// `urn:uuid:` and a UUID of version 8 (RFC 9562) out of the text's SHA-256.
    Uuid,
    /// The first n hexadecimal digits of the text's SHA-256.
    Digest(usize),
}

/// Names of the list, as error messages show them.
pub const NAMES: &str = "text, upper, date, money, integer, hours_minutes, year, quarter, month, prefix(n), \
                         boolean, decimal, instant, percent, uuid, digest(n)";

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
            "quarter" => Self::Quarter,
            "month" => Self::Month,
            "boolean" => Self::Boolean,
            "decimal" => Self::Decimal,
            "instant" => Self::Midnight,
            "percent" => Self::Percent,
            "uuid" => Self::Uuid,
            _ => {
                let (name, number) = text.strip_suffix(')')?.split_once('(')?;
                match (name, number.parse().ok()?) {
                    ("prefix", length) => Self::Prefix(length),
                    ("digest", length @ 8..=64) => Self::Digest(length),
                    _ => return None,
                }
            }
        })
    }

    /// Kinds of source value that the transform takes.
    pub fn takes(self, kind: Kind) -> bool {
        match self {
            Self::Text | Self::Upper | Self::Prefix(_) | Self::Percent | Self::Uuid | Self::Digest(_) => {
                matches!(kind, Kind::Text | Kind::Date)
            }
            Self::Date | Self::Year | Self::Quarter | Self::Month | Self::Midnight => {
                matches!(kind, Kind::Date | Kind::Text)
            }
            Self::Money => matches!(kind, Kind::Decimal | Kind::Text),
            Self::Decimal => matches!(kind, Kind::Decimal | Kind::Integer | Kind::Text),
            Self::Integer | Self::HoursMinutes => kind == Kind::Integer,
            Self::Boolean => kind == Kind::Boolean,
        }
    }

    /// Kind of the written value.
    pub fn makes(self, source: Kind) -> Kind {
        match self {
            Self::Date => Kind::Date,
            Self::Money | Self::HoursMinutes | Self::Decimal => Kind::Decimal,
            Self::Integer | Self::Year => Kind::Integer,
            Self::Text => source,
            Self::Boolean => Kind::Boolean,
            Self::Midnight => Kind::DateTime,
            Self::Quarter
            | Self::Month
            | Self::Upper
            | Self::Prefix(_)
            | Self::Percent
            | Self::Uuid
            | Self::Digest(_) => Kind::Text,
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
            Self::Quarter => value.date().map(|date| Cow::Owned(quarter(date))),
            Self::Month => value.date().map(|date| Cow::Owned(month(date))),
            Self::Prefix(length) => into_text(value).map(|text| prefix(text, length)),
            Self::Boolean => matches!(value, Value::Boolean(_)).then(|| into_text(value)).flatten(),
            Self::Decimal => value.decimal().map(|number| Cow::Owned(number.normalize().to_string())),
            Self::Midnight => value.date().and_then(instant).map(Cow::Owned),
            Self::Percent => into_text(value).map(|text| Cow::Owned(percent(&text))),
            Self::Uuid => into_text(value).map(|text| Cow::Owned(uuid(&text))),
            Self::Digest(length) => into_text(value).map(|text| Cow::Owned(digest(&text, length))),
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

fn month(day: Date) -> String {
    format!("{:02}/{:04}", day.month(), day.year())
}

/// Midnight in Rome; `None` before zones had whole minutes.
fn instant(day: Date) -> Option<String> {
    let zone = jiff::tz::TimeZone::get("Europe/Rome").ok()?;
    let midnight = day.to_zoned(zone).ok()?;
    let offset = midnight.offset().seconds();
    (offset % 60 == 0).then(|| midnight.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
}

fn quarter(date: Date) -> String {
    format!("{:02}T{}", date.year().rem_euclid(100), (date.month() - 1) / 3 + 1)
}

/// Everything but the unreserved characters of RFC 3986, section 2.3.
fn percent(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn digest(text: &str, length: usize) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let mut out: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    out.truncate(length);
    out
}

fn uuid(text: &str) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&hash.as_ref()[..16]);
    format!("urn:uuid:{}", uuid::Builder::from_custom_bytes(bytes).into_uuid())
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
    fn urls_and_ids_hold_nothing_of_the_text_but_its_hash() {
        let text = |text: &'static str| Value::Text(text.into());
        assert_eq!(
            apply("percent", text("http://a/è|b~1")).as_deref(),
            Some("http%3A%2F%2Fa%2F%C3%A8%7Cb~1")
        );
        let uuid = apply("uuid", text("CS-1/persona")).unwrap();
        assert_eq!((uuid.len(), &uuid[..9], &uuid[23..24]), (45, "urn:uuid:", "8"));
        assert_eq!(apply("uuid", text("CS-1/persona")), Some(uuid));
        assert_eq!(apply("digest(8)", text("abc")).as_deref(), Some("ba7816bf"));
        assert!(Transform::parse("digest(4)").is_none());
    }

    #[test]
    fn a_day_begins_at_midnight_in_rome() {
        let day = |text: &'static str| apply("instant", Value::Text(text.into()));
        assert_eq!(day("2026-03-01").as_deref(), Some("2026-03-01T00:00:00+01:00"));
        assert_eq!(day("2026-07-01").as_deref(), Some("2026-07-01T00:00:00+02:00"));
        assert_eq!(day("1850-07-01"), None);
        assert_eq!(apply("decimal", Value::Text("12.50".into())).as_deref(), Some("12.5"));
        assert_eq!(apply("boolean", Value::Boolean(true)).as_deref(), Some("true"));
    }

    #[test]
    fn prefixes_count_characters() {
        assert_eq!(apply("prefix(3)", Value::Text("èàù1".into())).as_deref(), Some("èàù"));
        assert_eq!(apply("year", Value::Text("1950-03-01".into())).as_deref(), Some("1950"));
        let quarter = |day: &'static str| apply("quarter", Value::Text(day.into()));
        assert_eq!(quarter("2026-03-31").as_deref(), Some("26T1"));
        assert_eq!(quarter("2009-10-01").as_deref(), Some("09T4"));
        assert_eq!(apply("month", Value::Text("1950-03-01".into())).as_deref(), Some("03/1950"));
        assert_eq!(apply("month", Value::Text("03/1950".into())), None);
        assert!(Transform::parse("substring(1)").is_none());
    }
}
