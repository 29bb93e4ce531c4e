//! How the ledger's writer does, as this process sees it: how long a caller waits until its
//! transaction is on disk, and how many wait. Numbers only; they end with the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Upper bounds of a histogram's buckets, seconds.
pub const BOUNDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Durations counted by their length.
#[derive(Debug, Default)]
pub struct Histogram {
    /// By [`BOUNDS`], each for itself; the last takes what is longer than all of them.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum_micros: AtomicU64,
}

impl Histogram {
    /// Counts one duration.
    pub fn note(&self, length: Duration) {
        let seconds = length.as_secs_f64();
        let place = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[place].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(length.as_micros()).unwrap_or(u64::MAX);
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// How many fell at or below each bound, and how many there are in all.
    pub fn cumulated(&self) -> ([u64; BOUNDS.len()], u64) {
        let (mut below, mut so_far) = ([0; BOUNDS.len()], 0);
        for (place, sum) in below.iter_mut().enumerate() {
            so_far += self.buckets[place].load(Ordering::Relaxed);
            *sum = so_far;
        }
        (below, so_far + self.buckets[BOUNDS.len()].load(Ordering::Relaxed))
    }

    /// All durations together, seconds.
    pub fn sum_s(&self) -> f64 {
        Duration::from_micros(self.sum_micros.load(Ordering::Relaxed)).as_secs_f64()
    }
}

/// What the callers of the writer go through.
#[derive(Debug, Default)]
pub struct Pulse {
    /// From asking to the commit, whatever came of it.
    pub writes: Histogram,
    waiting: AtomicU64,
}

impl Pulse {
    /// Callers that wait for their commit now.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A caller begins to wait; it ends when the beat is dropped.
    pub fn begin(self: &Arc<Self>) -> Beat {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Beat { pulse: Arc::clone(self), since: Instant::now() }
    }
}

/// One caller's waiting.
pub struct Beat {
    pulse: Arc<Pulse>,
    since: Instant,
}

impl Drop for Beat {
    fn drop(&mut self) {
        self.pulse.waiting.fetch_sub(1, Ordering::Relaxed);
        self.pulse.writes.note(self.since.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_fall_into_their_buckets_and_none_is_lost() {
        let histogram = Histogram::default();
        for millis in [0, 1, 2, 40, 700, 60_000] {
            histogram.note(Duration::from_millis(millis));
        }
        let (below, all) = histogram.cumulated();
        assert_eq!((below[0], below[1], below[5], below[9], below[11], all), (2, 3, 4, 5, 5, 6));
        assert!((histogram.sum_s() - 60.743).abs() < 0.001);
    }

    #[test]
    fn who_waits_is_counted_until_the_end() {
        let pulse = Arc::new(Pulse::default());
        let beats = [pulse.begin(), pulse.begin()];
        assert_eq!(pulse.waiting(), 2);
        drop(beats);
        assert_eq!((pulse.waiting(), pulse.writes.cumulated().1), (0, 2));
    }
}
