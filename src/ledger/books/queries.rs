//! What people and programs ask the books: read-only, on a snapshot.

use super::views::{
    FolderStanding, HeldFlow, OPERATION_VIEW, OperationView, ReceiptView, RouteView, RuleCount, Standing,
    SubmissionView, operation_view, receipt_view, receipts, route_view,
};
use super::{Books, params};
use crate::exchange::{Hash, LedgerError};
use crate::ledger::{FolderRow, RunHead};

impl Books {
    /// Readiness per ente and flow.
    pub fn standings(&self) -> Result<Vec<Standing>, LedgerError> {
        let sql = "SELECT ente, flow, register,
                   count(*) FILTER (WHERE desired IN ('present', 'set_aside', 'vanished')),
                   count(*) FILTER (WHERE desired = 'present'),
                   count(*) FILTER (WHERE desired = 'set_aside'),
                   count(*) FILTER (WHERE desired = 'vanished'),
                   count(*) FILTER (WHERE held_content IS NOT NULL),
                   count(*) FILTER (WHERE CASE
                     WHEN desired = 'present' THEN held_content IS DISTINCT FROM desired_content
                     WHEN desired IN ('annulled', 'changed', 'complete') THEN held_content IS NOT NULL END),
                   count(*) FILTER (WHERE desired IN ('present', 'set_aside') AND held_content IS NULL
                     AND generation > 1),
                   count(*) FILTER (WHERE EXISTS (SELECT 1 FROM operation o WHERE o.id = record.current
                     AND o.state IN ('uncertain', 'parked')))
                 FROM record GROUP BY ente, flow, register ORDER BY ente, flow";
        self.look(|tx| {
            tx.many(sql, [], |r| {
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
            })
        })
    }

    /// The rules that speak most often.
    pub fn frequent_rules(&self, ente: Option<&str>, limit: usize) -> Result<Vec<RuleCount>, LedgerError> {
        let sql = "SELECT n.rule, n.severity, count(*) AS times, max(n.finding) FROM finding n
                 JOIN folder f ON f.id = n.folder WHERE ?1 IS NULL OR f.ente = ?1
                 GROUP BY n.rule, n.severity ORDER BY times DESC, n.rule LIMIT ?2";
        self.look(|tx| {
            tx.many(sql, params![ente, limit as i64], |r| {
                Ok(RuleCount { rule: r.get(0)?, severity: r.get(1)?, count: r.get(2)?, example: r.get(3)? })
            })
        })
    }

    /// The findings of one folder, as stored JSON, with their flow.
    pub fn findings(&self, ente: &str, folder_id: &str) -> Result<Vec<(String, String)>, LedgerError> {
        let sql = "SELECT n.flow, n.finding FROM finding n JOIN folder f ON f.id = n.folder
                 WHERE f.ente = ?1 AND f.folder_id = ?2 ORDER BY n.rowid";
        self.look(|tx| tx.many(sql, params![ente, folder_id], |r| Ok((r.get(0)?, r.get(1)?))))
    }

    /// The folder as stored (sealed).
    pub fn folder(&self, ente: &str, folder_id: &str) -> Result<Option<FolderRow>, LedgerError> {
        self.look(|tx| tx.folder(ente, folder_id))
    }

    /// Number of stored folders.
    pub fn folder_count(&self) -> Result<u64, LedgerError> {
        self.look(|tx| tx.one("the count", "SELECT count(*) FROM folder", [], |row| row.get(0)))
    }

