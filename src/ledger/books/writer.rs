//! The one writer: transactions queue up and share a commit, each within its own savepoint.
//!
//! A waiting caller is answered only after the commit: what is acknowledged is on disk.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::Tx;
use super::line::{Line, Turn};
use crate::exchange::LedgerError;
use crate::ledger::failpoint;
use crate::ledger::sql::Connection;

type Answer = Box<dyn FnOnce(Result<(), String>) + Send>;
pub(super) type Job = Box<dyn FnOnce(Option<&mut Tx<'_>>) -> (bool, Answer) + Send>;

/// A transaction that was handed over and whose commit can be waited for.
pub struct Ticket<T>(oneshot::Receiver<Result<T, LedgerError>>);

impl<T> Ticket<T> {
    /// Blocks until the transaction is on disk or has failed. Not for async code.
    pub fn wait(self) -> Result<T, LedgerError> {
        self.0.blocking_recv().unwrap_or_else(|_| Err(gone()))
    }
}

/// The one writer.
pub struct Writer {
    line: Arc<Line>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub fn start(connection: Connection) -> Self {
        let line = Arc::new(Line::default());
        let jobs = Arc::clone(&line);
        let thread =
            std::thread::Builder::new().name("ledger".into()).spawn(move || work(&connection, &jobs));
        if thread.is_err() {
            line.close();
        }
        Self { line, thread: thread.ok() }
    }

    pub fn submit<T: Send + 'static>(
        &self,
        turn: Turn,
        act: impl FnOnce(&mut Tx<'_>) -> Result<T, LedgerError> + Send + 'static,
    ) -> Ticket<T> {
        let (sender, receiver) = oneshot::channel();
        self.line.wait_in(turn, job(act, sender));
        Ticket(receiver)
    }

    pub async fn submit_async<T: Send + 'static>(
        &self,
        turn: Turn,
        act: impl FnOnce(&mut Tx<'_>) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.line.try_in(turn, job(act, sender));
        while let Some(job) = waiting.take() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            waiting = self.line.try_in(turn, job);
        }
        receiver.await.unwrap_or_else(|_| Err(gone()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.line.close();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn gone() -> LedgerError {
    LedgerError::Corrupt("the ledger's writer has stopped; see the log".into())
}

/// Wraps an act so that its caller hears of it only after the commit.
fn job<T: Send + 'static>(
    act: impl FnOnce(&mut Tx<'_>) -> Result<T, LedgerError> + Send + 'static,
    sender: oneshot::Sender<Result<T, LedgerError>>,
) -> Job {
    Box::new(move |transaction| {
        let result = match transaction {
            Some(transaction) => act(transaction),
            None => Err(LedgerError::Store("no transaction could begin".into())),
        };
        let keep = result.is_ok();
        let answer: Answer = Box::new(move |committed| {
            let result = match committed {
                Ok(()) => result,
                Err(why) => result.and(Err(LedgerError::Store(why.into()))),
            };
            drop(sender.send(result));
        });
        (keep, answer)
    })
}

fn work(connection: &Connection, jobs: &Line) {
    while let Some(first) = jobs.next() {
        let mut answers = Vec::new();
        let committed = group(connection, first, jobs, &mut answers).map_err(|error| error.to_string());
        if committed.is_err() {
            connection.roll_back();
        }
        for answer in answers {
            answer(committed.clone());
        }
    }
}

/// Runs what is in line, up to the store's measure, and commits it at once. Who goes first waits for no
/// bulk work that is still in line.
fn group(
    connection: &Connection,
    first: (Turn, Job),
    jobs: &Line,
    answers: &mut Vec<Answer>,
) -> Result<(), LedgerError> {
    failpoint::pass("ledger.before-begin");
    let begun = connection.begin();
    let mut next = Some(first);
    let mut last = Turn::InLine;
    while let Some((turn, job)) = next.take() {
        answers.push(savepoint(connection, job, begun.is_ok()));
        last = last.min(turn);
        // A store that failed in the midst has undone everything: what is in line waits for the next group.
        if answers.len() < connection.group() && connection.is_in_transaction() {
            next = jobs.try_next(last);
        }
    }
    begun?;
    failpoint::pass("ledger.before-commit");
    connection.commit()?;
    failpoint::pass("ledger.after-commit");
    Ok(())
}

/// One job within its own savepoint: its failure undoes it alone.
fn savepoint(connection: &Connection, job: Job, begun: bool) -> Answer {
    let opened = begun && connection.savepoint().is_ok();
    let mut transaction = Tx::on(connection);
    let (keep, answer) = job(opened.then_some(&mut transaction));
    match opened.then(|| connection.end_savepoint(keep)) {
        None | Some(Ok(())) => answer,
        // What it did is undone, or the commit fails too.
        Some(Err(error)) => Box::new(move |_| answer(Err(error.to_string()))),
    }
}
