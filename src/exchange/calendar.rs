//! The reporting calendar: when a schedule fires, which period it then reports, until when it
//! may still start late, and what the law's deadline leaves.
//!
//! Civil times are Europe/Rome's, whatever the machine's zone: the zone is an argument. A time
//! that a clock change skips fires as much later as the clock jumped; one that it repeats fires
//! the first time only. So each civil time of a schedule is one instant.

use std::str::FromStr;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::{Millis, Period};

/// More firings than this in one absence are not counted further.
const MOST_PASSED_OVER: u32 = 1_000;
/// No zone's clock jumps further than this at once.
const JUMP_H: i64 = 3;

/// What a calendar's text lacks, with the mend.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CalendarError {
    #[error("cron `{text}` is not understood ({why}): write minute, hour, day of month, month, day of week")]
    Cron { text: String, why: String },
    #[error("cron `{0}` never fires: no such day exists")]
    Never(String),
    #[error(
        "period `{0}` is not known: one of previous-month, previous-quarter, current-quarter, previous-year, to-date"
    )]
    Period(String),
    #[error("window `{0}` is no length of time: write days, hours or minutes, as 3d, 36h, 90m")]
    Window(String),
    #[error(
        "deadline `{0}` is not understood: write days after the period's end (`45 days`), a day of the month \
         after it (`day 20`), or a day of the year after it (`03-31`)"
    )]
    Deadline(String),
}

/// When a report starts by itself: five cron fields, read in one time zone.
#[derive(Clone, Debug)]
pub struct Schedule {
    cron: Cron,
    zone: TimeZone,
}

impl Schedule {
    /// Reads five cron fields; names of months and weekdays, `L`, `W` and `#` as croner knows them.
    pub fn parse(text: &str, zone: TimeZone) -> Result<Self, CalendarError> {
        let wrong = |why: String| CalendarError::Cron { text: text.to_owned(), why };
        if text.split_whitespace().count() != 5 {
            return Err(wrong("not five fields".into()));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(text).map_err(|error| wrong(error.to_string()))?;
        let schedule = Self { cron, zone };
        match schedule.cron.find_next_occurrence(&date(2024, 1, 1).at(0, 0, 0, 0), true) {
            Ok(_) => Ok(schedule),
            Err(_) => Err(CalendarError::Never(text.to_owned())),
        }
    }

    /// The first firing after an instant.
    pub fn next_after(&self, after: Millis) -> Option<Millis> {
        let mut at = self.civil(after)?.checked_sub(Span::new().hours(JUMP_H)).ok()?;
        let (mut best, mut last): (Option<Millis>, Option<DateTime>) = (None, None);
        // Around a clock change the order of civil times is not that of instants: look a little further.
        while last.is_none_or(|last| at <= last) {
            at = self.cron.find_next_occurrence(&at, false).ok()?;
            let instant = self.instant(at)?;
            if instant > after && best.is_none_or(|best| instant < best) {
                best = Some(instant);
                last = at.checked_add(Span::new().hours(JUMP_H)).ok();
            }
        }
        best
    }

    /// The last firing after `after` and not after `until`.
    pub fn latest(&self, after: Millis, until: Millis) -> Option<Millis> {
        let mut at = self.civil(until)?.checked_add(Span::new().hours(JUMP_H)).ok()?;
        let (mut best, mut last): (Option<Millis>, Option<DateTime>) = (None, None);
        while last.is_none_or(|last| at >= last) {
            at = self.cron.find_previous_occurrence(&at, true).ok()?;
            let instant = self.instant(at)?;
            if instant <= until && best.is_none_or(|best| instant > best) {
                best = Some(instant);
                last = at.checked_sub(Span::new().hours(JUMP_H)).ok();
            }
            at = at.checked_sub(Span::new().minutes(1)).ok()?;
        }
        best.filter(|best| *best > after)
    }

    /// The civil day on which an instant falls.
    pub fn day(&self, instant: Millis) -> Option<Date> {
        self.civil(instant).map(DateTime::date)
    }

    fn civil(&self, instant: Millis) -> Option<DateTime> {
        Timestamp::from_millisecond(instant).ok().map(|at| self.zone.to_datetime(at))
    }

    /// RFC 5545's reading: in a gap the offset before it counts, in a fold the first one.
    fn instant(&self, civil: DateTime) -> Option<Millis> {
        self.zone.to_ambiguous_timestamp(civil).compatible().ok().map(Timestamp::as_millisecond)
    }
}

/// What is to be done for a schedule now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Nothing,
    /// The firing of this instant starts now; earlier ones were passed over.
    Fire {
        at: Millis,
        passed_over: u32,
    },
    /// The firing of this instant is too late to make sense.
    Missed {
        at: Millis,
        passed_over: u32,
    },
}

