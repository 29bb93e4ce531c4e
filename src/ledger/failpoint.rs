//! Named points at which a fault test may kill the process: `RACCORDO_FAILPOINT=name:count`
//! aborts at the `count`-th passage. Unset, a point costs one atomic load.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

/// All points, so that a harness can visit each.
pub const POINTS: [&str; 12] = [
    "ledger.before-begin",
    "ledger.before-commit",
    "ledger.after-commit",
    "offer.before-answer",
    "receipts.before-answer",
    "outbox.before-rename",
    "outbox.after-rename",
    "push.begun",
    "push.answered",
    "queue.before-announce",
    "queue.after-announce",
    "queue.before-done",
];

static ARMED: OnceLock<Option<(String, AtomicI64)>> = OnceLock::new();

/// Passes a point; the process dies here if the environment says so.
pub fn pass(point: &str) {
    let armed = ARMED.get_or_init(|| {
        let set = std::env::var("RACCORDO_FAILPOINT").ok()?;
        let (name, count) = set.rsplit_once(':')?;
        Some((name.to_owned(), AtomicI64::new(count.parse().ok()?)))
    });
    if let Some((name, left)) = armed
        && name == point
        && left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        // SIGKILL in all but name: no destructor runs, nothing is flushed.
        std::process::abort();
    }
}
