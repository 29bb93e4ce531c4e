//! How long to wait before the next try: growing pauses with a little chance in them, so that
//! many containers that failed together do not come back together. The only file that names
//! `backoff`, which is used as a generator of intervals and for nothing else: what is due when
//! is kept in the ledger.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff;

use crate::exchange::{Millis, Schedule};

/// The pause after the `attempt`-th try (from 1), ms.
pub fn pause(schedule: &Schedule, attempt: u32) -> Millis {
    let steps = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
    // Computed from the stored number of tries: a restart changes nothing.
    let grown = schedule.first as f64 * schedule.factor.max(1.0).powi(steps);
    let interval = Duration::from_millis(grown.min(schedule.longest as f64).max(0.0) as u64);
    let mut generator = ExponentialBackoff {
        current_interval: interval,
        initial_interval: interval,
        randomization_factor: schedule.jitter.clamp(0.0, 1.0),
        multiplier: 1.0,
        max_interval: interval,
        max_elapsed_time: None,
        ..ExponentialBackoff::default()
    };
    let drawn = generator.next_backoff().unwrap_or(interval);
    Millis::try_from(drawn.as_millis()).unwrap_or(schedule.longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_limit_with_chance_around_them() {
        let schedule =
            Schedule { first: 1000, factor: 2.0, longest: 60_000, jitter: 0.2, attempts: 9, questions: 9 };
        for (attempt, middle) in [(1, 1000), (2, 2000), (4, 8000), (7, 60_000), (u32::MAX, 60_000)] {
            for _ in 0..100 {
                let drawn = pause(&schedule, attempt);
                assert!((middle * 8 / 10 - 1..=middle * 12 / 10 + 1).contains(&drawn), "{attempt}: {drawn}");
            }
        }
    }
}
