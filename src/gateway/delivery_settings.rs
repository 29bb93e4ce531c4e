//! What an installation is told of pushing: where a route leads and how gently it is used, and
//! the queue that carries the work.

use std::time::Duration;

use serde::Deserialize;

use crate::exchange::{Breaker, Millis, Schedule};

/// A worker's time beyond the exchange itself: building, waiting for the ledger.
const MARGIN_MS: Millis = 30_000;

/// How a route pushes: where to, and how gently.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// The protocol family, as an adapter registers it.
    pub protocol: String,
    /// Base URL of the recipient.
    pub url: String,
    /// Our certificate chain and key, PEM, 0600; empty = none.
    #[serde(default)]
    pub identity_file: String,
    /// Further certificate authorities, PEM.
    #[serde(default)]
    pub authorities_file: String,
    /// File (0600) with a bearer token; empty = none.
    #[serde(default)]
    pub token_file: String,
    #[serde(default = "connect_timeout_ms")]
    pub connect_timeout_ms: u64,
    /// Longest silence while an answer is read.
    #[serde(default = "read_timeout_ms")]
    pub read_timeout_ms: u64,
    /// The whole exchange.
    #[serde(default = "total_timeout_ms")]
    pub total_timeout_ms: u64,
    #[serde(default = "max_response_bytes")]
    pub max_response_bytes: usize,
    /// Plain http beyond this machine; for test networks only.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// Containers under way at the same time; one more is kept for people who wait.
    #[serde(default = "concurrency")]
    pub concurrency: usize,
    /// Containers per second; 0 = as fast as the recipient answers.
    #[serde(default)]
    pub rate_per_s: f64,
    /// Where the protocol reads back what it sent: the pause before, ms, longer than another writer
    /// takes from reading to sending; left out = the protocol's own.
    pub read_back_after_ms: Option<u64>,
    /// When the recipient is open, e.g. `Mo-Fr 07:00-20:00`, Europe/Rome; empty = always.
    #[serde(default)]
    pub hours: String,
    /// The recipient is told the trace (W3C `traceparent`) of what it is sent.
    #[serde(default)]
    pub send_trace: bool,
    #[serde(default)]
    pub retry: Retry,
    #[serde(default)]
    pub breaker: BreakerSettings,
}

/// When to try again.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    pub first_s: f64,
    pub factor: f64,
    pub longest_s: f64,
    /// Share of a pause that chance may add or take.
    pub jitter: f64,
    /// After so many tries a person decides.
    pub attempts: u32,
    /// Questions after an unknown outcome before a person decides.
    pub questions: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self { first_s: 5.0, factor: 2.0, longest_s: 3600.0, jitter: 0.2, attempts: 80, questions: 40 }
    }
}

/// When a recipient that does not answer is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerSettings {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it stays open before one container probes.
    pub pause_s: f64,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 5, pause_s: 30.0 }
    }
}

const fn connect_timeout_ms() -> u64 {
    5_000
}

const fn read_timeout_ms() -> u64 {
    30_000
}

const fn total_timeout_ms() -> u64 {
    60_000
}

const fn max_response_bytes() -> usize {
    16 * 1024 * 1024
}

const fn concurrency() -> usize {
    4
}

/// The queue between the ledger and the workers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueSettings {
    pub kind: QueueKind,
    /// `amqp://` or `amqps://` address of the broker, without credentials.
    pub url: String,
    /// File (0600) with `user:password`; empty = guest.
    pub credentials_file: String,
    /// Further certificate authorities for `amqps`, PEM.
    pub authorities_file: String,
    /// Prefix of every queue and exchange: several installations may share a broker.
    pub prefix: String,
    /// Messages that a worker's channel holds in advance.
    pub prefetch: u16,
    /// Longest wait for a confirm, ms; then the connection is made anew.
    pub confirm_timeout_ms: u64,
    /// Deliveries of one message before the broker gives it to the dead letters.
    pub delivery_limit: u32,
}

/// Which queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QueueKind {
    /// The ledger itself.
    Embedded,
    Rabbitmq,
}

impl Push {
    /// The retry schedule in the exchange's units.
    pub fn schedule(&self) -> Schedule {
        let retry = &self.retry;
        Schedule {
            first: millis(retry.first_s),
            factor: retry.factor,
            longest: millis(retry.longest_s),
            jitter: retry.jitter,
            attempts: retry.attempts,
            questions: retry.questions,
        }
    }

    /// The breaker in the exchange's units.
    pub fn breaker(&self) -> Breaker {
        Breaker { failures: self.breaker.failures.max(1), pause: millis(self.breaker.pause_s) }
    }

    /// How long a worker may have a container for itself.
    pub fn lease(&self) -> Millis {
        Millis::try_from(self.total_timeout_ms).unwrap_or(Millis::MAX / 4).saturating_mul(2) + MARGIN_MS
    }
}

fn millis(seconds: f64) -> Millis {
    Millis::try_from(Duration::try_from_secs_f64(seconds).unwrap_or_default().as_millis())
        .unwrap_or(Millis::MAX / 4)
}
