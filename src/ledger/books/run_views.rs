//! Runs with their balances, as people and programs ask for them.

use super::{Books, R, Row, Tx, params};
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
        // Heads and counts of one moment: a balance read in two would not close.
        self.look(|tx| {
            let sql = format!(
                "SELECT id, ente, register, flow, period, route, started_at, actor, selecting, selected, kind,
                   cancelled_at, filter, changes FROM run
                 WHERE (?1 IS NULL OR id = ?1)
                   AND (?2 IS NULL OR ente IN {})
                 ORDER BY id DESC LIMIT ?3",
                tx.list("?2")
            );
            let mut runs = tx.many(&sql, params![only, enti, limit as i64], head)?;
            runs.iter_mut().try_for_each(|run| fill(tx, run))?;
            Ok(runs)
        })
    }
}

fn head(r: &Row<'_>) -> R<RunHead> {
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

fn fill(tx: &Tx<'_>, run: &mut RunHead) -> R<()> {
    let sql = "SELECT bucket, count(*) FROM run_row WHERE run = ?1 GROUP BY bucket";
    let counts = tx.many(sql, [run.id], |row| Ok((Bucket::from_word(row.text(0)?), row.get(1)?)))?;
    for (bucket, count) in counts {
        if let Some(bucket) = bucket {
            run.balance.add(bucket, count);
        }
    }
    Ok(())
}
