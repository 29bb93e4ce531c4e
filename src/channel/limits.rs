//! When a recipient wants to be asked again, as its answer's headers say it. Pure: the
//! present is an argument; whatever a recipient writes, the wait stays within reason.
//!
//! `Retry-After` goes first (RFC 9110 §10.2.3: seconds, or a date in any of the three forms of
//! §5.6.7). Without it, an exhausted limit tells: `RateLimit` in the forms of the IETF drafts,
//! or the older `RateLimit-*` and `X-RateLimit-*`.

use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;

use super::push::Response;
use crate::exchange::Millis;

/// No recipient is left alone longer than this because of a header.
pub const LONGEST_WAIT_MS: Millis = 24 * 3_600_000;

/// The earliest moment for another try, if the answer names one: never before `now`, never
/// more than [`LONGEST_WAIT_MS`] after it.
pub fn not_before(answer: &Response, now: Millis) -> Option<Millis> {
    let sent_at = answer.header("date").and_then(date).unwrap_or(now);
    let wait = retry_after(answer, sent_at).or_else(|| exhausted(answer, sent_at))?;
    Some(now.saturating_add(wait.clamp(0, LONGEST_WAIT_MS)))
}

/// The wait in ms by `Retry-After`; the longest, where a proxy added its own.
fn retry_after(answer: &Response, sent_at: Millis) -> Option<Millis> {
    let wait = |value: &str| match whole(value) {
        Some(seconds) => Some(seconds.saturating_mul(1000)),
        None => Some(date(value)?.saturating_sub(sent_at)),
    };
    values(answer, "retry-after").filter_map(wait).max()
}

/// The wait in ms until an exhausted limit is full again.
fn exhausted(answer: &Response, sent_at: Millis) -> Option<Millis> {
    let combined = values(answer, "ratelimit").filter_map(combined).max();
    let pairs = ["ratelimit", "x-ratelimit", "x-rate-limit"];
    combined.or_else(|| pairs.iter().find_map(|prefix| pair(answer, prefix, sent_at)))
}

/// `RateLimit`: `limit=100, remaining=0, reset=50`, or a list such as `"default";r=0;t=50`.
fn combined(value: &str) -> Option<Millis> {
    let policy = |policy: &str| {
        let parameter = |names: [&str; 2]| {
            let pairs = policy.split([';', ',']).filter_map(|pair| pair.trim().split_once('='));
            let mut named = pairs.filter(|(name, _)| names.contains(&name.trim()));
            named.find_map(|(_, value)| whole(value))
        };
        let left = parameter(["r", "remaining"]).unwrap_or(0);
        (left == 0).then(|| parameter(["t", "reset"])).flatten()
    };
    // In the list form the comma divides policies, in the other one a policy's parameters.
    let seconds = if value.contains(';') { value.split(',').filter_map(policy).max() } else { policy(value) };
    seconds.map(|seconds| seconds.saturating_mul(1000))
}

/// `…-Remaining` and `…-Reset`; what is left over is no reason to wait.
fn pair(answer: &Response, prefix: &str, sent_at: Millis) -> Option<Millis> {
    let value = |suffix: &str| values(answer, &format!("{prefix}-{suffix}")).next();
    if value("remaining").and_then(whole).is_some_and(|left| left > 0) {
        return None;
    }
    let reset = value("reset")?;
    let Some(number) = whole(reset) else { return Some(date(reset)?.saturating_sub(sent_at)) };
    // No standard says what the number is; its size tells: a wait, or a moment in s or in ms.
    Some(match number {
        ..1_000_000_000 => number.saturating_mul(1000),
        1_000_000_000..1_000_000_000_000 => number.saturating_mul(1000).saturating_sub(sent_at),
        _ => number.saturating_sub(sent_at),
    })
}

fn values<'a>(answer: &'a Response, name: &str) -> impl Iterator<Item = &'a str> {
    let named = answer.headers.iter().filter(move |(key, _)| key == name);
    named.map(|(_, value)| value.trim()).collect::<Vec<_>>().into_iter()
}

/// A whole number without sign; a fraction is cut off, what is too large is the largest.
fn whole(value: &str) -> Option<i64> {
    let (digits, fraction) = value.trim().split_once('.').unwrap_or((value.trim(), "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(digits) && is_number(fraction)).then(|| digits.parse().unwrap_or(i64::MAX))
}

/// An HTTP-date in ms. The day of the week says nothing that the date doesn't, so it is not judged.
fn date(value: &str) -> Option<Millis> {
    let (_, rest) = value.split_once(' ')?;
    let forms = ["%d %b %Y %H:%M:%S GMT", "%d-%b-%y %H:%M:%S GMT", "%b %e %H:%M:%S %Y"];
    let read = |form: &&str| BrokenDownTime::parse(form, rest.trim()).ok()?.to_datetime().ok();
    let moment = forms.iter().find_map(read)?.to_zoned(TimeZone::UTC).ok()?;
    Some(moment.timestamp().as_millisecond())
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
