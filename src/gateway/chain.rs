//! The audit chain, grown inside the transaction of what it tells.

use std::collections::BTreeMap;

use crate::audit::{self, Event, EventKind};
use crate::exchange::{Hash, LedgerError};
use crate::ledger::{Books, Tx};

/// An event to append: ids, counts and names only.
pub struct Note {
    pub at: String,
    pub actor: String,
    pub what: EventKind,
    pub subject: Option<String>,
    pub detail: BTreeMap<String, String>,
}

impl Note {
    /// An event about `subject`, an internal id.
    pub fn new(at: String, actor: &str, what: EventKind, subject: impl Into<String>) -> Self {
        Self { at, actor: actor.to_owned(), what, subject: Some(subject.into()), detail: BTreeMap::new() }
    }

    /// The same event with one more detail.
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.detail.insert(name.to_owned(), value.to_string());
        self
    }
}

/// Appends an event to the chain.
pub fn append(tx: &Tx<'_>, note: Note) -> Result<(), LedgerError> {
    let Note { at, actor, what, subject, detail } = note;
    let event = Event { at, actor, what, subject, detail };
    let (sequence, head) = tx.audit_head()?;
    let hash = audit::link(&head, &event);
    let text = serde_json::to_string(&event).map_err(|error| LedgerError::Store(Box::new(error)))?;
    tx.append_audit(sequence + 1, &text, &hash)
}

impl super::Gateway {
    /// Appends an event that stands for itself.
    pub fn note(
        &self,
        actor: &str,
        what: EventKind,
        subject: &str,
        detail: BTreeMap<String, String>,
    ) -> Result<(), LedgerError> {
        let at = self.clock.rfc3339();
        let (actor, subject) = (actor.to_owned(), Some(subject.to_owned()));
        self.books.write(move |tx| append(tx, Note { at, actor, what, subject, detail }))
    }

    /// Recomputes the whole chain, chunk after chunk; the inner result says where it breaks.
    pub fn verify_audit(&self) -> Result<Result<audit::Verified, audit::Broken>, LedgerError> {
        let mut links = Links { books: &self.books, after: 0, chunk: Vec::new().into_iter(), failed: None };
        let verdict = audit::verify(&mut links);
        links.failed.map_or(Ok(verdict), Err)
    }
}

/// Links of the chain read at a time: a ledger of many years fits no memory.
const CHUNK: usize = 10_000;

/// The stored chain from its first link on; ends early where it can't be read, and says why.
struct Links<'a> {
    books: &'a Books,
    after: i64,
    chunk: std::vec::IntoIter<(i64, String, Hash)>,
    failed: Option<LedgerError>,
}

impl Iterator for Links<'_> {
    type Item = audit::Link;

    fn next(&mut self) -> Option<audit::Link> {
        if self.chunk.as_slice().is_empty() {
            match self.books.audit(self.after, CHUNK) {
                Ok(rows) => self.chunk = rows.into_iter(),
                Err(error) => self.failed = Some(error),
            }
        }
        let (sequence, event, hash) = self.chunk.next()?;
        self.after = sequence;
        match serde_json::from_str(&event) {
            Ok(event) => Some(audit::Link { sequence: sequence.unsigned_abs(), event, hash }),
            Err(_) => {
                self.failed = Some(LedgerError::Corrupt(format!("audit event {sequence}")));
                None
            }
        }
    }
}
