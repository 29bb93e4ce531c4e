//! The queue of the `rabbitmq` kind. Below this directory alone lapin is named.
//!
//! - `broker`: where the broker is, how to reach it, what its refusals mean.
//! - `topology`: exchanges and queues, declared and checked at each connection.
//! - `publish`: messages out, each confirmed or an error.
//! - `consume`: messages in, onto the shelf, or on to a delay queue while not due.
//! - `link`: what belongs to one pair of connections.
//! - `supervisor`: one task that opens links, one after another, until it is stopped.
//!
//! Any trouble ends the link, and a new one begins: there is one way to recover, and it is taken
//! often. lapin's own recovery is off.

mod broker;
mod consume;
mod link;
mod publish;
mod supervisor;
mod topology;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

pub use broker::{Broker, Credentials};

use super::shelf::Shelf;
use super::{Now, Queue, QueueError, QueueState, Soon, Taken, Work};
use link::Link;
use topology::Topology;

/// How long `stop` waits for the broker's farewell.
const FAREWELL: Duration = Duration::from_secs(5);

/// Work carried by RabbitMQ. It connects by itself, and again whenever that is lost.
pub struct RabbitQueue {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    supervisor: Mutex<Option<JoinHandle<()>>>,
}

/// What the callers and the supervisor both see.
struct Shared {
    broker: Broker,
    topology: Topology,
    now: Now,
    shelf: Shelf,
    standing: Mutex<Standing>,
    /// What was announced may be lost, and `epoch` has not risen for it yet.
    announce_again: AtomicBool,
}

#[derive(Default)]
struct Standing {
    epoch: u64,
    /// When `epoch` rose last.
    raised: Option<Instant>,
    trouble: Option<String>,
    /// What the log says already.
    told: Option<String>,
    link: Option<Arc<Link>>,
}

impl RabbitQueue {
    /// Begins to connect, in a task of its own (within a tokio runtime). A broker that is out of
    /// reach, or a configuration that does not fit it, shows in [`Queue::state`].
    pub fn start(broker: Broker, routes: &[String], now: Now) -> Self {
        let shared = Arc::new(Shared {
            topology: Topology::new(&broker, routes),
            broker,
            now,
            shelf: Shelf::default(),
            standing: Mutex::new(Standing {
                trouble: Some("not connected yet".to_owned()),
                ..Standing::default()
            }),
            announce_again: AtomicBool::new(true),
        });
        let (stop, stopping) = watch::channel(false);
        let supervisor = tokio::spawn(supervisor::supervise(Arc::clone(&shared), stopping));
        Self { shared, stop, supervisor: Mutex::new(Some(supervisor)) }
    }

    /// Closes the connections and ends all waiting. What was taken and is not done comes again
    /// at the next start.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        let supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(supervisor) = supervisor {
            let _ended_or_too_late = timeout(FAREWELL, supervisor).await;
        }
    }

    /// The link that works now, or why there is none.
    fn link(&self) -> Result<Arc<Link>, QueueError> {
        let standing = self.shared.standing();
        let why = || QueueError(standing.trouble.clone().unwrap_or_else(|| "not connected".to_owned()));
        standing.link.clone().ok_or_else(why)
    }
}

impl Shared {
    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue for RabbitQueue {
    fn announce(&self, work: Vec<Work>) -> Soon<'_, Result<(), QueueError>> {
        Box::pin(async move {
            let link = self.link()?;
            let now = (self.shared.now)();
            let (interactive, bulk): (Vec<_>, Vec<_>) = work.into_iter().partition(|work| work.interactive);
            for (work, publisher) in [(interactive, &link.interactive), (bulk, &link.bulk)] {
                let letters = self.shared.topology.letters(&work, now)?;
                publisher.publish(&letters, &link.signals).await?;
            }
            Ok(())
        })
    }

    fn take<'a>(&'a self, route: &'a str, only_interactive: bool) -> Soon<'a, Result<Taken, QueueError>> {
        Box::pin(async move {
            self.shared.topology.known(route)?;
            let taken = self.shared.shelf.take(route, only_interactive, &self.shared.now).await;
            taken.ok_or_else(QueueError::stopped)
        })
    }

    /// Always `Ok`: what can't be acknowledged comes again, and the ledger knows that it is done.
    fn done(&self, taken: Taken) -> Soon<'_, Result<(), QueueError>> {
        Box::pin(async move {
            if let Ok(link) = self.link() {
                link.acknowledge(&taken).await;
            }
            Ok(())
        })
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn state(&self) -> QueueState {
        let standing = self.shared.standing();
        let blocked = standing.link.as_ref().and_then(|link| link.signals.blocked());
        QueueState {
            connected: standing.link.is_some() && blocked.is_none(),
            epoch: standing.epoch,
            trouble: blocked.or_else(|| standing.trouble.clone()),
        }
    }
}
