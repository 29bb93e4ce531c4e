//! The queue: who builds or sends which container now. It carries ids only; work is durable
//! in the ledger before it is here, and losing the queue loses nothing: what was announced and
//! not done is announced again.

mod memory;
mod rabbitmq;
mod shelf;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::exchange::Millis;

pub use memory::MemoryQueue;
pub use rabbitmq::{Broker, Credentials, RabbitQueue};

/// The time as the installation's clock says it, in milliseconds.
pub type Now = Arc<dyn Fn() -> Millis + Send + Sync>;

/// A future that an object-safe trait can return.
pub type Soon<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One container to be worked on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Work {
    /// The ledger's number of the submission.
    pub submission: i64,
    pub route: String,
    /// A person waits for it: before bulk work.
    pub interactive: bool,
    /// Not before this moment; the ledger knows it exactly, the queue may come a little late.
    pub due: Millis,
}

/// Work in the hands of one worker, until it is done; if that one dies, it comes again.
pub struct Taken {
    pub work: Work,
    /// How the queue that gave it knows it, e.g. a delivery tag; 0 where it needs none.
    pub tag: u64,
    /// Which connection gave it: a tag means nothing to another one. Not `QueueState::epoch`.
    pub epoch: u64,
}

/// What a queue says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueState {
    /// False while the broker is out of reach or refuses messages.
    pub connected: bool,
    /// Rises when what was announced may be lost: announce all again. 0 = never connected yet.
    pub epoch: u64,
    /// Why it stands, in words for the log and `/readyz`.
    pub trouble: Option<String>,
}

/// The queue could not take or give work; the ledger keeps it.
#[derive(Debug, thiserror::Error)]
#[error("the queue does not work: {0}")]
pub struct QueueError(pub String);

impl QueueError {
    fn stopped() -> Self {
        Self("it was stopped".to_owned())
    }
}

/// Carries work from the ledger to the workers.
pub trait Queue: Send + Sync {
    /// Announces work. With `Ok` all of it is safe in the queue until someone has done it.
    fn announce(&self, work: Vec<Work>) -> Soon<'_, Result<(), QueueError>>;

    /// Waits for work of a route that is due; interactive first, or nothing but interactive.
    /// Whoever no longer wants to wait drops the future: nothing is taken by it.
    fn take<'a>(&'a self, route: &'a str, only_interactive: bool) -> Soon<'a, Result<Taken, QueueError>>;

    /// The work is done, or no longer wanted.
    fn done(&self, taken: Taken) -> Soon<'_, Result<(), QueueError>>;

    fn state(&self) -> QueueState;

    /// Whether other processes take from it too; else it is this process's own.
    fn is_shared(&self) -> bool {
        false
    }
}
