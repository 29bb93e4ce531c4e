//! A pushing installation in `target/bench/`, and its recipients: one within the process that
//! accepts at once, and a simulated server in a process of its own, spoken to over HTTP.
#![expect(
    clippy::disallowed_methods,
    reason = "the ledger calls nobody when a run is done: the bench looks again after a pause"
)]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use raccordo::channel::courier::{Asked, Courier, Outcome, Parcel, PartAnswer};
use raccordo::channel::offer::Soon;
use raccordo::exchange::{Answer, Balance, Millis};
use raccordo::gateway::settings::QueueKind;
use raccordo::gateway::{Delivery, Gateway, RunRequest, new_import};
use raccordo::node::delivery::couriers;
use raccordo::queue::{MemoryQueue, Now, Queue, RabbitQueue};
use raccordo::sandbox::{clock, health, people};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::material;

/// People that a bulk run is about, and others that someone asks for meanwhile.
pub const BULK: &str = "H501";
pub const OTHERS: &str = "F205";

/// The server on the other end of HTTP; it ends with its standard input.
struct Recipient {
    process: Child,
    /// Held open: it has a last word.
    _answers: BufReader<ChildStdout>,
    url: String,
}

/// A gateway at work, with the folders of some people.
pub struct Installation {
    pub gateway: Arc<Gateway>,
    runtime: Runtime,
    broker: Option<Arc<RabbitQueue>>,
    recipient: Option<Recipient>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Installation {
    /// Imports `people` (ente, how many) and starts the workers. `recipient`: `instant` or `http`.
    pub fn start(queue: &str, recipient: &str, workers: usize, people: &[(&str, u64)]) -> Result<Self> {
        let recipient = (recipient == "http").then(Recipient::start).transpose()?;
        let url = recipient.as_ref().map_or("http://127.0.0.1:9/", |recipient| &recipient.url);
        let gateway = Arc::new(open(queue, url, workers)?);
        for (ente, count) in people {
            import(&gateway, ente, *count)?;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let inside = runtime.enter();
        let couriers = match recipient {
            Some(_) => couriers(&gateway.settings, &gateway.catalog).map_err(|why| anyhow!(why))?,
            None => HashMap::from([(ROUTE.to_owned(), Arc::new(Instant) as Arc<dyn Courier>)]),
        };
        let (queue, broker) = queue_of(&gateway)?;
        let delivery = Delivery { gateway: Arc::clone(&gateway), queue, couriers };
        let (stop, stopped) = watch::channel(false);
        let tasks = Arc::new(delivery).start(&stopped);
        drop(inside);
        Ok(Self { gateway, runtime, broker, recipient, stop, tasks })
    }

    /// Starts a run over an ente, or over one folder of it for which a person waits.
    pub fn run(&self, ente: &str, folder: Option<String>) -> Result<i64> {
        let request = RunRequest {
            ente: ente.to_owned(),
            flow: health::FLOW.to_owned(),
            period: None,
            folder,
            route: None,
            actor: "bench".to_owned(),
        };
        Ok(self.gateway.start_run(&request)?)
    }

    /// Waits until a large run has nothing open any more. Its balance costs too much to be asked
    /// for all the time: it would be measured too.
    pub fn closed(&self, run: i64) -> Result<Balance> {
        let open =
            "SELECT EXISTS (SELECT 1 FROM run_row INDEXED BY run_row_open WHERE open = 1 AND run = ?1)";
        let is_open =
            || self.gateway.books.look(|tx| tx.one("the answer", open, [run], |row| row.get::<bool>(0)));
        while is_open()? {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.settled(run, Duration::from_millis(50))
    }

    /// Waits until all of a run has its receipt, looking again after each `pause`.
    pub fn settled(&self, run: i64, pause: Duration) -> Result<Balance> {
        loop {
            let balance = self.gateway.books.runs(Some(run), 1)?.pop().context("no run")?.balance;
            if balance.is_settled() {
                ensure!(balance.closes(), "the balance of run {run} does not close");
                return Ok(balance);
            }
            std::thread::sleep(pause);
        }
    }

    /// Containers so far.
    pub fn containers(&self) -> Result<i64> {
        let count = "SELECT count(*) FROM submission";
        Ok(self.gateway.books.look(|tx| tx.one("the count", count, [], |row| row.get(0)))?)
    }

    /// Ends the workers, the connection and the recipient.
    pub fn stop(self) -> Result<()> {
        self.stop.send_replace(true);
        self.runtime.block_on(async {
            for task in self.tasks {
                task.await?;
            }
            if let Some(broker) = self.broker {
                broker.stop().await;
            }
            Ok::<_, anyhow::Error>(())
        })?;
        drop(self.recipient);
        Ok(())
    }
}

const ROUTE: &str = "pushed";

fn open(queue: &str, url: &str, workers: usize) -> Result<Gateway> {
    let directory = material::fresh("push")?.display().to_string();
    let catalog = material::catalog()?;
    let register = catalog.find(health::FLOW).context("the flow is missing")?.register().to_owned();
    let protocol = health::PROTOCOL;
    let tables = format!(
        "[[register]]\nname = \"{register}\"\n\
         [[route]]\nid = \"{ROUTE}\"\nregister = \"{register}\"\nchannel = \"push\"\n\
         enti = [\"{BULK}\", \"{OTHERS}\"]\nmax_records = 100\n\
         [route.push]\nprotocol = \"{protocol}\"\nurl = \"{url}\"\nconcurrency = {workers}\n"
    );
    let mut settings = material::settings(&directory, &[BULK, OTHERS], &tables)?;
    if queue == "rabbitmq" {
        settings.queue.kind = QueueKind::Rabbitmq;
        settings.queue.url =
            std::env::var("RACCORDO_AMQP").context("no broker: RACCORDO_AMQP; `make bench` starts one")?;
        settings.queue.prefix = format!("bench-{}", uuid::Uuid::now_v7());
    }
    Ok(Gateway::open(settings, catalog, Box::new(material::Going::begin()))?)
}

fn import(gateway: &Gateway, ente: &str, count: u64) -> Result<()> {
    let mut lines = Vec::new();
    // One seed for each ente: these are other people.
    let seed = if ente == BULK { 1 } else { 2 };
    for made in people::generate(count, seed, 0.0, &[ente], material::TODAY) {
        writeln!(lines, "{}", made.folder)?;
    }
    let saved = gateway.import(&lines[..], &new_import()?, "bench", |_| ())?;
    ensure!(saved.not_saved == 0, "generated folders were refused");
    Ok(())
}

/// A queue, and the broker's end of it.
type Carrier = (Arc<dyn Queue>, Option<Arc<RabbitQueue>>);

/// The configured queue, connected.
fn queue_of(gateway: &Arc<Gateway>) -> Result<Carrier> {
    let clock = Arc::clone(gateway);
    let now: Now = Arc::new(move || clock.clock.now_ms());
    if gateway.settings.queue.kind == QueueKind::Embedded {
        return Ok((Arc::new(MemoryQueue::new(now)), None));
    }
    let queue = RabbitQueue::start(gateway.settings.queue.broker()?, &[ROUTE.to_owned()], now);
    let queue = Arc::new(queue);
    for _ in 0..2_000 {
        if queue.state().connected {
            return Ok((Arc::clone(&queue) as Arc<dyn Queue>, Some(queue)));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Err(anyhow!("no connection to the broker: {:?}", queue.state().trouble))
}

/// Accepts everything, without a word over any wire.
struct Instant;

impl Courier for Instant {
    fn deliver<'a>(&'a self, parcel: &'a Parcel, _now: Millis) -> Soon<'a, Outcome> {
        let accepted = |part| PartAnswer {
            part,
            answer: Answer::Accepted,
            code: "201".to_owned(),
            text: None,
            acquired_as: None,
        };
        let answers = (0..parcel.parts.len()).map(accepted).collect();
        Box::pin(std::future::ready(Outcome::Answered(answers)))
    }

    fn ask<'a>(&'a self, _parcel: &'a Parcel, _now: Millis) -> Soon<'a, Asked> {
        Box::pin(std::future::ready(Asked::CannotBeAsked))
    }
}

impl Recipient {
    fn start() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--child", "recipient"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let mut answers = BufReader::new(process.stdout.take().context("no output")?);
        let mut url = String::new();
        answers.read_line(&mut url)?;
        Ok(Self { process, _answers: answers, url: url.trim().to_owned() })
    }
}

impl Drop for Recipient {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }
}

/// The child: a kind server, which says its address, until its standard input ends.
pub fn recipient() -> Result<Value> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let bind = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let config = health::Config::new(bind, health::Script::default(), None);
    let server = runtime.block_on(health::Server::start(config, clock::system()))?;
    println!("{}", server.base_url());
    std::io::stdout().flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    runtime.block_on(server.stop());
    Ok(json!({}))
}
