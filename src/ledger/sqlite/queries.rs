//! What people and programs ask the books: read-only, on a snapshot.

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;

use super::Books;
use super::work::AttemptView;
use crate::exchange::{Hash, LedgerError, Millis};
use crate::ledger::{FolderRow, RunHead};

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
    pub register_key: Hash,
    /// The operation that brought it there, `record.generation`.
    pub operation: String,
}

const OPERATION_VIEW: &str =
    "o.id, r.key, f.folder_id, r.ente, o.kind, o.generation, o.state, o.route, s.name,
   s.timestamp FROM operation o JOIN record r ON r.id = o.record JOIN folder f ON f.id = r.folder
   LEFT JOIN submission s ON s.id = o.submission";

impl Books {
    /// Readiness per ente and flow.
    pub fn standings(&self) -> Result<Vec<Standing>, LedgerError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT ente, flow, register,
                   sum(desired IN ('present', 'set_aside', 'vanished')), sum(desired = 'present'),
                   sum(desired = 'set_aside'), sum(desired = 'vanished'), sum(held_content IS NOT NULL),
                   sum(CASE WHEN desired = 'present' THEN held_content IS NOT desired_content
                     WHEN desired IN ('annulled', 'changed', 'complete') THEN held_content IS NOT NULL
                     ELSE 0 END),
                   sum(desired IN ('present', 'set_aside') AND held_content IS NULL AND generation > 1),
                   sum((SELECT count(*) FROM operation o WHERE o.id = record.current
                     AND o.state IN ('uncertain', 'parked')))
                 FROM record GROUP BY ente, flow, register ORDER BY ente, flow",
            )?;
            let rows = statement.query_map([], |r| {
                Ok(Standing {
                    ente: r.get(0)?,
                    flow: r.get(1)?,
                    register: r.get(2)?,
                    records: r.get(3)?,
                    ready: r.get(4)?,
                    set_aside: r.get(5)?,
                    vanished: r.get(6)?,
                    held: r.get(7)?,
                    differing: r.get(8)?,
                    absent: r.get(9)?,
                    undecided: r.get(10)?,
                })
            })?;
            rows.collect()
        })
    }

    /// The rules that speak most often.
    pub fn frequent_rules(&self, ente: Option<&str>, limit: usize) -> Result<Vec<RuleCount>, LedgerError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT n.rule, n.severity, count(*) AS times, max(n.finding) FROM finding n
                 JOIN folder f ON f.id = n.folder WHERE ?1 IS NULL OR f.ente = ?1
                 GROUP BY n.rule, n.severity ORDER BY times DESC, n.rule LIMIT ?2",
            )?;
            let rows = statement.query_map(params![ente, limit as i64], |r| {
                Ok(RuleCount { rule: r.get(0)?, severity: r.get(1)?, count: r.get(2)?, example: r.get(3)? })
            })?;
            rows.collect()
        })
    }

    /// The findings of one folder, as stored JSON, with their flow.
    pub fn findings(&self, ente: &str, folder_id: &str) -> Result<Vec<(String, String)>, LedgerError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT n.flow, n.finding FROM finding n JOIN folder f ON f.id = n.folder
                 WHERE f.ente = ?1 AND f.folder_id = ?2 ORDER BY n.rowid",
            )?;
            let rows = statement.query_map(params![ente, folder_id], |r| Ok((r.get(0)?, r.get(1)?)))?;
            rows.collect()
        })
    }

    /// The folder as stored (sealed).
    pub fn folder(&self, ente: &str, folder_id: &str) -> Result<Option<FolderRow>, LedgerError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT id, ente, folder_id, version, wrapped_key, person, content, body, saved_at, look_again
                 FROM folder WHERE ente = ?1 AND folder_id = ?2",
            )?
            .query_row(params![ente, folder_id], super::folders::folder)
            .optional()
        })
    }

    /// Number of stored folders.
    pub fn folder_count(&self) -> Result<u64, LedgerError> {
        self.read(|c| c.query_row("SELECT count(*) FROM folder", [], |row| row.get(0)))
    }

    /// Where each record of a folder stands.
    pub fn folder_standing(&self, folder: i64) -> Result<Vec<FolderStanding>, LedgerError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT r.flow, r.key, r.desired, r.held_content IS NOT NULL,
                   CASE WHEN r.desired = 'present' THEN r.held_content IS r.desired_content
                     ELSE r.held_content IS NULL END, o.state, r.generation
                 FROM record r LEFT JOIN operation o ON o.id = r.current WHERE r.folder = ?1 ORDER BY r.key",
            )?;
            let rows = statement.query_map([folder], |r| {
                Ok(FolderStanding {
                    flow: r.get(0)?,
                    key: r.get(1)?,
                    desired: r.get(2)?,
                    held: r.get(3)?,
                    up_to_date: r.get(4)?,
                    operation: r.get(5)?,
                    generation: r.get(6)?,
                })
            })?;
            rows.collect()
        })
    }

    /// Runs, newest first, each with its balance.
    pub fn runs(&self, only: Option<i64>, limit: usize) -> Result<Vec<RunHead>, LedgerError> {
        self.run_heads(only, None, limit)
    }

    /// Operations by state and enti (all when `None`), newest first; the limit counts what is shown.
    pub fn operations(
        &self,
        state: Option<&str>,
        enti: Option<&[String]>,
        limit: usize,
    ) -> Result<Vec<OperationView>, LedgerError> {
        let enti = enti.map(|enti| serde_json::Value::from(enti).to_string());
        self.read(|c| {
            let sql = format!(
                "SELECT {OPERATION_VIEW} WHERE (?1 IS NULL OR o.state = ?1)
                   AND (?2 IS NULL OR r.ente IN (SELECT value FROM json_each(?2)))
                 ORDER BY o.id DESC LIMIT ?3"
            );
            let mut statement = c.prepare_cached(&sql)?;
            let rows = statement.query_map(params![state, enti, limit as i64], operation_view)?;
            rows.collect()
        })
    }

    /// One container by its name, with operations and receipts.
    pub fn submission_by_name(&self, name: &str) -> Result<Option<SubmissionView>, LedgerError> {
        self.read(|c| {
            let head = c
                .prepare_cached("SELECT id, route, name, timestamp, state FROM submission WHERE name = ?1")?
                .query_row([name], |r| {
                    Ok(SubmissionView {
                        id: r.get(0)?,
                        route: r.get(1)?,
                        name: r.get(2)?,
                        timestamp: r.get(3)?,
                        state: r.get(4)?,
                        operations: Vec::new(),
                        receipts: Vec::new(),
                        attempts: Vec::new(),
                    })
                })
                .optional()?;
            let Some(mut view) = head else { return Ok(None) };
            let sql = format!("SELECT {OPERATION_VIEW} WHERE o.submission = ?1 ORDER BY o.id");
            view.operations =
                c.prepare_cached(&sql)?.query_map([view.id], operation_view)?.collect::<Result<_, _>>()?;
            view.receipts = receipts(c, &view.route, name)?;
            view.attempts = super::work::attempts(c, view.id)?;
            Ok(Some(view))
        })
    }

    /// Receipts that fit nothing we sent, or contradict what we know.
    pub fn strange_receipts(&self, limit: usize) -> Result<Vec<ReceiptView>, LedgerError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT name, code, what, at, acquired_as, text FROM receipt
                 WHERE what IN ('foreign', 'contradiction') ORDER BY id DESC LIMIT ?1",
            )?;
            let rows = statement.query_map([limit as i64], receipt_view)?;
            rows.collect()
        })
    }

    /// Routes that a fault or a person stopped.
    pub fn suspended_routes(&self) -> Result<Vec<String>, LedgerError> {
        self.read(|c| {
            let mut statement =
                c.prepare_cached("SELECT id FROM route WHERE suspended IS NOT NULL ORDER BY id")?;
            let rows = statement.query_map([], |r| r.get(0))?;
            rows.collect()
        })
    }

    /// How routes stand, with their queues.
    pub fn routes(&self, ids: &[&str]) -> Result<Vec<RouteView>, LedgerError> {
        self.read(|c| ids.iter().map(|id| route_view(c, id)).collect())
    }

    /// How many operations stand in each state.
    pub fn operation_counts(&self) -> Result<Vec<(String, u64)>, LedgerError> {
        self.read(|c| {
            let mut statement = c.prepare_cached("SELECT state, count(*) FROM operation GROUP BY state")?;
            let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?;
            rows.collect()
        })
    }

    /// What a register holds of an ente by our books.
    pub fn held(&self, ente: &str, register: &str) -> Result<Vec<HeldFlow>, LedgerError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT coalesce(s.name, ''), r.id, r.held_key, r.held_generation FROM record r
                 LEFT JOIN operation o ON o.record = r.id AND o.generation = r.held_generation
                 LEFT JOIN submission s ON s.id = o.submission
                 WHERE r.ente = ?1 AND r.register = ?2 AND r.held_content IS NOT NULL",
            )?;
            let rows = statement.query_map(params![ente, register], |r| {
                let (record, generation) = (r.get::<_, i64>(1)?, r.get::<_, u64>(3)?);
                Ok(HeldFlow {
                    submission: r.get(0)?,
                    record,
                    register_key: r.get(2)?,
                    operation: format!("{record}.{generation}"),
                })
            })?;
            rows.collect()
        })
    }

    /// The audit chain in order.
    pub fn audit(&self, after: i64, limit: usize) -> Result<Vec<(i64, String, Hash)>, LedgerError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT sequence, event, hash FROM audit WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
            )?;
            let rows = statement
                .query_map(params![after, limit as i64], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
            rows.collect()
        })
    }
}

