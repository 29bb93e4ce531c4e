//! What the books show, row by row: the answers of `queries`, and how their rows are read.

use serde::Serialize;

use super::work::AttemptView;
use super::{R, Row, Tx, params};
use crate::exchange::{Hash, Millis};

/// How ready an ente is for one flow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Standing {
    pub ente: String,
    pub flow: String,
    pub register: String,
    pub records: u64,
    /// Records that could leave today.
    pub ready: u64,
    /// Records withheld by findings.
    pub set_aside: u64,
    /// Records that vanished from their folder without a word.
    pub vanished: u64,
    /// Records that the register has acknowledged.
    pub held: u64,
    /// Records that differ from what the register has acknowledged.
    pub differing: u64,
    /// Cancelled for a correction that then could not follow: absent at the register.
    pub absent: u64,
    /// Operations that a person must decide.
    pub undecided: u64,
}

/// How often a rule speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleCount {
    pub rule: String,
    pub severity: String,
    pub count: u64,
    /// One of the findings, for its texts.
    #[serde(skip)]
    pub example: String,
}

/// One folder's standing: its records per flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FolderStanding {
    pub flow: String,
    pub key: String,
    pub desired: String,
    pub held: bool,
    pub up_to_date: bool,
    pub operation: Option<String>,
    pub generation: u64,
}

/// An operation with its record and container, for lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OperationView {
    pub operation: i64,
    pub record: String,
    pub folder_id: String,
    pub ente: String,
    pub kind: String,
    pub generation: u64,
    pub state: String,
    pub route: String,
    pub submission: Option<String>,
    pub timestamp: Option<Millis>,
}

/// A container with its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SubmissionView {
    pub id: i64,
    pub route: String,
    pub name: String,
    pub timestamp: Millis,
    pub state: String,
    pub operations: Vec<OperationView>,
    pub receipts: Vec<ReceiptView>,
    /// Tries to push it, and questions about it.
    pub attempts: Vec<AttemptView>,
}

/// A receipt, without its sealed text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReceiptView {
    pub name: String,
    pub code: String,
    pub what: String,
    pub at: Millis,
    pub acquired_as: Option<String>,
    #[serde(skip)]
    pub text: Option<Vec<u8>>,
}

/// A route's cursor and queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RouteView {
    pub route: String,
    pub last_given: Millis,
    pub last_since: Option<Millis>,
    pub last_polled: Option<Millis>,
    pub suspended: Option<String>,
    pub queued: u64,
    pub out: u64,
    /// A pushed route: what waits for its next try, and what the recipient must be asked about.
    pub retrying: u64,
    pub uncertain: u64,
    /// Failures in a row, and until when the recipient is left alone.
    pub failures: u32,
    pub left_alone_until: Option<Millis>,
}

/// What the register holds by our books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldFlow {
    /// Name of the container whose insert was accepted; empty when adopted.
    pub submission: String,
    pub record: i64,
    pub content: Hash,
    pub register_key: Hash,
    /// The operation that brought it there, `record.generation`.
    pub operation: String,
}

pub(super) const OPERATION_VIEW: &str =
    "o.id, r.key, f.folder_id, r.ente, o.kind, o.generation, o.state, o.route, s.name,
   s.timestamp FROM operation o JOIN record r ON r.id = o.record JOIN folder f ON f.id = r.folder
   LEFT JOIN submission s ON s.id = o.submission";

pub(super) fn route_view(tx: &Tx<'_>, id: &str) -> R<RouteView> {
    let sql = "SELECT last_given, last_since, last_polled, suspended, failures, open_until FROM route WHERE id = ?1";
    let known = tx.maybe(sql, [id], |r| {
        Ok(RouteView {
            route: id.to_owned(),
            last_given: r.get(0)?,
            last_since: r.get(1)?,
            last_polled: r.get(2)?,
            suspended: r.get(3)?,
            failures: r.get(4)?,
            left_alone_until: r.get(5)?,
            ..RouteView::default()
        })
    })?;
    let mut view = known.unwrap_or_else(|| RouteView { route: id.to_owned(), ..RouteView::default() });
    // Each half by its own partial index.
    let sql = "SELECT state, count(*) FROM operation WHERE route = ?1
                 AND state IN ('queued', 'sending', 'retrying', 'waiting') GROUP BY state
               UNION ALL SELECT state, count(*) FROM operation
                 WHERE state IN ('uncertain', 'parked') AND state = 'uncertain' AND route = ?1 GROUP BY state";
    let counts = tx.many(sql, [id], |row| Ok((row.get::<String>(0)?, row.get::<u64>(1)?)))?;
    for (state, count) in counts {
        match state.as_str() {
            "queued" => view.queued = count,
            "retrying" => view.retrying = count,
            "uncertain" => view.uncertain = count,
            _ => view.out += count,
        }
    }
    Ok(view)
}

pub(super) fn operation_view(r: &Row<'_>) -> R<OperationView> {
    Ok(OperationView {
        operation: r.get(0)?,
        record: r.get(1)?,
        folder_id: r.get(2)?,
        ente: r.get(3)?,
        kind: r.get(4)?,
        generation: r.get(5)?,
        state: r.get(6)?,
        route: r.get(7)?,
        submission: r.get(8)?,
        timestamp: r.get(9)?,
    })
}

pub(super) fn receipts(tx: &Tx<'_>, route: &str, name: &str) -> R<Vec<ReceiptView>> {
    let sql = "SELECT name, code, what, at, acquired_as, text FROM receipt
               WHERE route = ?1 AND name = ?2 ORDER BY id";
    tx.many(sql, params![route, name], receipt_view)
}

pub(super) fn receipt_view(r: &Row<'_>) -> R<ReceiptView> {
    Ok(ReceiptView {
        name: r.get(0)?,
        code: r.get(1)?,
        what: r.get(2)?,
        at: r.get(3)?,
        acquired_as: r.get(4)?,
        text: r.get(5)?,
    })
}
