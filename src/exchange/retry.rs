//! When to try again: the one decision after each attempt, pure.

use super::Millis;

/// How patient a route is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Pause after the first failure, ms.
    pub first: Millis,
    /// Each pause is so many times the one before.
    pub factor: f64,
    /// No pause is longer, ms.
    pub longest: Millis,
    /// Share of a pause that chance may add or take, 0 to 1.
    pub jitter: f64,
    /// After so many tries a person decides.
    pub attempts: u32,
    /// After so many questions about an unknown outcome a person decides.
    pub questions: u32,
}

/// What the last attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing took effect.
    Unavailable,
    /// Something may have taken effect.
    Uncertain,
    /// The recipient could not be asked what became of it.
    Unanswered,
    /// The recipient has it and is not done, or could not be asked; `late`: longer than it may take.
    Pending { late: bool },
    /// The recipient offers no way to ask.
    CannotBeAsked,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    SendAt(Millis),
    AskAt(Millis),
    /// Patience is at its end, or there is nothing to try: a person decides.
    Person,
}

/// Decides what follows a failure.
///
/// `attempt` counts the tries of this kind so far, this one included; `pause` is the jittered
/// pause that the schedule gives for it; `not_before` is the recipient's own wish.
pub fn next(
    failure: Failure,
    attempt: u32,
    schedule: &Schedule,
    pause: Millis,
    not_before: Option<Millis>,
    now: Millis,
) -> Next {
    let due = (now + pause).max(not_before.unwrap_or(now));
    match failure {
        Failure::CannotBeAsked | Failure::Pending { late: true } => Next::Person,
        Failure::Pending { late: false } => Next::AskAt(due),
        Failure::Unavailable if attempt >= schedule.attempts => Next::Person,
        Failure::Unavailable => Next::SendAt(due),
        // The first question needs no long pause: most answers are only lost on their way.
        Failure::Uncertain => Next::AskAt((now + pause.min(schedule.first)).max(not_before.unwrap_or(now))),
        Failure::Unanswered if attempt >= schedule.questions => Next::Person,
        Failure::Unanswered => Next::AskAt(due),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULE: Schedule =
        Schedule { first: 1000, factor: 2.0, longest: 60_000, jitter: 0.0, attempts: 3, questions: 2 };

    #[test]
    fn what_had_no_effect_is_sent_again_until_patience_ends() {
        let after = |attempt| next(Failure::Unavailable, attempt, &SCHEDULE, 4000, None, 10);
        assert_eq!(after(1), Next::SendAt(4010));
        assert_eq!(after(3), Next::Person);
    }

    #[test]
    fn the_recipients_wish_is_kept() {
        let wished = |wish| next(Failure::Unavailable, 1, &SCHEDULE, 4000, Some(wish), 10);
        assert_eq!(wished(90_000), Next::SendAt(90_000));
        assert_eq!(wished(20), Next::SendAt(4010), "a shorter wish does not shorten the pause");
    }

    #[test]
    fn an_unknown_outcome_is_asked_about_never_resent() {
        assert_eq!(next(Failure::Uncertain, 1, &SCHEDULE, 4000, None, 0), Next::AskAt(1000));
        assert_eq!(next(Failure::Unanswered, 1, &SCHEDULE, 4000, None, 0), Next::AskAt(4000));
        assert_eq!(next(Failure::Unanswered, 2, &SCHEDULE, 4000, None, 0), Next::Person);
        let pending = |late| next(Failure::Pending { late }, 90, &SCHEDULE, 4000, None, 0);
        assert_eq!((pending(false), pending(true)), (Next::AskAt(4000), Next::Person));
        assert_eq!(next(Failure::CannotBeAsked, 1, &SCHEDULE, 4000, None, 0), Next::Person);
    }
}
