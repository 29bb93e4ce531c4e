//! The queues: one suite over both kinds, then what only a broker can do to us.
//!
//! The broker is a real one. `make test` starts it and says where (`RACCORDO_AMQP`); what
//! restarts or starves a broker starts one of its own.

pub mod broker;
mod life;
mod refusals;
mod suite;

use std::sync::Arc;
use std::time::Duration;

use raccordo::gateway::{Clock, SystemClock};
use raccordo::queue::{MemoryQueue, Now, Queue, QueueState, Taken, Work};

/// Nothing here takes longer, on a busy machine too.
const LONG: Duration = Duration::from_secs(60);

pub fn now() -> Now {
    Arc::new(|| SystemClock.now_ms())
}

/// Bulk work of the route `a`, due in so many milliseconds.
pub fn work(submission: i64, in_ms: i64) -> Work {
    Work { submission, route: "a".to_owned(), interactive: false, due: SystemClock.now_ms() + in_ms }
}

pub fn interactive(submission: i64, in_ms: i64) -> Work {
    Work { interactive: true, ..work(submission, in_ms) }
}

/// The next piece of work of a route.
pub async fn taken(queue: &dyn Queue, route: &str) -> Taken {
    tokio::time::timeout(LONG, queue.take(route, false)).await.expect("nothing came").unwrap()
}

/// The next piece of work of the route `a`, done at once.
pub async fn worked_on(queue: &dyn Queue) -> i64 {
    let taken = taken(queue, "a").await;
    let submission = taken.work.submission;
    queue.done(taken).await.unwrap();
    submission
}

/// That nothing comes, as far as a moment can tell.
pub async fn nothing_comes(queue: &dyn Queue, route: &str, only_interactive: bool) {
    let taken = tokio::time::timeout(Duration::from_millis(300), queue.take(route, only_interactive)).await;
    if let Ok(taken) = taken {
        panic!("{:?} came", taken.unwrap().work);
    }
}

/// Waits for a state; the queue tells of none by itself.
pub async fn until(queue: &dyn Queue, what: &str, fits: impl Fn(&QueueState) -> bool) -> QueueState {
    let begun = tokio::time::Instant::now();
    let mut look = tokio::time::interval(Duration::from_millis(20));
    loop {
        look.tick().await;
        let state = queue.state();
        if fits(&state) {
            return state;
        }
        assert!(begun.elapsed() < LONG, "waited for {what}, but it says {state:?}");
    }
}

/// Each scenario, once with the queue in memory and once with the broker's.
macro_rules! over_both {
    ($($scenario:ident),* $(,)?) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $scenario() {
                super::suite::$scenario(&super::MemoryQueue::new(super::now())).await;
            })*
        }
        mod over_rabbitmq {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                let installation = super::broker::Installation::new();
                let queue = installation.queue().await;
                super::suite::$scenario(&queue).await;
                queue.stop().await;
                installation.clear().await;
            })*
        }
    };
}

over_both!(
    interactive_comes_first,
    a_place_kept_for_people_takes_nothing_else,
    the_earlier_due_comes_earlier_and_never_too_early,
    what_is_due_later_comes_later,
    announced_often_taken_once,
    a_later_demand_makes_it_more_urgent,
    routes_are_apart,
    two_workers_share_all_of_it,
);

#[tokio::test]
async fn a_stopped_queue_ends_all_waiting() {
    let queue = MemoryQueue::new(now());
    let (taken, ()) = tokio::join!(queue.take("a", false), async { queue.stop() });
    assert_eq!(taken.err().unwrap().to_string(), "the queue does not work: it was stopped");
    assert!(queue.take("a", false).await.is_err());
}
