//! Scripted misbehaviour. What happens to a flow depends on the seed and its name only, so
//! a flow has one verdict however often it is served.

use serde::Deserialize;

use crate::sandbox::chance;

/// How the simulated INPS misbehaves; all zero by default. Rates are shares from 0 to 1.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    pub seed: u64,
    /// Flows per page.
    pub limit: usize,
    /// Valid flows refused all the same.
    pub refuse: f64,
    /// Flows answered with ERRORE_GENERICO, without effect.
    pub fail: f64,
    /// A refused flow moves `since` too.
    pub refusals_advance: bool,
    /// Esiti posted twice.
    pub duplicate: f64,
    /// Esiti that come only a cycle later.
    pub late: f64,
    /// Esiti that never come, until `recover`.
    pub lose: f64,
    /// Every so many polls ask from `since` 0; 0 = never.
    pub rewind_every: u64,
    /// Every so many cycles post garbage first; 0 = never.
    pub garbage_every: u64,
    /// Milliseconds to wait between pages.
    pub delay_ms: u64,
    /// A cancel matches by the whole content instead of by key.
    pub match_by_content: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            seed: 1,
            limit: 100,
            refuse: 0.0,
            fail: 0.0,
            refusals_advance: true,
            duplicate: 0.0,
            late: 0.0,
            lose: 0.0,
            rewind_every: 0,
            garbage_every: 0,
            delay_ms: 0,
            match_by_content: false,
        }
    }
}

impl Script {
    /// Whether something of this share happens to this flow.
    pub fn happens(&self, share: f64, what: &str, name: &str) -> bool {
        chance::draw(self.seed, &format!("{what}|{name}")) < share
    }
}
