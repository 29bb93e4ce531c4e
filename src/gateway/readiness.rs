//! How ready each flow was over time: a sample an hour, and one after each run.

use super::Gateway;
use crate::exchange::{LedgerError, Millis};

/// Between two samples, where no run was started.
const EVERY_MS: Millis = 3_600_000;
/// Samples are kept for so long.
const KEPT_MS: Millis = 400 * 24 * 3_600_000;

impl Gateway {
    /// Keeps how ready the flows are, when it is time.
    pub fn sample_readiness(&self) -> Result<(), LedgerError> {
        let now = self.clock.now_ms();
        let (last, run) = self.books.last_sample_and_run()?;
        if now - last < EVERY_MS && run <= last {
            return Ok(());
        }
        let standings = self.books.standings()?;
        if standings.is_empty() {
            return Ok(());
        }
        self.write_on_duty(move |tx| tx.keep_readiness(now, &standings, now - KEPT_MS))
    }
}
