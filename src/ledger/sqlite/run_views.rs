//! Runs with their balances, as people and programs ask for them.

use rusqlite::{Connection, Row, params};

use super::Books;
use crate::exchange::{Balance, Bucket, LedgerError};
use crate::ledger::RunHead;

impl Books {
    /// Runs of some enti, newest first, each with its balance; the limit counts theirs only.
    pub fn runs_of(&self, enti: &[String], limit: usize) -> Result<Vec<RunHead>, LedgerError> {
        self.run_heads(None, Some(enti), limit)
    }

    pub(super) fn run_heads(
        &self,
        only: Option<i64>,
        enti: Option<&[String]>,
        limit: usize,
    ) -> Result<Vec<RunHead>, LedgerError> {
        let enti = enti.map(|enti| serde_json::json!(enti).to_string());
        self.read(|c| {
            // One snapshot for heads and counts: a balance read in two moments would not close.
            let c = c.unchecked_transaction()?;
            let mut statement = c.prepare_cached(
                "SELECT id, ente, register, flow, period, route, started_at, actor, selecting, selected, kind,
                   cancelled_at, filter, changes FROM run
                 WHERE (?1 IS NULL OR id = ?1)
                   AND (?2 IS NULL OR ente IN (SELECT value FROM json_each(?2)))
                 ORDER BY id DESC LIMIT ?3",
            )?;
            let rows = statement.query_map(params![only, enti, limit as i64], head)?;
            let mut runs = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            for run in &mut runs {
                fill(&c, run)?;
            }
            Ok(runs)
        })
    }
}

fn head(r: &Row<'_>) -> rusqlite::Result<RunHead> {
    Ok(RunHead {
        id: r.get(0)?,
        ente: r.get(1)?,
        register: r.get(2)?,
        flow: r.get(3)?,
        period: r.get(4)?,
        route: r.get(5)?,
        started_at: r.get(6)?,
        actor: r.get(7)?,
        selecting: r.get(8)?,
        kind: r.get(10)?,
        cancelled_at: r.get(11)?,
        filter: r.get(12)?,
        changes: r.get(13)?,
        balance: Balance::new(r.get(9)?),
    })
}

fn fill(c: &Connection, run: &mut RunHead) -> rusqlite::Result<()> {
    let mut statement =
        c.prepare_cached("SELECT bucket, count(*) FROM run_row WHERE run = ?1 GROUP BY bucket")?;
    let mut rows = statement.query([run.id])?;
    while let Some(row) = rows.next()? {
        let word: String = row.get(0)?;
        if let Some(bucket) = Bucket::from_word(&word) {
            run.balance.add(bucket, row.get(1)?);
        }
    }
    Ok(())
}
