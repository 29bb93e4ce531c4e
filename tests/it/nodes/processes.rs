//! Real processes over one PostgreSQL and one broker: three workers, two APIs, two that plan and
//! schedule. One of each of these two kinds is killed in mid-run; the others take over within a
//! lease, the balance closes, and the recipient's book is ours.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use raccordo::exchange::Bucket;
use raccordo::gateway::settings::LedgerSettings;
use raccordo::ledger::Books;
use raccordo::sandbox::clock;
use raccordo::sandbox::fhir::{FhirServer, FhirServerConfig, Script};
use serde_json::{Value, json};

use crate::chaos::client::ask;
use crate::chaos::installation::two_addresses;
use crate::queue::broker::{Behind, Installation, Running};
use crate::serving::{generated, secret};

const FLOW: &str = "fhir-social-care/r4-1";
const ENTI: [&str; 2] = ["H501", "F205"];
const TOKEN: &str = "a token of several processes";
const LEASE_MS: u64 = 3_000;
/// Folders of each ente; together they are twice as many.
const PEOPLE: u64 = 200;
const LONG: Duration = Duration::from_secs(120);

/// One process, killed with this value.
struct Process {
    child: Child,
    data: PathBuf,
}

impl Process {
    fn start(place: &Place, name: &str, roles: &str, api: Option<SocketAddr>) -> Self {
        let data = place.directory.join(name);
        std::fs::create_dir_all(&data).unwrap();
        let key = place.directory.join("a1/raccordo.key");
        if key.exists() {
            std::fs::copy(key, data.join("raccordo.key")).unwrap();
        }
        let listen = api.map(|at| at.to_string()).unwrap_or_default();
        let log =
            OpenOptions::new().create(true).append(true).open(place.directory.join(format!("{name}.log")));
        let child = Command::new(env!("CARGO_BIN_EXE_raccordo"))
            .args(["serve", "--roles", roles, "--config"])
            .arg(place.directory.join("raccordo.toml"))
            .env("RACCORDO__DATA", &data)
            .env("RACCORDO__API__LISTEN", listen)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.unwrap())
            .spawn()
            .unwrap();
        Self { child, data }
    }

    /// `kill -9`.
    fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// As an operator stops it: it ends well within its grace time.
    fn terminate(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let code = until("it ends", || self.child.try_wait().unwrap()).code();
        assert_eq!(code, Some(0), "{}", self.data.display());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What all processes have in common.
struct Place {
    directory: PathBuf,
    ledger: LedgerSettings,
}

impl Place {
    fn make(directory: &Path, register: &str, recipient: &str, broker: &Installation) -> Self {
        secret(&directory.join("operator"), "XXXYYY80A01H501D\n");
        let ledger = crate::ledgers::on(&crate::ledgers::server(), directory);
        let hash = digest(&SHA256, TOKEN.as_bytes());
        let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let mut text = format!(
            "[api]\nlisten = \"\"\nrequests_per_minute = 0\ntokens = [{{ name = \"test\", sha256 = \"{hash}\" }}]\n\
             [ledger]\nurl = {:?}\npassword_file = {:?}\n\
             [queue]\nkind = \"rabbitmq\"\nurl = \"{}?heartbeat=2\"\nprefix = {:?}\nprefetch = 8\n\
             [node]\nlease_ms = {LEASE_MS}\ngrace_ms = 10000\n[log]\nfilter = \"info\"\n\
             [[register]]\nname = \"{register}\"\n",
            ledger.url, ledger.password_file, broker.url, broker.broker.prefix
        );
        for ente in ENTI {
            text.push_str(&format!(
                "[[ente]]\ncode = \"{ente}\"\nname = \"Comune\"\nseat = \"{ente}\"\noperator_file = \"operator\"\n"
            ));
        }
        text.push_str(&format!(
            "[[route]]\nid = \"pushed\"\nregister = \"{register}\"\nchannel = \"push\"\nenti = {ENTI:?}\n\
             [route.push]\nprotocol = \"fhir\"\nurl = \"{recipient}\"\ntotal_timeout_ms = 2000\nconcurrency = 9\n\
             retry = {{ first_s = 0.05, longest_s = 0.5, attempts = 1000000, questions = 1000000 }}\n\
             breaker = {{ failures = 50, pause_s = 0.2 }}\n"
        ));
        std::fs::write(directory.join("raccordo.toml"), text).unwrap();
        Self { directory: directory.to_owned(), ledger }
    }

    fn books(&self) -> Books {
        self.ledger.open(&self.directory, |_| Ok(())).unwrap()
    }
}

/// Waits for something, a little while at a time.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < LONG, "waited for: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Asks an API until it answers.
fn call(api: SocketAddr, method: &str, path: &str, body: &[u8]) -> Value {
    let answer = until("an answer", || ask(api, TOKEN, method, path, body).ok());
    assert!(answer.good(), "{method} {path}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
    answer.json()
}

/// Living processes by their roles, and who has each duty.
fn living(books: &Books) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let (nodes, duties) = books.look(|tx| Ok((tx.nodes()?, tx.duties()?))).unwrap();
    (
        nodes.into_iter().map(|node| (node.id, node.roles)).collect(),
        duties.into_iter().map(|duty| (duty.name, duty.node)).collect(),
    )
}

fn import(api: SocketAddr) {
    let mut lines = String::new();
    for (number, mut folder) in generated(PEOPLE * 2).into_iter().enumerate() {
        folder["ente"] = ENTI[number % 2].into();
        lines.push_str(&(folder.to_string() + "\n"));
    }
    let answer = ask(api, TOKEN, "POST", "/api/v1/import", lines.as_bytes()).unwrap();
    let last = answer.body.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty()).unwrap().to_vec();
    let summary: Value = serde_json::from_slice(&last).unwrap();
    assert_eq!(summary["summary"]["saved"], PEOPLE * 2, "{summary}");
}

