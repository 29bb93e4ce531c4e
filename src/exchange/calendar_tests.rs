//! Firings over clock changes, absences and clocks set back; periods and deadlines.

use super::*;

const HOUR: Millis = 3_600_000;

fn schedule(cron: &str) -> Schedule {
    Schedule::parse(cron, TimeZone::get("Europe/Rome").unwrap()).unwrap()
}

fn at(text: &str) -> Millis {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

/// All firings after one instant and until another, in UTC.
fn firings(cron: &str, after: &str, until: &str) -> Vec<String> {
    let schedule = schedule(cron);
    let (mut last, until) = (at(after), at(until));
    let mut found = Vec::new();
    while let Some(next) = schedule.next_after(last).filter(|next| *next <= until) {
        assert_eq!(schedule.latest(last, next), Some(next), "forwards and backwards agree");
        found.push(Timestamp::from_millisecond(next).unwrap().to_string());
        last = next;
    }
    found
}

#[test]
fn a_time_that_a_clock_change_skips_or_repeats_fires_once() {
    // 29 March 2026: 02:00 becomes 03:00. 25 October 2026: 03:00 becomes 02:00.
    let spring = firings("30 2 * * *", "2026-03-28T00:00:00Z", "2026-03-30T12:00:00Z");
    assert_eq!(spring, ["2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"]);
    let autumn = firings("30 2 * * *", "2026-10-24T00:00:00Z", "2026-10-26T12:00:00Z");
    assert_eq!(autumn, ["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
}

#[test]
fn firings_rise_over_a_clock_change_even_where_civil_times_do_not() {
    // 02:30 does not exist and fires at 03:30, after 03:00.
    let spring = firings("0,30 2,3 * * *", "2026-03-29T00:00:00Z", "2026-03-29T12:00:00Z");
    assert_eq!(spring, ["2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"]);
    let autumn = firings("0 1,2,3 * * *", "2026-10-24T22:00:00Z", "2026-10-25T12:00:00Z");
    assert_eq!(autumn, ["2026-10-24T23:00:00Z", "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z"]);
}

#[test]
fn after_an_absence_the_latest_fires_once_inside_its_window_only() {
    let daily = schedule("0 6 * * *");
    let (seen, six) = (at("2026-11-01T12:00:00Z"), at("2026-11-05T05:00:00Z"));
    assert_eq!(due(&daily, 4 * HOUR, seen, six + HOUR), Due::Fire { at: six, passed_over: 3 });
    assert_eq!(due(&daily, 4 * HOUR, seen, six + 4 * HOUR), Due::Fire { at: six, passed_over: 3 });
    assert_eq!(due(&daily, 4 * HOUR, seen, six + 4 * HOUR + 1), Due::Missed { at: six, passed_over: 3 });
    assert_eq!(due(&daily, 4 * HOUR, six, six + HOUR), Due::Nothing, "each fires once");
    assert_eq!(due(&daily, 4 * HOUR, six, six - 48 * HOUR), Due::Nothing, "a clock set back fires nothing");
    let minutely = schedule("* * * * *");
    let Due::Fire { passed_over, .. } = due(&minutely, HOUR, 0, six) else { panic!("not due") };
    assert_eq!(passed_over, MOST_PASSED_OVER, "a long absence is not counted for ever");
}

#[test]
fn the_period_is_seen_from_the_firing_day() {
    let text = |relative: Relative, day: Date| relative.of(day).to_string();
    let day = date(2026, 1, 10);
    assert_eq!(text(Relative::PreviousMonth, day), "2025-12");
    assert_eq!(text(Relative::PreviousQuarter, day), "2025-T4");
    assert_eq!(text(Relative::CurrentQuarter, day), "2026-T1");
    assert_eq!(text(Relative::PreviousYear, day), "2025");
    assert_eq!(text(Relative::ToDate, day), "to-2026-01-10");
    assert_eq!("to-2026-01-10".parse::<Period>(), Ok(Relative::ToDate.of(day)));
    assert_eq!("previous-week".parse::<Relative>(), Err(CalendarError::Period("previous-week".into())));
}

#[test]
fn deadlines_are_days_or_a_date_after_the_period() {
    let after = |text: &str, end: Date| text.parse::<Deadline>().unwrap().after(end).unwrap();
    assert_eq!(after("45 days", date(2026, 9, 30)), date(2026, 11, 14));
    assert_eq!(after("0d", date(2026, 9, 30)), date(2026, 9, 30));
    assert_eq!(after("day 20", date(2026, 9, 30)), date(2026, 10, 20));
    assert_eq!(after("day 31", date(2026, 1, 31)), date(2026, 2, 28));
    assert_eq!(after("03-31", date(2025, 12, 31)), date(2026, 3, 31));
    assert_eq!(after("02-29", date(2026, 12, 31)), date(2027, 2, 28));
    for wrong in ["", "soon", "day 32", "13-01", "02-30", "-5 days", "03-31-2026"] {
        assert!(wrong.parse::<Deadline>().is_err(), "{wrong}");
    }
}

#[test]
fn windows_and_crons_are_read_or_refused_with_the_mend() {
    assert_eq!(window_ms("3d"), Ok(72 * HOUR));
    assert_eq!(window_ms("90m"), Ok(HOUR + HOUR / 2));
    for wrong in ["", "3", "d", "0h", "-1h", "1w", "99999999999d", "3è"] {
        assert!(window_ms(wrong).is_err(), "{wrong}");
    }
    let zone = TimeZone::UTC;
    for wrong in ["", "* * * *", "0 0 6 * * *", "61 6 * * *", "0 6 * * nonday", "@daily"] {
        let found = Schedule::parse(wrong, zone.clone()).unwrap_err();
        assert!(found.to_string().contains("day of week"), "{found}");
    }
    let never = Schedule::parse("0 6 31 2 *", zone).unwrap_err();
    assert_eq!(never, CalendarError::Never("0 6 31 2 *".into()));
}
