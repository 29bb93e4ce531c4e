//! Delivery at work over the real ledger: feeder, queue and workers, with a recipient that the
//! test scripts. What leaves is real containers of a real flow, one record each.

pub mod courier;
mod faults;
mod files;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use courier::{Fate, Scripted};
use raccordo::channel::courier::Courier;
use raccordo::exchange::{Balance, Bucket};
use raccordo::gateway::{Delivery, Gateway, RunRequest};
use raccordo::node;
use raccordo::queue::{MemoryQueue, Queue, QueueError, QueueState, Soon, Taken, Work};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::serving::{FLOW, generated};

const CONFIG: &str = r#"
[[register]]
name = "siuss"

[[ente]]
code = "H501"
name = "Comune"
seat = "H501"
operator_file = "operator"

[[route]]
id = "pushed"
register = "siuss"
channel = "push"
enti = ["H501"]

[route.push]
protocol = "scripted"
url = "http://127.0.0.1:9/"
concurrency = 2
retry = { first_s = 0.01, longest_s = 0.05, attempts = 4, questions = 4 }
breaker = { failures = 50, pause_s = 0.01 }
"#;

struct Stage {
    gateway: Arc<Gateway>,
    courier: Arc<Scripted>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    _dir: TempDir,
}

impl Stage {
    /// An installation with the folders of some people, and its delivery.
    async fn open(people: u64, fates: &[Fate]) -> Self {
        let fates = fates.to_vec();
        tokio::task::spawn_blocking(move || Self::made(people, &fates)).await.unwrap()
    }

    fn made(people: u64, fates: &[Fate]) -> Self {
        let dir = TempDir::new().unwrap();
        let operator = dir.path().join("operator");
        std::fs::write(&operator, "XXXYYY80A01H501D\n").unwrap();
        std::fs::set_permissions(&operator, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let config = dir.path().join("raccordo.toml");
        let data = dir.path().join("data").display().to_string();
        std::fs::write(&config, format!("data = {data:?}\n{CONFIG}")).unwrap();
        let gateway = Arc::new(node::open(crate::ledgers::load(&config)).unwrap());
        for mut folder in generated(people) {
            folder["ente"] = "H501".into();
            gateway.save_bytes(folder.to_string().as_bytes(), "test").unwrap();
        }
        let courier = Arc::new(Scripted::new(fates));
        let (stop, _) = watch::channel(false);
        Self { gateway, courier, stop, tasks: Vec::new(), _dir: dir }
    }

    fn deliver(&mut self) {
        self.deliver_over(|queue| queue);
    }

    fn deliver_over<Q: Queue + 'static>(&mut self, over: impl FnOnce(MemoryQueue) -> Q) {
        let clock = Arc::clone(&self.gateway);
        let queue = over(MemoryQueue::new(Arc::new(move || clock.clock.now_ms())));
        let courier: Arc<dyn Courier> = Arc::clone(&self.courier) as _;
        let couriers = HashMap::from([("pushed".to_owned(), courier)]);
        let delivery = Delivery { gateway: Arc::clone(&self.gateway), queue: Arc::new(queue), couriers };
        self.tasks = Arc::new(delivery).start(&self.stop.subscribe());
    }

    async fn run(&self, folder: Option<&str>) -> i64 {
        let gateway = Arc::clone(&self.gateway);
        let folder = folder.map(str::to_owned);
        let start = move || {
            let request = RunRequest {
                ente: "H501".into(),
                flow: FLOW.into(),
                period: None,
                folder,
                route: None,
                actor: "test".into(),
            };
            gateway.start_run(&request).unwrap()
        };
        tokio::task::spawn_blocking(start).await.unwrap()
    }

    fn balance(&self, run: i64) -> Balance {
        let balance = self.gateway.books.runs(Some(run), 1).unwrap().remove(0).balance;
        assert!(balance.closes());
        balance
    }

    /// Waits until nothing moves by itself any more.
    async fn settled(&self, run: i64) -> Balance {
        let wait = async {
            loop {
                let balance = self.balance(run);
                if balance.is_settled() && balance.count(Bucket::Uncertain) == 0 {
                    return balance;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), wait).await.expect("it comes to an end")
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            task.await.unwrap();
        }
    }

    fn effects(&self) -> Vec<u32> {
        self.courier.book.lock().unwrap().values().copied().collect()
    }
}

