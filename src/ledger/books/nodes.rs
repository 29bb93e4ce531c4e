//! The processes that share a ledger: their signs of life, and the duties of which each is one
//! process's alone. Who is dead is judged by whoever watched, on a clock that only goes forward;
//! here stands what follows, in one transaction.

use serde::Serialize;

use super::{Row, Tx, params};
use crate::exchange::{LedgerError, Millis};

type R<T> = Result<T, LedgerError>;

/// Length of a node's id, with which the tokens of its leases begin.
pub const NODE_ID: usize = 36;

/// A process at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeRow {
    pub id: String,
    /// Words with commas between them.
    pub roles: String,
    /// Of raccordo.
    pub version: String,
    pub started_at: Millis,
    /// Its last sign of life, by its own clock.
    pub seen_at: Millis,
    /// Rises with each sign of life.
    pub beats: i64,
}

/// Who has taken on what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DutyRow {
    /// `scheduler`, `look-again`, `feed/ROUTE`, `run/NUMBER`.
    pub name: String,
    pub node: String,
    pub fence: i64,
}

const OPEN: &str = "state IN ('queued', 'sending', 'asking')";

fn node(row: &Row<'_>) -> R<NodeRow> {
    Ok(NodeRow {
        id: row.get(0)?,
        roles: row.get(1)?,
        version: row.get(2)?,
        started_at: row.get(3)?,
        seen_at: row.get(4)?,
        beats: row.get(5)?,
    })
}

