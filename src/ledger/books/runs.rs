//! Runs in SQLite: selected in chunks, each chunk one transaction, so that nothing stalls.

use super::{Tx, params};
use crate::exchange::{Bucket, LedgerError, Millis, Order, select};

type R<T> = Result<T, LedgerError>;

/// What a run shall bring up to date.
#[derive(Clone, Debug)]
pub struct RunOrder {
    pub ente: String,
    pub register: String,
    pub flow: String,
    /// As written by whoever asked; empty for one folder.
    pub period: String,
    /// Records that begin on this day or before (ISO); `None` is all.
    pub until: Option<String>,
    /// Only this folder.
    pub folder: Option<i64>,
    pub order: Order,
    /// Cancels that replace nothing are held when there are more than this many.
    pub hold_above: u64,
    pub actor: String,
    pub now: Millis,
}

const OF_ENTE: &str = "ente = ?1 AND register = ?2 AND flow = ?3 AND (?4 IS NULL OR from_day <= ?4)
   AND ?5 IS NULL";
/// The `||` keeps SQLite from walking all records of the ente for the few of one folder.
const OF_FOLDER: &str = "ente || '' = ?1 AND register = ?2 AND flow = ?3 AND (?4 IS NULL OR from_day <= ?4)
   AND folder = ?5";

const fn in_scope(folder: Option<i64>) -> &'static str {
    if folder.is_some() { OF_FOLDER } else { OF_ENTE }
}

impl Tx<'_> {
    /// Opens a run; its records are selected by [`Tx::select_chunk`].
    pub fn open_run(&self, run: &RunOrder) -> R<i64> {
        let sql = format!(
            "SELECT count(*) FROM record WHERE {} AND desired IN ('annulled', 'changed', 'complete')
               AND held_content IS NOT NULL AND current IS NULL",
            in_scope(run.folder)
        );
        let scope = params![run.ente, run.register, run.flow, run.until, run.folder];
        let cancels: u64 = self.one("the count", &sql, scope, |row| row.get(0))?;
        self.add(
            "INSERT INTO run (ente, register, flow, period, until_day, folder, route, interactive, hold, started_at,
               actor, kind, hold_above, selecting)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 1)",
            params![
                run.ente,
                run.register,
                run.flow,
                run.period,
                run.until,
                run.folder,
                run.order.route,
                run.order.interactive,
                cancels > run.hold_above,
                run.now,
                run.actor,
                if run.folder.is_some() { "sync" } else { "report" },
                i64::try_from(run.hold_above).unwrap_or(i64::MAX)
            ],
        )
    }

    /// Selects the next records of a run; true while there are more.
    ///
    /// A run that began below its threshold holds what comes above it while it selects.
    pub fn select_chunk(&mut self, run: i64, limit: usize, now: Millis) -> R<bool> {
        let sql =
            "SELECT ente, register, flow, until_day, folder, route, interactive, hold, cursor, hold_above,
                   cancels FROM run
                   WHERE id = ?1 AND selecting = 1 AND kind <> 'replay'";
        let head = self.maybe(sql, [run], |r| {
            let order = Order { route: r.get(5)?, interactive: r.get(6)? };
            let scope: (String, String, String, Option<String>, Option<i64>) =
                (r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?);
            Ok((scope, order, r.get::<bool>(7)?, r.get::<i64>(8)?, (r.get(9)?, r.get(10)?)))
        })?;
        let Some(((ente, register, flow, until, folder), order, hold, cursor, threshold)) = head else {
            return Ok(false);
        };
        let scope = in_scope(folder);
        let sql = format!("SELECT id FROM record WHERE {scope} AND id > ?6 ORDER BY id LIMIT ?7");
        let scope = params![ente, register, flow, until, folder, cursor, limit as i64];
        let ids: Vec<i64> = self.many(&sql, scope, |row| row.get(0))?;
        let (hold_above, mut cancels): (u64, u64) = threshold;
        let mut selected = 0_i64;
        for id in &ids {
            let hold = hold || cancels >= hold_above;
            let Some(found) = select(self, run, *id, &order, hold, now)? else { continue };
            selected += 1;
            cancels += u64::from(found.cancels && found.bucket == Bucket::Queued);
        }
        let more = ids.len() == limit;
        let last = ids.last().copied().unwrap_or(cursor);
        let sql = "UPDATE run SET selected = selected + ?2, cursor = ?3, selecting = ?4, cancels = ?5
                   WHERE id = ?1";
        self.run(sql, params![run, selected, last, more, cancels])?;
        Ok(more)
    }

    /// Runs whose selection was interrupted.
    pub fn unfinished_runs(&self) -> R<Vec<i64>> {
        let sql = "SELECT id FROM run WHERE selecting = 1 AND kind <> 'replay' ORDER BY id";
        self.many(sql, [], |row| row.get(0))
    }

    /// Whether a run that feeds a route still selects its records.
    pub fn is_being_fed(&self, route: &str) -> R<bool> {
        let sql = "SELECT 1 FROM run WHERE route = ?1 AND selecting = 1 LIMIT 1";
        Ok(self.maybe(sql, [route], |_| Ok(()))?.is_some())
    }

    /// The ente of a run and how its records leave.
    pub fn ente_of_run(&self, run: i64) -> R<(String, Order)> {
        let sql = "SELECT ente, route, interactive FROM run WHERE id = ?1";
        self.one("the run", sql, [run], |row| {
            let order = Order { route: row.get(1)?, interactive: row.get(2)? };
            Ok((row.get(0)?, order))
        })
    }
}
