//! Chance that can be played again: what happens depends on a seed and on names.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};

/// A number from 0 (included) to 1 (excluded), the same for the same seed and name.
pub(super) fn draw(seed: u64, name: &str) -> f64 {
    let mixed = digest(&SHA256, format!("{seed}|{name}").as_bytes());
    let first = mixed.as_ref().first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    f64::from(first) / (f64::from(u32::MAX) + 1.0)
}

/// Which of these, each with its share, a number falls on; none where the shares leave room.
pub(super) fn pick<F: Copy>(shares: &BTreeMap<F, f64>, drawn: f64) -> Option<F> {
    let mut left = drawn;
    let met = shares.iter().find(|(_, share)| {
        left -= **share;
        left < 0.0
    });
    met.map(|(fault, _)| *fault)
}