impl Tx<'_> {
    /// A sign of life. One that was taken for dead begins anew: what it had is another's by now.
    pub fn beat(&self, id: &str, roles: &str, version: &str, now: Millis) -> R<()> {
        let sql =
            "INSERT INTO node (id, roles, version, started_at, seen_at, beats) VALUES (?1, ?2, ?3, ?4, ?4, 1)
                   ON CONFLICT (id) DO UPDATE SET seen_at = ?4, beats = node.beats + 1";
        self.run(sql, params![id, roles, version, now]).map(drop)
    }

    /// All processes, the oldest first.
    pub fn nodes(&self) -> R<Vec<NodeRow>> {
        let sql = "SELECT id, roles, version, started_at, seen_at, beats FROM node ORDER BY started_at, id";
        self.many(sql, [], node)
    }

    /// Frees everything that a dead process had, unless it has given a sign of life since; true if
    /// it was buried by this. `beats` is what was last seen of it.
    pub fn bury(&self, id: &str, beats: i64) -> R<bool> {
        let gone = self.run("DELETE FROM node WHERE id = ?1 AND beats = ?2", params![id, beats])? > 0;
        if gone {
            self.free_leases_of(id)?;
            // What was in its memory, and in nobody else's.
            let sql = format!(
                "UPDATE submission SET announced_until = 0 WHERE {OPEN} AND announced_until > 0 AND lease_token IS NULL"
            );
            self.run(&sql, [])?;
        }
        Ok(gone)
    }

    /// The process ends: nobody has to wait for what it had.
    pub fn leave(&self, id: &str) -> R<()> {
        self.run("DELETE FROM node WHERE id = ?1", [id])?;
        self.free_leases_of(id)
    }

    fn free_leases_of(&self, node: &str) -> R<()> {
        let sql = "UPDATE duty SET node = NULL, token = NULL WHERE node = ?1 AND name NOT LIKE 'run/%'";
        self.run(sql, [node])?;
        self.run("DELETE FROM duty WHERE node = ?1", [node])?;
        let mine = format!("{node}/");
        let sql = format!(
            "UPDATE submission SET lease_until = NULL, lease_token = NULL, announced_until = 0
             WHERE {OPEN} AND lease_token IS NOT NULL AND substr(lease_token, 1, {}) = ?1",
            NODE_ID + 1
        );
        self.run(&sql, [&mine])?;
        let sql = format!(
            "UPDATE inquiry SET lease_until = NULL, lease_token = NULL, state = 'queued'
             WHERE ended_at IS NULL AND lease_token IS NOT NULL AND substr(lease_token, 1, {}) = ?1",
            NODE_ID + 1
        );
        self.run(&sql, [&mine]).map(drop)
    }

    /// For whoever has the ledger alone: every process that it knows is dead.
    pub fn forget_nodes(&self) -> R<()> {
        self.run("DELETE FROM node", [])?;
        self.run("DELETE FROM duty WHERE name LIKE 'run/%'", [])?;
        self.run("UPDATE duty SET node = NULL, token = NULL WHERE node IS NOT NULL", []).map(drop)
    }

    /// Takes a duty that nobody has, or whose holder is no living process; returns its fence, which
    /// is higher than any before.
    pub fn take_duty(&self, name: &str, node: &str, token: &str) -> R<Option<i64>> {
        let sql = "INSERT INTO duty (name, node, token, fence) VALUES (?1, ?2, ?3, 1)
                   ON CONFLICT (name) DO UPDATE SET node = ?2, token = ?3, fence = duty.fence + 1
                   WHERE duty.node IS NULL OR (duty.node <> ?2 AND NOT EXISTS (SELECT 1 FROM node n WHERE n.id = duty.node))
                   RETURNING fence";
        self.maybe(sql, params![name, node, token], |row| row.get(0))
    }

    /// Whether nobody living has a duty.
    pub fn is_free(&self, name: &str) -> R<bool> {
        let sql = "SELECT 1 FROM duty d WHERE d.name = ?1 AND d.node IS NOT NULL
                     AND EXISTS (SELECT 1 FROM node n WHERE n.id = d.node)";
        Ok(self.maybe(sql, [name], |_| Ok(()))?.is_none())
    }

    /// Makes sure within a transaction that a duty is still its holder's: nobody can take it before
    /// this transaction has ended.
    pub fn keep_duty(&self, name: &str, token: &str, fence: i64) -> R<bool> {
        let sql = "UPDATE duty SET fence = ?3 WHERE name = ?1 AND token = ?2 AND fence = ?3";
        Ok(self.run(sql, params![name, token, fence])? == 1)
    }

    /// Gives a duty back, if it is still its holder's. That of a run ends with it.
    pub fn leave_duty(&self, name: &str, token: &str) -> R<()> {
        let sql = if name.starts_with("run/") {
            "DELETE FROM duty WHERE name = ?1 AND token = ?2"
        } else {
            "UPDATE duty SET node = NULL, token = NULL WHERE name = ?1 AND token = ?2"
        };
        self.run(sql, params![name, token]).map(drop)
    }

    /// Makes sure within a transaction that a worker still has its container: nobody can take it
    /// before this transaction has ended.
    pub fn hold_lease(&self, submission: i64, token: &str) -> R<bool> {
        let sql = "UPDATE submission SET lease_token = ?2 WHERE id = ?1 AND lease_token = ?2";
        Ok(self.run(sql, params![submission, token])? == 1)
    }

    /// As [`Tx::hold_lease`], of a question that is still open.
    pub fn hold_inquiry(&self, inquiry: i64, token: &str) -> R<bool> {
        let sql =
            "UPDATE inquiry SET lease_token = ?2 WHERE id = ?1 AND lease_token = ?2 AND ended_at IS NULL";
        Ok(self.run(sql, params![inquiry, token])? == 1)
    }

    /// The processes that have containers in hand.
    pub fn lease_holders(&self) -> R<Vec<String>> {
        let sql = "SELECT DISTINCT substr(lease_token, 1, 36) FROM submission WHERE lease_token IS NOT NULL";
        self.many(sql, [], |row| row.get(0))
    }

    /// Who has which duty.
    pub fn duties(&self) -> R<Vec<DutyRow>> {
        let sql = "SELECT name, node, fence FROM duty WHERE node IS NOT NULL ORDER BY name";
        self.many(sql, [], |row| Ok(DutyRow { name: row.get(0)?, node: row.get(1)?, fence: row.get(2)? }))
    }

    /// Keeps a check value under a name, if there is none yet; returns the one that stands.
    pub fn agree(&self, name: &str, check_value: &[u8]) -> R<Vec<u8>> {
        let sql =
            "INSERT INTO installation (name, check_value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
        self.run(sql, params![name, check_value])?;
        let sql = "SELECT check_value FROM installation WHERE name = ?1";
        self.one("the check value", sql, [name], |row| row.get(0))
    }

    /// Notes a proof as used; false if it was before. Those that are too old are forgotten.
    pub fn use_proof(&self, id: &[u8], now_s: i64, until_s: i64) -> R<bool> {
        self.run("DELETE FROM used_proof WHERE until < ?1", [now_s])?;
        let sql = "INSERT INTO used_proof (id, until) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING";
        Ok(self.run(sql, params![id, until_s])? == 1)
    }
}
