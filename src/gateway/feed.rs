//! Feeding the queue: what is queued on a route becomes named containers, and the queue is told of
//! those that are due. One process at a time gathers for a route; its enti take turns, and no more is
//! gathered than workers can use soon: the rest waits in the ledger, and what fills the ledger is
//! slowed down there.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::duties::{Duty, is_off_duty};
use super::gather::LOOK;
use super::settings::{Channel, Route};
use super::{Delivery, Gateway};
use crate::exchange::{LedgerError, Millis};
use crate::ledger::{Turn, Tx, failpoint};
use crate::queue::Work;

/// The feeder looks at least so often; more often where another process may have queued something
/// for which a person waits.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const LOOK_IN_COMPANY: Duration = Duration::from_millis(100);
/// A look takes no longer than this, however much there is to gather.
const LOOK_MOST: Duration = Duration::from_secs(300);
/// What the queue was told of is told again after this, should nothing have come of it.
const AGAIN_MS: Millis = 600_000;
/// Containers of a route that may wait for each of its workers; more stay in the ledger as
/// operations. An ente that comes later waits behind no more than these.
const FOR_EACH_WORKER: usize = 32;
/// Containers that people wait for, beside them.
const URGENT_BACKLOG: usize = 1_024;
/// What is due later than this wants no worker yet, ms.
const SOON_MS: Millis = 10_000;
/// An ente's part of one step, at least.
const LEAST_SHARE: usize = 16;
/// Announcements in one go.
const BATCH: usize = 500;
/// As many where each process has a queue of its own: the others want some too.
const BATCH_IN_COMPANY: usize = 16;

/// What the feeder of a route remembers from look to look.
struct Feeder {
    gateway: Arc<Gateway>,
    route: Route,
    /// The duty of gathering for the route, while this process has it.
    duty: Option<Duty>,
    /// The queue's epoch of which the ledger was told.
    epoch: u64,
    round: Round,
}

impl Drop for Feeder {
    /// However its task ends, another need not wait for the end of the process.
    fn drop(&mut self) {
        if let Some(duty) = self.duty.take() {
            self.gateway.leave_duty(duty);
        }
    }
}

/// Which ente has had its turn.
#[derive(Clone, Default)]
struct Round {
    /// Enti of this round with the place from which each goes on; `None` = a new round begins.
    left: Option<VecDeque<(String, i64)>>,
    /// Who was served last.
    last: String,
}

/// What one step of feeding came to.
struct Fed {
    round: Round,
    /// The queue is to be told of something.
    due: bool,
}

impl Delivery {
    pub(super) async fn feed(self: Arc<Self>, route: Route, mut stopped: watch::Receiver<bool>) {
        let mut feeder = Feeder {
            gateway: Arc::clone(&self.gateway),
            route,
            duty: None,
            epoch: 0,
            round: Round::default(),
        };
        loop {
            self.gateway.watch.beat("feeder", LOOK_MOST);
            if let Err(error) = self.feed_once(&mut feeder).await {
                if is_off_duty(&error) {
                    feeder.duty = None;
                }
                let route = &feeder.route.id;
                tracing::error!(route, %error, "the queue was not fed; the next look tries again");
            }
            let every = if self.gateway.node.has_company() { LOOK_IN_COMPANY } else { LOOK_EVERY };
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = self.gateway.rung_at(&feeder.route.id) => {}
                () = self.gateway.clock.sleep(every) => {}
            }
        }
    }

    /// Gathers what is queued and tells the queue of all that it does not know of. Step by step:
    /// workers begin with the first, and who comes in between waits for one step only.
    async fn feed_once(&self, feeder: &mut Feeder) -> Result<(), LedgerError> {
        if !self.gateway.node.is_sure_to_live() {
            // Its workers keep their hands still: what its queue took would wait for nobody.
            return Ok(());
        }
        let epoch = self.queue.state().epoch;
        let mut lost = epoch != feeder.epoch;
        if feeder.duty.is_none() {
            feeder.duty = self.gateway.take_feed(&feeder.route.id).await?;
            // Whoever had it before may have died between the ledger and the queue.
            lost |= feeder.duty.is_some();
        }
        let Some(duty) = feeder.duty.clone() else {
            // A queue of this process only: what it takes to itself, it works on.
            let own = !self.queue.is_shared();
            return if own { self.announce(&feeder.route, None).await.map(drop) } else { Ok(()) };
        };
        loop {
            let (gateway, route, round) =
                (Arc::clone(&self.gateway), feeder.route.clone(), feeder.round.clone());
            let on = duty.clone();
            let step = move || on.during(|| gateway.gather(&route, lost, round));
            let gathered = tokio::task::spawn_blocking(step).await;
            let gathered =
                gathered.unwrap_or_else(|_| Err(LedgerError::Corrupt("gathering panicked".into())))?;
            (feeder.epoch, lost) = (epoch, false);
            feeder.round = gathered.round;
            let told = !gathered.due || self.announce(&feeder.route, Some(&duty)).await?;
            if !told || feeder.round.left.is_none() {
                return Ok(());
            }
        }
    }

    /// Tells the queue of what it does not know; false if it takes nothing.
    async fn announce(&self, route: &Route, duty: Option<&Duty>) -> Result<bool, LedgerError> {
        let alone = self.queue.is_shared() || !self.gateway.node.has_company();
        let batch = if alone { BATCH } else { BATCH_IN_COMPANY };
        loop {
            let (id, now) = (route.id.clone(), self.gateway.clock.now_ms());
            let duty = duty.cloned();
            let act = move |tx: &mut Tx<'_>| {
                duty.map_or(Ok(()), |duty| duty.check(tx))?;
                tx.announce_due(&id, now, AGAIN_MS, batch)
            };
            let due = self.gateway.books.write_in_async(Turn::First, act).await?;
            if due.is_empty() {
                return Ok(true);
            }
            failpoint::pass("queue.before-announce");
            let more = due.len() == BATCH;
            let known: Vec<i64> = due.iter().map(|due| due.submission).collect();
            let work = due.into_iter().map(|due| Work {
                submission: due.submission,
                route: route.id.clone(),
                interactive: due.interactive,
                due: due.due,
            });
            if let Err(error) = self.queue.announce(work.collect()).await {
                self.gateway.books.write_async(move |tx| tx.forget_announced(&known)).await?;
                tracing::warn!(route = route.id, %error, "the queue takes nothing; the ledger keeps it");
                return Ok(false);
            }
            failpoint::pass("queue.after-announce");
            if !more {
                return Ok(true);
            }
        }
    }
}

