//! An installation that sends home care to the simulated upload service, both over real HTTP.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use raccordo::channel::courier::{Courier, Destination};
use raccordo::channel::push::HttpSettings;
use raccordo::exchange::{Balance, Bucket, Hash};
use raccordo::gateway::{Delivery, Gateway, RunRequest};
use raccordo::ledger::Tx;
use raccordo::node;
use raccordo::queue::MemoryQueue;
use raccordo::sandbox::gaf::{FLOWS, GafServer, GafServerConfig, REGISTERS, Script};
use raccordo::sandbox::people;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

const CONFIG: &str = r#"
[[register]]
name = "siad-1"
hold_cancels_above = 1000

[[register]]
name = "siad-2"
hold_cancels_above = 1000

[[ente]]
code = "H501"
name = "Comune"
seat = "H501"
operator_file = "operator"
keys = { siad = "siad.key" }

[[route]]
id = "gaf"
register = "siad-1"
also = ["siad-2"]
channel = "push"
enti = ["H501"]

[route.push]
protocol = "gaf"
url = "http://127.0.0.1:9/"
concurrency = 2
retry = { first_s = 0.01, longest_s = 0.05, attempts = 30, questions = 4 }
breaker = { failures = 500, pause_s = 0.01 }
"#;

pub struct Stage {
    pub gateway: Arc<Gateway>,
    pub server: GafServer,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    _dir: TempDir,
}

/// Generated people of H501 that are cared for at home.
pub fn cared(most: usize) -> Vec<Value> {
    let today = jiff::civil::date(2026, 3, 17);
    let all = people::generate(4 * most as u64 + 40, 77, 0.0, &["H501"], today).map(|made| made.folder);
    all.filter(|folder| folder.get("assistenza_domiciliare").is_some()).take(most).collect()
}

fn secret(dir: &TempDir, name: &str, text: &str) {
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

fn installed() -> (Gateway, TempDir) {
    let dir = TempDir::new().unwrap();
    secret(&dir, "operator", "XXXYYY80A01H501D\n");
    secret(&dir, "siad.key", &"0123456789abcdef".repeat(4));
    let config = dir.path().join("raccordo.toml");
    let data = dir.path().join("data").display().to_string();
    std::fs::write(&config, format!("data = {data:?}\n{CONFIG}")).unwrap();
    let gateway = node::open(crate::ledgers::load(&config)).unwrap();
    (gateway, dir)
}

impl Stage {
    /// An installation and a service of this script; the delivery is at work.
    pub async fn open(script: Script) -> Self {
        let server =
            GafServer::start(GafServerConfig::new(([127, 0, 0, 1], 0).into(), script)).await.unwrap();
        let (gateway, dir) = tokio::task::spawn_blocking(installed).await.unwrap();
        let (stop, _) = watch::channel(false);
        let mut stage = Self { gateway: Arc::new(gateway), server, stop, tasks: Vec::new(), _dir: dir };
        stage.deliver();
        stage
    }

    fn deliver(&mut self) {
        let clock = Arc::clone(&self.gateway);
        let queue = MemoryQueue::new(Arc::new(move || clock.clock.now_ms()));
        let destination = Destination {
            protocol: "gaf".into(),
            url: self.server.base_url(),
            http: HttpSettings::default(),
            token: None,
            read_back_after_ms: None,
        };
        let courier: Arc<dyn Courier> = raccordo::adapters::courier(&destination).unwrap().into();
        let couriers = HashMap::from([("gaf".to_owned(), courier)]);
        let delivery = Delivery { gateway: Arc::clone(&self.gateway), queue: Arc::new(queue), couriers };
        self.tasks = Arc::new(delivery).start(&self.stop.subscribe());
    }

    pub async fn save(&self, folders: &[Value]) {
        let (gateway, folders) = (Arc::clone(&self.gateway), folders.to_vec());
        let save = move || {
            for folder in folders {
                gateway.save_bytes(folder.to_string().as_bytes(), "test").unwrap();
            }
        };
        tokio::task::spawn_blocking(save).await.unwrap();
    }

    /// A run of a tracciato (1 or 2), of all folders or of one.
    pub async fn run(&self, tracciato: usize, folder: Option<&str>) -> i64 {
        let (gateway, folder) = (Arc::clone(&self.gateway), folder.map(str::to_owned));
        let start = move || {
            let request = RunRequest {
                ente: "H501".into(),
                flow: FLOWS[tracciato - 1].into(),
                period: None,
                folder,
                route: None,
                actor: "test".into(),
            };
            gateway.start_run(&request).unwrap()
        };
        tokio::task::spawn_blocking(start).await.unwrap()
    }

    pub async fn settled(&self, run: i64) -> Balance {
        let wait = async {
            loop {
                let balance = self.gateway.books.runs(Some(run), 1).unwrap().remove(0).balance;
                assert!(balance.closes());
                if balance.is_settled() && balance.count(Bucket::Uncertain) == 0 {
                    return balance;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(60), wait).await {
            Ok(balance) => balance,
            Err(_) => panic!("it never ends: {:?}", self.states()),
        }
    }

    /// Both tracciati up to date.
    pub async fn report(&self) -> (Balance, Balance) {
        let (first, second) = (self.run(1, None).await, self.run(2, None).await);
        (self.settled(first).await, self.settled(second).await)
    }

    /// How many operations stand in each state, by register.
    pub fn states(&self) -> BTreeMap<String, u32> {
        let rows = self.rows(
            "SELECT r.register || ' ' || o.kind || ' ' || o.state FROM operation o JOIN record r ON r.id = o.record",
        );
        rows.into_iter().fold(BTreeMap::new(), |mut states, row| {
            *states.entry(row).or_default() += 1;
            states
        })
    }

    pub fn rows(&self, sql: &str) -> Vec<String> {
        self.gateway.books.look(|tx| tx.many(sql, [], |row| row.get(0))).unwrap()
    }

    /// What differs between the books, for both tracciati.
    pub fn differences(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (index, register) in REGISTERS.iter().enumerate() {
            let payloads = self.held(register);
            let ours = payloads.iter().map(Vec::as_slice);
            all.extend(self.server.book().compare(index as u8 + 1, ours));
        }
        all
    }

    /// The payloads that our book says a register holds.
    pub fn held(&self, register: &str) -> Vec<Vec<u8>> {
        let sql = "SELECT id, held_content FROM record WHERE register = ?1 AND held_content IS NOT NULL";
        let ask = |tx: &Tx<'_>| tx.many(sql, [register], |row| Ok((row.get(0)?, row.get(1)?)));
        let rows = self.gateway.books.look(ask).unwrap();
        let open = |(id, content): (i64, Hash)| self.gateway.open_fragment(id, &content).unwrap();
        rows.into_iter().map(|row| open(row).into_exposed()).collect()
    }

    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}
