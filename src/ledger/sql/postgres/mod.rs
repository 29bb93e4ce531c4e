//! The shared store: PostgreSQL, so that several nodes may work on one ledger. Below this directory
//! alone its driver is named.
//!
//! - `server`: where it is and how it is reached.
//! - `session`: one connection, its prepared statements, its rows.
//! - `transaction`: begin and commit, and what a commit came to whose answer was lost.
//! - `values`, `failure`, `tls`, `waiting`: the driver's types, errors, streams and futures as ours.

mod failure;
mod server;
mod session;
mod tls;
mod transaction;
mod values;
mod waiting;

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::{Each, Row as AnyRow, Value};
use crate::exchange::LedgerError;
use failure::Failure;
pub use server::{Place, Server};
pub use session::Row;
use session::Session;
pub(super) use values::{bytes, integer, text};

type R<T> = Result<T, LedgerError>;

/// Where a connection stands between two statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    /// Each statement is a transaction of its own.
    Idle,
    /// One moment is to be read, and nothing of it has been yet.
    AboutToRead,
    Reading,
    Writing,
    /// The connection of a transaction is lost, and the transaction with it.
    Lost,
}

/// A connection that finds its way back to the server by itself.
pub struct Postgres {
    server: Arc<Server>,
    session: RefCell<Option<Session>>,
    stand: Cell<Stand>,
    /// What goes to the server with the next statement: it costs no answer of its own.
    pending: Cell<&'static str>,
    /// A statement failed since the savepoint: until that is undone, the server refuses all others.
    failed: Cell<bool>,
    /// Of the group of transactions that this connection began last.
    number: Cell<i64>,
}

impl Postgres {
    /// Connects at its first use.
    pub fn new(server: Arc<Server>) -> Self {
        Self {
            server,
            session: RefCell::new(None),
            stand: Cell::new(Stand::Idle),
            pending: Cell::new(""),
            failed: Cell::new(false),
            number: Cell::new(0),
        }
    }

    pub(super) fn each(&self, sql: &str, values: &[Value<'_>], read: Each<'_>) -> R<()> {
        for row in &self.ask(|session, before| session.rows(sql, values, before))? {
            if !read(&AnyRow::Postgres(row))? {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn run(&self, sql: &str, values: &[Value<'_>]) -> R<usize> {
        self.ask(|session, before| session.run(sql, values, before))
    }

    pub(super) fn add(&self, sql: &str, values: &[Value<'_>]) -> R<i64> {
        let sql = format!("{sql} RETURNING id");
        let rows = self.ask(|session, before| session.rows(&sql, values, before))?;
        let row = rows.first().ok_or_else(|| Failure::of("a new row has no number"))?;
        AnyRow::Postgres(row).get(0)
    }

    pub(super) fn batch(&self, sql: &str) -> R<()> {
        self.ask(|session, before| {
            if before.is_empty() { session.batch(sql) } else { session.batch(&format!("{before}; {sql}")) }
        })
    }

    /// Asks within what is begun. A moment of which nothing was read yet may begin anew over another
    /// connection; a transaction is lost with its own.
    fn ask<T>(&self, mut ask: impl FnMut(&mut Session, &str) -> R<T>) -> R<T> {
        let stand = self.stand.get();
        if stand == Stand::Lost {
            return Err(lost());
        }
        let before = self.pending.take();
        let again = stand == Stand::AboutToRead && !self.is_disconnected();
        let connect = matches!(stand, Stand::Idle | Stand::AboutToRead);
        let mut answer = self.with_session(connect, |session| ask(session, before));
        if again && answer.is_err() && self.is_disconnected() {
            answer = self.with_session(true, |session| ask(session, before));
        }
        if answer.is_err() {
            self.failed.set(true);
            if self.is_disconnected() {
                self.stand.set(if stand == Stand::Idle { Stand::Idle } else { Stand::Lost });
            }
        } else if stand == Stand::AboutToRead {
            self.stand.set(Stand::Reading);
        }
        answer
    }

    fn is_disconnected(&self) -> bool {
        self.session.borrow().is_none()
    }

    /// Lends the session, connecting first where that is allowed; one that broke is dropped.
    fn with_session<T>(&self, connect: bool, act: impl FnOnce(&mut Session) -> R<T>) -> R<T> {
        let mut slot = self.session.borrow_mut();
        if slot.as_ref().is_some_and(Session::is_closed) {
            *slot = None;
        }
        if slot.is_none() && connect {
            *slot = Some(self.server.connect()?);
        }
        let session = slot.as_mut().ok_or_else(lost)?;
        let answer = act(session);
        if session.is_closed() {
            *slot = None;
        }
        answer
    }
}

fn lost() -> LedgerError {
    Failure::of("the connection was lost; nothing of the transaction took effect")
}
