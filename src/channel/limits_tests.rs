//! Every form of "come back later", and what must never follow from a header.

use proptest::prelude::*;

use super::*;
use crate::personal::Personal;

type Headers<'a> = &'a [(&'a str, &'a str)];

/// 2026-11-23T10:00:00Z.
const NOW: Millis = 1_795_428_000_000;

fn answer(headers: &[(&str, &str)]) -> Response {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Response { status: 503, headers, body: Personal::new(Vec::new()) }
}

fn wait(headers: &[(&str, &str)]) -> Option<Millis> {
    not_before(&answer(headers), NOW).map(|moment| moment - NOW)
}

#[test]
fn each_form_is_read() {
    let cases: &[(Headers<'_>, Option<Millis>)] = &[
        (&[("retry-after", "120")], Some(120_000)),
        (&[("retry-after", " 0 ")], Some(0)),
        (&[("retry-after", "Mon, 23 Nov 2026 10:01:30 GMT")], Some(90_000)),
        (&[("retry-after", "Monday, 23-Nov-26 10:01:30 GMT")], Some(90_000)),
        (&[("retry-after", "Mon Nov 23 10:01:30 2026")], Some(90_000)),
        (&[("retry-after", "Sun, 23 Nov 2026 10:00:01 GMT")], Some(1_000)),
        (&[("retry-after", "3"), ("retry-after", "7")], Some(7_000)),
        (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "30")], Some(30_000)),
        (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795428060")], Some(60_000)),
        (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795428060500")], Some(60_500)),
        (&[("x-ratelimit-reset", "30.9")], Some(30_000)),
        (&[("x-rate-limit-reset", "12")], Some(12_000)),
        (&[("ratelimit-remaining", "0"), ("ratelimit-reset", "5")], Some(5_000)),
        (&[("ratelimit", "limit=100, remaining=0, reset=50")], Some(50_000)),
        (&[("ratelimit", "\"burst\";r=0;t=4, \"day\";r=0;t=9, \"hour\";r=3;t=600")], Some(9_000)),
        (&[("retry-after", "2"), ("x-ratelimit-reset", "30")], Some(2_000)),
    ];
    for (headers, expected) in cases {
        assert_eq!(wait(headers), *expected, "{headers:?}");
    }
}

#[test]
fn what_says_nothing_is_no_wait() {
    let cases: &[Headers<'_>] = &[
        &[],
        &[("retry-after", "")],
        &[("retry-after", "-5")],
        &[("retry-after", "soon")],
        &[("retry-after", "Mon, 32 Nov 2026 10:01:30 GMT")],
        &[("x-ratelimit-remaining", "12"), ("x-ratelimit-reset", "30")],
        &[("x-ratelimit-remaining", "0")],
        &[("ratelimit", "limit=100, remaining=8, reset=50")],
        &[("ratelimit", ";;;==,")],
    ];
    for headers in cases {
        assert_eq!(wait(headers), None, "{headers:?}");
    }
}

#[test]
fn absurd_values_are_cut_to_a_day_and_the_past_is_now() {
    for value in ["86401", "99999999999999999999999", "Thu, 31 Dec 9998 23:59:59 GMT"] {
        assert_eq!(wait(&[("retry-after", value)]), Some(LONGEST_WAIT_MS), "{value}");
    }
    assert_eq!(wait(&[("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT")]), Some(0));
    assert_eq!(wait(&[("x-ratelimit-reset", "1000000000")]), Some(0));
    assert_eq!(wait(&[("x-ratelimit-reset", "9999999999999999999")]), Some(LONGEST_WAIT_MS));
}

#[test]
fn a_recipient_whose_clock_is_wrong_is_measured_by_its_own() {
    let headers =
        [("date", "Mon, 23 Nov 2020 08:00:00 GMT"), ("retry-after", "Mon, 23 Nov 2020 08:00:45 GMT")];
    assert_eq!(wait(&headers), Some(45_000));
}

proptest! {
    #[test]
    fn nothing_that_a_recipient_writes_leads_beyond_reason(
        name in prop::sample::select(vec!["retry-after", "ratelimit", "x-ratelimit-reset", "ratelimit-reset"]),
        value in "\\PC*",
        now in 0..4_000_000_000_000_i64,
    ) {
        if let Some(moment) = not_before(&answer(&[(name, &value)]), now) {
            prop_assert!((now..=now + LONGEST_WAIT_MS).contains(&moment));
        }
    }
}