/// Plays a run to its end under some fates of the first containers.
async fn play(fates: &[Fate]) -> (Balance, usize, usize) {
    let mut stage = Stage::open(6, fates).await;
    stage.deliver();
    let run = stage.run(None).await;
    let balance = stage.settled(run).await;
    assert!(stage.effects().iter().all(|count| *count == 1), "nothing takes effect twice");
    let accepted = usize::try_from(balance.count(Bucket::Accepted)).unwrap();
    assert_eq!(accepted, stage.effects().len(), "both books agree");
    let (sent, asked) = (stage.courier.sent.lock().unwrap().len(), stage.courier.asked.lock().unwrap().len());
    stage.stop().await;
    (balance, sent - accepted, asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_reaches_a_recipient_that_answers() {
    let (balance, again, asked) = play(&[]).await;
    assert!(balance.count(Bucket::Accepted) > 6);
    assert_eq!((again, asked), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_unavailable_is_sent_again() {
    let (_, again, asked) = play(&[Fate::Unavailable, Fate::Accepted, Fate::Unavailable]).await;
    assert_eq!((again, asked), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_asked_for_and_never_sent_again() {
    let (_, again, asked) = play(&[Fate::Lost, Fate::Lost]).await;
    assert_eq!((again, asked), (0, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_did_not_arrive_is_sent_again_after_asking() {
    let (_, again, asked) = play(&[Fate::Vanished]).await;
    assert_eq!((again, asked), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_of_one_that_is_refused_is_the_refusal_of_its_record() {
    let (balance, again, _) = play(&[Fate::Refused]).await;
    assert_eq!((balance.count(Bucket::Refused), again), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patience_ends_with_a_person() {
    let mut stage = Stage::open(1, &[Fate::Unavailable; 200]).await;
    stage.deliver();
    let run = stage.run(None).await;
    let balance = stage.settled(run).await;
    assert!(balance.count(Bucket::Parked) > 0 && balance.count(Bucket::Accepted) == 0);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_died_leaves_a_question() {
    let mut stage = Stage::open(2, &[Fate::Lost]).await;
    stage.courier.gate.forget_permits(stage.courier.gate.available_permits());
    stage.deliver();
    let run = stage.run(None).await;
    while stage.courier.sent.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // The process dies while the containers are on their way: tasks end, leases stay.
    stage.tasks.drain(..).for_each(|task| task.abort());
    assert!(stage.balance(run).count(Bucket::Sending) > 0);
    stage.gateway.books.write_async(|tx| tx.free_leases()).await.unwrap();
    stage.courier.gate.add_permits(1000);
    stage.deliver();
    stage.settled(run).await;
    assert!(!stage.courier.asked.lock().unwrap().is_empty(), "it asked before it sent again");
    assert!(stage.effects().iter().all(|count| *count == 1), "nothing takes effect twice");
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_a_person_waits_for_overtakes_the_bulk_run() {
    let mut stage = Stage::open(12, &[]).await;
    stage.courier.gate.forget_permits(stage.courier.gate.available_permits());
    stage.deliver();
    let bulk = stage.run(None).await;
    while stage.courier.sent.lock().unwrap().len() < 2 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let last = generated(12).pop().unwrap()["id"].as_str().unwrap().to_owned();
    let sync = stage.run(Some(&last)).await;
    // Both bulk workers wait for their recipient still: the third is kept for people.
    let third = async {
        while stage.courier.sent.lock().unwrap().len() < 3 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        stage.courier.sent.lock().unwrap()[2].clone()
    };
    let third = tokio::time::timeout(Duration::from_secs(30), third).await.expect("someone is free for it");
    let folder = stage.gateway.books.folder("H501", &last).unwrap().unwrap().id;
    let records = stage.gateway.books.write_async(move |tx| {
        use raccordo::exchange::Ledger;
        tx.records_of_folder(folder, "siuss")
    });
    let of: i64 = third.split('.').next().unwrap().parse().unwrap();
    assert!(records.await.unwrap().iter().any(|record| record.id == of), "it is whom the person waits for");
    stage.courier.gate.add_permits(100_000);
    assert!(stage.settled(sync).await.count(Bucket::Accepted) > 0);
    stage.settled(bulk).await;
    stage.stop().await;
}

/// A queue that brings everything at once, as a broker does with what it has from an earlier
/// announcement: delivered anew after a lost connection, and no longer true.
struct Hasty(MemoryQueue);

impl Queue for Hasty {
    fn announce(&self, work: Vec<Work>) -> Soon<'_, Result<(), QueueError>> {
        self.0.announce(work.into_iter().map(|work| Work { due: 0, ..work }).collect())
    }

    fn take<'a>(&'a self, route: &'a str, only_interactive: bool) -> Soon<'a, Result<Taken, QueueError>> {
        self.0.take(route, only_interactive)
    }

    fn done(&self, taken: Taken) -> Soon<'_, Result<(), QueueError>> {
        self.0.done(taken)
    }

    fn state(&self) -> QueueState {
        self.0.state()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_queue_brings_too_early_is_not_forgotten() {
    let mut stage = Stage::open(3, &[Fate::Lost, Fate::Unavailable]).await;
    stage.deliver_over(Hasty);
    let run = stage.run(None).await;
    stage.settled(run).await;
    assert!(stage.effects().iter().all(|count| *count == 1), "nothing takes effect twice");
    stage.stop().await;
}
