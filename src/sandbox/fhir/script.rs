//! Scripted misbehaviour of the simulated FHIR server. What happens to a request depends on the
//! seed, the request's bytes and how often they came, so that a run can be played again.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::sandbox::chance;

/// How the simulated server behaves; kind by default. Rates are shares from 0 to 1.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    pub seed: u64,
    /// Requests that wait `delay_ms` before anything is done with them.
    pub delay: f64,
    pub delay_ms: u64,
    /// What 429 and 503 ask for.
    pub retry_after_s: u64,
    /// Pause between two bytes of a dripping answer, ms.
    pub drip_ms: u64,
    /// More entries than this are answered with 413; 0 = any number.
    pub most_entries: usize,
    /// How errors name the entry they are about.
    pub attribution: Attribution,
    /// Valid entries refused all the same, by the operation's id: a resend meets the same verdict.
    pub refuse: f64,
    /// ServiceRequests with one of these codes are refused.
    pub refuse_codes: Vec<String>,
    /// An update keeps the tags that were there, as some servers do.
    pub keep_tags: bool,
    /// What happens to transactions; one fault at most each.
    pub transaction: BTreeMap<Fault, f64>,
    /// What happens to reads and searches.
    pub search: BTreeMap<Fault, f64>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            seed: 1,
            delay: 0.0,
            delay_ms: 0,
            retry_after_s: 1,
            drip_ms: 50,
            most_entries: 0,
            attribution: Attribution::Expression,
            refuse: 0.0,
            refuse_codes: Vec::new(),
            keep_tags: false,
            transaction: BTreeMap::new(),
            search: BTreeMap::new(),
        }
    }
}

/// How an error names its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribution {
    /// `expression`: `Bundle.entry[2].resource.status`.
    Expression,
    /// `location`: `/f:Bundle/f:entry[3]/f:resource/f:status`.
    Location,
    /// Not at all: whoever wants to know must halve.
    None,
}

/// One way to misbehave. "Before" and "after" say whether the transaction took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    // Nothing takes effect.
    ErrorBefore,
    BadGateway,
    RequestTimeout,
    UnavailableSeconds,
    UnavailableDate,
    TooManySeconds,
    TooManyDate,
    TooManyLimit,
    Unauthorized,
    Forbidden,
    NotFound,
    NotAllowed,
    Unsupported,
    Conflict,
    Locked,
    Precondition,
    Redirect,
    OutcomeBefore,
    SilentBefore,
    ResetBefore,
    HalfClosedBefore,
    // It takes effect, and the answer does not say so.
    ErrorAfter,
    GatewayTimeout,
    OutcomeAfter,
    SilentAfter,
    ResetAfter,
    HalfClosedAfter,
    Garbage,
    NotHttp,
    Truncated,
    EntryError,
    FewerEntries,
    MoreEntries,
    PermutedEntries,
    OtherTypes,
    Searchset,
    WrongContentType,
    Huge,
    Drip,
    /// The right answer, and the same one once more behind it.
    Twice,
}

impl Fault {
    /// Every fault, those without effect first.
    pub const ALL: [Self; 40] = [
        Self::ErrorBefore,
        Self::BadGateway,
        Self::RequestTimeout,
        Self::UnavailableSeconds,
        Self::UnavailableDate,
        Self::TooManySeconds,
        Self::TooManyDate,
        Self::TooManyLimit,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::NotAllowed,
        Self::Unsupported,
        Self::Conflict,
        Self::Locked,
        Self::Precondition,
        Self::Redirect,
        Self::OutcomeBefore,
        Self::SilentBefore,
        Self::ResetBefore,
        Self::HalfClosedBefore,
        Self::ErrorAfter,
        Self::GatewayTimeout,
        Self::OutcomeAfter,
        Self::SilentAfter,
        Self::ResetAfter,
        Self::HalfClosedAfter,
        Self::Garbage,
        Self::NotHttp,
        Self::Truncated,
        Self::EntryError,
        Self::FewerEntries,
        Self::MoreEntries,
        Self::PermutedEntries,
        Self::OtherTypes,
        Self::Searchset,
        Self::WrongContentType,
        Self::Huge,
        Self::Drip,
        Self::Twice,
    ];

    /// Whether the request is worked on all the same.
    pub const fn takes_effect(self) -> bool {
        self as u8 >= Self::ErrorAfter as u8
    }
}

impl Script {
    /// Whether something of this share happens to what bears this name.
    pub fn happens(&self, share: f64, what: &str, name: &str) -> bool {
        self.draw(what, name) < share
    }

    /// The fault that meets a request, by its name.
    pub fn fault(&self, faults: &BTreeMap<Fault, f64>, name: &str) -> Option<Fault> {
        chance::pick(faults, self.draw("fault", name))
    }

    fn draw(&self, what: &str, name: &str) -> f64 {
        chance::draw(self.seed, &format!("{what}|{name}"))
    }
}