    /// Where each record of a folder stands.
    pub fn folder_standing(&self, folder: i64) -> Result<Vec<FolderStanding>, LedgerError> {
        let sql = "SELECT r.flow, r.key, r.desired, r.held_content IS NOT NULL,
                   CASE WHEN r.desired = 'present' THEN r.held_content IS NOT DISTINCT FROM r.desired_content
                     ELSE r.held_content IS NULL END, o.state, r.generation
                 FROM record r LEFT JOIN operation o ON o.id = r.current WHERE r.folder = ?1 ORDER BY r.key";
        self.look(|tx| {
            tx.many(sql, [folder], |r| {
                Ok(FolderStanding {
                    flow: r.get(0)?,
                    key: r.get(1)?,
                    desired: r.get(2)?,
                    held: r.get(3)?,
                    up_to_date: r.get(4)?,
                    operation: r.get(5)?,
                    generation: r.get(6)?,
                })
            })
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
        self.look(|tx| {
            let sql = format!(
                "SELECT {OPERATION_VIEW} WHERE (?1 IS NULL OR o.state = ?1)
                   AND (?2 IS NULL OR r.ente IN {})
                 ORDER BY o.id DESC LIMIT ?3",
                tx.list("?2")
            );
            tx.many(&sql, params![state, enti, limit as i64], operation_view)
        })
    }

    /// One container by its name, with operations and receipts.
    pub fn submission_by_name(&self, name: &str) -> Result<Option<SubmissionView>, LedgerError> {
        self.look(|tx| {
            let sql = "SELECT id, route, name, timestamp, state FROM submission WHERE name = ?1";
            let head = tx.maybe(sql, [name], |r| {
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
            })?;
            let Some(mut view) = head else { return Ok(None) };
            let sql = format!("SELECT {OPERATION_VIEW} WHERE o.submission = ?1 ORDER BY o.id");
            view.operations = tx.many(&sql, [view.id], operation_view)?;
            view.receipts = receipts(tx, &view.route, name)?;
            view.attempts = super::work::attempts(tx, view.id)?;
            Ok(Some(view))
        })
    }

    /// Receipts that fit nothing we sent, or contradict what we know.
    pub fn strange_receipts(&self, limit: usize) -> Result<Vec<ReceiptView>, LedgerError> {
        let sql = "SELECT name, code, what, at, acquired_as, text FROM receipt
                 WHERE what IN ('foreign', 'contradiction') ORDER BY id DESC LIMIT ?1";
        self.look(|tx| tx.many(sql, [limit as i64], receipt_view))
    }

    /// Routes that a fault or a person stopped.
    pub fn suspended_routes(&self) -> Result<Vec<String>, LedgerError> {
        let sql = "SELECT id FROM route WHERE suspended IS NOT NULL ORDER BY id";
        self.look(|tx| tx.many(sql, [], |r| r.get(0)))
    }

    /// How routes stand, with their queues.
    pub fn routes(&self, ids: &[&str]) -> Result<Vec<RouteView>, LedgerError> {
        self.look(|tx| ids.iter().map(|id| route_view(tx, id)).collect())
    }

    /// How many operations stand in each state.
    pub fn operation_counts(&self) -> Result<Vec<(String, u64)>, LedgerError> {
        let sql = "SELECT state, count(*) FROM operation GROUP BY state";
        self.look(|tx| tx.many(sql, [], |r| Ok((r.get(0)?, r.get(1)?))))
    }

    /// What a register holds of an ente by our books.
    pub fn held(&self, ente: &str, register: &str) -> Result<Vec<HeldFlow>, LedgerError> {
        let sql =
            "SELECT coalesce(s.name, ''), r.id, r.held_key, r.held_generation, r.held_content FROM record r
                 LEFT JOIN operation o ON o.record = r.id AND o.generation = r.held_generation
                 LEFT JOIN submission s ON s.id = o.submission
                 WHERE r.ente = ?1 AND r.register = ?2 AND r.held_content IS NOT NULL";
        self.look(|tx| {
            tx.many(sql, params![ente, register], |r| {
                let (record, generation) = (r.get::<i64>(1)?, r.get::<u64>(3)?);
                Ok(HeldFlow {
                    submission: r.get(0)?,
                    record,
                    content: r.get(4)?,
                    register_key: r.get(2)?,
                    operation: format!("{record}.{generation}"),
                })
            })
        })
    }

    /// The audit chain in order.
    pub fn audit(&self, after: i64, limit: usize) -> Result<Vec<(i64, String, Hash)>, LedgerError> {
        let sql = "SELECT sequence, event, hash FROM audit WHERE sequence > ?1 ORDER BY sequence LIMIT ?2";
        self.look(|tx| tx.many(sql, params![after, limit as i64], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))))
    }

    /// Audit events before a place, newest first.
    pub fn audit_before(&self, before: i64, limit: usize) -> Result<Vec<(i64, String)>, LedgerError> {
        self.look(|tx| {
            let sql = "SELECT sequence, event FROM audit WHERE sequence < ?1 ORDER BY sequence DESC LIMIT ?2";
            tx.many(sql, params![before, limit as i64], |r| Ok((r.get(0)?, r.get(1)?)))
        })
    }
}
