//! What any queue must do. Where the order between two pieces matters, both are due a good while
//! later, so that a broker has brought them by then; below the second from which it delays them.

use std::collections::BTreeSet;
use std::time::Duration;

use raccordo::gateway::{Clock, SystemClock};
use raccordo::queue::{Queue, Work};

use super::{interactive, nothing_comes, taken, work, worked_on};

pub async fn interactive_comes_first(queue: &dyn Queue) {
    let (earlier, later) = (work(2, 900), interactive(3, 950));
    queue.announce(vec![work(1, 900), earlier, later.clone()]).await.unwrap();
    let due_in = later.due - SystemClock.now_ms();
    tokio::time::sleep(Duration::from_millis(due_in.max(0).unsigned_abs())).await;
    let order = [worked_on(queue).await, worked_on(queue).await, worked_on(queue).await];
    assert_eq!(order, [3, 1, 2]);
    nothing_comes(queue, "a", false).await;
}

pub async fn a_place_kept_for_people_takes_nothing_else(queue: &dyn Queue) {
    queue.announce(vec![work(1, 0)]).await.unwrap();
    nothing_comes(queue, "a", true).await;
    let (announced, taken) = tokio::join!(queue.announce(vec![interactive(2, 0)]), queue.take("a", true));
    announced.unwrap();
    let taken = taken.unwrap();
    assert_eq!((taken.work.submission, taken.work.interactive), (2, true));
    queue.done(taken).await.unwrap();
    assert_eq!(worked_on(queue).await, 1);
}

pub async fn the_earlier_due_comes_earlier_and_never_too_early(queue: &dyn Queue) {
    let (later, earlier) = (work(1, 950), work(2, 800));
    queue.announce(vec![later.clone(), earlier.clone()]).await.unwrap();
    for expected in [earlier, later] {
        let taken = taken(queue, "a").await;
        assert!(SystemClock.now_ms() >= taken.work.due, "too early");
        assert_eq!(taken.work, expected);
        queue.done(taken).await.unwrap();
    }
}

/// Longer than the broker's shortest delay, so that it hops twice and rests in the process.
pub async fn what_is_due_later_comes_later(queue: &dyn Queue) {
    let later = work(1, 2_300);
    queue.announce(vec![later.clone()]).await.unwrap();
    let taken = taken(queue, "a").await;
    assert!(SystemClock.now_ms() >= later.due, "too early");
    assert_eq!(taken.work, later);
    queue.done(taken).await.unwrap();
}

pub async fn announced_often_taken_once(queue: &dyn Queue) {
    let one = work(1, 850);
    queue.announce(vec![one.clone(), one.clone()]).await.unwrap();
    queue.announce(vec![one, work(2, 950)]).await.unwrap();
    assert_eq!([worked_on(queue).await, worked_on(queue).await], [1, 2]);
    nothing_comes(queue, "a", false).await;
}

pub async fn a_later_demand_makes_it_more_urgent(queue: &dyn Queue) {
    queue.announce(vec![work(1, 980), work(2, 950)]).await.unwrap();
    let urgent = interactive(1, 850);
    queue.announce(vec![urgent.clone()]).await.unwrap();
    let first = taken(queue, "a").await;
    assert_eq!(first.work, urgent);
    queue.done(first).await.unwrap();
    assert_eq!(worked_on(queue).await, 2);
    nothing_comes(queue, "a", false).await;
}

pub async fn routes_are_apart(queue: &dyn Queue) {
    let elsewhere = Work { route: "b".to_owned(), ..work(1, 0) };
    queue.announce(vec![elsewhere, work(2, 0)]).await.unwrap();
    assert_eq!(worked_on(queue).await, 2);
    nothing_comes(queue, "a", false).await;
    assert_eq!(taken(queue, "b").await.work.submission, 1);
}

pub async fn two_workers_share_all_of_it(queue: &dyn Queue) {
    let pieces = 1..=200;
    queue.announce(pieces.clone().map(|number| work(number, 0)).collect()).await.unwrap();
    let barrier = tokio::sync::Barrier::new(2);
    let worker = async |share: usize| {
        let mut mine = BTreeSet::from([worked_on(queue).await]);
        // Both have had one before either goes on: no one starves.
        barrier.wait().await;
        while mine.len() < share {
            mine.insert(worked_on(queue).await);
        }
        mine
    };
    let (one, other) = tokio::join!(worker(100), worker(100));
    assert!(one.is_disjoint(&other));
    assert_eq!(one.union(&other).copied().collect::<BTreeSet<i64>>(), pieces.collect());
}
