//! The queue of the `embedded` kind: in this process, empty at each start. The ledger is what
//! lasts; its feeder announces everything again to a queue that it does not know yet.

use super::shelf::Shelf;
use super::{Now, Queue, QueueError, QueueState, Soon, Taken, Work};

/// Work in memory. How much lies here at a time is its feeder's affair.
pub struct MemoryQueue {
    shelf: Shelf,
    now: Now,
}

impl MemoryQueue {
    /// An empty queue.
    pub fn new(now: Now) -> Self {
        Self { shelf: Shelf::default(), now }
    }

    /// Ends all waiting: `take` answers with an error from now on.
    pub fn stop(&self) {
        self.shelf.close();
    }
}

impl Queue for MemoryQueue {
    fn announce(&self, work: Vec<Work>) -> Soon<'_, Result<(), QueueError>> {
        for work in work {
            self.shelf.put(Taken { work, tag: 0, epoch: 1 });
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn take<'a>(&'a self, route: &'a str, only_interactive: bool) -> Soon<'a, Result<Taken, QueueError>> {
        Box::pin(async move {
            let taken = self.shelf.take(route, only_interactive, &self.now).await;
            taken.ok_or_else(QueueError::stopped)
        })
    }

    fn done(&self, _taken: Taken) -> Soon<'_, Result<(), QueueError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn state(&self) -> QueueState {
        QueueState { connected: true, epoch: 1, trouble: None }
    }
}