#[test]
fn three_workers_two_apis_and_a_scheduler_share_the_work_and_two_deaths() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let catalog = raccordo::node::load_catalog().unwrap();
    let register = catalog.find(FLOW).unwrap().register().to_owned();
    // Slow enough for a run to last over two deaths.
    let script = Script { delay: 1.0, delay_ms: 60, ..Script::default() };
    let config = FhirServerConfig::new(([127, 0, 0, 1], 0).into(), script, None);
    let server = runtime.block_on(FhirServer::start(config, clock::system())).unwrap();
    let broker = Installation::on(&Running::shared());
    let place = Place::make(directory.path(), &register, &server.base_url(), &broker);
    let (one, two) = two_addresses(12_000);

    let first = Process::start(&place, "a1", "api", Some(one));
    until("the first process", || ask(one, TOKEN, "GET", "/healthz", b"").ok());
    let second = Process::start(&place, "a2", "api", Some(two));
    let mut schedulers: Vec<Process> =
        ["s1", "s2"].iter().map(|name| Process::start(&place, name, "planner,scheduler", None)).collect();
    let mut workers: Vec<Process> =
        ["w1", "w2", "w3"].iter().map(|name| Process::start(&place, name, "worker", None)).collect();
    import(one);
    let runs: Vec<i64> = ENTI
        .iter()
        .map(|ente| {
            let body = json!({ "ente": ente, "flow": FLOW }).to_string();
            call(two, "POST", "/api/v1/runs", body.as_bytes())["id"].as_i64().unwrap()
        })
        .collect();

    let books = place.books();
    let mut at_work = BTreeSet::new();
    until("every worker at work", || {
        at_work.extend(books.look(|tx| tx.lease_holders()).unwrap());
        (at_work.len() >= 3 && server.book().commits() > 20).then_some(())
    });
    kill_the_worst(&books, &mut workers, &mut schedulers);
    until("both runs are over", || runs.iter().all(|run| is_over(&books, *run)).then_some(()));
    runtime.block_on(server.idle());
    agree(&books, &register, &server);
    println!("workers: {at_work:?}");
    workers.into_iter().chain(schedulers).chain([first, second]).for_each(Process::terminate);
    runtime.block_on(async {
        let behind = Behind::open(&broker.url).await;
        for key in ["pushed.interactive", "pushed.bulk"] {
            behind.delete(&broker.name(key)).await;
        }
        broker.clear().await;
    });
}

/// Kills whoever feeds the queue, and whoever is the scheduler: others take over within two leases.
fn kill_the_worst(books: &Books, workers: &mut Vec<Process>, schedulers: &mut Vec<Process>) {
    let (before, duties) = living(books);
    assert_eq!(before.len(), 7, "{before:?}");
    let (feeder, leader) = (&duties["feed/pushed"], &duties["scheduler"]);
    let at = |processes: &[Process], id: &String| {
        let told = |process: &Process| {
            std::fs::read_to_string(process.data.with_extension("log")).unwrap().contains(id.as_str())
        };
        processes.iter().position(told).expect("it tells its name")
    };
    let (fed, led) = (at(workers, feeder), at(schedulers, leader));
    workers.remove(fed).kill();
    schedulers.remove(led).kill();
    let struck = Instant::now();
    until("others have taken over", || {
        let (nodes, duties) = living(books);
        let over = |name: &str, from: &String| duties.get(name).is_some_and(|holder| holder != from);
        let gone = !nodes.contains_key(feeder) && !nodes.contains_key(leader);
        (gone && over("feed/pushed", feeder) && over("scheduler", leader)).then_some(())
    });
    let took = struck.elapsed();
    println!("taken over after {took:?}, the lease is {LEASE_MS} ms");
    assert!(took < Duration::from_millis(LEASE_MS * 2), "{took:?}");
}

/// Whether nothing of a run is open any more; its balance closes at every look.
fn is_over(books: &Books, run: i64) -> bool {
    let head = books.runs(Some(run), 1).unwrap().remove(0);
    assert!(head.balance.closes(), "{:?}", head.balance);
    !head.selecting && head.balance.is_settled() && head.balance.count(Bucket::Uncertain) == 0
}

/// The recipient's book is ours.
fn agree(books: &Books, register: &str, server: &FhirServer) {
    let held = ENTI.iter().flat_map(|ente| books.held(ente, register).unwrap());
    let held: Vec<String> = held.map(|flow| flow.operation).collect();
    assert!(held.len() > usize::try_from(PEOPLE).unwrap() * 2, "{}", held.len());
    let book = server.book();
    assert_eq!(book.compare(&held), Vec::<String>::new());
    assert_eq!(book.anomalies().to_vec(), Vec::<String>::new());
    println!("{} records held by both, {} transactions", held.len(), book.commits());
}
