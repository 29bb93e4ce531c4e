//! The clock of simulated recipients: the system's, or one that a test holds.

use std::sync::Arc;

/// Gives the present as Unix milliseconds.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The system's clock.
pub fn system() -> Clock {
    Arc::new(|| jiff::Timestamp::now().as_millisecond())
}

/// A clock that stands still.
pub fn fixed(now_ms: i64) -> Clock {
    Arc::new(move || now_ms)
}

/// RFC 3339 with exactly three fraction digits and `Z`, as WaaS writes times.
pub(super) fn rfc3339(at_ms: i64) -> String {
    let timestamp = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    format!("{timestamp:.3}")
}
