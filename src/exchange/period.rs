//! Reporting periods as officials write them: `2026`, `2026-T3`, `2026-07`; and `to-2026-11-23`,
//! everything up to a day.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, date};

/// A period of civil days, both ends inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub from: Date,
    pub to: Date,
}

/// Before anything that is reported.
const BEGINNING: Date = date(1900, 1, 1);

/// A text that is no period.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is not a period: write a year (2026), a quarter (2026-T3), a month (2026-07), or all up to a day \
     (to-2026-11-23)"
)]
pub struct PeriodError(pub String);

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let wrong = || PeriodError(text.chars().take(20).collect());
        if let Some(day) = text.strip_prefix("to-") {
            return day.parse().ok().filter(|day| *day >= BEGINNING).map(Self::until).ok_or_else(wrong);
        }
        let (year, rest) = text.split_once('-').map_or((text, None), |(year, rest)| (year, Some(rest)));
        let year: i16 = year.parse().ok().filter(|year| (1901..=2200).contains(year)).ok_or_else(wrong)?;
        match rest {
            None => Ok(Self::months(year, 1, 12)),
            Some(quarter) if quarter.starts_with(['T', 'Q']) => {
                let number: i8 =
                    quarter[1..].parse().ok().filter(|n| (1..=4).contains(n)).ok_or_else(wrong)?;
                Ok(Self::months(year, number * 3 - 2, number * 3))
            }
            Some(month) => {
                let number: i8 = month.parse().ok().filter(|n| (1..=12).contains(n)).ok_or_else(wrong)?;
                Ok(Self::months(year, number, number))
            }
        }
    }
}

impl Period {
    fn months(year: i16, first: i8, last: i8) -> Self {
        Self { from: date(year, first, 1), to: date(year, last, 1).last_of_month() }
    }

    /// Everything up to a day.
    pub const fn until(day: Date) -> Self {
        Self { from: BEGINNING, to: day }
    }

    /// The month in which `day` falls.
    pub fn month_of(day: Date) -> Self {
        Self::months(day.year(), day.month(), day.month())
    }

    /// The year in which `day` falls.
    pub fn year_of(day: Date) -> Self {
        Self::months(day.year(), 1, 12)
    }

    /// The quarter in which `day` falls.
    pub fn quarter_of(day: Date) -> Self {
        let first = (day.month() - 1) / 3 * 3 + 1;
        Self::months(day.year(), first, first + 2)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == BEGINNING {
            return write!(f, "to-{}", self.to);
        }
        let (year, first, last) = (self.from.year(), self.from.month(), self.to.month());
        match last - first {
            0 => write!(f, "{year}-{first:02}"),
            2 => write!(f, "{year}-T{}", last / 3),
            _ => write!(f, "{year}"),
        }
    }
}
