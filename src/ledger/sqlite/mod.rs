//! The embedded ledger: SQLite, WAL, synchronous=FULL, one writer thread with group commit.

mod accounts;
mod benefits;
mod calendar;
mod cancel;
mod console;
mod decode;
mod exchange;
mod explain;
mod folders;
mod inquiries;
mod line;
mod lookups;
mod lots;
mod pseudonyms;
mod proposals;
mod queries;
mod replay;
mod run_views;
mod runs;
mod snapshot;
mod views;
mod work;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::exchange::LedgerError;
pub use accounts::{AccountRow, SessionRow};
pub use benefits::{BenefitRow, DuplicateRow};
pub use calendar::FiringRow;
pub use console::{
    OperationLine, ReadinessSample, RecordSides, RuleShare, Scope, TransitionView, Wanted, Whose,
};
pub use explain::{AnswerRow, OfWhich, OperationToExplain};
pub use inquiries::{InquiryRow, NewInquiry, RouteDay};
pub use line::Turn;
pub use lookups::{KeptFragment, KeyedRecord, RecordHead};
pub use proposals::{NewProposal, ProposalRow};
pub use pseudonyms::KnownKey;
pub use replay::{ReplayHead, ReplayScope, STATES};
pub use runs::RunOrder;
pub use snapshot::Snapshot;
pub use views::{
    FolderStanding, HeldFlow, OperationView, ReceiptView, RouteView, RuleCount, Standing, SubmissionView,
};
pub use work::{AttemptView, Due};
pub use writer::{Ticket, Tx};

const READERS: usize = 4;
/// Each brings the ledger from the version of its place to the next; none is ever changed.
const MIGRATIONS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("migration_2.sql"),
    include_str!("migration_3.sql"),
    include_str!("migration_4.sql"),
    include_str!("migration_5.sql"),
    include_str!("migration_6.sql"),
    include_str!("migration_7.sql"),
    include_str!("migration_8.sql"),
    include_str!("migration_9.sql"),
    include_str!("migration_10.sql"),
    include_str!("migration_11.sql"),
    include_str!("migration_12.sql"),
];

/// The books of an installation. Cheap to share; dropping the last one closes the ledger.
pub struct Books {
    writer: writer::Writer,
    readers: Vec<Mutex<Connection>>,
    path: PathBuf,
    _lock: File,
}

impl Books {
    /// Opens the ledger in `directory`, making it at first start.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] when another process has it, or it was written by a newer version.
    pub fn open(directory: &Path) -> Result<Self, LedgerError> {
        Self::open_with(directory, |_| Ok(()))
    }

    /// As [`Books::open`]; `first` is done before anything else.
    pub fn open_with(
        directory: &Path,
        first: impl FnOnce(&mut Tx<'_>) -> Result<(), LedgerError>,
    ) -> Result<Self, LedgerError> {
        std::fs::create_dir_all(directory).map_err(store)?;
        let lock = lock(directory)?;
        let path = directory.join("ledger.sqlite");
        let connection = Connection::open(&path).map_err(store)?;
        prepare(&connection)?;
        migrate(&connection)?;
        let mut start = Tx { connection: &connection };
        start.free_leases()?;
        start.free_inquiries()?;
        first(&mut start)?;
        let readers = (0..READERS).map(|_| reader(&path)).collect::<Result<_, _>>()?;
        Ok(Self { writer: writer::Writer::start(connection), readers, path, _lock: lock })
    }

    /// Runs `act` inside a transaction; when this returns `Ok`, its effects are on disk.
    pub fn write<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Tx<'_>) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.write_in(Turn::InLine, act)
    }

    /// As [`Books::write`]; what a person waits for goes before what is in line.
    pub fn write_in<T: Send + 'static>(
        &self,
        turn: Turn,
        act: impl FnOnce(&mut Tx<'_>) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.writer.submit(turn, act).wait()
    }

    /// As [`Books::write`], without blocking the caller's thread.
    pub async fn write_async<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Tx<'_>) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.write_in_async(Turn::InLine, act).await
    }

    /// As [`Books::write_in`], without blocking the caller's thread.
    pub async fn write_in_async<T: Send + 'static>(
        &self,
        turn: Turn,
        act: impl FnOnce(&mut Tx<'_>) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.writer.submit_async(turn, act).await
    }

    /// Hands `act` to the writer and returns at once; the ticket waits for the commit.
    pub fn submit<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Tx<'_>) -> Result<T, LedgerError> + Send + 'static,
    ) -> Ticket<T> {
        self.writer.submit(Turn::InLine, act)
    }

    /// Runs read-only queries on a snapshot.
    pub fn read<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, LedgerError> {
        ask(&*self.reader()?).map_err(store)
    }

    /// As [`Books::read`], by the questions that transactions ask; it can change nothing.
    pub fn look<T>(&self, ask: impl FnOnce(&Tx<'_>) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        ask(&Tx { connection: &*self.reader()? })
    }

    fn reader(&self) -> Result<MutexGuard<'_, Connection>, LedgerError> {
        match self.readers.iter().find_map(|reader| reader.try_lock().ok()) {
            Some(connection) => Ok(connection),
            None => self.readers[0].lock().map_err(|_| LedgerError::Corrupt("a reader panicked".into())),
        }
    }

    /// Where the ledger's file is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Takes the one lock of a ledger's directory, or says who has it.
