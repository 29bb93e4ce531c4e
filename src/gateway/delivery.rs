//! Delivery at work: feeders tell the queue what is due (`feed`), workers take it from there and
//! send or build. Each route has workers of its own: a recipient that does not answer holds up
//! nobody else's. The ledger decides; whatever dies here, the next look at it goes on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::push::Worked;
use super::settings::{Channel, Push, Route};
use super::{Gateway, clock};
use crate::channel::courier::Courier;
use crate::exchange::{Hours, LedgerError, Millis};
use crate::ledger::{Turn, failpoint};
use crate::queue::{Queue, Soon, Taken, Work};

/// A worker that could not work tries again after this.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A worker holds what it took no longer than this while its route is left alone.
const HOLD: Duration = Duration::from_secs(30);

/// Who delivers: the queue, and a courier per pushed route.
pub struct Delivery {
    pub gateway: Arc<Gateway>,
    pub queue: Arc<dyn Queue>,
    /// By route id.
    pub couriers: HashMap<String, Arc<dyn Courier>>,
}

impl Delivery {
    /// Starts a feeder and the workers of every route that sends or builds.
    pub fn start(self: &Arc<Self>, stopped: &watch::Receiver<bool>) -> Vec<JoinHandle<()>> {
        self.tasks(stopped).into_iter().map(tokio::spawn).collect()
    }

    /// The feeders and the workers, for whoever runs them.
    pub fn tasks(self: &Arc<Self>, stopped: &watch::Receiver<bool>) -> Vec<Soon<'static, ()>> {
        let mut tasks: Vec<Soon<'static, ()>> = Vec::new();
        for route in self.routes() {
            tasks.push(Box::pin(Arc::clone(self).feed(route.clone(), stopped.clone())));
            let hours = Arc::new(Opening::of(route.push.as_ref()));
            let workers = match &route.push {
                Some(push) => push.concurrency.max(1),
                None => 1,
            };
            // One worker more, for people who wait: bulk work never holds them all.
            let reserved = usize::from(route.channel == Channel::Push);
            for number in 0..workers + reserved {
                let at_work = Arc::clone(self).work(
                    route.clone(),
                    number >= workers,
                    Arc::clone(&hours),
                    stopped.clone(),
                );
                tasks.push(Box::pin(at_work));
            }
        }
        tasks
    }

    fn routes(&self) -> impl Iterator<Item = &Route> {
        let routes = self.gateway.settings.route.iter();
        routes.filter(|route| match route.channel {
            Channel::Offer | Channel::Inquiry => false,
            Channel::File => true,
            Channel::Push => self.couriers.contains_key(&route.id),
        })
    }

    async fn work(
        self: Arc<Self>,
        route: Route,
        only_interactive: bool,
        hours: Arc<Opening>,
        mut stopped: watch::Receiver<bool>,
    ) {
        loop {
            let taken = tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => return,
                taken = self.queue.take(&route.id, only_interactive) => taken,
            };
            let worked = match taken {
                Ok(taken) => self.work_on(&route, taken, &hours, &mut stopped).await,
                Err(error) => {
                    tracing::warn!(route = route.id, %error, "no work can be taken");
                    self.gateway.clock.sleep(LOOK_EVERY).await;
                    continue;
                }
            };
            if let Err(error) = worked {
                tracing::error!(route = route.id, %error, "a container was not worked on; its lease lapses");
                self.gateway.clock.sleep(LOOK_EVERY).await;
            }
            self.gateway.ring_at(&route.id);
        }
    }

    async fn work_on(
        &self,
        route: &Route,
        taken: Taken,
        hours: &Opening,
        stopped: &mut watch::Receiver<bool>,
    ) -> Result<(), LedgerError> {
        let worked = self.until_done(route, &taken.work, hours, stopped).await;
        failpoint::pass("queue.before-done");
        // Done in any case: where the ledger still wants it worked on, it says so again.
        if let Err(error) = self.queue.done(taken).await {
            tracing::debug!(%error, "the queue will bring it again; the ledger knows better");
        }
        worked
    }

    async fn until_done(
        &self,
        route: &Route,
        work: &Work,
        hours: &Opening,
        stopped: &mut watch::Receiver<bool>,
    ) -> Result<(), LedgerError> {
        loop {
            let until = match self.once(route, work, hours).await? {
                Worked::Wait(until) => until,
                Worked::Done | Worked::NotOurs => return Ok(()),
            };
            let wait = self.until(until);
            if wait > HOLD {
                let submission = work.submission;
                return self.gateway.books.write_async(move |tx| tx.postpone(submission, until)).await;
            }
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => return Ok(()),
                () = self.gateway.clock.sleep(wait) => {}
            }
        }
    }

    async fn once(&self, route: &Route, work: &Work, hours: &Opening) -> Result<Worked, LedgerError> {
        let now = self.gateway.clock.now_ms();
        if let Some(opens) = hours.opens(now) {
            return Ok(Worked::Wait(opens));
        }
        match (&route.push, self.couriers.get(&route.id)) {
            (Some(push), Some(courier)) => {
                let turn = Turn::of(work.interactive);
                self.gateway.push_one(route, push, &**courier, work.submission, turn).await
            }
            _ => {
                let (gateway, route, submission) =
                    (Arc::clone(&self.gateway), route.clone(), work.submission);
                let built = tokio::task::spawn_blocking(move || gateway.build_one(&route, submission)).await;
                let built =
                    built.unwrap_or_else(|_| Err(LedgerError::Corrupt("building panicked".into())))?;
                Ok(if built.is_some() { Worked::Done } else { Worked::NotOurs })
            }
        }
    }

    fn until(&self, moment: Millis) -> Duration {
        let wait = (moment - self.gateway.clock.now_ms()).max(1);
        Duration::from_millis(u64::try_from(wait).unwrap_or(1))
    }
}

/// When a route is used.
pub(super) struct Opening(Hours);

impl Opening {
    pub fn of(push: Option<&Push>) -> Self {
        Self(push.map(|push| Hours::parse(&push.hours).unwrap_or_default()).unwrap_or_default())
    }

    /// When the recipient opens, if it is closed now.
    pub fn opens(&self, now: Millis) -> Option<Millis> {
        let civil = clock::in_rome(now);
        let opens = self.0.next_open(civil.datetime());
        if opens <= civil.datetime() {
            return None;
        }
        let zoned = opens.to_zoned(civil.time_zone().clone()).ok()?;
        Some(zoned.timestamp().as_millisecond())
    }
}
