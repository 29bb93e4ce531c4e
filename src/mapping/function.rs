//! The functions that conditions may call: dates, decimals, identifiers.

use super::condition::Term;
use super::path::Scope;
use super::value::Value;
use jiff::civil::Date;
use rust_decimal::Decimal;

/// A function of the closed list, with its number of arguments checked at load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// The year of a date.
    Year,
    /// The same day so many years later; 28 February where there is no 29th.
    Anniversary,
    /// Days from the first date to the second.
    DaysBetween,
    /// Calendar months touched between two dates, both included.
    Months,
    /// Decimal sum of what is present; absent if nothing is.
    Sum,
    /// Decimal of a text.
    Decimal,
    /// Number of characters.
    Length,
    /// Whether a codice fiscale has the form that the target takes: 16 characters
    /// with digits for year and day, or 11 digits. ASCII only.
    CfTransmittable,
}

/// Names with the fewest and most arguments.
pub const FUNCTIONS: &[(&str, Function, usize, usize)] = &[
    ("year", Function::Year, 1, 1),
    ("anniversary", Function::Anniversary, 2, 2),
    ("days_between", Function::DaysBetween, 2, 2),
    ("months", Function::Months, 2, 2),
    ("sum", Function::Sum, 1, 16),
    ("decimal", Function::Decimal, 1, 1),
    ("length", Function::Length, 1, 1),
    ("cf_transmittable", Function::CfTransmittable, 1, 1),
];

/// Applies a function; absent arguments give an absent result.
pub fn call<'v>(function: Function, arguments: &'v [Term], scope: &Scope<'_>) -> Value<'v> {
    let argument = |index: usize| arguments.get(index).map_or(Value::Absent, |term| term.value(scope));
    let made = match function {
        Function::Year => argument(0).date().map(|date| Value::Integer(i64::from(date.year()))),
        Function::Anniversary => anniversary(&argument(0), &argument(1)).map(Value::Date),
        Function::DaysBetween => dates(&argument(0), &argument(1))
            .and_then(|(from, to)| from.until(to).ok())
            .map(|span| Value::Integer(i64::from(span.get_days()))),
        Function::Months => {
            dates(&argument(0), &argument(1)).map(|(from, to)| Value::Integer(months_touched(from, to)))
        }
        Function::Sum => sum(arguments, scope),
        Function::Decimal => argument(0).decimal().map(Value::Decimal),
        Function::Length => match &argument(0) {
            Value::Text(text) => i64::try_from(text.chars().count()).ok().map(Value::Integer),
            _ => None,
        },
        Function::CfTransmittable => argument(0).text().map(|code| Value::Boolean(cf_transmittable(code))),
    };
    made.unwrap_or(Value::Absent)
}

fn dates(from: &Value<'_>, to: &Value<'_>) -> Option<(Date, Date)> {
    Some((from.date()?, to.date()?))
}

/// A term of years ends on the last day of the month where that month lacks the day (art. 2963
/// c.c.): so 29 February has its anniversary on the 28th of common years.
fn anniversary(day: &Value<'_>, years: &Value<'_>) -> Option<Date> {
    let Value::Integer(years) = years else { return None };
    day.date()?.checked_add(jiff::Span::new().try_years(*years).ok()?).ok()
}

fn sum<'v>(arguments: &'v [Term], scope: &Scope<'_>) -> Option<Value<'v>> {
    let mut total: Option<Decimal> = None;
    for argument in arguments {
        if let Some(value) = argument.value(scope).decimal() {
            total = Some(total.unwrap_or_default().checked_add(value)?);
        }
    }
    total.map(Value::Decimal)
}

/// Calendar months touched between two days, both included: 27 January to 2 February is 2.
pub fn months_touched(from: Date, to: Date) -> i64 {
    let month = |date: Date| i64::from(date.year()) * 12 + i64::from(date.month());
    month(to) - month(from) + 1
}

fn cf_transmittable(code: &str) -> bool {
    let bytes = code.as_bytes();
    match bytes.len() {
        11 => bytes.iter().all(u8::is_ascii_digit),
        16 => bytes.iter().enumerate().all(|(at, byte)| match at {
            6 | 7 | 9 | 10 => byte.is_ascii_digit(),
            12..=14 => byte.is_ascii_alphanumeric(),
            _ => byte.is_ascii_alphabetic(),
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_omocodia_substitutions_cannot_travel() {
        for code in ["XXXYYY80A01H501D", "XXXYYY80A01HRLMB", "12345678903"] {
            assert!(cf_transmittable(code), "{code}");
        }
        for code in ["XXXYYY80A0MHRLMT", "STP0010010000001", "1234567890", "XXXYYY٨0A01H501"] {
            assert!(!cf_transmittable(code), "{code}");
        }
    }

    #[test]
    fn years_end_on_the_same_day_or_the_months_last() {
        let after = |day: &'static str, years| {
            let made = anniversary(&Value::Text(day.into()), &Value::Integer(years));
            made.map(|day| day.to_string()).unwrap_or_default()
        };
        assert_eq!(after("2023-05-31", 3), "2026-05-31");
        assert_eq!(after("2024-02-29", 3), "2027-02-28");
        assert_eq!(after("2024-02-29", 4), "2028-02-29");
        assert_eq!(after("2024-02-29", i64::MAX), "");
        assert_eq!(after("ieri", 3), "");
    }

    #[test]
    fn months_are_those_touched() {
        let months = |from, to| {
            months_touched(
                super::super::value::iso_date(from).unwrap(),
                super::super::value::iso_date(to).unwrap(),
            )
        };
        assert_eq!(months("2026-01-27", "2026-02-02"), 2);
        assert_eq!(months("2025-01-01", "2026-12-31"), 24);
    }
}
