//! Forecasts, by example and by what must hold for all of them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;

fn civil(at: Millis) -> DateTime {
    TimeZone::UTC.to_datetime(Timestamp::from_millisecond(at).unwrap())
}

/// Monday 23 November 2026, 09:00 UTC.
const NOW: Millis = 1_795_424_400_000;
const HOUR: Millis = 3_600_000;

fn told(progress: Progress, recipient: &Recipient, until: Option<Millis>) -> Forecast {
    forecast(&progress, recipient, until, NOW, civil)
}

/// A hundred records in the last minute.
fn moving(left: u64) -> Progress {
    Progress { left, ended: 100, over: 60_000, ..Progress::default() }
}

#[test]
fn a_run_ends_at_the_pace_that_it_went() {
    let told = told(moving(6_000), &Recipient::default(), Some(NOW + 2 * HOUR));
    assert_eq!((told.ends_at, told.outlook), (Some(NOW + HOUR), Outlook::InTime));
    assert!(told.reasons.is_empty());
}

#[test]
fn a_window_that_closes_before_is_said_with_its_reason() {
    let limited = Recipient { limit_per_s: 1.7, per_container: 1.0, ..Recipient::default() };
    let told = told(moving(60_000), &limited, Some(NOW + HOUR));
    assert_eq!((told.outlook, &told.reasons[..]), (Outlook::Late, &[Reason::RateLimited { per_s: 1.7 }][..]));
    let text = told.reasons[0].text(|_| String::new());
    assert_eq!(text.en, "the recipient takes at most 1.7 submissions a second");
}

#[test]
fn closed_time_does_not_count() {
    assert_eq!(civil(NOW).to_string(), "2026-11-23T09:00:00");
    let office = Recipient { hours: Hours::parse("Mo-Fr 08:00-10:00").unwrap(), ..Recipient::default() };
    // Three hours of work: one today, two tomorrow.
    let told = told(moving(18_000), &office, None);
    assert_eq!(told.ends_at, Some(NOW + 25 * HOUR));
}

#[test]
fn what_only_a_person_can_move_is_no_matter_of_pace() {
    let held = Progress { held: 30, ..Progress::default() };
    let told_held = told(held, &Recipient::default(), Some(NOW + HOUR));
    assert_eq!(
        (told_held.outlook, told_held.reasons),
        (Outlook::NeedsPerson, vec![Reason::Held { records: 30 }])
    );
    let stopped = Recipient { suspended: true, ..Recipient::default() };
    assert_eq!(told(moving(1), &stopped, None).outlook, Outlook::Unknown);
}

#[test]
fn where_nothing_ended_yet_the_recipient_s_own_pace_counts() {
    let none = Progress { left: 100, over: 60_000, ..Progress::default() };
    let slow = Recipient { answer_ms: Some(2_000.0), concurrency: 2, ..Recipient::default() };
    let foretold = told(none, &slow, None);
    assert_eq!(foretold.ends_at, Some(NOW + 100_000));
    assert_eq!(foretold.reasons, [Reason::NothingEnded, Reason::SlowAnswers { ms: 2_000.0 }]);
    assert_eq!(told(none, &Recipient::default(), None).outlook, Outlook::Unknown);
}

fn recipients() -> impl Strategy<Value = Recipient> {
    let hours = prop_oneof![Just(""), Just("Mo-Fr 07:00-20:00"), Just("Sa-Su 10:00-12:00")];
    (any::<bool>(), proptest::option::of(0_i64..50 * HOUR), 0.0_f64..20.0, hours).prop_map(
        |(slow, until, limit, hours)| Recipient {
            unreachable_until: until.map(|ms| NOW + ms),
            limit_per_s: limit,
            answer_ms: slow.then_some(1_500.0),
            concurrency: 2,
            per_container: 1.0,
            hours: Hours::parse(hours).unwrap(),
            ..Recipient::default()
        },
    )
}

/// `None` is later than any moment.
fn later(end: Option<Millis>) -> Millis {
    end.unwrap_or(Millis::MAX)
}

proptest! {
    #[test]
    fn more_left_is_never_earlier(
        left in 1_u64..100_000, more in 0_u64..100_000, ended in 0_u64..1_000, recipient in recipients()
    ) {
        let at = |left| told(Progress { left, ended, over: 60_000, ..Progress::default() }, &recipient, None);
        prop_assert!(later(at(left).ends_at) <= later(at(left + more).ends_at));
    }

    #[test]
    fn a_faster_pace_is_never_later(
        left in 1_u64..100_000, ended in 1_u64..1_000, more in 0_u64..1_000, recipient in recipients()
    ) {
        let at = |ended| told(Progress { left, ended, over: 60_000, ..Progress::default() }, &recipient, None);
        prop_assert!(later(at(ended + more).ends_at) <= later(at(ended).ends_at));
    }

    #[test]
    fn a_recipient_that_is_away_longer_is_never_earlier(
        left in 1_u64..10_000, away in 0_i64..20 * HOUR, more in 0_i64..20 * HOUR
    ) {
        let at = |ms| told(
            moving(left), &Recipient { unreachable_until: Some(NOW + ms), ..Recipient::default() }, None
        );
        prop_assert!(later(at(away).ends_at) <= later(at(away + more).ends_at));
    }

    #[test]
    fn nothing_ends_in_the_past_and_late_means_after_the_end(
        left in 0_u64..100_000, ended in 0_u64..1_000, until in 0_i64..100 * HOUR, recipient in recipients()
    ) {
        let progress = Progress { left, ended, over: 60_000, ..Progress::default() };
        let told = told(progress, &recipient, Some(NOW + until));
        prop_assert!(told.ends_at.is_none_or(|end| end >= NOW));
        prop_assert_eq!(told.outlook == Outlook::Late, told.ends_at.is_some_and(|end| end > NOW + until));
    }
}
