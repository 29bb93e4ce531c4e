//! Begin and commit. Writers of all nodes are serial, as SQLite's are: each transaction holds one
//! advisory lock from its beginning to its end, so that it sees all that came before.

use super::server::PATIENCE;
use super::{Failure, Postgres, R, Session, Stand, lost};
use crate::ledger::sql::{Row as AnyRow, Value};

/// The lock of this ledger's writers. A database may hold several ledgers, each in a schema.
const LOCK: &str =
    "SELECT pg_advisory_xact_lock(hashtextextended('raccordo writer ' || current_schema(), 0))";

impl Postgres {
    /// Waits for its turn among all writers. Notes with its work which group it is: what became of
    /// a commit whose answer is lost can then be asked.
    pub fn begin(&self) -> R<()> {
        self.begin_with("")
    }

    /// As [`Postgres::begin`], for the upgrade of a ledger that may not be there yet.
    pub fn begin_upgrade(&self) -> R<()> {
        self.begin_with(
            "CREATE TABLE IF NOT EXISTS ledger (version BIGINT NOT NULL, compatible_from BIGINT NOT NULL);
             CREATE TABLE IF NOT EXISTS writer
               (node TEXT PRIMARY KEY, number BIGINT NOT NULL, at TIMESTAMPTZ NOT NULL);
             DELETE FROM writer WHERE at < now() - interval '30 days';",
        )
    }

    fn begin_with(&self, first: &str) -> R<()> {
        let number = self.number.get() + 1;
        self.number.set(number);
        self.failed.set(false);
        self.pending.set("");
        let node = &self.server.node;
        let begin = format!(
            "BEGIN; {LOCK}; {first} INSERT INTO writer (node, number, at) VALUES ('{node}', {number}, now())
             ON CONFLICT (node) DO UPDATE SET number = {number}, at = now()"
        );
        let begun = self.anew(|session| or_roll_back(session, |session| session.batch(&begin)));
        self.stand.set(if begun.is_ok() { Stand::Writing } else { Stand::Lost });
        begun
    }

    /// Does something that loses nothing by being done again: once more over a new connection.
    fn anew<T>(&self, mut act: impl FnMut(&mut Session) -> R<T>) -> R<T> {
        let until = std::time::Instant::now() + PATIENCE;
        loop {
            let done = self.with_session(true, &mut act);
            if done.is_ok() || !self.is_disconnected() || std::time::Instant::now() >= until {
                return done;
            }
        }
    }

    pub fn begin_reading(&self) {
        self.failed.set(false);
        self.stand.set(Stand::AboutToRead);
        self.pending.set("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    }

    pub fn end_reading(&self) {
        self.pending.set("");
        if self.stand.replace(Stand::Idle) == Stand::Reading {
            // Nobody needs to know how a transaction that changed nothing ends.
            drop(self.with_session(false, |session| {
                session.tell("COMMIT");
                Ok(())
            }));
        }
    }

    pub fn is_in_transaction(&self) -> bool {
        self.stand.get() == Stand::Writing
    }

    /// The savepoint goes with the job's first statement.
    pub fn savepoint(&self) -> R<()> {
        self.failed.set(false);
        self.pending.set(match self.pending.take() {
            "" => "SAVEPOINT job",
            _ => "RELEASE SAVEPOINT job; SAVEPOINT job",
        });
        if self.stand.get() == Stand::Writing { Ok(()) } else { Err(lost()) }
    }

    /// Keeps what a job did, or undoes it; a job that went on after a failed statement is undone.
    pub fn end_savepoint(&self, keep: bool) -> R<()> {
        if self.stand.get() != Stand::Writing {
            return Err(lost());
        }
        match self.pending.take() {
            "" => {}
            // The job asked nothing; a job before it may have.
            "SAVEPOINT job" => return Ok(()),
            _ => {
                self.pending.set("RELEASE SAVEPOINT job");
                return Ok(());
            }
        }
        let failed = self.failed.take();
        if keep && !failed {
            self.pending.set("RELEASE SAVEPOINT job");
            return Ok(());
        }
        self.ask(|session, _| session.batch("ROLLBACK TO SAVEPOINT job; RELEASE SAVEPOINT job"))?;
        if keep { Err(Failure::of("a statement of the transaction had failed")) } else { Ok(()) }
    }

    /// Commits; where the answer is lost, asks what became of it.
    pub fn commit(&self) -> R<()> {
        if self.stand.get() != Stand::Writing {
            return Err(lost());
        }
        self.pending.set("");
        let committed = self.with_session(false, |session| session.batch("COMMIT"));
        self.stand.set(Stand::Idle);
        match committed {
            Err(_) if self.is_disconnected() => self.was_committed(),
            committed => committed,
        }
    }

    /// Behind the writers' lock the former transaction is over, one way or the other.
    fn was_committed(&self) -> R<()> {
        let unknown =
            |_| Failure::of("the server was lost at the commit: whether that took effect is not known");
        let node = self.server.node.as_str();
        let question = "SELECT number FROM writer WHERE node = ?1";
        let ask = |session: &mut Session| {
            session.batch(&format!("BEGIN; {LOCK}"))?;
            let rows = session.rows(question, &[Value::Text(Some(node))], "")?;
            session.batch("ROLLBACK")?;
            rows.first().map(|row| AnyRow::Postgres(row).get::<i64>(0)).transpose()
        };
        let noted = self.anew(|session| or_roll_back(session, ask));
        if noted.map_err(unknown)? == Some(self.number.get()) { Ok(()) } else { Err(lost()) }
    }

    pub fn roll_back(&self) {
        self.pending.set("");
        if self.stand.replace(Stand::Idle) == Stand::Writing {
            drop(self.with_session(false, |session| session.batch("ROLLBACK")));
        }
    }
}

/// A refused statement leaves a transaction that nobody else ends.
fn or_roll_back<T>(session: &mut Session, act: impl FnOnce(&mut Session) -> R<T>) -> R<T> {
    let done = act(session);
    if done.is_err() && !session.is_closed() {
        drop(session.batch("ROLLBACK"));
    }
    done
}