/// What is due of what fired after `seen` and until `now`: the latest once, if `window_ms` still
/// holds. A clock that was set back brings nothing.
pub fn due(schedule: &Schedule, window_ms: Millis, seen: Millis, now: Millis) -> Due {
    let Some(at) = schedule.latest(seen, now) else { return Due::Nothing };
    let (mut passed_over, mut before) = (0, seen);
    while let Some(next) = schedule.next_after(before).filter(|next| *next < at) {
        (passed_over, before) = (passed_over + 1, next);
        if passed_over == MOST_PASSED_OVER {
            break;
        }
    }
    if now - at <= window_ms { Due::Fire { at, passed_over } } else { Due::Missed { at, passed_over } }
}

/// Which period a firing reports, seen from its day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relative {
    PreviousMonth,
    PreviousQuarter,
    CurrentQuarter,
    PreviousYear,
    /// Everything that begins by the firing's day.
    ToDate,
}

impl Relative {
    /// The period, for a firing on `day`.
    pub fn of(self, day: Date) -> Period {
        let month = day.first_of_month();
        let before = |day: Date| day.yesterday().unwrap_or(day);
        match self {
            Self::PreviousMonth => Period::month_of(before(month)),
            Self::PreviousQuarter => Period::quarter_of(before(Period::quarter_of(day).from)),
            Self::CurrentQuarter => Period::quarter_of(day),
            Self::PreviousYear => Period::year_of(before(day.first_of_year())),
            Self::ToDate => Period::until(day),
        }
    }
}

impl FromStr for Relative {
    type Err = CalendarError;

    fn from_str(text: &str) -> Result<Self, CalendarError> {
        match text {
            "previous-month" => Ok(Self::PreviousMonth),
            "previous-quarter" => Ok(Self::PreviousQuarter),
            "current-quarter" => Ok(Self::CurrentQuarter),
            "previous-year" => Ok(Self::PreviousYear),
            "to-date" => Ok(Self::ToDate),
            _ => Err(CalendarError::Period(text.to_owned())),
        }
    }
}

/// The day by which a period must be reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// So many days after the period's end.
    Days(u16),
    /// The first such day of a month after the period's end; the month's last where it has none.
    DayOfMonth(i8),
    /// The first such month and day after the period's end.
    DayOfYear(i8, i8),
}

impl Deadline {
    /// The deadline of a period that ends on `end`.
    pub fn after(self, end: Date) -> Option<Date> {
        match self {
            Self::Days(days) => end.checked_add(Span::new().days(i64::from(days))).ok(),
            Self::DayOfMonth(day) => {
                let here = clamped(end.first_of_month(), day);
                let next = end.first_of_month().checked_add(Span::new().months(1)).ok()?;
                Some(if here > end { here } else { clamped(next, day) })
            }
            Self::DayOfYear(month, day) => {
                let of = |year: i16| Some(clamped(Date::new(year, month, 1).ok()?, day));
                of(end.year()).filter(|here| *here > end).or_else(|| end.year().checked_add(1).and_then(of))
            }
        }
    }
}

/// A day of the month that begins on `first`, or its last.
fn clamped(first: Date, day: i8) -> Date {
    first.with().day(day.min(first.days_in_month())).build().unwrap_or_else(|_| first.last_of_month())
}

impl FromStr for Deadline {
    type Err = CalendarError;

    fn from_str(text: &str) -> Result<Self, CalendarError> {
        let wrong = || CalendarError::Deadline(text.to_owned());
        let day = |text: &str| text.parse::<i8>().ok().filter(|day| (1..=31).contains(day));
        if let Some(days) = text.strip_suffix("days").or_else(|| text.strip_suffix('d')) {
            return days.trim().parse().map(Self::Days).map_err(|_| wrong());
        }
        if let Some(number) = text.strip_prefix("day ") {
            return day(number.trim()).map(Self::DayOfMonth).ok_or_else(wrong);
        }
        let (month, number) = text.split_once('-').ok_or_else(wrong)?;
        let month = month.parse::<i8>().ok().filter(|month| (1..=12).contains(month)).ok_or_else(wrong)?;
        let number = day(number).filter(|day| *day <= date(2024, month, 1).days_in_month());
        number.map(|number| Self::DayOfYear(month, number)).ok_or_else(wrong)
    }
}

/// A length of time as `3d`, `36h` or `90m`, in milliseconds.
pub fn window_ms(text: &str) -> Result<Millis, CalendarError> {
    let wrong = || CalendarError::Window(text.to_owned());
    let unit = match text.chars().last() {
        Some('d') => 86_400_000,
        Some('h') => 3_600_000,
        Some('m') => 60_000,
        _ => return Err(wrong()),
    };
    let number: u32 = text[..text.len() - 1].trim().parse().map_err(|_| wrong())?;
    Millis::from(number).checked_mul(unit).filter(|ms| *ms > 0).ok_or_else(wrong)
}

#[cfg(test)]
#[path = "calendar_tests.rs"]
mod tests;
