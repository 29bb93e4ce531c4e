//! The embedded queue is the ledger itself, with leases: a worker that dies loses its lease,
//! and the container is taken up again under the same name.

use crate::exchange::{LedgerError, Millis, Submission};
use crate::ledger::Books;

/// How long a worker may take for one container.
pub const LEASE_MS: Millis = 60_000;

/// A container that one worker has for itself until `until`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub submission: Submission,
    pub until: Millis,
}

/// Claims work straight from the ledger.
pub struct EmbeddedQueue<'a> {
    books: &'a Books,
    token: String,
}

impl<'a> EmbeddedQueue<'a> {
    /// A worker's view of the queue.
    pub fn new(books: &'a Books) -> Self {
        Self { books, token: uuid::Uuid::now_v7().to_string() }
    }

    /// The oldest container of a route that nobody works on.
    pub fn claim(&self, route: &str, now: Millis) -> Result<Option<Lease>, LedgerError> {
        let (route, token, until) = (route.to_owned(), self.token.clone(), now + LEASE_MS);
        let submission = self.books.write(move |tx| tx.lease(&route, &token, now, until))?;
        Ok(submission.map(|submission| Lease { submission, until }))
    }
}
