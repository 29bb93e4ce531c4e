//! One life with the broker: two connections, because a broker short of memory stops reading
//! from those who publish, and acknowledgements must not stop with it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, Consumer, Event};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::broker::words;
use super::consume::{bury, hops, next, receive, send_on, sweep};
use super::publish::{Publisher, Signals};
use super::supervisor::stopped;
use super::topology::short;
use super::{Shared, Standing};
use crate::queue::Taken;

/// Everything is declared and subscribed within this time, or it is tried anew.
const OPEN: Duration = Duration::from_secs(60);
const CLOSE: Duration = Duration::from_secs(1);
/// How often a link looks at itself, beside being told.
const LOOK: Duration = Duration::from_millis(500);
/// Dead letters that come one after another call for one announcement.
const BETWEEN_ANNOUNCEMENTS: Duration = Duration::from_secs(2);

/// What the callers use of a link.
pub struct Link {
    /// Which one it is, in order; `Taken::epoch`.
    pub number: u64,
    pub signals: Signals,
    pub interactive: Publisher,
    pub bulk: Publisher,
    pub hops: Publisher,
    consuming: Channel,
    patience: Duration,
}

/// A link and what its own tasks need.
pub struct Opened {
    link: Arc<Link>,
    publisher: Connection,
    consumer: Connection,
    work: Vec<((String, bool), Consumer)>,
    dead: Consumer,
}

impl Link {
    /// Says that it is done. Where that fails the message comes again.
    pub async fn acknowledge(&self, taken: &Taken) {
        if taken.epoch == self.number {
            self.acknowledge_tag(taken.tag).await;
        }
    }

    pub async fn acknowledge_tag(&self, tag: u64) {
        match timeout(self.patience, self.consuming.basic_ack(tag, BasicAckOptions::default())).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.signals.fail(words(&error)),
            Err(_) => self.signals.fail("the broker takes no acknowledgement".to_owned()),
        }
    }
}

/// Connects, declares, subscribes; or says in words why not.
pub async fn open(shared: &Shared, number: u64) -> Result<Opened, String> {
    let opening = timeout(OPEN, Box::pin(open_patiently(shared, number)));
    opening.await.unwrap_or_else(|_| Err(format!("the broker is not ready within {} s", OPEN.as_secs())))
}

async fn open_patiently(shared: &Shared, number: u64) -> Result<Opened, String> {
    let patience = shared.broker.confirm_timeout;
    let publisher = shared.broker.connect("publishes").await?;
    let consumer = shared.broker.connect("consumes").await?;
    shared.topology.declare(&consumer, &shared.announce_again).await?;
    let consuming = consumer.create_channel().await.map_err(|error| words(&error))?;
    let each = BasicQosOptions::default();
    let prefetch = shared.broker.prefetch.max(1);
    consuming.basic_qos(prefetch, each).await.map_err(|error| words(&error))?;
    let mut work = Vec::new();
    for (route, interactive, queue) in shared.topology.work_queues() {
        work.push(((route.to_owned(), interactive), subscribe(&consuming, &queue).await?));
    }
    let dead = subscribe(&consuming, &shared.topology.dead()).await?;
    let link = Link {
        number,
        signals: Signals::new(),
        interactive: Publisher::open(&publisher, patience).await?,
        bulk: Publisher::open(&publisher, patience).await?,
        hops: Publisher::open(&publisher, patience).await?,
        consuming,
        patience,
    };
    Ok(Opened { link: Arc::new(link), publisher, consumer, work, dead })
}

async fn subscribe(channel: &Channel, queue: &str) -> Result<Consumer, String> {
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    let consuming = channel.basic_consume(short(queue)?, "".into(), options, arguments);
    consuming.await.map_err(|error| format!("queue `{queue}`: {}", words(&error)))
}

impl Opened {
    /// Works until the link breaks, and says why; `None` when it was stopped.
    pub async fn run(self, shared: &Arc<Shared>, stop: &mut watch::Receiver<bool>) -> Option<String> {
        let Self { link, publisher, consumer, work, dead } = self;
        // Before the first delivery: what is taken must find this link when it is done.
        shared.standing().connected(Arc::clone(&link));
        let mut tasks = start(shared, &link, work, dead);
        raise(shared);
        let why = tokio::select! {
            why = watch_over(shared, &link, &publisher, &consumer) => Some(why),
            _ = tasks.join_next() => {
                link.signals.fail("a part of the link ended".to_owned());
                Some(link.signals.failed().await)
            }
            () = stopped(stop) => None,
        };
        link.signals.fail(why.clone().unwrap_or_else(|| "it was stopped".to_owned()));
        shared.standing().lost(why.clone());
        tasks.shutdown().await;
        shared.shelf.clear();
        let farewell = |connection: Connection| async move {
            let _answer = timeout(CLOSE, connection.close(200, "".into())).await;
        };
        tokio::join!(farewell(publisher), farewell(consumer));
        why
    }
}

fn start(
    shared: &Arc<Shared>,
    link: &Arc<Link>,
    work: Vec<((String, bool), Consumer)>,
    dead: Consumer,
) -> JoinSet<()> {
    let (to_hops, from_hops) = hops();
    let mut tasks = JoinSet::new();
    for (place, consumer) in work {
        let both = (Arc::clone(shared), Arc::clone(link));
        tasks.spawn(receive(both, consumer, place, to_hops.clone()));
    }
    tasks.spawn(bury(Arc::clone(shared), Arc::clone(link), dead));
    tasks.spawn(sweep(Arc::clone(shared), Arc::clone(link), to_hops));
    tasks.spawn(send_on(Arc::clone(link), from_hops));
    tasks
}

/// Waits for whatever ends the link; meanwhile minds the broker's alarms and the dead letters.
async fn watch_over(shared: &Shared, link: &Link, publisher: &Connection, consumer: &Connection) -> String {
    let (mut publishing, mut consuming) = (publisher.events_listener(), consumer.events_listener());
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let lost = || "the connection to the broker was lost".to_owned();
    loop {
        let event = tokio::select! {
            why = link.signals.failed() => return why,
            event = next(&mut publishing) => event,
            event = next(&mut consuming) => event,
            _ = look.tick() => {
                if !publisher.status().connected() || !consumer.status().connected() {
                    return lost();
                }
                raise(shared);
                continue;
            }
        };
        match event {
            Some(Event::ConnectionBlocked(reason)) => link.signals.block(Some(blocked(&reason))),
            Some(Event::ConnectionUnblocked) => link.signals.block(None),
            Some(Event::Error(error)) => return format!("{}: {}", lost(), words(&error)),
            Some(_) => {}
            None => return lost(),
        }
    }
}

fn blocked(reason: &str) -> String {
    tracing::warn!(reason, "the broker takes no messages");
    format!("the broker takes no messages ({reason}): give it memory or disk, it goes on by itself")
}

/// Asks for everything to be announced again, where that is due and not just done.
fn raise(shared: &Shared) {
    let mut standing = shared.standing();
    let just_now = standing.raised.is_some_and(|raised| raised.elapsed() < BETWEEN_ANNOUNCEMENTS);
    if !just_now && shared.announce_again.swap(false, Ordering::SeqCst) {
        standing.epoch += 1;
        standing.raised = Some(Instant::now());
    }
}

impl Standing {
    fn connected(&mut self, link: Arc<Link>) {
        tracing::info!(number = link.number, "connected to the broker");
        (self.link, self.trouble, self.told) = (Some(link), None, None);
    }

    fn lost(&mut self, why: Option<String>) {
        self.link = None;
        self.trouble = Some(why.unwrap_or_else(|| "it was stopped".to_owned()));
    }
}
