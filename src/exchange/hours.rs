//! When a recipient is open: `Mo-Fr 07:00-20:00; Sa 08:00-13:00`, civil time of Europe/Rome.

use jiff::civil::{DateTime, Time, Weekday};

const DAYS: [(&str, Weekday); 7] = [
    ("Mo", Weekday::Monday),
    ("Tu", Weekday::Tuesday),
    ("We", Weekday::Wednesday),
    ("Th", Weekday::Thursday),
    ("Fr", Weekday::Friday),
    ("Sa", Weekday::Saturday),
    ("Su", Weekday::Sunday),
];

/// Opening hours; none at all means always open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hours {
    spans: Vec<Span>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Span {
    days: [bool; 7],
    from: Time,
    /// Exclusive; midnight means the end of the day.
    to: Time,
}

impl Hours {
    /// Reads the text; empty = always.
    ///
    /// # Errors
    /// In words, with what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
        Ok(Self { spans: parts.map(span).collect::<Result<_, _>>()? })
    }

    /// When it is next open, from `now` on: `now` itself if it is open.
    pub fn next_open(&self, now: DateTime) -> DateTime {
        if self.spans.is_empty() {
            return now;
        }
        for ahead in 0..=7_i64 {
            let day = now.date().saturating_add(jiff::Span::new().days(ahead));
            let earliest = if ahead == 0 { now.time() } else { Time::midnight() };
            let today = self.spans.iter().filter(|span| span.days[index(day.weekday())]);
            let opens = today.filter(|span| earliest < span.to || span.to == Time::midnight());
            if let Some(time) = opens.map(|span| span.from.max(earliest)).min() {
                return day.to_datetime(time);
            }
        }
        now
    }
}

fn index(day: Weekday) -> usize {
    usize::try_from(day.to_monday_zero_offset()).unwrap_or(0)
}

fn span(text: &str) -> Result<Span, String> {
    let wrong = || format!("`{text}` is no opening time: write `Mo-Fr 07:00-20:00`");
    let (days, times) = text.split_once(' ').ok_or_else(wrong)?;
    let (from, to) = times.trim().split_once('-').ok_or_else(wrong)?;
    let time = |text: &str| if text == "24:00" { Some(Time::midnight()) } else { text.parse().ok() };
    let (from, to) = time(from).zip(time(to)).ok_or_else(wrong)?;
    if from >= to && to != Time::midnight() {
        return Err(format!("`{text}` closes before it opens: write two spans, one per day"));
    }
    let mut chosen = [false; 7];
    for part in days.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let day = |name: &str| DAYS.iter().find(|(word, _)| *word == name).map(|(_, day)| index(*day));
        let (first, last) = day(first).zip(day(last)).ok_or_else(wrong)?;
        let length = (last + 7 - first) % 7;
        (first..=first + length).for_each(|day| chosen[day % 7] = true);
    }
    Ok(Span { days: chosen, from, to })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    #[test]
    fn waits_for_the_next_opening() {
        let hours = Hours::parse("Mo-Fr 07:00-20:00; Sa 08:00-13:00").unwrap();
        // 2026-11-23 is a Monday.
        let next = |day, hour| hours.next_open(datetime(2026, 11, day, hour, 0, 0, 0));
        assert_eq!(next(23, 9), datetime(2026, 11, 23, 9, 0, 0, 0));
        assert_eq!(next(23, 5), datetime(2026, 11, 23, 7, 0, 0, 0));
        assert_eq!(next(23, 20), datetime(2026, 11, 24, 7, 0, 0, 0));
        assert_eq!(next(28, 13), datetime(2026, 11, 30, 7, 0, 0, 0));
        assert_eq!(Hours::default().next_open(datetime(2026, 1, 1, 3, 0, 0, 0)).hour(), 3);
    }

    #[test]
    fn nonsense_is_said() {
        for text in ["Mo", "Lu-Ve 07:00-20:00", "Mo 25:00-26:00", "Mo 20:00-07:00"] {
            assert!(Hours::parse(text).is_err(), "{text}");
        }
        assert!(Hours::parse("Sa-Mo 00:00-24:00").is_ok());
    }
}
