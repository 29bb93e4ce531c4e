//! Messages in: onto the shelf when due or nearly so, else on to the delay queue that fits.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_core::Stream;
use lapin::Consumer;
use lapin::message::Delivery;
use lapin::options::BasicAckOptions;
use tokio::sync::mpsc;

use super::Shared;
use super::broker::words;
use super::link::Link;
use super::topology::{Body, Letter, SHORTEST_DELAY_MS};
use crate::queue::{QueueError, Taken, Work};

/// Messages sent on at a time.
const HOPS: usize = 64;
/// RabbitMQ closes a channel whose delivery is not acknowledged within 30 minutes
/// (`consumer_timeout`): what nobody takes for so long goes round by a delay queue.
const LONGEST_ON_SHELF: Duration = Duration::from_secs(600);
const LOOK_AT_SHELF: Duration = Duration::from_secs(60);

/// A delivery that is to come again later.
pub struct Hop {
    letter: Letter,
    tag: u64,
}

/// The sending end for hops, bounded.
pub fn hops() -> (mpsc::Sender<Hop>, mpsc::Receiver<Hop>) {
    mpsc::channel(HOPS)
}

/// The next of a stream.
pub async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

/// One work queue, until its link ends.
pub async fn receive(
    (shared, link): (Arc<Shared>, Arc<Link>),
    mut consumer: Consumer,
    (route, interactive): (String, bool),
    hops: mpsc::Sender<Hop>,
) {
    while let Some(delivery) = delivered(&mut consumer, &link).await {
        let tag = delivery.delivery_tag;
        let Ok(body) = serde_json::from_slice::<Body>(&delivery.data) else {
            tracing::warn!(route, "a message that is not ours was dropped");
            link.acknowledge_tag(tag).await;
            continue;
        };
        let work = Work { submission: body.submission, route: route.clone(), interactive, due: body.due };
        let now = (shared.now)();
        if work.due.saturating_sub(now) >= SHORTEST_DELAY_MS {
            hop(&link, &hops, shared.topology.letters(std::slice::from_ref(&work), now), tag).await;
        } else if let Some(spare) = shared.shelf.put(Taken { work, tag, epoch: link.number }) {
            link.acknowledge(&spare).await;
        }
    }
}

/// The next delivery; `None` with the end of the link.
async fn delivered(consumer: &mut Consumer, link: &Link) -> Option<Delivery> {
    match next(consumer).await {
        Some(Ok(delivery)) => Some(delivery),
        Some(Err(error)) => {
            link.signals.fail(words(&error));
            None
        }
        None => {
            link.signals.fail("the broker ended our subscription: its queue was deleted or moved".to_owned());
            None
        }
    }
}

async fn hop(link: &Link, hops: &mpsc::Sender<Hop>, letters: Result<Vec<Letter>, QueueError>, tag: u64) {
    for letter in letters.unwrap_or_default() {
        if hops.send(Hop { letter, tag }).await.is_err() {
            link.signals.fail("messages are no longer sent on".to_owned());
        }
    }
}

/// Sends on what is not due, and acknowledges it when the broker has it again.
pub async fn send_on(link: Arc<Link>, mut hops: mpsc::Receiver<Hop>) {
    let mut batch = Vec::with_capacity(HOPS);
    while hops.recv_many(&mut batch, HOPS).await > 0 {
        let (letters, tags): (Vec<Letter>, Vec<u64>) =
            batch.drain(..).map(|hop| (hop.letter, hop.tag)).unzip();
        while let Err(error) = link.hops.publish(&letters, &link.signals).await {
            if link.signals.blocked().is_none() {
                // Not acknowledged: they come again over the next link.
                link.signals.fail(error.0);
                return;
            }
            link.signals.unblocked().await;
        }
        for tag in tags {
            link.acknowledge_tag(tag).await;
        }
    }
}

/// Lets go of what nobody takes, before the broker loses patience.
pub async fn sweep(shared: Arc<Shared>, link: Arc<Link>, hops: mpsc::Sender<Hop>) {
    loop {
        tokio::time::sleep(LOOK_AT_SHELF).await;
        for taken in shared.shelf.lain_for(LONGEST_ON_SHELF) {
            let letter = shared.topology.aside(&taken.work).map(|letter| vec![letter]);
            hop(&link, &hops, letter, taken.tag).await;
        }
    }
}

/// Dead letters park nothing: they say that the ledger must announce again.
pub async fn bury(shared: Arc<Shared>, link: Arc<Link>, mut consumer: Consumer) {
    while let Some(delivery) = delivered(&mut consumer, &link).await {
        let body: Option<Body> = serde_json::from_slice(&delivery.data).ok();
        let submission: Option<i64> = body.map(|body| body.submission);
        tracing::warn!(submission, "delivered too often without end, announced again");
        shared.announce_again.store(true, Ordering::SeqCst);
        if let Err(error) = delivery.ack(BasicAckOptions::default()).await {
            link.signals.fail(words(&error));
        }
    }
}
