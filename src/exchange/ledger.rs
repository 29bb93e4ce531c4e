//! The trait behind which the books are kept: one value is one transaction.
//!
//! Implementations store rows and decide nothing; what happens to a row is decided in
//! this room, so that SQLite, PostgreSQL and the model test's memory run the same code.

use super::{Bucket, Hash, Millis, Operation, Record, RecordId};

/// A ledger that could not be read or written. Nothing of the transaction took effect.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store failed (disk full, locked, broken file); retry or mend the machine.
    #[error("the ledger could not be read or written: {0}")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row is not what this version wrote.
    #[error("the ledger holds a row that this version does not understand: {0}")]
    Corrupt(String),
    /// What was asked for is not there.
    #[error("{0} is not in the ledger")]
    Missing(String),
    /// The act does not fit the state.
    #[error("{0}")]
    Refused(String),
}

/// Why a route stands still until a person has looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspension {
    /// The recipient knows a timestamp that this ledger never gave: it was restored from a
    /// backup, and the operations of the gap are unknown.
    LedgerBehind { last_given: Millis, recipient_has: Millis },
    /// A person stopped it.
    ByPerson,
}

/// What an offered route remembers: one e-service, one cursor of the recipient's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteState {
    pub id: String,
    /// The highest timestamp ever given, ms.
    pub last_given: Millis,
    /// The `since` of the last poll, and when it came.
    pub last_since: Option<Millis>,
    pub last_polled: Option<Millis>,
    pub suspended: Option<Suspension>,
    /// Failures in a row of a pushed route, and until when it is left alone.
    pub failures: u32,
    pub open_until: Option<Millis>,
}

impl RouteState {
    /// A route of which nothing is known yet.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            last_given: 0,
            last_since: None,
            last_polled: None,
            suspended: None,
            failures: 0,
            open_until: None,
        }
    }
}

/// Where a container stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmissionState {
    /// To be built or sent by a worker, when it is due.
    Queued,
    /// A worker is sending it: if that one dies, what happened is unknown.
    Sending,
    /// What became of it is unknown: the recipient is asked when it is due.
    Asking,
    /// Offered, or handed over; the receipt is awaited.
    Out,
    /// Every operation has its receipt.
    Settled,
    /// No longer offered: refused, unclear, or overdue.
    Withdrawn,
}

/// One container that carries operations over one route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    pub id: i64,
    pub route: String,
    /// The name under which the recipient knows it, e.g. `H501.PS.20261123.0000001`.
    pub name: String,
    /// Its timestamp at the recipient, unique and rising per route; for files, when it was built.
    pub timestamp: Millis,
    pub state: SubmissionState,
    /// How often it was sent, or the recipient asked about it, since it last moved on.
    pub attempt: u32,
    /// When it may next be worked on.
    pub due: Millis,
    /// A person waits for something in it.
    pub interactive: bool,
    /// The recipient has taken it: its receipts come by asking.
    pub handed: Option<Handed>,
}

/// What a recipient that answers later gave for a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handed {
    /// The recipient's own number of it, by which it is asked; never a personal value.
    pub handle: String,
    pub at: Millis,
}

/// An offered container with the one operation it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    pub submission: Submission,
    pub operation: Operation,
}

/// A record within a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunRow {
    pub record: RecordId,
    pub bucket: Bucket,
}

/// One transaction over the books. All or nothing takes effect.
pub trait Ledger {
    /// The records of a folder in one register.
    fn records_of_folder(&mut self, folder: i64, register: &str) -> Result<Vec<Record>, LedgerError>;
    fn record(&mut self, id: RecordId) -> Result<Record, LedgerError>;
    /// Stores a new record and returns its number.
    fn add_record(&mut self, record: &Record) -> Result<RecordId, LedgerError>;
    fn put_record(&mut self, record: &Record) -> Result<(), LedgerError>;

    fn operation(&mut self, id: i64) -> Result<Operation, LedgerError>;
    /// Stores a new operation with its first transition and returns its number.
    fn add_operation(&mut self, operation: &Operation, cause: &str) -> Result<i64, LedgerError>;
    /// Stores an operation that moved on, with the transition `from` → its state.
    fn put_operation(
        &mut self,
        operation: &Operation,
        from: super::State,
        at: Millis,
        cause: &str,
    ) -> Result<(), LedgerError>;
    /// Queued operations of a route: interactive first, then oldest; at most `limit`, skipping the first `skip`.
    fn queued(&mut self, route: &str, skip: usize, limit: usize) -> Result<Vec<Operation>, LedgerError>;
    /// The queued operations of a route, interactive or not, behind a place in the queue, as the
    /// lanes they belong to. A lane comes once per operation. What has a group is of a lane only
    /// while a person waits for it.
    fn queued_lanes(
        &mut self,
        route: &str,
        interactive: bool,
        after: i64,
        limit: usize,
    ) -> Result<Vec<super::Lane>, LedgerError>;
    /// As [`Ledger::queued_lanes`], bulk work of one ente only. Books that hold few may leave them together.
    fn queued_lanes_of(
        &mut self,
        route: &str,
        ente: &str,
        after: i64,
        limit: usize,
    ) -> Result<Vec<super::Lane>, LedgerError> {
        let _all = ente;
        self.queued_lanes(route, false, after, limit)
    }
    /// The records of one folder that have a current operation, with it; oldest operation first.
    fn current_of_lane(&mut self, folder: i64) -> Result<Vec<(Record, Operation)>, LedgerError>;
    /// The lots that queued bulk operations of a route belong to; none that a run still selects for.
    fn ready_lots(&mut self, route: &str) -> Result<Vec<super::Lot>, LedgerError>;
    /// Queued bulk operations of a lot behind a place in the queue, oldest first: only of folders
    /// with nothing under way at the register, and with what they need not under way elsewhere.
    fn ready_of_lot(
        &mut self,
        route: &str,
        lot: &super::Lot,
        after: i64,
        limit: usize,
    ) -> Result<Vec<(Record, Operation)>, LedgerError>;
    /// The records of the same folder, in any register, that need this one.
    fn dependents(&mut self, record: &Record) -> Result<Vec<Record>, LedgerError>;
    /// Operations of a route that are queued, out or retrying (those a gap puts in doubt).
    fn open_operations(&mut self, route: &str) -> Result<Vec<Operation>, LedgerError>;

