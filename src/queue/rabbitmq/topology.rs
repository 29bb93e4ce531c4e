//! Exchanges and queues of one installation, all under its prefix:
//!
//! ```text
//! P.work ──direct──▶ P.<route>.interactive, P.<route>.bulk ──delivery limit──▶ P.dead (x) ─▶ P.dead
//!    ▲
//!    └──after the TTL, routing key kept── P.delay.<n>s ◀──fanout── P.delay.<n>s (x)
//! ```
//!
//! All are quorum queues; what moves between them is confirmed (`at-least-once`, which asks for
//! `reject-publish`). Why so: docs/adr/0010.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, Connection, Error, ExchangeKind};
use serde::{Deserialize, Serialize};

use super::broker::{ACCESS_REFUSED, Broker, LONGEST_NAME, NOT_FOUND, PRECONDITION_FAILED, code, words};
use crate::exchange::Millis;
use crate::queue::{QueueError, Work};

/// How long the delay queues hold a message, in seconds. Part of their names: a queue's arguments
/// can't be changed.
const DELAYS_S: [u32; 4] = [1, 10, 60, 600];

/// What is due sooner than this waits in the process; the broker can't tell so short a time.
pub const SHORTEST_DELAY_MS: Millis = 1_000;

/// Names, and the arguments behind them.
pub struct Topology {
    prefix: String,
    delivery_limit: u32,
    routes: BTreeMap<String, [String; 2]>,
    delays: [(Millis, String); DELAYS_S.len()],
}

/// The content of a message: ids only, never anything of a person.
#[derive(Serialize, Deserialize)]
pub struct Body {
    pub submission: i64,
    pub due: Millis,
}

/// A message and where it goes.
pub struct Letter {
    pub exchange: String,
    pub key: String,
    pub body: Vec<u8>,
}

impl Topology {
    pub fn new(broker: &Broker, routes: &[String]) -> Self {
        let prefix = broker.prefix.clone();
        let keys = |route: &String| [format!("{route}.interactive"), format!("{route}.bulk")];
        Self {
            routes: routes.iter().map(|route| (route.clone(), keys(route))).collect(),
            delays: DELAYS_S.map(|delay| (Millis::from(delay) * 1_000, format!("{prefix}.delay.{delay}s"))),
            delivery_limit: broker.delivery_limit,
            prefix,
        }
    }

    /// The queues of work: (route, interactive, name).
    pub fn work_queues(&self) -> impl Iterator<Item = (&str, bool, String)> {
        self.routes.iter().flat_map(|(route, [interactive, bulk])| {
            [(true, interactive), (false, bulk)].map(|(is, key)| (route.as_str(), is, self.queue(key)))
        })
    }

    /// The queue, and the exchange, of the dead letters.
    pub fn dead(&self) -> String {
        self.queue("dead")
    }

    /// Whether a route has its queues.
    pub fn known(&self, route: &str) -> Result<&[String; 2], QueueError> {
        let keys = self.routes.get(route);
        keys.ok_or_else(|| QueueError(format!("the route `{route}` is not among those configured at start")))
    }

    /// The messages for work, each to its queue or to the delay queue that fits.
    pub fn letters(&self, work: &[Work], now: Millis) -> Result<Vec<Letter>, QueueError> {
        work.iter().map(|work| self.letter(work, now)).collect()
    }

    fn letter(&self, work: &Work, now: Millis) -> Result<Letter, QueueError> {
        let [interactive, bulk] = self.known(&work.route)?;
        let key = if work.interactive { interactive } else { bulk };
        let body = Body { submission: work.submission, due: work.due };
        let body = serde_json::to_vec(&body).map_err(|error| QueueError(error.to_string()))?;
        let wait = work.due.saturating_sub(now);
        let delay = self.delays.iter().rev().find(|(delay, _)| *delay <= wait);
        let exchange = delay.map_or_else(|| self.work(), |(_, name)| name.clone());
        Ok(Letter { exchange, key: key.clone(), body })
    }

    /// A message for a delay queue although it may be due: it lets go of an old delivery.
    pub fn aside(&self, work: &Work) -> Result<Letter, QueueError> {
        let mut letter = self.letter(work, Millis::MAX)?;
        letter.exchange.clone_from(&self.delays[0].1);
        Ok(letter)
    }

    /// Declares everything. Idempotent; sets `created` as soon as a queue was not there.
    pub async fn declare(&self, connection: &Connection, created: &AtomicBool) -> Result<(), String> {
        self.note_missing(connection, created).await?;
        let channel = connection.create_channel().await.map_err(|error| words(&error))?;
        let declaring = Declaring { channel: &channel };
        declaring.exchange(&self.work(), ExchangeKind::Direct).await?;
        declaring.exchange(&self.dead(), ExchangeKind::Fanout).await?;
        declaring.queue(&self.dead(), FieldTable::default()).await?;
        declaring.bind(&self.dead(), &self.dead(), "").await?;
        for key in self.routes.values().flatten() {
            declaring.queue(&self.queue(key), self.work_arguments()).await?;
            declaring.bind(&self.queue(key), &self.work(), key).await?;
        }
        for (delay, name) in &self.delays {
            declaring.exchange(name, ExchangeKind::Fanout).await?;
            declaring.queue(name, self.delay_arguments(*delay)).await?;
            declaring.bind(name, name, "").await?;
        }
        let _farewell = channel.close(200, "".into()).await;
        Ok(())
    }

