//! Time enters here, and only here, below the edge.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use std::time::Duration;

use crate::exchange::Millis;
use crate::queue::Soon;

/// Where the time comes from, and how delivery lets it pass.
pub trait Clock: Send + Sync {
    /// Milliseconds since the epoch.
    fn now_ms(&self) -> Millis;

    /// Waits, whatever is done to the clock on the wall meanwhile.
    fn sleep(&self, time: Duration) -> Soon<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }

    /// Today's civil date in Europe/Rome.
    fn today(&self) -> Date {
        in_rome(self.now_ms()).date()
    }

    /// Today as containers write it, `AAAAMMGG`.
    fn day(&self) -> String {
        self.today().strftime("%Y%m%d").to_string()
    }

    /// Now in RFC 3339, UTC.
    fn rfc3339(&self) -> String {
        rfc3339(self.now_ms())
    }
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> Millis {
        Timestamp::now().as_millisecond()
    }
}

pub(super) fn in_rome(ms: Millis) -> Zoned {
    let timestamp = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    timestamp.to_zoned(rome())
}

/// The zone in which officials read a clock.
pub(super) fn rome() -> TimeZone {
    TimeZone::get("Europe/Rome").unwrap_or(TimeZone::UTC)
}

/// Milliseconds as `2023-11-27T11:04:56.852Z`: exactly three fraction digits.
pub fn rfc3339(ms: Millis) -> String {
    let timestamp = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{timestamp:.3}")
}
