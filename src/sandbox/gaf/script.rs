//! Scripted misbehaviour of the simulated upload service. What happens to a request depends on
//! the seed, the request and how often it came, so that a run can be played again.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::sandbox::chance;

/// How the service behaves; kind by default. Rates are shares from 0 to 1.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    pub seed: u64,
    /// Questions about an upload that are answered with Mx00 before the outcome is told.
    pub pending: u32,
    /// Valid records discarded all the same, by Id_Rec: a resend meets the same verdict.
    pub refuse: f64,
    /// Valid records of which an anomaly is told; they are taken.
    pub warn: f64,
    /// Records that make their whole file not conformant (Mx11), by Id_Rec.
    pub spoil: f64,
    /// Uploads answered with Mx23, by the file's name.
    pub inconsistent: f64,
    /// What goes wrong with uploads; one fault at most each.
    pub upload: BTreeMap<Fault, f64>,
    /// What goes wrong with questions.
    pub question: BTreeMap<Fault, f64>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            seed: 1,
            pending: 1,
            refuse: 0.0,
            warn: 0.0,
            spoil: 0.0,
            inconsistent: 0.0,
            upload: BTreeMap::new(),
            question: BTreeMap::new(),
        }
    }
}

/// One way to misbehave. "After" says that the request took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// 500, and nothing was done.
    ErrorBefore,
    /// 503 with Retry-After.
    Unavailable,
    Unauthorized,
    /// 502, and it was done.
    ErrorAfter,
    /// 200 and a page.
    GarbageAfter,
    /// 200 without a number or a code.
    EmptyAfter,
}

impl Fault {
    pub const ALL: [Self; 6] = [
        Self::ErrorBefore,
        Self::Unavailable,
        Self::Unauthorized,
        Self::ErrorAfter,
        Self::GarbageAfter,
        Self::EmptyAfter,
    ];

    /// Whether the request is worked on all the same.
    pub const fn takes_effect(self) -> bool {
        matches!(self, Self::ErrorAfter | Self::GarbageAfter | Self::EmptyAfter)
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