fn lock(directory: &Path) -> Result<File, LedgerError> {
    let path = directory.join("ledger.lock");
    let file =
        File::options().create(true).truncate(false).write(true).read(true).open(&path).map_err(store)?;
    file.try_lock().map_err(|_| {
        LedgerError::Refused(format!(
            "another raccordo process works on the ledger in {}: stop it, or send the command to it (raccordo \
             does so by itself while `raccordo serve` runs with the same configuration)",
            directory.display()
        ))
    })?;
    Ok(file)
}

fn prepare(connection: &Connection) -> Result<(), LedgerError> {
    keep_plans(connection)?;
    // Savepoints keep the former pages of what they change: in memory, else each job writes them to a file.
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 4000; PRAGMA busy_timeout = 10000;
             PRAGMA temp_store = MEMORY;",
        )
        .map_err(store)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}

/// Plans do not depend on bound values: else SQLite prepares a cached statement anew for many of them.
fn keep_plans(connection: &Connection) -> Result<(), LedgerError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop).map_err(store)
}

fn migrate(connection: &Connection) -> Result<(), LedgerError> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(store)?;
    let version = usize::try_from(version).unwrap_or(usize::MAX);
    if version > MIGRATIONS.len() {
        return Err(LedgerError::Refused(format!(
            "the ledger is of version {version}, this raccordo knows {}: start the newer raccordo",
            MIGRATIONS.len()
        )));
    }
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(version) {
        let version = index + 1;
        connection
            .execute_batch(&format!("BEGIN IMMEDIATE; {migration} PRAGMA user_version = {version}; COMMIT;"))
            .map_err(store)?;
    }
    Ok(())
}

fn reader(path: &Path) -> Result<Mutex<Connection>, LedgerError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(store)?;
    keep_plans(&connection)?;
    connection.execute_batch("PRAGMA busy_timeout = 10000; PRAGMA query_only = ON;").map_err(store)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(Mutex::new(connection))
}

/// Wraps a failure of the store.
pub(super) fn store(error: impl std::error::Error + Send + Sync + 'static) -> LedgerError {
    LedgerError::Store(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_goes_first_overtakes_the_line_and_nobody_is_lost() {
        let directory = tempfile::tempdir().unwrap();
        let books = Books::open(directory.path()).unwrap();
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let (told, order) = std::sync::mpsc::channel();
        let blocked = books.submit(move |_| gate.recv().map_err(store));
        let act = |name: &'static str| {
            let told = told.clone();
            move |_: &mut Tx<'_>| told.send(name).map_err(store)
        };
        let line: Vec<_> = ["a", "b"].into_iter().map(|name| books.submit(act(name))).collect();
        let first = books.writer.submit(Turn::First, act("first"));
        open.send(()).unwrap();
        blocked.wait().unwrap();
        first.wait().unwrap();
        line.into_iter().for_each(|ticket| ticket.wait().unwrap());
        assert_eq!(order.try_iter().collect::<Vec<_>>(), ["first", "a", "b"]);
    }

    #[test]
    fn a_ledger_of_the_first_version_is_brought_up_to_date_and_keeps_what_it_holds() {
        let directory = tempfile::tempdir().unwrap();
        let old = Connection::open(directory.path().join("ledger.sqlite")).unwrap();
        old.execute_batch(MIGRATIONS[0]).unwrap();
        old.execute_batch(
            "PRAGMA user_version = 1;
             INSERT INTO folder (ente, folder_id, wrapped_key, person, content, body, saved_at)
               VALUES ('E', 'F-1', x'01', zeroblob(32), zeroblob(32), x'02', 5);
             INSERT INTO submission (route, name, timestamp, state, lease_until, lease_token)
               VALUES ('r', 'E.20260301.0000001', 5, 'queued', 9, 'dead');",
        )
        .unwrap();
        drop(old);
        let books = Books::open(directory.path()).unwrap();
        assert_eq!(books.folder("E", "F-1").unwrap().unwrap().saved_at, 5);
        let due = books.write(|tx| tx.announce_due("r", 10, 60, 5)).unwrap();
        assert_eq!(due.len(), 1, "what waited is to be told to the queue");
        let version: i64 = books.read(|c| c.query_row("PRAGMA user_version", [], |row| row.get(0))).unwrap();
        assert_eq!(usize::try_from(version).unwrap(), MIGRATIONS.len());
    }
}