    /// The broker closes the channel that asks for a queue that is not there: one answer is enough.
    async fn note_missing(&self, connection: &Connection, created: &AtomicBool) -> Result<(), String> {
        let channel = connection.create_channel().await.map_err(|error| words(&error))?;
        let names = self.work_queues().map(|(_, _, name)| name);
        for name in names.chain(self.delays.iter().map(|(_, name)| name.clone())).chain([self.dead()]) {
            let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
            match channel.queue_declare(short(&name)?, passive, FieldTable::default()).await {
                Ok(_) => {}
                Err(error) if code(&error) == Some(NOT_FOUND) => {
                    created.store(true, Ordering::SeqCst);
                    return Ok(());
                }
                Err(error) => return Err(refused("queue", &name, &error)),
            }
        }
        let _farewell = channel.close(200, "".into()).await;
        Ok(())
    }

    fn work_arguments(&self) -> FieldTable {
        let mut arguments = dead_lettering(&self.dead());
        let limit = i32::try_from(self.delivery_limit).unwrap_or(i32::MAX);
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(limit));
        arguments
    }

    fn delay_arguments(&self, delay: Millis) -> FieldTable {
        let mut arguments = dead_lettering(&self.work());
        arguments.insert("x-message-ttl".into(), AMQPValue::LongLongInt(delay));
        arguments
    }

    fn work(&self) -> String {
        self.queue("work")
    }

    fn queue(&self, key: &str) -> String {
        format!("{}.{key}", self.prefix)
    }
}

struct Declaring<'a> {
    channel: &'a Channel,
}

impl Declaring<'_> {
    async fn exchange(&self, name: &str, kind: ExchangeKind) -> Result<(), String> {
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let declared = self.channel.exchange_declare(short(name)?, kind, options, FieldTable::default());
        declared.await.map_err(|error| refused("exchange", name, &error))
    }

    async fn queue(&self, name: &str, mut arguments: FieldTable) -> Result<(), String> {
        arguments.insert("x-queue-type".into(), text("quorum"));
        let declared = self.channel.queue_declare(short(name)?, QueueDeclareOptions::durable(), arguments);
        declared.await.map_err(|error| refused("queue", name, &error))?;
        Ok(())
    }

    async fn bind(&self, queue: &str, exchange: &str, key: &str) -> Result<(), String> {
        let (queue, exchange, key) = (short(queue)?, short(exchange)?, short(key)?);
        let name = queue.to_string();
        let options = QueueBindOptions::default();
        let bound = self.channel.queue_bind(queue, exchange, key, options, FieldTable::default());
        bound.await.map_err(|error| refused("queue", &name, &error))
    }
}

fn dead_lettering(exchange: &str) -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-dead-letter-exchange".into(), text(exchange));
    arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
    arguments.insert("x-overflow".into(), text("reject-publish"));
    arguments
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

/// A name as AMQP carries it; lapin's own conversion would panic where it is too long.
pub fn short(name: &str) -> Result<ShortString, String> {
    ShortString::try_new(name.to_owned())
        .map_err(|_| format!("`{name}` is longer than {LONGEST_NAME} bytes: shorten the prefix or the route"))
}

/// What the broker has against it, with the mend.
fn refused(kind: &str, name: &str, error: &Error) -> String {
    let said = words(error);
    match code(error) {
        Some(PRECONDITION_FAILED) => {
            let mend = if kind == "queue" {
                format!("delete it (rabbitmqctl delete_queue {name}); the ledger feeds it again")
            } else {
                "delete it, or choose another prefix".to_owned()
            };
            format!("the broker has a {kind} `{name}` with other arguments: {mend}. It says: {said}")
        }
        Some(ACCESS_REFUSED) => {
            format!(
                "the broker forbids the {kind} `{name}`: the user needs configure, write and read. It says: {said}"
            )
        }
        _ => format!("{kind} `{name}`: {said}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::broker::Credentials;
    use super::*;

    fn topology() -> Topology {
        let broker = Broker {
            url: String::new(),
            credentials: Credentials::default(),
            authorities: String::new(),
            prefix: "p".to_owned(),
            prefetch: 1,
            confirm_timeout: Duration::from_secs(1),
            delivery_limit: 20,
        };
        Topology::new(&broker, &["a".to_owned()])
    }

    fn work(due: Millis) -> Work {
        Work { submission: 7, route: "a".to_owned(), interactive: true, due }
    }

    #[test]
    fn a_message_takes_the_longest_delay_that_is_not_too_long() {
        let exchange = |wait: Millis| topology().letter(&work(1_000_000 + wait), 1_000_000).unwrap().exchange;
        let waits = [-5, 0, 999, 1_000, 9_999, 10_000, 60_000, 599_999, 600_000, 86_400_000];
        let names = ["work", "work", "work", "delay.1s", "delay.1s", "delay.10s", "delay.60s", "delay.60s"];
        for (wait, name) in waits.into_iter().zip(names.into_iter().chain(["delay.600s"; 2])) {
            assert_eq!(exchange(wait), format!("p.{name}"), "{wait} ms");
        }
    }

    #[test]
    fn a_message_carries_ids_and_times_only() {
        let letter = topology().letter(&work(5), 5).unwrap();
        assert_eq!(letter.key, "a.interactive");
        assert_eq!(String::from_utf8(letter.body).unwrap(), r#"{"submission":7,"due":5}"#);
    }

    #[test]
    fn what_goes_aside_is_delayed_although_it_is_due() {
        assert_eq!(topology().aside(&work(5)).unwrap().exchange, "p.delay.1s");
    }

    #[test]
    fn a_name_that_is_too_long_is_an_error_not_a_panic() {
        assert!(short(&"x".repeat(255)).is_ok());
        assert!(short(&"x".repeat(256)).unwrap_err().contains("longer than 255"));
    }
}
