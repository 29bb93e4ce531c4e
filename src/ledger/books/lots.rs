//! What is pushed many persons at a time: lots, and the operations that can go in them now.

use super::decode::{OPERATION, RECORD_OF_LANE, current};
use super::{Tx, params};
use crate::exchange::{LedgerError, Lot, Operation, Record};

type R<T> = Result<T, LedgerError>;

/// Queued bulk operations of a route whose record has a group.
const OF_ROUTE: &str = "o.route = ?1 AND o.state = 'queued'
    AND o.state IN ('queued', 'sending', 'retrying', 'waiting') AND o.interactive = 0 AND r.grouping IS NOT NULL";

/// Nothing of the person is under way at the register, and what the record needs of another register
/// is not under way there.
const READY: &str = "NOT EXISTS (SELECT 1 FROM record r2 JOIN operation o2 ON o2.id = r2.current
      WHERE r2.folder = r.folder AND r2.register = r.register
        AND o2.state IN ('sending', 'retrying', 'waiting', 'uncertain'))
    AND NOT EXISTS (SELECT 1 FROM record n JOIN operation o3 ON o3.id = n.current
      WHERE n.folder = r.folder AND n.register = r.needs_register AND n.key = r.needs
        AND o3.state IN ('sending', 'retrying', 'waiting', 'uncertain'))";

impl Tx<'_> {
    /// The lots of a route of which something is ready.
    pub fn lots_of_route(&self, route: &str) -> R<Vec<Lot>> {
        // While a run selects, its lots grow: they would leave in many small containers.
        let sql = format!(
            "SELECT DISTINCT r.ente, r.register, r.flow, r.grouping
             FROM operation o JOIN record r ON r.id = o.record WHERE {OF_ROUTE}
               AND NOT EXISTS (SELECT 1 FROM run
                 WHERE run.selecting = 1 AND run.route = o.route AND run.ente = r.ente
                   AND run.register = r.register)
               AND {READY}"
        );
        self.many(&sql, [route], |row| {
            Ok(Lot { ente: row.get(0)?, register: row.get(1)?, flow: row.get(2)?, group: row.get(3)? })
        })
    }

    pub(super) fn operations_of_lot(
        &self,
        route: &str,
        lot: &Lot,
        after: i64,
        limit: usize,
    ) -> R<Vec<(Record, Operation)>> {
        let sql = format!(
            "SELECT {OPERATION}, {RECORD_OF_LANE} FROM operation o JOIN record r ON r.id = o.record
             WHERE {OF_ROUTE} AND r.ente = ?2 AND r.register = ?3 AND r.flow = ?4 AND r.grouping = ?5
               AND o.id > ?6 AND {READY}
             ORDER BY o.id LIMIT ?7"
        );
        let of = params![route, lot.ente, lot.register, lot.flow, lot.group, after, limit as i64];
        self.many(&sql, of, current)
    }
}