    /// Who holds, or is about to hold, a register's key.
    fn claimant(&mut self, ente: &str, register: &str, key: &Hash) -> Result<Option<RecordId>, LedgerError>;
    fn claim(&mut self, ente: &str, register: &str, key: &Hash, record: RecordId) -> Result<(), LedgerError>;
    fn release_claim(
        &mut self,
        ente: &str,
        register: &str,
        key: &Hash,
        record: RecordId,
    ) -> Result<(), LedgerError>;

    /// Whether a former system's files say that the register holds something under this key
    /// which no record of ours stands for.
    fn reserved(&mut self, ente: &str, register: &str, key: &Hash) -> Result<bool, LedgerError>;

    fn route(&mut self, id: &str) -> Result<RouteState, LedgerError>;
    fn put_route(&mut self, route: &RouteState) -> Result<(), LedgerError>;
    /// The next progressive of a sequence and day (`AAAAMMGG`), given once for ever.
    fn next_progressive(&mut self, sequence: &str, day: &str) -> Result<u32, LedgerError>;
    /// Skips progressives that a lost ledger may have given.
    fn jump_progressive(&mut self, sequence: &str, day: &str, by: u32) -> Result<(), LedgerError>;

    fn add_submission(&mut self, submission: &Submission) -> Result<i64, LedgerError>;
    fn put_submission(&mut self, submission: &Submission) -> Result<(), LedgerError>;
    fn submission_named(&mut self, route: &str, name: &str) -> Result<Option<Submission>, LedgerError>;
    fn submission(&mut self, id: i64) -> Result<Submission, LedgerError>;
    fn operations_in(&mut self, submission: i64) -> Result<Vec<Operation>, LedgerError>;
    /// Containers of a route that are still out with a timestamp after `since`, in order.
    fn out_after(&mut self, route: &str, since: Millis, limit: usize) -> Result<Vec<Offered>, LedgerError>;
    /// Containers of a route that went out before `before` and are still without receipt.
    fn out_since_before(&mut self, route: &str, before: Millis) -> Result<Vec<Offered>, LedgerError>;

    /// An attempt to send, or to ask, begins.
    fn begin_attempt(
        &mut self,
        submission: i64,
        number: u32,
        asks: bool,
        at: Millis,
    ) -> Result<(), LedgerError>;
    /// What an attempt came to; words and codes only.
    fn end_attempt(
        &mut self,
        submission: i64,
        number: u32,
        asks: bool,
        at: Millis,
        outcome: &str,
        code: &str,
    ) -> Result<(), LedgerError>;

    /// Size of a kept fragment, bytes.
    fn fragment_bytes(&mut self, record: RecordId, content: &Hash) -> Result<usize, LedgerError>;

    /// A run selected a record; the row is open until its bucket is final.
    fn add_run_row(&mut self, run: i64, row: RunRow) -> Result<(), LedgerError>;
    /// Moves a record in every run in which its row is still open.
    fn move_run_rows(&mut self, record: RecordId, bucket: Bucket) -> Result<(), LedgerError>;
    /// The held rows of a run.
    fn held_rows(&mut self, run: i64) -> Result<Vec<RecordId>, LedgerError>;

    /// Moves a record's row in one run only.
    fn move_run_row(&mut self, run: i64, record: RecordId, bucket: Bucket) -> Result<(), LedgerError>;
    /// The queued and held rows of a run after `after`, by record; at most `limit`.
    fn idle_rows(&mut self, run: i64, after: RecordId, limit: usize) -> Result<Vec<RunRow>, LedgerError>;
    /// Whether another run has an open row of the record that is not only held for approval.
    fn wanted_elsewhere(&mut self, run: i64, record: RecordId) -> Result<bool, LedgerError>;
    /// The accepted operation of a record with the highest generation.
    fn newest_accepted(&mut self, record: RecordId) -> Result<Option<Operation>, LedgerError>;

    /// Keeps a receipt. `operation` is `None` when it fits nothing that we sent.
    fn keep_receipt(
        &mut self,
        route: &str,
        operation: Option<i64>,
        receipt: &super::Receipt,
        what: &str,
        at: Millis,
    ) -> Result<(), LedgerError>;
}
