//! Questions about persons: where one stands, what follows an answer that is none, and how many
//! the schedule may ask. Pure.

use super::Millis;
use super::retry::{Failure, Next, Schedule, next};

/// Where a question stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InquiryState {
    /// Stored, not yet asked.
    Queued,
    /// It may be on its way.
    Asking,
    /// To be asked again.
    Retrying,
    /// The register spoke of the person.
    Answered,
    /// The register knows nothing of the person.
    NothingKnown,
    /// The register refused to answer.
    Refused,
    /// There is no consent in force: it was not asked, or its answer was not read.
    NoConsent,
    /// The folder has no identifier by which to ask.
    NoIdentifier,
    /// The answer speaks of another person: nothing of it was taken.
    OtherPerson,
    /// The answer can't be read; it is kept sealed.
    Unreadable,
    /// Asked as often as the route allows.
    GivenUp,
}

impl InquiryState {
    pub const ALL: [Self; 11] = [
        Self::Queued,
        Self::Asking,
        Self::Retrying,
        Self::Answered,
        Self::NothingKnown,
        Self::Refused,
        Self::NoConsent,
        Self::NoIdentifier,
        Self::OtherPerson,
        Self::Unreadable,
        Self::GivenUp,
    ];

    /// The word by which it is stored and shown.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Asking => "asking",
            Self::Retrying => "retrying",
            Self::Answered => "answered",
            Self::NothingKnown => "nothing_known",
            Self::Refused => "refused",
            Self::NoConsent => "no_consent",
            Self::NoIdentifier => "no_identifier",
            Self::OtherPerson => "other_person",
            Self::Unreadable => "unreadable",
            Self::GivenUp => "given_up",
        }
    }

    /// Whether nothing more will come of it.
    pub const fn is_end(self) -> bool {
        !matches!(self, Self::Queued | Self::Asking | Self::Retrying)
    }
}

/// Why a question has no answer yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// The register's limit of questions is exceeded: nobody is asked about until it is over.
    Limited,
    /// It could not be asked, or its answer was lost.
    Unavailable,
}

/// What follows a question without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskAgain {
    /// Not before.
    At(Millis),
    /// Not before, and no other question of the route either.
    RouteRests(Millis),
    /// Patience is at its end.
    Never,
}

/// Decides when to ask again. A question changes nothing at the register, so it may be repeated
/// whatever became of the last one. `attempt` counts the questions so far; `pause` is the jittered
/// pause for it, `rest` that of an exceeded limit, `not_before` the register's own wish.
pub fn ask_again(
    why: NoAnswer,
    attempt: u32,
    schedule: &Schedule,
    (pause, rest): (Millis, Millis),
    not_before: Option<Millis>,
    now: Millis,
) -> AskAgain {
    match why {
        NoAnswer::Limited => AskAgain::RouteRests(not_before.unwrap_or(now + rest).max(now + 1)),
        NoAnswer::Unavailable => {
            match next(Failure::Unavailable, attempt, schedule, pause, not_before, now) {
                Next::SendAt(due) | Next::AskAt(due) => AskAgain::At(due),
                Next::Person => AskAgain::Never,
            }
        }
    }
}

/// Questions that the schedule may add now. Four fifths of a day's budget are its own, spread over
/// the day; `asked` are today's so far, people's included; `elapsed` is the share of the day, 0 to 1.
pub fn allowance(budget: u32, asked: u32, elapsed: f64) -> u32 {
    let own = f64::from(budget) * 0.8 * elapsed.clamp(0.0, 1.0);
    (own.floor() as u32).saturating_sub(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULE: Schedule =
        Schedule { first: 1000, factor: 2.0, longest: 60_000, jitter: 0.0, attempts: 3, questions: 2 };

    #[test]
    fn a_limit_rests_the_route_and_costs_no_patience() {
        let after =
            |attempt, wish| ask_again(NoAnswer::Limited, attempt, &SCHEDULE, (1000, 3_600_000), wish, 10);
        assert_eq!(after(99, None), AskAgain::RouteRests(3_600_010));
        assert_eq!(after(1, Some(90_000)), AskAgain::RouteRests(90_000));
        assert_eq!(after(1, Some(0)), AskAgain::RouteRests(11));
    }

    #[test]
    fn what_is_out_of_reach_is_asked_again_until_patience_ends() {
        let after = |attempt| ask_again(NoAnswer::Unavailable, attempt, &SCHEDULE, (4000, 0), None, 10);
        assert_eq!((after(1), after(3)), (AskAgain::At(4010), AskAgain::Never));
    }

    #[test]
    fn the_schedule_spreads_its_share_over_the_day() {
        assert_eq!(allowance(500, 0, 0.0), 0);
        assert_eq!(allowance(500, 0, 0.5), 200);
        assert_eq!(allowance(500, 150, 0.5), 50);
        assert_eq!(allowance(500, 450, 1.0), 0);
    }
}