fn route_view(c: &Connection, id: &str) -> rusqlite::Result<RouteView> {
    let mut view = c
        .prepare_cached(
            "SELECT last_given, last_since, last_polled, suspended, failures, open_until FROM route WHERE id = ?1",
        )?
        .query_row([id], |r| {
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
        })
        .optional()?
        .unwrap_or_else(|| RouteView { route: id.to_owned(), ..RouteView::default() });
    // Each half by its own partial index.
    let sql = "SELECT state, count(*) FROM operation WHERE route = ?1
                 AND state IN ('queued', 'sending', 'retrying', 'waiting') GROUP BY state
               UNION ALL SELECT state, count(*) FROM operation
                 WHERE state IN ('uncertain', 'parked') AND state = 'uncertain' AND route = ?1 GROUP BY state";
    let mut counts = c.prepare_cached(sql)?;
    let mut rows = counts.query([id])?;
    while let Some(row) = rows.next()? {
        let count: u64 = row.get(1)?;
        match row.get_ref(0)?.as_str()? {
            "queued" => view.queued = count,
            "retrying" => view.retrying = count,
            "uncertain" => view.uncertain = count,
            _ => view.out += count,
        }
    }
    Ok(view)
}

fn operation_view(r: &rusqlite::Row<'_>) -> rusqlite::Result<OperationView> {
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

fn receipts(c: &Connection, route: &str, name: &str) -> rusqlite::Result<Vec<ReceiptView>> {
    let mut statement = c.prepare_cached(
        "SELECT name, code, what, at, acquired_as, text FROM receipt WHERE route = ?1 AND name = ?2 ORDER BY id",
    )?;
    let rows = statement.query_map(params![route, name], receipt_view)?;
    rows.collect()
}

fn receipt_view(r: &rusqlite::Row<'_>) -> rusqlite::Result<ReceiptView> {
    Ok(ReceiptView {
        name: r.get(0)?,
        code: r.get(1)?,
        what: r.get(2)?,
        at: r.get(3)?,
        acquired_as: r.get(4)?,
        text: r.get(5)?,
    })
}
