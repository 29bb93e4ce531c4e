//! The watcher's loop: is the ledger written, what is to be told, what is no longer kept, is the
//! audit chain whole. It does nothing that others wait for.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::gateway::Gateway;

const EVERY: Duration = Duration::from_secs(10);
/// Longer than this a round never takes.
const ALLOWED: Duration = Duration::from_secs(180);

/// Watches until told to stop.
pub async fn run(gateway: Arc<Gateway>, mut stopped: watch::Receiver<bool>) {
    let mut round = 0_u64;
    loop {
        gateway.watch.beat("watcher", ALLOWED);
        let written = gateway.probe_writer().await;
        gateway.tell_of_the_ledger(written.as_ref().err()).await;
        if written.is_ok() {
            look(&gateway, round % 3 == 0).await;
            gateway.tell_sinks().await;
        }
        round += 1;
        let waited = tokio::time::timeout(EVERY, stopped.wait_for(|stopped| *stopped)).await;
        if waited.is_ok() {
            return;
        }
    }
}

/// One look at everything; prunes in every third.
async fn look(gateway: &Arc<Gateway>, prunes: bool) {
    let at_work = Arc::clone(gateway);
    let looked = tokio::task::spawn_blocking(move || {
        let walked = at_work.walk_audit().map(drop);
        let alerts = at_work.look_for_alerts().map(drop);
        let pruned = if prunes { at_work.prune().map(drop) } else { Ok(()) };
        for error in [walked, alerts, pruned].into_iter().filter_map(Result::err) {
            tracing::error!(%error, "a part of watching failed; the next round tries again");
        }
    });
    if looked.await.is_err() {
        tracing::error!("watching panicked; the next round tries again");
    }
}
