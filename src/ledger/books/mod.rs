//! The ledger: one writer thread with group commit, a few readers, over a store of one's choice.

mod accounts;
mod alerts;
mod benefits;
mod calendar;
mod cancel;
mod changes;
mod console;
mod decode;
mod erase;
mod exchange;
mod explain;
mod folders;
mod idempotency;
mod inquiries;
mod line;
mod lineage;
mod lookups;
mod lots;
mod nodes;
mod pace;
mod pseudonyms;
mod proposals;
mod queries;
mod replay;
mod run_views;
mod retention;
mod runs;
mod search;
mod snapshot;
mod tokens;
mod transaction;
mod traces;
mod upgrade;
mod views;
mod watch;
mod work;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::exchange::LedgerError;
use crate::ledger::pulse::Pulse;
use crate::ledger::sql::postgres::{Place, Server};
use crate::ledger::sql::sqlite::Sqlite;
use crate::ledger::sql::{Connection, Row, params};
pub use accounts::{AccountRow, SessionRow};
pub use alerts::{AlertRow, Telling};
pub use benefits::{BenefitRow, DuplicateRow};
pub use calendar::FiringRow;
pub use changes::{Change, Places};
pub use console::{OperationLine, ReadinessSample, RecordSides, RuleShare, Scope, TransitionView, Whose};
pub use explain::{AnswerRow, OfWhich, OperationToExplain};
pub use idempotency::{OnceKey, OnceRow};
pub use inquiries::{InquiryRow, NewInquiry, RouteDay};
pub use line::Turn;
pub use lineage::{FolderLine, KnownRecord, PastOperation};
pub use lookups::{KeptFragment, KeyedRecord, RecordHead};
pub use nodes::{DutyRow, NODE_ID, NodeRow};
pub use proposals::{NewProposal, ProposalRow};
pub use pseudonyms::KnownKey;
pub use replay::{ReplayHead, ReplayScope, STATES};
pub use retention::{KEPT_KINDS, Kept, Stretch};
pub use runs::RunOrder;
pub use search::{Hit, Hits, SearchFilter};
pub use snapshot::Snapshot;
pub use tokens::TokenRow;
pub use transaction::Tx;
use upgrade::upgrade;
pub use views::{
    FolderStanding, HeldFlow, OperationView, ReceiptView, RouteView, RuleCount, Standing, SubmissionView,
};
pub use watch::{Doubtful, OpenRun, Waiting};
pub use work::{AttemptView, Due};
pub use writer::Ticket;

type R<T> = Result<T, LedgerError>;

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
    include_str!("migration_13.sql"),
    include_str!("migration_14.sql"),
    include_str!("migration_15.sql"),
    include_str!("migration_16.sql"),
];

/// The books of an installation. Cheap to share; dropping the last one closes the ledger.
pub struct Books {
    /// How long callers wait for the writer.
    pub pulse: Arc<Pulse>,
    writer: writer::Writer,
    readers: Vec<Mutex<Connection>>,
    store: Store,
}

