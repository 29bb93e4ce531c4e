//! Delivery at work: a feeder tells the queue what is due, workers take it from there and send
//! or build. The ledger decides; whatever dies here, the next look at it goes on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::push::Worked;
use super::settings::{Channel, Push, Route};
use super::{Gateway, clock};
use crate::channel::courier::Courier;
use crate::exchange::{Hours, LedgerError, Millis};
use crate::ledger::Turn;
use crate::queue::{Queue, Taken, Work};

/// The feeder looks at least so often.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A look takes no longer than this, however much there is to gather.
const LOOK_MOST: Duration = Duration::from_secs(300);
/// What the queue was told of is told again after this, should nothing have come of it.
const AGAIN_MS: Millis = 600_000;
/// Containers of a route that may wait for its workers; more stay in the ledger as operations.
const BACKLOG: usize = 1000;
/// Announcements in one go.
const BATCH: usize = 500;
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
    /// Starts the feeder and the workers of every route that sends or builds.
    pub fn start(self: &Arc<Self>, stopped: &watch::Receiver<bool>) -> Vec<JoinHandle<()>> {
        let mut tasks = vec![tokio::spawn(Arc::clone(self).feed(stopped.clone()))];
        for route in self.routes() {
            let pace = Arc::new(Pace::new(route.push.as_ref()));
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
                    Arc::clone(&pace),
                    stopped.clone(),
                );
                tasks.push(tokio::spawn(at_work));
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

    async fn feed(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        let mut epoch = 0;
        loop {
            self.gateway.watch.beat("feeder", LOOK_MOST);
            let now = self.queue.state().epoch;
            let lost = now != epoch;
            epoch = now;
            for route in self.routes() {
                if let Err(error) = self.feed_route(route, lost).await {
                    tracing::error!(route = route.id, %error, "the queue was not fed; the next look tries again");
                }
            }
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => return,
                _ = timeout(LOOK_EVERY, self.gateway.bell.notified()) => {}
            }
        }
    }

    /// Gathers what is queued and tells the queue of all that it does not know of. Step by step:
    /// workers begin with the first, and who comes in between waits for one step only.
    async fn feed_route(&self, route: &Route, mut lost: bool) -> Result<(), LedgerError> {
        let mut from = Some(0);
        while let Some(after) = from {
            let (gateway, at_work) = (Arc::clone(&self.gateway), route.clone());
            let gathered = tokio::task::spawn_blocking(move || gateway.gather(&at_work, lost, after)).await;
            let gathered =
                gathered.unwrap_or_else(|_| Err(LedgerError::Corrupt("gathering panicked".into())))?;
            from = gathered.after;
            lost = false;
            if gathered.due && !self.announce(route).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Tells the queue of what it does not know; false if it takes nothing.
    async fn announce(&self, route: &Route) -> Result<bool, LedgerError> {
        loop {
            let (id, now) = (route.id.clone(), self.gateway.clock.now_ms());
            let act = move |tx: &mut crate::ledger::Tx<'_>| tx.announce_due(&id, now, AGAIN_MS, BATCH);
            let due = self.gateway.books.write_in_async(Turn::First, act).await?;
            if due.is_empty() {
                return Ok(true);
            }
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
            if !more {
                return Ok(true);
            }
        }
    }

    async fn work(
        self: Arc<Self>,
        route: Route,
        only_interactive: bool,
        pace: Arc<Pace>,
        mut stopped: watch::Receiver<bool>,
    ) {
        loop {
            let taken = tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => return,
                taken = self.queue.take(&route.id, only_interactive) => taken,
            };
            let worked = match taken {
                Ok(taken) => self.work_on(&route, taken, &pace, &mut stopped).await,
                Err(error) => {
                    tracing::warn!(route = route.id, %error, "no work can be taken");
                    sleep_until(Instant::now() + LOOK_EVERY).await;
                    continue;
                }
            };
            if let Err(error) = worked {
                tracing::error!(route = route.id, %error, "a container was not worked on; its lease lapses");
                sleep_until(Instant::now() + LOOK_EVERY).await;
            }
            self.gateway.ring();
        }
    }

    async fn work_on(
        &self,
        route: &Route,
        taken: Taken,
        pace: &Pace,
        stopped: &mut watch::Receiver<bool>,
    ) -> Result<(), LedgerError> {
        let worked = self.until_done(route, &taken.work, pace, stopped).await;
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
        pace: &Pace,
        stopped: &mut watch::Receiver<bool>,
    ) -> Result<(), LedgerError> {
        loop {
            let until = match self.once(route, work, pace).await? {
                Worked::Wait(until) => until,
                Worked::Done | Worked::NotOurs => return Ok(()),
            };
            let wait = self.until(until);
            if wait > HOLD {
                let submission = work.submission;
                return self.gateway.books.write_async(move |tx| tx.postpone(submission, until)).await;
            }
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => return Ok(()),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn once(&self, route: &Route, work: &Work, pace: &Pace) -> Result<Worked, LedgerError> {
        let now = self.gateway.clock.now_ms();
        if let Some(opens) = pace.opens(now) {
            return Ok(Worked::Wait(opens));
        }
        pace.turn().await;
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

/// What one step of feeding came to.
struct Fed {
    /// Where the rest goes on.
    after: Option<i64>,
    /// The queue is to be told of something.
    due: bool,
}

impl Gateway {
    /// Gathers what is queued on a route: all that people wait for, and one step of the rest from
    /// a place on, as far as its workers can use it soon. Looks first: a route with nothing to do
    /// costs the ledger's writer nothing.
    fn gather(&self, route: &Route, lost: bool, from: i64) -> Result<Fed, LedgerError> {
        if lost {
            let id = route.id.clone();
            self.books.write(move |tx| tx.forget_announcements(&id))?;
        }
        let queued = |interactive, after| self.books.look(|tx| tx.has_queued(&route.id, interactive, after));
        let mut after = None;
        if route.channel == Channel::File {
            if queued(true, 0)? || queued(false, 0)? {
                self.gather_files(route)?;
            }
        } else {
            let mut urgent = queued(true, 0)?.then_some(0);
            while let Some(place) = urgent {
                urgent = self.gather_pushed(route, true, place)?.after;
            }
            let outstanding = || self.books.look(|tx| tx.outstanding(&route.id));
            if queued(false, from)? && outstanding()? < BACKLOG {
                if from == 0 {
                    self.gather_lots(route)?;
                }
                after = self.gather_pushed(route, false, from)?.after;
            }
        }
        let now = self.clock.now_ms();
        Ok(Fed { after, due: self.books.look(|tx| tx.has_due(&route.id, now))? })
    }
}

/// How gently a route is used: opening hours and containers per second.
pub(super) struct Pace {
    hours: Hours,
    interval: Option<Duration>,
    next: Mutex<Instant>,
}

impl Pace {
    pub fn new(push: Option<&Push>) -> Self {
        let hours = push.map(|push| Hours::parse(&push.hours).unwrap_or_default()).unwrap_or_default();
        let rate = push.map_or(0.0, |push| push.rate_per_s);
        let interval = (rate > 0.0).then(|| Duration::from_secs_f64(1.0 / rate));
        Self { hours, interval, next: Mutex::new(Instant::now()) }
    }

    /// When the recipient opens, if it is closed now.
    pub fn opens(&self, now: Millis) -> Option<Millis> {
        let civil = clock::in_rome(now);
        let opens = self.hours.next_open(civil.datetime());
        if opens <= civil.datetime() {
            return None;
        }
        let zoned = opens.to_zoned(civil.time_zone().clone()).ok()?;
        Some(zoned.timestamp().as_millisecond())
    }

    /// Waits for the next free place in the rate.
    pub async fn turn(&self) {
        let Some(interval) = self.interval else { return };
        let slot = match self.next.lock() {
            Ok(mut next) => {
                let slot = (*next).max(Instant::now());
                *next = slot + interval;
                slot
            }
            Err(_) => return,
        };
        sleep_until(slot).await;
    }
}
