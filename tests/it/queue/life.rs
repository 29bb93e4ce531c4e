//! One broker's hard life: short of memory, killed while messages come in, emptied, frozen.
//! `RACCORDO_BROKER_KILLS=20` is the long form.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use raccordo::queue::{Queue, RabbitQueue, Work};
use tokio::sync::watch;

use super::broker::{Installation, Running};
use super::{nothing_comes, taken, until, work, worked_on};

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_broker_starves_is_killed_freezes_and_loses_everything() {
    let running = Running::own("life");
    let mut installation = Installation::on(&running);
    installation.broker.confirm_timeout = Duration::from_secs(5);
    let queue = installation.queue().await;
    assert_eq!(queue.state().epoch, 1);
    it_starves(&running, &queue).await;
    let kills = std::env::var("RACCORDO_BROKER_KILLS").map_or(1, |kills| kills.parse().unwrap());
    for _ in 0..kills {
        it_is_killed(&running, &queue).await;
    }
    it_freezes(&running, &queue).await;
    it_loses_everything(&running, &queue).await;
    queue.stop().await;
    assert!(queue.take("a", false).await.is_err());
    assert!(queue.announce(vec![work(1, 0)]).await.is_err());
}

/// The memory alarm: announcing fails soon, workers go on, and it ends by itself.
async fn it_starves(running: &Running, queue: &RabbitQueue) {
    queue.announce(vec![work(1, 0)]).await.unwrap();
    let before = taken(queue, "a").await;
    running.control(&["alarm", "on"]);
    let begun = Instant::now();
    assert!(queue.announce(vec![work(2, 0)]).await.is_err());
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    let state = until(queue, "the alarm", |state| !state.connected).await;
    assert!(state.trouble.as_ref().is_some_and(|why| why.contains("low on memory")), "{state:?}");
    let begun = Instant::now();
    assert!(queue.announce(vec![work(2, 0)]).await.is_err());
    assert!(begun.elapsed() < Duration::from_secs(1), "it knows that already");
    queue.done(before).await.unwrap();
    running.control(&["alarm", "off"]);
    until(queue, "the end of the alarm", |state| state.connected).await;
    queue.announce(vec![work(2, 0)]).await.unwrap();
    assert_eq!(worked_on(queue).await, 2);
    // What was under way when it began may come a second time, the first piece may not.
    while let Ok(again) = tokio::time::timeout(Duration::from_millis(300), queue.take("a", false)).await {
        let again = again.unwrap();
        assert_eq!(again.work.submission, 2);
        queue.done(again).await.unwrap();
    }
}

/// `kill -9` in the midst of publishing: it goes on by itself, and what was confirmed is there.
async fn it_is_killed(running: &Running, queue: &RabbitQueue) {
    let epoch = queue.state().epoch;
    let held = {
        queue.announce(vec![work(1, 0)]).await.unwrap();
        taken(queue, "a").await
    };
    let (enough, mut ending) = watch::channel(false);
    let publishing = publish(queue, &mut ending);
    let faults = async {
        running.control(&["crash"]);
        until(queue, "the loss", |state| !state.connected).await;
        running.control(&["start"]);
        until(queue, "the next connection", |state| state.connected).await;
        enough.send_replace(true);
    };
    let (mut confirmed, ()) = tokio::join!(publishing, faults);
    // Not done before it was lost: it comes again, and its old tag means nothing any more.
    confirmed.insert(held.work.submission);
    queue.done(held).await.unwrap();
    while !confirmed.is_empty() {
        confirmed.remove(&worked_on(queue).await);
    }
    assert_eq!(queue.state().epoch, epoch, "nothing was lost, so nothing is announced again");
}

/// Announces until told to end, and a batch more; answers with what was confirmed.
async fn publish(queue: &RabbitQueue, ending: &mut watch::Receiver<bool>) -> BTreeSet<i64> {
    let (mut confirmed, mut next) = (BTreeSet::new(), 1_000);
    loop {
        let last = *ending.borrow();
        let batch: Vec<Work> = (next..next + 20).map(|number| work(number, 0)).collect();
        if queue.announce(batch).await.is_ok() {
            confirmed.extend(next..next + 20);
            next += 20;
            if last {
                return confirmed;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Its sockets stay open, but nothing comes: announcing ends in time, and it goes on by itself.
async fn it_freezes(running: &Running, queue: &RabbitQueue) {
    running.control(&["freeze"]);
    let begun = Instant::now();
    assert!(queue.announce(vec![work(1, 0)]).await.unwrap_err().0.contains("no confirm"));
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    until(queue, "the loss", |state| !state.connected).await;
    running.control(&["thaw"]);
    until(queue, "the next connection", |state| state.connected).await;
    queue.announce(vec![work(2, 0)]).await.unwrap();
    while worked_on(queue).await != 2 {}
}

/// A new broker in the old one's place: the epoch rises, and announcing again is all it takes.
async fn it_loses_everything(running: &Running, queue: &RabbitQueue) {
    let epoch = queue.state().epoch;
    queue.announce(vec![work(1, 2_000), work(2, 2_000)]).await.unwrap();
    running.control(&["wipe"]);
    until(queue, "a rising epoch", |state| state.connected && state.epoch > epoch).await;
    assert_eq!(queue.state().epoch, epoch + 1);
    nothing_comes(queue, "a", false).await;
    queue.announce(vec![work(1, 0), work(2, 0)]).await.unwrap();
    assert_eq!(BTreeSet::from([worked_on(queue).await, worked_on(queue).await]), BTreeSet::from([1, 2]));
}
