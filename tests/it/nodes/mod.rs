//! Several processes over one ledger: who may do what, what follows when one is dead or only slow,
//! how they share a recipient's limits, and who has a turn. Here they are several gateways over one
//! book in one process.

mod fairness;
mod fences;
mod limits;
mod processes;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use raccordo::channel::courier::Courier;
use raccordo::exchange::{Balance, Bucket};
use raccordo::gateway::{Delivery, Gateway, Roles, RunRequest, SystemClock};
use raccordo::node;
use raccordo::queue::MemoryQueue;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::delivery::courier::{Fate, Scripted};
use crate::serving::{FLOW, generated};

/// A lease that a test can wait for.
const LEASE_MS: u64 = 500;

fn config(data: &str, push: &str) -> String {
    let mut text =
        format!("data = {data:?}\n[node]\nlease_ms = {LEASE_MS}\n[[register]]\nname = \"siuss\"\n");
    for ente in ["H501", "F205"] {
        text.push_str(&format!(
            "[[ente]]\ncode = \"{ente}\"\nname = \"Comune\"\nseat = \"{ente}\"\noperator_file = \"operator\"\n"
        ));
    }
    text.push_str("[[route]]\nid = \"pushed\"\nregister = \"siuss\"\nchannel = \"push\"\nenti = [\"H501\", \"F205\"]\nmax_records = 1\n");
    for id in ["pushed", "dead"] {
        if id == "dead" {
            text.push_str(
                "[[route]]\nid = \"dead\"\nregister = \"siuss\"\nchannel = \"push\"\nenti = [\"H501\"]\n",
            );
        }
        text.push_str(&format!(
            "[route.push]\nprotocol = \"scripted\"\nurl = \"http://127.0.0.1:9/\"\n{push}\n\
             retry = {{ first_s = 0.01, longest_s = 0.05, attempts = 4, questions = 4 }}\n\
             breaker = {{ failures = 50, pause_s = 0.01 }}\n"
        ));
    }
    text
}

/// An installation of several processes and their recipient.
struct Stage {
    nodes: Vec<Arc<Gateway>>,
    courier: Arc<Scripted>,
    /// The recipient of the route `dead`.
    dead: Arc<Scripted>,
    stops: Vec<(watch::Sender<bool>, Vec<JoinHandle<()>>)>,
    _dir: TempDir,
}

impl Stage {
    /// So many processes; every one gives a sign of life.
    fn open(nodes: usize, push: &str) -> Self {
        aside(|| Self::made(nodes, push))
    }

    fn made(nodes: usize, push: &str) -> Self {
        let dir = TempDir::new().unwrap();
        crate::serving::secret(&dir.path().join("operator"), "XXXYYY80A01H501D\n");
        let file = dir.path().join("raccordo.toml");
        std::fs::write(&file, config(&dir.path().join("data").display().to_string(), push)).unwrap();
        let load = || crate::ledgers::load(&file);
        let first = Arc::new(node::open(load()).unwrap());
        let mut all = vec![Arc::clone(&first)];
        for _ in 1..nodes {
            all.push(Arc::new(Gateway::beside(&first, load(), Box::new(SystemClock)).unwrap()));
        }
        let stage = Self {
            nodes: all,
            courier: Arc::new(Scripted::new(&[])),
            dead: Arc::new(Scripted::new(&[])),
            stops: Vec::new(),
            _dir: dir,
        };
        stage.beat_all();
        stage.beat_all();
        stage
    }

    fn beat_all(&self) {
        for node in &self.nodes {
            node.beat(&Roles::all()).unwrap();
        }
    }

    fn save(&self, ente: &str, people: u64) -> Vec<String> {
        aside(|| self.saved(ente, people))
    }

    fn saved(&self, ente: &str, people: u64) -> Vec<String> {
        let mut ids = Vec::new();
        for mut folder in generated(people) {
            folder["ente"] = ente.into();
            self.nodes[0].save_bytes(folder.to_string().as_bytes(), "test").unwrap();
            ids.push(folder["id"].as_str().unwrap().to_owned());
        }
        ids
    }

    /// The workers of a process begin.
    fn deliver(&mut self, node: usize) {
        let gateway = &self.nodes[node];
        let clock = Arc::clone(gateway);
        let queue = MemoryQueue::new(Arc::new(move || clock.clock.now_ms()));
        let couriers = HashMap::from([
            ("pushed".to_owned(), Arc::clone(&self.courier) as Arc<dyn Courier>),
            ("dead".to_owned(), Arc::clone(&self.dead) as Arc<dyn Courier>),
        ]);
        let delivery = Delivery { gateway: Arc::clone(gateway), queue: Arc::new(queue), couriers };
        let (stop, stopped) = watch::channel(false);
        let mut tasks = Arc::new(delivery).start(&stopped);
        let (beating, mut ended) = (Arc::clone(gateway), stopped);
        tasks.push(tokio::spawn(async move {
            while tokio::time::timeout(beating.node.interval(), ended.wait_for(|ended| *ended)).await.is_err()
            {
                let node = Arc::clone(&beating);
                tokio::task::spawn_blocking(move || node.beat(&Roles::all()).unwrap()).await.unwrap();
            }
        }));
        self.stops.push((stop, tasks));
    }

    fn request(ente: &str, folder: Option<&str>, route: &str) -> RunRequest {
        RunRequest {
            ente: ente.into(),
            flow: FLOW.into(),
            period: None,
            folder: folder.map(str::to_owned),
            route: Some(route.into()),
            actor: "test".into(),
        }
    }

    async fn run(&self, ente: &str, folder: Option<&str>, route: &str) -> i64 {
        let (gateway, request) = (Arc::clone(&self.nodes[0]), Self::request(ente, folder, route));
        tokio::task::spawn_blocking(move || gateway.start_run(&request).unwrap()).await.unwrap()
    }

    fn balance(&self, run: i64) -> Balance {
        let balance = self.nodes[0].books.runs(Some(run), 1).unwrap().remove(0).balance;
        assert!(balance.closes());
        balance
    }

    async fn settled(&self, run: i64) -> Balance {
        self.until(|stage| {
            let balance = stage.balance(run);
            balance.is_settled() && balance.count(Bucket::Uncertain) == 0
        })
        .await;
        self.balance(run)
    }

    async fn until(&self, what: impl Fn(&Self) -> bool) {
        let wait = async {
            while !what(self) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), wait).await.expect("it comes to pass");
    }

    fn sent(&self) -> usize {
        self.courier.sent.lock().unwrap().len()
    }

    fn close(courier: &Scripted) {
        courier.gate.forget_permits(courier.gate.available_permits());
    }

    /// Nothing took effect twice, and as much as the balance says.
    fn agrees(&self, accepted: u64) {
        let book = self.courier.book.lock().unwrap();
        assert!(book.values().all(|count| *count == 1), "nothing takes effect twice");
        assert_eq!(u64::try_from(book.len()).unwrap(), accepted, "both books agree");
    }

    async fn stop(self) {
        for (stop, tasks) in self.stops {
            stop.send_replace(true);
            for task in tasks {
                let _aborted_or_ended = task.await;
            }
        }
    }
}

/// What blocks, in a test with a runtime or without.
fn aside<T>(act: impl FnOnce() -> T) -> T {
    match tokio::runtime::Handle::try_current() {
        Ok(_) => tokio::task::block_in_place(act),
        Err(_) => act(),
    }
}

/// The fates of the first parcels.
fn fated(stage: &mut Stage, fates: &[Fate]) {
    stage.courier = Arc::new(Scripted::new(fates));
}
