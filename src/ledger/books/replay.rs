//! Which stored records a replay speaks of, and how far one has come.

use serde::{Deserialize, Serialize};

use super::folders::{FOLDER, folder};
use super::runs::RunOrder;
use super::{Books, Row, Tx, params};
use crate::exchange::LedgerError;
use crate::ledger::FolderRow;

type R<T> = Result<T, LedgerError>;

/// What selects the records of one ente in one register. Ids and words only: it is kept with the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayScope {
    pub ente: String,
    pub register: String,
    /// Only records that a version of this family made.
    pub flow: Option<String>,
    /// Only records that touch this span of days (ISO, both inclusive).
    pub days: Option<(String, String)>,
    /// Only records of which a finding of this rule speaks.
    pub rule: Option<String>,
    /// Only records that stand so: `refused`, `set_aside`, `vanished`, `accepted`, or the state of
    /// what is under way.
    pub state: Option<String>,
    /// Only records whose newest operation has a receipt with this code.
    pub code: Option<String>,
    /// Only these folders, by the CSI product's id; empty = all.
    pub folders: Vec<String>,
    /// Send also what did not change, and what was refused just so.
    pub also_unchanged: bool,
}

impl ReplayScope {
    /// True when whole folders are spoken of, not single records of them.
    pub const fn of_whole_folders(&self) -> bool {
        self.days.is_none() && self.rule.is_none() && self.state.is_none() && self.code.is_none()
    }
}

/// How far a replay has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayHead {
    pub flow: String,
    pub route: String,
    pub scope: ReplayScope,
    /// The last folder that is done.
    pub cursor: i64,
    /// What was found so far, as JSON.
    pub changes: String,
    pub actor: String,
}

/// The states that may be asked for.
pub const STATES: &[&str] = &[
    "refused",
    "set_aside",
    "vanished",
    "accepted",
    "queued",
    "sending",
    "retrying",
    "waiting",
    "uncertain",
    "parked",
];

/// Which records a scope speaks of; `{list}` are the texts of its ninth parameter.
const SELECTED: &str =
    "r.ente = ?1 AND r.register = ?2 AND (?3 IS NULL OR substr(r.flow, 1, length(?3) + 1) = ?3 || '/')
   AND (?4 IS NULL OR (r.from_day <= ?5 AND r.to_day >= ?4))
   AND (?6 IS NULL OR EXISTS (SELECT 1 FROM finding n WHERE n.folder = r.folder AND n.flow = r.flow
     AND n.rule = ?6 AND (n.record IS NULL OR n.record = r.key)))
   AND (?7 IS NULL OR CASE ?7
     WHEN 'refused' THEN r.refused_kind IS NOT NULL
     WHEN 'set_aside' THEN r.desired = 'set_aside'
     WHEN 'vanished' THEN r.desired = 'vanished'
     WHEN 'accepted' THEN r.held_content IS NOT NULL
     ELSE EXISTS (SELECT 1 FROM operation o WHERE o.id = r.current AND o.state = ?7) END)
   AND (?8 IS NULL OR EXISTS (SELECT 1 FROM operation o JOIN receipt t ON t.operation = o.id
     WHERE o.record = r.id AND o.generation = r.generation AND t.code = ?8))
   AND (?9 IS NULL OR r.folder IN (SELECT id FROM folder WHERE ente = ?1
     AND folder_id IN {list}))";

fn selected(tx: &Tx<'_>) -> String {
    SELECTED.replace("{list}", &tx.list("?9"))
}

