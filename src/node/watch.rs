//! The watcher's loop: is the ledger written, what is to be told, what is no longer kept, is the
//! audit chain whole. It does nothing that others wait for. Each process looks at itself; what is told
//! and what is pruned is one process's affair.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::exchange::LedgerError;
use crate::gateway::{Duty, Gateway, is_off_duty};

const EVERY: Duration = Duration::from_secs(10);
/// Longer than this a round never takes.
const ALLOWED: Duration = Duration::from_secs(180);

/// The duty of telling and pruning.
const DUTY: &str = "watcher";

/// Watches until told to stop; `tells` where the process may have the duty.
pub async fn run(gateway: Arc<Gateway>, tells: bool, mut stopped: watch::Receiver<bool>) {
    let (mut round, mut duty) = (0_u64, None);
    loop {
        gateway.watch.beat("watcher", ALLOWED);
        let written = gateway.probe_writer().await;
        gateway.tell_of_the_ledger(written.as_ref().err()).await;
        if written.is_ok() {
            duty = look(&gateway, round % 3 == 0, duty.take().filter(|_| tells), tells).await;
            if duty.is_some() {
                gateway.tell_sinks().await;
            }
        }
        round += 1;
        let waited = tokio::time::timeout(EVERY, stopped.wait_for(|stopped| *stopped)).await;
        if waited.is_ok() {
            return;
        }
    }
}

/// One look at everything; prunes in every third. Returns the duty, while this process has it.
async fn look(gateway: &Arc<Gateway>, prunes: bool, held: Option<Duty>, tells: bool) -> Option<Duty> {
    let at_work = Arc::clone(gateway);
    let looked = tokio::task::spawn_blocking(move || {
        let walked = at_work.walk_audit().map(drop);
        let duty = match held {
            None if tells => at_work.take_duty(DUTY),
            held => Ok(held),
        };
        let mut failures: Vec<LedgerError> = walked.err().into_iter().collect();
        let mut duty = duty.unwrap_or_else(|error| {
            failures.push(error);
            None
        });
        if let Some(held) = &duty {
            let done = held.during(|| {
                let alerts = at_work.look_for_alerts().map(drop);
                let pruned = if prunes { at_work.prune().map(drop) } else { Ok(()) };
                [alerts, pruned]
            });
            failures.extend(done.into_iter().filter_map(Result::err));
        }
        if failures.iter().any(is_off_duty) {
            duty = None;
        }
        for error in failures {
            tracing::error!(%error, "a part of watching failed; the next round tries again");
        }
        duty
    });
    looked.await.unwrap_or_else(|_| {
        tracing::error!("watching panicked; the next round tries again");
        None
    })
}
