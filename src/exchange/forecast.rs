//! The forecast of a run: at the pace of the last minutes, when does it end, does a window close
//! before, and what holds it up. Pure: the pace, the clock and what is known of the recipient are
//! arguments.

use jiff::civil::DateTime;

use super::{Hours, Millis};
use crate::folder::finding::Text;

/// An open time is looked for in steps of this length, ms.
const STEP: Millis = 15 * 60_000;
/// Nothing is foretold beyond this, ms.
const HORIZON: Millis = 92 * 86_400_000;

/// What is left of a run, and how fast it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Records that move by themselves and are not at their end.
    pub left: u64,
    /// Records that wait for a person: held cancels, and undecided ones.
    pub held: u64,
    pub undecided: u64,
    /// Records that came to their end within the last `over` ms.
    pub ended: u64,
    pub over: Millis,
    /// More records may still be selected.
    pub selecting: bool,
}

/// What is known of the recipient.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recipient {
    /// A person, or a fault, stopped the route.
    pub suspended: bool,
    /// It does not answer: left alone until then.
    pub unreachable_until: Option<Millis>,
    /// Records per second that it takes at most; 0 = it sets no limit.
    pub limit_per_s: f64,
    /// How long it takes for one container, ms, and how many are under way at a time.
    pub answer_ms: Option<f64>,
    pub concurrency: u32,
    /// Records in one container, as it went lately.
    pub per_container: f64,
    /// It fetches what we offer, or a person uploads it: the pace is theirs.
    pub comes_by_itself: bool,
    /// When it is open.
    pub hours: Hours,
}

/// Why a run is not over sooner.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    Suspended,
    Unreachable { until: Millis },
    Closed { until: Millis },
    Held { records: u64 },
    Undecided { records: u64 },
    RateLimited { per_s: f64 },
    SlowAnswers { ms: f64 },
    NobodyCame,
    NothingEnded,
}

/// Whether what is open closes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// It ends in time, or there is no end that it must keep.
    InTime,
    /// At this pace the window closes before the run ends.
    Late,
    /// It ends in time but for what waits for a person.
    NeedsPerson,
    /// Nothing tells how fast it goes.
    Unknown,
}

impl Outlook {
    /// The word shown.
    pub const fn word(self) -> &'static str {
        match self {
            Self::InTime => "in_time",
            Self::Late => "late",
            Self::NeedsPerson => "needs_person",
            Self::Unknown => "unknown",
        }
    }
}

/// What is foretold of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// Records per second that the forecast goes by; 0 = none is known.
    pub per_s: f64,
    /// When what moves by itself is at its end.
    pub ends_at: Option<Millis>,
    pub outlook: Outlook,
    /// What holds it up most comes first.
    pub reasons: Vec<Reason>,
}

/// Foretells a run. `until` is when its window closes; `civil` reads a moment on the recipient's clock.
pub fn forecast(
    progress: &Progress,
    recipient: &Recipient,
    until: Option<Millis>,
    now: Millis,
    civil: impl Fn(Millis) -> DateTime,
) -> Forecast {
    let per_s = pace(progress, recipient);
    let ends_at = match (progress.left, per_s) {
        (0, _) => Some(now),
        _ if recipient.suspended || per_s <= 0.0 => None,
        (left, _) => {
            let from = recipient.unreachable_until.unwrap_or(now).max(now);
            let seconds = left as f64 / per_s;
            let needed = (seconds * 1000.0).ceil().min(HORIZON as f64) as Millis;
            worked_through(from, needed, &recipient.hours, &civil)
        }
    };
    Forecast {
        per_s,
        ends_at,
        outlook: outlook(progress, ends_at, until),
        reasons: reasons(progress, recipient, per_s, now, civil(now), &civil),
    }
}

/// Records per second: as it went, else as fast as the recipient is known to take them.
fn pace(progress: &Progress, recipient: &Recipient) -> f64 {
    let went = if progress.over > 0 { progress.ended as f64 * 1000.0 / progress.over as f64 } else { 0.0 };
    if went > 0.0 {
        return went;
    }
    let per_container = recipient.per_container.max(1.0);
    let answers = recipient
        .answer_ms
        .filter(|ms| *ms > 0.0)
        .map(|ms| f64::from(recipient.concurrency.max(1)) * 1000.0 / ms * per_container);
    let limit = (recipient.limit_per_s > 0.0).then_some(recipient.limit_per_s * per_container);
    match (answers, limit) {
        (Some(answers), Some(limit)) => answers.min(limit),
        (one, other) => one.or(other).unwrap_or(0.0),
    }
}