/// Containers of a route that may wait for its workers.
fn backlog(route: &Route) -> usize {
    route.push.as_ref().map_or(1, |push| push.concurrency.max(1)).saturating_mul(FOR_EACH_WORKER)
}

impl Gateway {
    /// The duty of gathering for a route, if nobody living has it.
    async fn take_feed(self: &Arc<Self>, route: &str) -> Result<Option<Duty>, LedgerError> {
        let (gateway, name) = (Arc::clone(self), format!("feed/{route}"));
        let taken = tokio::task::spawn_blocking(move || gateway.take_duty(&name)).await;
        taken.unwrap_or_else(|_| Err(LedgerError::Corrupt("taking a duty panicked".into())))
    }

    /// Gathers what is queued on a route: all that people wait for, and of each ente's bulk work one
    /// step, as far as the route's workers can use it soon. Looks first: a route with nothing to do
    /// costs the ledger's writer nothing.
    fn gather(&self, route: &Route, lost: bool, mut round: Round) -> Result<Fed, LedgerError> {
        if lost {
            let id = route.id.clone();
            self.write_on_duty(move |tx| tx.forget_announcements(&id))?;
        }
        if route.channel == Channel::File {
            let queued = |interactive| self.books.look(|tx| tx.has_queued(&route.id, interactive, 0));
            if queued(true)? || queued(false)? {
                self.gather_files(route)?;
            }
            round.left = None;
        } else {
            self.gather_all_urgent(route)?;
            self.gather_in_turn(route, &mut round)?;
        }
        let now = self.clock.now_ms();
        Ok(Fed { round, due: self.books.look(|tx| tx.has_due(&route.id, now))? })
    }

    fn gather_all_urgent(&self, route: &Route) -> Result<(), LedgerError> {
        let mut from = Some(0);
        while let Some(after) = from {
            let queued = self.books.look(|tx| tx.has_queued(&route.id, true, after))?;
            if !queued || self.wanted_soon(route)? >= backlog(route) + URGENT_BACKLOG {
                return Ok(());
            }
            from = self.gather_urgent(route, after)?.after;
        }
        Ok(())
    }

    /// One step of a round: each ente's share, beginning behind the one that was served last.
    fn gather_in_turn(&self, route: &Route, round: &mut Round) -> Result<(), LedgerError> {
        let mut enti = match round.left.take() {
            Some(enti) => enti,
            None => {
                let enti = self.books.look(|tx| tx.enti_queued(&route.id))?;
                // Half of it keeps the workers busy: what follows comes in steps worth their while.
                if enti.is_empty() || self.wanted_soon(route)? > backlog(route) / 2 {
                    return Ok(());
                }
                self.gather_lots(route)?;
                let behind = enti.iter().position(|ente| *ente > round.last).unwrap_or(0);
                let mut enti: VecDeque<_> = enti.into_iter().map(|ente| (ente, 0)).collect();
                enti.rotate_left(behind);
                enti
            }
        };
        let room = backlog(route).saturating_sub(self.wanted_soon(route)?).min(LOOK);
        let share = (room / enti.len().max(1)).clamp(LEAST_SHARE, LOOK);
        let mut left = VecDeque::new();
        while let Some((ente, after)) = enti.pop_front() {
            if !self.books.look(|tx| tx.has_queued_of(&route.id, &ente, after))? {
                continue;
            }
            if self.wanted_soon(route)? >= backlog(route) {
                // Who had no turn now is first in the next round.
                return Ok(());
            }
            let gathered = self.gather_pushed(route, &ente, after, share)?;
            round.last.clone_from(&ente);
            if let Some(after) = gathered.after {
                left.push_back((ente, after));
            }
        }
        round.left = Some(left).filter(|left| !left.is_empty());
        Ok(())
    }

    fn wanted_soon(&self, route: &Route) -> Result<usize, LedgerError> {
        let by = self.clock.now_ms() + SOON_MS;
        self.books.look(|tx| tx.wanted_soon(&route.id, by))
    }
}
