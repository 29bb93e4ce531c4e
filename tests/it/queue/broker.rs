//! The test's own side of the broker: starting one, and reaching behind the queue's back.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use lapin::options::QueueDeleteOptions;
use lapin::{Channel, Connection, ConnectionProperties};
use raccordo::queue::{Broker, Credentials, RabbitQueue};

use super::{now, until};

/// The broker that all tests share, or one of a test's own.
pub struct Running {
    place: PathBuf,
    own: bool,
}

impl Running {
    /// The one that `make test` has started.
    pub fn shared() -> Self {
        let place = std::env::var_os("RACCORDO_BROKER").expect(
            "no broker: use `make test`, or `export RACCORDO_BROKER=$PWD/target/broker; tests/broker start $RACCORDO_BROKER`",
        );
        Self { place: place.into(), own: false }
    }

    /// A fresh one, stopped when this value goes.
    pub fn own(name: &str) -> Self {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("broker-{name}"));
        let running = Self { place, own: true };
        running.control(&["wipe"]);
        running
    }

    /// Where it keeps what it has.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// A verb of `tests/broker`, with what follows the directory.
    pub fn control(&self, words: &[&str]) {
        let output = self.try_control(words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "tests/broker {words:?}: {said}");
    }

    fn try_control(&self, words: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broker");
        Command::new(script).arg(words[0]).arg(&self.place).args(&words[1..]).output().unwrap()
    }

    /// A file of the broker's directory.
    pub fn file(&self, name: &str) -> String {
        let path = self.place.join(name);
        let text = std::fs::read_to_string(&path);
        text.unwrap_or_else(|error| panic!("{}: {error}", path.display())).trim().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.own {
            self.try_control(&["stop"]);
        }
    }
}

/// Queues of one test: a prefix of their own on a broker.
pub struct Installation {
    pub broker: Broker,
    pub url: String,
}

impl Installation {
    /// On the broker that all share.
    pub fn new() -> Self {
        Self::on(&Running::shared())
    }

    pub fn on(running: &Running) -> Self {
        let url = running.file("url");
        let broker = Broker {
            url: url.clone(),
            credentials: Credentials::default(),
            authorities: String::new(),
            prefix: format!("test-{}", uuid::Uuid::now_v7()),
            prefetch: 64,
            confirm_timeout: Duration::from_secs(10),
            delivery_limit: 20,
        };
        Self { broker, url }
    }

    /// A queue that begins to connect.
    pub fn start(&self) -> RabbitQueue {
        RabbitQueue::start(self.broker.clone(), &["a".to_owned(), "b".to_owned()], now())
    }

    /// A queue that is connected.
    pub async fn queue(&self) -> RabbitQueue {
        let queue = self.start();
        until(&queue, "a connection", |state| state.connected).await;
        queue
    }

    /// The name of a queue or exchange.
    pub fn name(&self, key: &str) -> String {
        format!("{}.{key}", self.broker.prefix)
    }

    /// Deletes what this test had on the shared broker.
    pub async fn clear(&self) {
        let behind = Behind::open(&self.url).await;
        for key in ["a.interactive", "a.bulk", "b.interactive", "b.bulk", "dead"] {
            behind.delete(&self.name(key)).await;
        }
        for delay in [1, 10, 60, 600] {
            behind.delete(&self.name(&format!("delay.{delay}s"))).await;
        }
    }
}

/// A connection behind the queue's back.
pub struct Behind {
    pub channel: Channel,
    _connection: Connection,
}

impl Behind {
    pub async fn open(url: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        Self { channel, _connection: connection }
    }

    pub async fn delete(&self, queue: &str) {
        self.channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
    }
}