/// When so much open time has passed; `None` beyond the horizon.
fn worked_through(
    from: Millis,
    needed: Millis,
    hours: &Hours,
    civil: &impl Fn(Millis) -> DateTime,
) -> Option<Millis> {
    if *hours == Hours::default() {
        return from.checked_add(needed).filter(|end| end - from < HORIZON);
    }
    let (mut at, mut left) = (from, needed);
    while at - from < HORIZON {
        let here = civil(at);
        if hours.next_open(here) > here {
            at += STEP;
        } else if left <= STEP {
            return Some(at + left);
        } else {
            (at, left) = (at + STEP, left - STEP);
        }
    }
    None
}

fn outlook(progress: &Progress, ends_at: Option<Millis>, until: Option<Millis>) -> Outlook {
    let waits = progress.held + progress.undecided > 0;
    match (ends_at, until) {
        (Some(end), Some(until)) if end > until => Outlook::Late,
        (None, _) => Outlook::Unknown,
        (Some(_), Some(_)) if waits => Outlook::NeedsPerson,
        (Some(_), _) => Outlook::InTime,
    }
}

fn reasons(
    progress: &Progress,
    recipient: &Recipient,
    per_s: f64,
    now: Millis,
    here: DateTime,
    civil: &impl Fn(Millis) -> DateTime,
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if progress.left > 0 {
        if recipient.suspended {
            reasons.push(Reason::Suspended);
        }
        if let Some(until) = recipient.unreachable_until.filter(|until| *until > now) {
            reasons.push(Reason::Unreachable { until });
        }
        let opens = recipient.hours.next_open(here);
        if opens > here {
            reasons.push(Reason::Closed { until: first_at(now, opens, civil) });
        }
        if progress.ended == 0 {
            reasons.push(if recipient.comes_by_itself { Reason::NobodyCame } else { Reason::NothingEnded });
        }
        let limit = recipient.limit_per_s * recipient.per_container.max(1.0);
        if limit > 0.0 && per_s >= limit * 0.8 {
            reasons.push(Reason::RateLimited { per_s: recipient.limit_per_s });
        } else if let Some(ms) = recipient.answer_ms.filter(|ms| *ms >= 1000.0) {
            reasons.push(Reason::SlowAnswers { ms });
        }
    }
    if progress.held > 0 {
        reasons.push(Reason::Held { records: progress.held });
    }
    if progress.undecided > 0 {
        reasons.push(Reason::Undecided { records: progress.undecided });
    }
    reasons
}

/// The first moment whose civil time is not before `opens`, to a quarter of an hour.
fn first_at(now: Millis, opens: DateTime, civil: &impl Fn(Millis) -> DateTime) -> Millis {
    let mut at = now;
    while civil(at) < opens && at - now < 9 * 86_400_000 {
        at += STEP;
    }
    at
}

impl Reason {
    /// The reason in words; `moment` writes a moment for people.
    pub fn text(&self, moment: impl Fn(Millis) -> String) -> Text {
        match self {
            Self::Suspended => Text::new(
                "la rotta è sospesa: guardare perché, poi farla riprendere",
                "the route is suspended: see why, then resume it",
            ),
            Self::Unreachable { until } => Text::new(
                format!("il destinatario non risponde: prossima prova {}", moment(*until)),
                format!("the recipient does not answer: next tried {}", moment(*until)),
            ),
            Self::Closed { until } => Text::new(
                format!("il destinatario è chiuso fino a {}", moment(*until)),
                format!("the recipient is closed until {}", moment(*until)),
            ),
            Self::Held { records } => Text::new(
                format!("{records} cancellazioni trattenute attendono una persona"),
                format!("{records} held cancels wait for a person"),
            ),
            Self::Undecided { records } => Text::new(
                format!("{records} operazioni dall'esito ignoto attendono una persona"),
                format!("{records} operations of unknown outcome wait for a person"),
            ),
            Self::RateLimited { per_s } => Text::new(
                format!("il destinatario accetta al più {per_s} invii al secondo"),
                format!("the recipient takes at most {per_s} submissions a second"),
            ),
            Self::SlowAnswers { ms } => Text::new(
                format!("il destinatario risponde in {:.1} secondi", ms / 1000.0),
                format!("the recipient takes {:.1} seconds to answer", ms / 1000.0),
            ),
            Self::NobodyCame => Text::new(
                "il destinatario non ha ancora ritirato nulla negli ultimi minuti",
                "the recipient fetched nothing in the last minutes",
            ),
            Self::NothingEnded => Text::new(
                "negli ultimi minuti nulla è giunto a un esito",
                "nothing came to an end in the last minutes",
            ),
        }
    }
}

#[cfg(test)]
#[path = "forecast_tests.rs"]
mod tests;