/// Runs a query over `SELECTED` with two more parameters.
fn ask<T>(
    tx: &Tx<'_>,
    sql: &str,
    scope: &ReplayScope,
    more: (i64, i64),
    read: impl FnMut(&Row<'_>) -> R<T>,
) -> R<Vec<T>> {
    let folders = (!scope.folders.is_empty()).then(|| serde_json::json!(scope.folders).to_string());
    let (from, to) = scope.days.clone().unzip();
    let asked = params![
        scope.ente,
        scope.register,
        scope.flow,
        from,
        to,
        scope.rule,
        scope.state,
        scope.code,
        folders,
        more.0,
        more.1
    ];
    tx.many(sql, asked, read)
}

/// The selected records of one folder.
fn records(tx: &Tx<'_>, scope: &ReplayScope, folder: i64) -> R<Vec<i64>> {
    let sql = format!("SELECT r.id FROM record r WHERE {} AND r.folder = ?10 AND ?11 = 0", selected(tx));
    ask(tx, &sql, scope, (folder, 0), |row| row.get(0))
}

impl Books {
    /// The folders after `after` that hold a selected record.
    pub fn folders_to_replay(&self, scope: &ReplayScope, after: i64, limit: usize) -> R<Vec<FolderRow>> {
        self.look(|tx| {
            // By folder, so that the walk goes on where it stopped, whatever was selected meanwhile.
            let sql = format!(
                "SELECT f.id, f.ente, f.folder_id, f.version, f.wrapped_key, f.person, f.content, f.body,
                   f.saved_at, f.look_again
                 FROM folder f WHERE f.ente = ?1 AND f.id > ?10
                   AND EXISTS (SELECT 1 FROM record r WHERE r.folder = f.id AND {})
                 ORDER BY f.id LIMIT ?11",
                selected(tx)
            );
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            ask(tx, &sql, scope, (after, limit), folder)
        })
    }

    /// An ente's folders after `after`, whatever they hold.
    pub fn folders_of(&self, ente: &str, after: i64, limit: usize) -> R<Vec<FolderRow>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = format!("SELECT {FOLDER} FROM folder WHERE ente = ?1 AND id > ?2 ORDER BY id LIMIT ?3");
        self.look(|tx| tx.many(&sql, params![ente, after, limit], folder))
    }

    /// The selected records of one folder.
    pub fn records_to_replay(&self, scope: &ReplayScope, folder: i64) -> R<Vec<i64>> {
        self.look(|tx| records(tx, scope, folder))
    }

    /// The records of a folder in a register.
    pub fn records_of(&self, folder: i64, register: &str) -> R<Vec<crate::exchange::Record>> {
        self.look(|tx| {
            let sql =
                format!("SELECT {} FROM record WHERE folder = ?1 AND register = ?2", super::decode::RECORD);
            tx.many(&sql, params![folder, register], super::decode::record)
        })
    }

    /// A replay that is not done.
    pub fn replay(&self, run: i64) -> R<Option<ReplayHead>> {
        let sql = "SELECT flow, route, filter, cursor, coalesce(changes, '{}'), actor FROM run
                 WHERE id = ?1 AND kind = 'replay' AND selecting = 1";
        let found = self.look(|tx| {
            tx.maybe(sql, [run], |r| {
                let filter: String = r.get(2)?;
                Ok((filter, r.get(0)?, r.get(1)?, r.get(3)?, r.get(4)?, r.get(5)?))
            })
        })?;
        let Some((filter, flow, route, cursor, changes, actor)) = found else { return Ok(None) };
        let scope = serde_json::from_str(&filter)
            .map_err(|_| LedgerError::Corrupt(format!("the filter of run {run}")))?;
        Ok(Some(ReplayHead { flow, route, scope, cursor, changes, actor }))
    }
}

impl Tx<'_> {
    /// Opens a replay. Its cancels, replacements apart, always wait for a person: how many there
    /// will be is not known before.
    pub fn open_replay(&self, order: &RunOrder, scope: &ReplayScope) -> R<i64> {
        let run = self.open_run(order)?;
        let filter = serde_json::to_string(scope).map_err(super::store)?;
        let sql = "UPDATE run SET kind = 'replay', hold = 1, filter = ?2 WHERE id = ?1";
        self.run(sql, params![run, filter])?;
        Ok(run)
    }

    /// The selected records of one folder.
    pub fn records_to_replay(&self, scope: &ReplayScope, folder: i64) -> R<Vec<i64>> {
        records(self, scope, folder)
    }

    /// Moves a replay on; an error when something else moved or cancelled it meanwhile.
    pub fn advance_replay(
        &self,
        run: i64,
        (from, to): (i64, i64),
        selected: u64,
        more: bool,
        changes: &str,
    ) -> R<()> {
        let sql = "UPDATE run SET cursor = ?3, selected = selected + ?4, selecting = ?5, changes = ?6
                   WHERE id = ?1 AND cursor = ?2 AND selecting = 1 AND kind = 'replay'";
        match self.run(sql, params![run, from, to, selected, more, changes])? {
            1 => Ok(()),
            _ => Err(LedgerError::Refused(format!("overtaken: run {run} was moved on or cancelled"))),
        }
    }

    /// Replays that a death interrupted.
    pub fn unfinished_replays(&self) -> R<Vec<i64>> {
        let sql = "SELECT id FROM run WHERE selecting = 1 AND kind = 'replay' ORDER BY id";
        self.many(sql, [], |row| row.get(0))
    }
}
