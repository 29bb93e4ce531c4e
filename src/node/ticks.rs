//! What time alone brings about, and the selection of runs' records: by whoever has the role, and of
//! what one process at a time may do by whoever has the duty.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::exchange::LedgerError;
use crate::gateway::{Duty, Gateway, SCHEDULER, is_off_duty};

const EVERY: Duration = Duration::from_secs(30);
/// A tick that maps very many folders again, or selects very many records, takes long; longer than
/// this none does.
const ALLOWED: Duration = Duration::from_secs(1800);
/// How often a planner looks whether a run waits for it.
const PLAN_EVERY: Duration = Duration::from_millis(500);

/// Does what time brings about, in the process that has the duty; the others stand by.
pub async fn schedule(gateway: Arc<Gateway>, mut stopped: watch::Receiver<bool>) {
    let (mut duty, mut last): (Option<Duty>, Option<Instant>) = (None, None);
    loop {
        gateway.watch.beat("ticks", ALLOWED);
        let due = last.is_none_or(|last| last.elapsed() >= EVERY);
        if duty.is_none() || due {
            let (at_work, held) = (Arc::clone(&gateway), duty.take());
            let done = tokio::task::spawn_blocking(move || on_duty(&at_work, held)).await;
            duty = done.unwrap_or_default();
            if duty.is_some() {
                last = Some(Instant::now());
            }
        }
        let pause = if duty.is_some() { EVERY } else { gateway.node.interval().min(EVERY) };
        let waited = tokio::time::timeout(pause, stopped.wait_for(|stopped| *stopped)).await;
        if waited.is_ok() {
            return;
        }
    }
}

/// One tick on duty, taking it on first where nobody has it; `None` if another has.
fn on_duty(gateway: &Gateway, held: Option<Duty>) -> Option<Duty> {
    let fresh = held.is_none();
    let duty = match held.map_or_else(|| gateway.take_duty(SCHEDULER), |held| Ok(Some(held))) {
        Ok(duty) => duty?,
        Err(error) => {
            tracing::error!(%error, "the scheduler's duty could not be taken on; the next look tries again");
            return None;
        }
    };
    let done = duty.during(|| {
        if fresh {
            tracing::info!(fence = duty.fence(), "this process is the scheduler");
            // The first tick then maps again what another version made.
            note_versions(gateway);
        }
        scheduled(gateway)
    });
    match done {
        Err(error) if is_off_duty(&error) => {
            tracing::warn!("another process is the scheduler by now");
            None
        }
        Err(error) => {
            tracing::error!(%error, "a tick failed; the next one tries again");
            Some(duty)
        }
        Ok(()) => Some(duty),
    }
}

fn note_versions(gateway: &Gateway) {
    if let Err(error) = gateway.note_versions() {
        tracing::error!(%error, "versions of flows could not be noted; the next start tries again");
    }
}

/// Selects the records of runs until told to stop.
pub async fn plan(gateway: Arc<Gateway>, mut stopped: watch::Receiver<bool>) {
    let mut last: Option<Instant> = None;
    loop {
        gateway.watch.beat("planner", ALLOWED);
        let at_work = Arc::clone(&gateway);
        // What is to be taken back is looked for more rarely.
        let due = last.is_none_or(|last| last.elapsed() >= EVERY);
        let planned = tokio::task::spawn_blocking(move || match due || at_work.has_unfinished_runs()? {
            true => at_work.resume_runs(),
            false => Ok(()),
        });
        if due {
            last = Some(Instant::now());
        }
        if let Ok(Err(error)) = planned.await {
            tracing::error!(%error, "runs could not go on; the next look tries again");
        }
        let waited = tokio::time::timeout(PLAN_EVERY, stopped.wait_for(|stopped| *stopped)).await;
        if waited.is_ok() {
            return;
        }
    }
}

/// One tick of everything, for a process that is alone.
pub fn tick(gateway: &Gateway) -> Result<(), LedgerError> {
    let scheduled = scheduled(gateway);
    let planned = gateway.resume_runs();
    scheduled.and(planned)
}

/// Everything whose time has come.
fn scheduled(gateway: &Gateway) -> Result<(), LedgerError> {
    // Each on its own: what one of them meets must not keep the others from their work.
    let looked = gateway.look_again();
    // The calendar opens runs over what was just looked at; planners select their records.
    let fired = gateway.fire_calendar();
    let late = gateway.mark_overdue();
    let asked = gateway.refresh_inquiries();
    let pruned = gateway.prune_inquiries();
    let sampled = gateway.sample_readiness();
    let erased = gateway.erase_due();
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
    if let Ok(erased @ 1..) = &erased {
        tracing::info!(erased, "erasures that waited are done");
    }
    let erased = erased.map(drop);
    let others =
        [fired.map(drop), looked.map(drop), late.map(drop), asked.map(drop), pruned, sampled, erased];
    let failures: Vec<_> = others.into_iter().filter_map(Result::err).collect();
    failures.iter().skip(1).for_each(|error| tracing::error!(%error, "a tick's part failed"));
    failures.into_iter().next().map_or(Ok(()), Err)
}
