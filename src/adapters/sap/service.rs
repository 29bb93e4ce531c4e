//! What the rounds of a delivery ask of the world: four calls, a pause, the time that is left.
//! Behind a trait, so that a test can put every interleaving of two writers to the proof.

use std::time::{Duration, Instant};

use super::client::{CallError, SapClient, Sent};
use crate::channel::offer::Soon;
use crate::channel::pause::pause;
use crate::exchange::{Millis, Schedule};
use crate::personal::Personal;

/// Where a delivery stands in its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Before sending: beyond this moment nothing is sent any more.
    Send,
    /// Before reading back.
    Look,
}

pub(super) type Found = Result<Option<Personal<String>>, CallError>;

/// The service, and time.
pub(super) trait Service: Send + Sync {
    fn find<'a>(&'a self, codice_fiscale: &'a Personal<String>) -> Soon<'a, Found>;
    fn fetch<'a>(&'a self, code: &'a Personal<String>) -> Soon<'a, Found>;
    fn send<'a>(&'a self, document: &'a Personal<String>) -> Soon<'a, Result<Sent, CallError>>;
    /// Waits until another writer that had read before our send has sent too.
    fn rest(&self, round: u32) -> Soon<'_, ()>;
    /// Whether there is time for the step.
    fn in_time(&self, step: Step) -> bool;
}

/// How long a delivery waits before it reads back.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Pause after a send, ms: longer than another writer takes from reading to sending.
    pub rest_ms: Millis,
}

impl Default for Pace {
    fn default() -> Self {
        Self { rest_ms: 1_000 }
    }
}

impl Pace {
    /// The pause of a round: longer with each, and never the same for two writers that met.
    fn pause(self, round: u32) -> Duration {
        let schedule = Schedule {
            first: self.rest_ms,
            factor: 1.5,
            longest: self.rest_ms.saturating_mul(4),
            jitter: 0.3,
            attempts: 0,
            questions: 0,
        };
        Duration::from_millis(u64::try_from(pause(&schedule, round)).unwrap_or_default())
    }
}

/// The real service, for one delivery.
pub(super) struct Remote<'c> {
    pub client: &'c SapClient,
    pub pace: Pace,
    pub now: Millis,
    pub began: Instant,
    /// The longest that one call takes.
    pub call: Duration,
}

impl Service for Remote<'_> {
    fn find<'a>(&'a self, codice_fiscale: &'a Personal<String>) -> Soon<'a, Found> {
        Box::pin(self.client.find(codice_fiscale, self.now))
    }

    fn fetch<'a>(&'a self, code: &'a Personal<String>) -> Soon<'a, Found> {
        Box::pin(self.client.fetch(code, self.now))
    }

    fn send<'a>(&'a self, document: &'a Personal<String>) -> Soon<'a, Result<Sent, CallError>> {
        Box::pin(self.client.send(document, self.now))
    }

    fn rest(&self, round: u32) -> Soon<'_, ()> {
        Box::pin(tokio::time::sleep(self.pace.pause(round)))
    }

    /// A worker has its container for twice the longest call and half a minute: what is sent or
    /// read must end within.
    fn in_time(&self, step: Step) -> bool {
        let spent = self.began.elapsed();
        match step {
            Step::Send => spent <= self.call,
            Step::Look => spent <= self.call.mul_f32(1.5),
        }
    }
}
