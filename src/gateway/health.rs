//! Whether this process lives, and whether it can do its work: each answer with its reason.

use std::sync::Arc;

use serde::Serialize;

use super::Gateway;

/// One thing that must be well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    pub ok: bool,
    /// In words; `None` where all is well.
    pub why: Option<String>,
}

impl Check {
    fn of(result: Result<(), String>) -> Self {
        Self { ok: result.is_ok(), why: result.err() }
    }
}

/// What the work needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checks {
    /// It can be written, and read.
    pub ledger: Check,
    /// The broker, where there is one; the embedded queue is always there.
    pub queue: Check,
    /// Flows are loaded.
    pub flows: Check,
}

impl Checks {
    /// Whether all of it is well.
    pub const fn all_ok(&self) -> bool {
        self.ledger.ok && self.queue.ok && self.flows.ok
    }
}

impl Gateway {
    /// Loops of this process that did not come round in time, in words; none means that it lives.
    pub fn stuck_loops(&self) -> Vec<String> {
        let late = self.watch.loops().into_iter().filter(|(.., late)| *late);
        late.map(|(name, age, _)| format!("{name} has not come round for {} s", age.as_secs())).collect()
    }

    /// Whether this process can do its work now. Answers within a few seconds, whatever is stuck.
    pub async fn checks(self: &Arc<Self>) -> Checks {
        let queue = match self.queue_state() {
            Some(state) if !state.connected => {
                Err(state.trouble.unwrap_or_else(|| "the broker is not connected".to_owned()))
            }
            _ => Ok(()),
        };
        let flows =
            if self.catalog.flows().is_empty() { Err("no flow is loaded".to_owned()) } else { Ok(()) };
        Checks {
            ledger: Check::of(self.probe_writer().await),
            queue: Check::of(queue),
            flows: Check::of(flows),
        }
    }
}
