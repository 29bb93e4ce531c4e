//! What time alone brings about: folders to look at again, reports whose day has come, receipts
//! that never came, selections that a death interrupted.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::exchange::LedgerError;
use crate::gateway::Gateway;

const EVERY: Duration = Duration::from_secs(30);
/// A tick that maps very many folders again takes long; longer than this none does.
const ALLOWED: Duration = Duration::from_secs(1800);

/// Ticks until told to stop.
pub async fn run(gateway: Arc<Gateway>, mut stopped: watch::Receiver<bool>) {
    loop {
        gateway.watch.beat("ticks", ALLOWED);
        let at_work = Arc::clone(&gateway);
        let done = tokio::task::spawn_blocking(move || tick(&at_work)).await;
        if let Ok(Err(error)) = done {
            tracing::error!(%error, "a tick failed; the next one tries again");
        }
        let waited = tokio::time::timeout(EVERY, stopped.wait_for(|stopped| *stopped)).await;
        if waited.is_ok() {
            return;
        }
    }
}

/// One tick: everything whose time has come.
pub fn tick(gateway: &Gateway) -> Result<(), LedgerError> {
    // Each on its own: what one of them meets must not keep the others from their work.
    let looked = gateway.look_again();
    // The calendar opens runs over what was just looked at; their records are selected next.
    let fired = gateway.fire_calendar();
    let runs = gateway.resume_runs();
    let late = gateway.mark_overdue();
    let asked = gateway.refresh_inquiries();
    let pruned = gateway.prune_inquiries();
    if let (Ok(looked), Ok(late)) = (&looked, &late)
        && looked + late > 0
    {
        tracing::info!(looked, late, "the calendar moved");
    }
    if let Ok(fired @ 1..) = &fired {
        tracing::info!(fired, "the calendar started runs");
    }
    if let Ok(asked @ 1..) = &asked {
        tracing::info!(asked, "the schedule asks registers about persons again");
    }
    let others = [runs, fired.map(drop), looked.map(drop), late.map(drop), asked.map(drop), pruned];
    let failures: Vec<_> = others.into_iter().filter_map(Result::err).collect();
    failures.iter().skip(1).for_each(|error| tracing::error!(%error, "a tick's part failed"));
    failures.into_iter().next().map_or(Ok(()), Err)
}
