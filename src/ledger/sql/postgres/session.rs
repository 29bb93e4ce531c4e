//! One connection to the server: its prepared statements, and what it answers.

use std::collections::HashMap;
use std::time::Duration;

use tokio::task::JoinHandle;
pub use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Statement};

use super::failure::{Failure, is_refusal};
use super::values::{Bound, bound, types};
use super::waiting::{send, wait};
use crate::exchange::LedgerError;
use crate::ledger::sql::Value;

type R<T> = Result<T, LedgerError>;

/// Longer than any time that the server itself allows: whoever is silent for so long is gone.
const SILENCE: Duration = Duration::from_secs(75);

/// A live connection.
pub struct Session {
    client: Client,
    /// Moves bytes; ends by itself once the client is dropped.
    mover: JoinHandle<()>,
    statements: HashMap<String, Statement>,
    broken: bool,
}

impl Session {
    pub fn new(client: Client, mover: JoinHandle<()>) -> Self {
        Self { client, mover, statements: HashMap::new(), broken: false }
    }

    /// Of no use any more.
    pub fn is_closed(&self) -> bool {
        self.broken || self.client.is_closed()
    }

    /// All rows of an answer. `before` are statements without parameters that go with the question,
    /// at the price of none.
    pub fn rows(&mut self, sql: &str, values: &[Value<'_>], before: &str) -> R<Vec<Row>> {
        let (bound, statement, before) = self.ready(sql, values, before)?;
        let values: Vec<_> = bound.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        let client = &self.client;
        let answer = wait(
            async {
                let (before, rows) =
                    tokio::join!(biased; prelude(client, before), client.query(&statement, &values));
                before.and(rows)
            },
            SILENCE,
        );
        self.heard(answer)
    }

    /// How many rows a statement changed.
    pub fn run(&mut self, sql: &str, values: &[Value<'_>], before: &str) -> R<usize> {
        let (bound, statement, before) = self.ready(sql, values, before)?;
        let values: Vec<_> = bound.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        let client = &self.client;
        let answer = wait(
            async {
                let (before, changed) =
                    tokio::join!(biased; prelude(client, before), client.execute(&statement, &values));
                before.and(changed)
            },
            SILENCE,
        );
        let changed = self.heard(answer)?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// Statements without parameters or answers.
    pub fn batch(&mut self, sql: &str) -> R<()> {
        let answer = wait(self.client.batch_execute(sql), SILENCE);
        self.heard(answer)
    }

    /// The same, without waiting for them to be done.
    pub fn tell(&self, sql: &str) {
        send(self.client.batch_execute(sql));
    }

    /// The prepared statement and its values. One that is new to the server is prepared after
    /// `before`: were it refused, it would take with it what came before the savepoint.
    fn ready<'v>(
        &mut self,
        sql: &str,
        values: &'v [Value<'v>],
        before: &'v str,
    ) -> R<(Vec<Bound<'v>>, Statement, &'v str)> {
        let bound = match bound(values) {
            Ok(bound) => bound,
            // What is undone later must have begun.
            Err(unfit) => return self.batch(before).and(Err(unfit)),
        };
        if let Some(known) = self.statements.get(sql) {
            return Ok((bound, known.clone(), before));
        }
        if !before.is_empty() {
            self.batch(before)?;
        }
        let text = numbered(sql);
        let answer = wait(self.client.prepare_typed(&text, &types(values)), SILENCE);
        let statement = self.heard(answer)?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok((bound, statement, ""))
    }

    fn heard<T>(&mut self, answer: Option<Result<T, Error>>) -> R<T> {
        match answer {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(error)) => {
                self.broken |= !is_refusal(&error);
                Err(Failure::from(&error))
            }
            None => {
                self.broken = true;
                self.mover.abort();
                Err(Failure::of("the server says nothing any more"))
            }
        }
    }
}

async fn prelude(client: &Client, before: &str) -> Result<(), Error> {
    if before.is_empty() { Ok(()) } else { client.batch_execute(before).await }
}

/// Parameters as PostgreSQL writes them: `?1` is `$1`. No text of ours has a question mark.
fn numbered(sql: &str) -> String {
    sql.replace('?', "$")
}
