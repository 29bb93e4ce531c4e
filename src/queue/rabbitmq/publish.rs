//! Messages out: many under way, each confirmed by the broker or an error in bounded time.

use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Confirmation, Connection, Error};
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;

use super::broker::words;
use super::topology::{Letter, short};
use crate::queue::QueueError;

/// Messages under way at a time on one channel.
const WINDOW: usize = 512;
/// AMQP 0-9-1: `delivery-mode` 2 is persistent.
const PERSISTENT: u8 = 2;

/// What ends a link or holds it up, for all who use it.
pub struct Signals {
    failed: watch::Sender<Option<String>>,
    blocked: watch::Sender<Option<String>>,
}

impl Signals {
    pub fn new() -> Self {
        Self { failed: watch::Sender::new(None), blocked: watch::Sender::new(None) }
    }

    /// The link is no good any more; the first reason counts.
    pub fn fail(&self, why: String) {
        self.failed.send_if_modified(|failed| failed.is_none() && failed.replace(why).is_none());
    }

    /// Waits until the link is no good any more, and says why.
    pub async fn failed(&self) -> String {
        some(&self.failed).await
    }

    /// The broker takes no messages (`Some`), or does again.
    pub fn block(&self, why: Option<String>) {
        self.blocked.send_replace(why);
    }

    /// Why the broker takes no messages now.
    pub fn blocked(&self) -> Option<String> {
        self.blocked.borrow().clone()
    }

    /// Waits until the broker takes messages.
    pub async fn unblocked(&self) {
        let mut blocked = self.blocked.subscribe();
        let _sender_lives_in_self = blocked.wait_for(Option::is_none).await;
    }

    /// Waits until publishing makes no sense, now.
    async fn hopeless(&self) -> String {
        tokio::select! {
            why = self.failed() => why,
            why = some(&self.blocked) => why,
        }
    }
}

async fn some(sender: &watch::Sender<Option<String>>) -> String {
    let mut receiver = sender.subscribe();
    let seen = receiver.wait_for(Option::is_some).await;
    seen.ok().and_then(|why| why.clone()).unwrap_or_default()
}

/// One channel with confirms. One window at a time: lapin hands a returned message to whichever
/// confirm comes next, so only within a window it is known whose it was.
pub struct Publisher {
    channel: Mutex<Channel>,
    confirm_timeout: Duration,
}

enum Failure {
    Lapin(Error),
    Returned(String),
    Nacked,
    Name(String),
}

impl Publisher {
    pub async fn open(connection: &Connection, confirm_timeout: Duration) -> Result<Self, String> {
        let opening = async {
            let channel = connection.create_channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            Ok(channel)
        };
        let channel = opening.await.map_err(|error: Error| words(&error))?;
        Ok(Self { channel: Mutex::new(channel), confirm_timeout })
    }

    /// With `Ok` all of it is on the broker's disk. What breaks the link is told to `signals`.
    pub async fn publish(&self, letters: &[Letter], signals: &Signals) -> Result<(), QueueError> {
        for window in letters.chunks(WINDOW) {
            let channel = self.channel.lock().await;
            tokio::select! {
                biased;
                why = signals.hopeless() => return Err(QueueError(why)),
                sent = timeout(self.confirm_timeout, send(&channel, window)) => {
                    self.judge(sent.map_err(|_| ()), signals)?;
                }
            }
        }
        Ok(())
    }

    fn judge(&self, sent: Result<Result<(), Failure>, ()>, signals: &Signals) -> Result<(), QueueError> {
        let why = match sent {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(Failure::Nacked)) => {
                return Err(QueueError("the broker did not take a message".to_owned()));
            }
            Ok(Err(Failure::Name(why))) => return Err(QueueError(why)),
            Ok(Err(Failure::Lapin(error))) => words(&error),
            Ok(Err(Failure::Returned(exchange))) => {
                format!("no queue is bound to `{exchange}` for a message: it is declared anew")
            }
            Err(()) => format!("no confirm within {} ms", self.confirm_timeout.as_millis()),
        };
        signals.fail(why.clone());
        Err(QueueError(why))
    }
}

async fn send(channel: &Channel, letters: &[Letter]) -> Result<(), Failure> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let json = ShortString::from("application/json");
    let properties = BasicProperties::default().with_delivery_mode(PERSISTENT).with_content_type(json);
    let mut confirms = Vec::with_capacity(letters.len());
    for letter in letters {
        let exchange = short(&letter.exchange).map_err(Failure::Name)?;
        let key = short(&letter.key).map_err(Failure::Name)?;
        let publishing = channel.basic_publish(exchange, key, options, &letter.body, properties.clone());
        confirms.push(publishing.await.map_err(Failure::Lapin)?);
    }
    // All are awaited, also behind a failure: the next window starts from none under way.
    let mut outcome = Ok(());
    for confirm in confirms {
        let failure = match confirm.await.map_err(Failure::Lapin)? {
            Confirmation::Ack(None) => continue,
            Confirmation::Ack(Some(returned)) | Confirmation::Nack(Some(returned)) => {
                Failure::Returned(returned.delivery.exchange.to_string())
            }
            Confirmation::Nack(None) | Confirmation::NotRequested => Failure::Nacked,
        };
        outcome = Err(failure);
    }
    outcome
}