/// Where further connections lead.
enum Store {
    /// A file that this process has to itself.
    File {
        path: PathBuf,
        _lock: File,
    },
    Server(Arc<Server>),
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
        let connection = Sqlite::open(&path)?;
        upgrade(&connection, MIGRATIONS)?;
        let mut start = Tx::on(&connection);
        // Whoever has the directory's lock works alone: what is leased, a dead process had.
        start.free_leases()?;
        start.free_inquiries()?;
        start.forget_nodes()?;
        first(&mut start)?;
        let readers =
            (0..READERS).map(|_| Sqlite::reader(&path).map(Mutex::new)).collect::<Result<_, _>>()?;
        let store = Store::File { path, _lock: lock };
        Ok(Self { pulse: Arc::default(), writer: writer::Writer::start(connection), readers, store })
    }

    /// Opens the ledger on a PostgreSQL server, which other nodes may have open too; their leases
    /// stand, and lapse by time.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] when a newer version wrote it in a way that this one does not
    /// understand; [`LedgerError::Store`] when the server cannot be reached.
    pub fn connect(
        place: &Place,
        first: impl FnOnce(&mut Tx<'_>) -> Result<(), LedgerError>,
    ) -> Result<Self, LedgerError> {
        let server = Server::new(place)?;
        let connection = Connection::to(&server);
        upgrade(&connection, MIGRATIONS)?;
        connection.begin()?;
        let done = first(&mut Tx::on(&connection)).and_then(|()| connection.commit());
        connection.roll_back();
        done?;
        let readers = (0..READERS).map(|_| Mutex::new(Connection::to(&server))).collect();
        let (pulse, writer) = (Arc::default(), writer::Writer::start(connection));
        Ok(Self { pulse, writer, readers, store: Store::Server(server) })
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
        let _beat = self.pulse.begin();
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
        let _beat = self.pulse.begin();
        self.writer.submit_async(turn, act).await
    }

    /// Hands `act` to the writer and returns at once; the ticket waits for the commit.
    pub fn submit<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Tx<'_>) -> Result<T, LedgerError> + Send + 'static,
    ) -> Ticket<T> {
        self.writer.submit(Turn::InLine, act)
    }

    /// Asks the questions that transactions ask, of one moment; it can change nothing.
    pub fn look<T>(&self, ask: impl FnOnce(&Tx<'_>) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        let reader = self.reader()?;
        let _moment = Moment::begin(&reader)?;
        ask(&Tx::on(&reader))
    }

    /// A connection of its own, for what reads long.
    fn own_reader(&self) -> R<Connection> {
        match &self.store {
            Store::File { path, .. } => Sqlite::reader(path),
            Store::Server(server) => Ok(Connection::to(server)),
        }
    }

    fn reader(&self) -> Result<MutexGuard<'_, Connection>, LedgerError> {
        match self.readers.iter().find_map(|reader| reader.try_lock().ok()) {
            Some(connection) => Ok(connection),
            None => self.readers[0].lock().map_err(|_| LedgerError::Corrupt("a reader panicked".into())),
        }
    }

    /// What a server says of itself and of its ledger, in words; changes nothing.
    ///
    /// # Errors
    /// [`LedgerError::Store`] says why it cannot be reached.
    pub fn visit(place: &Place) -> Result<String, LedgerError> {
        let server = Server::new(place)?;
        let connection = Connection::to(&server);
        let version = |row: &Row<'_>| row.get::<String>(0);
        let version =
            connection.one("the version", "SELECT current_setting('server_version')", [], version)?;
        let ledger = upgrade::version_of(&connection)?;
        let ledger = ledger.map_or_else(|| "made at first start".to_owned(), |of| format!("version {of}"));
        Ok(format!("PostgreSQL {version} at {}, {ledger}", server.name()))
    }

    /// The ledger's file, or where its server is; nothing secret.
    pub fn place(&self) -> String {
        match &self.store {
            Store::File { path, .. } => path.display().to_string(),
            Store::Server(server) => server.name(),
        }
    }

    /// Whether other processes may write in it too.
    pub const fn is_shared(&self) -> bool {
        matches!(self.store, Store::Server(_))
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

/// One moment of the store, as long as this lives.
struct Moment<'c>(&'c Connection);

impl<'c> Moment<'c> {
    fn begin(connection: &'c Connection) -> R<Self> {
        connection.begin_reading()?;
        Ok(Self(connection))
    }
}

impl Drop for Moment<'_> {
    fn drop(&mut self) {
        self.0.end_reading();
    }
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
        let old = Sqlite::open(&directory.path().join("ledger.sqlite")).unwrap();
        old.batch(MIGRATIONS[0]).unwrap();
        old.batch(
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
        let version: i64 =
            books.look(|tx| tx.one("the version", "PRAGMA user_version", [], |row| row.get(0))).unwrap();
        assert_eq!(usize::try_from(version).unwrap(), MIGRATIONS.len());
    }
}
