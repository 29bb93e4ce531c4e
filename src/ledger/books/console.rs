//! What people look at, cut to what they may see before anything is counted. Read-only, but for the
//! samples of readiness.

use super::views::{OPERATION_VIEW, OperationView, Standing, operation_view};
use super::{Books, Row, Tx, params};
use crate::exchange::{Hash, LedgerError, Millis, RecordId};
use crate::ledger::RunHead;

type R<T> = Result<T, LedgerError>;

/// The enti and registers whose rows may be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(Option<String>);

impl Scope {
    /// Everything.
    pub const fn all() -> Self {
        Self(None)
    }

    /// These pairs of ente and register only.
    pub fn of<'p>(pairs: impl Iterator<Item = (&'p str, &'p str)>) -> Self {
        let mut text = String::from("|");
        for (ente, register) in pairs {
            text.push_str(&format!("{ente}/{register}|"));
        }
        Self(Some(text))
    }

    /// Whether rows of a pair are in it.
    pub fn has(&self, ente: &str, register: &str) -> bool {
        self.0.as_deref().is_none_or(|text| text.contains(&format!("|{ente}/{register}|")))
    }
}

/// The scope in a statement: `r` has ente and register. Names with wildcards may let a row too many
/// through; whoever asks cuts again with [`Scope::has`].
const IN_SCOPE: &str = "(?1 IS NULL OR ?1 LIKE '%|' || r.ente || '/' || r.register || '|%')";

/// An operation on a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationLine {
    pub view: OperationView,
    pub register: String,
    pub flow: String,
    pub queued_at: Millis,
    pub record: RecordId,
    /// What it carries.
    pub content: Hash,
}

/// A record of a folder: both of its sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSides {
    pub id: RecordId,
    pub flow: String,
    pub register: String,
    pub key: String,
    pub from_day: String,
    pub to_day: String,
    pub desired: String,
    pub desired_content: Option<Hash>,
    pub held_content: Option<Hash>,
    pub held_generation: Option<u64>,
    /// When the receipt for what is held was settled; absent where it was adopted.
    pub held_at: Option<Millis>,
    /// Mapping rows that fired.
    pub rows: Vec<u8>,
    /// The operation under way, or the last one.
    pub state: Option<String>,
    pub submission: Option<String>,
}

impl RecordSides {
    /// Whether the register knows what it should.
    pub fn is_up_to_date(&self) -> bool {
        match self.desired.as_str() {
            "present" => self.held_content.is_some() && self.held_content == self.desired_content,
            "set_aside" | "vanished" => false,
            _ => self.held_content.is_none(),
        }
    }
}

/// A change of an operation's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransitionView {
    pub at: Millis,
    pub from: String,
    pub to: String,
    pub cause: String,
    pub operation: i64,
    pub kind: String,
    pub register: String,
    pub record: String,
    pub submission: Option<String>,
}

/// Whose transitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    Folder(i64),
    Submission(i64),
}

/// A rule and how many records of a run it keeps back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleShare {
    pub rule: String,
    pub records: u64,
    /// One of its findings, as stored.
    pub example: String,
}

/// How ready a flow was at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadinessSample {
    pub at: Millis,
    pub ente: String,
    pub flow: String,
    pub register: String,
    pub records: u64,
    pub ready: u64,
}

impl Books {
    /// The operations of a container, with what they carry.
    pub fn operation_lines_of(&self, submission: i64) -> R<Vec<OperationLine>> {
        let sql = format!(
            "SELECT {}, r.register, r.flow, o.queued_at, r.id, o.content {} WHERE o.submission = ?1 ORDER BY o.id",
            view().0,
            view().1
        );
        self.look(|tx| tx.many(&sql, [submission], line))
    }

    /// Runs that may be seen, newest first; with `held` only those that wait for an approval.
    pub fn runs_seen(&self, scope: &Scope, held: bool, limit: usize) -> R<Vec<RunHead>> {
        let sql = format!(
            "SELECT r.id FROM run r WHERE {IN_SCOPE} AND (?2 = 0 OR (r.cancelled_at IS NULL AND EXISTS
               (SELECT 1 FROM run_row x WHERE x.run = r.id AND x.bucket = 'held')))
             ORDER BY r.id DESC LIMIT ?3"
        );
        let values = params![scope.0, i64::from(held), limit as i64];
        let ids: Vec<i64> = self.look(|tx| tx.many(&sql, values, |row| row.get(0)))?;
        let mut heads = Vec::with_capacity(ids.len());
        for id in ids {
            heads.extend(self.runs(Some(id), 1)?);
        }
        heads.retain(|run| scope.has(&run.ente, &run.register));
        Ok(heads)
    }

    /// Both sides of every record of a folder, flow by flow.
    pub fn sides_of(&self, folder: i64) -> R<Vec<RecordSides>> {
        let sql =
            "SELECT r.id, r.flow, r.register, r.key, r.from_day, r.to_day, r.desired, r.desired_content,
                r.held_content, r.held_generation,
                (SELECT max(t.at) FROM operation h JOIN transition t ON t.operation = h.id
                  WHERE h.record = r.id AND h.generation = r.held_generation AND t.to_state = 'accepted'),
                coalesce(r.rows, ?2), o.state, s.name
              FROM record r LEFT JOIN operation o ON o.record = r.id AND o.generation = r.generation
              LEFT JOIN submission s ON s.id = o.submission
              WHERE r.folder = ?1 ORDER BY r.flow, r.key";
        let none: &[u8] = &[];
        self.look(|tx| tx.many(sql, params![folder, none], sides))
    }

    /// Changes of state, oldest first; the newest `limit` of them.
    pub fn transitions_of(&self, whose: Whose, limit: usize) -> R<Vec<TransitionView>> {
        let (clause, id) = match whose {
            Whose::Folder(id) => ("r.folder = ?1", id),
            Whose::Submission(id) => ("o.submission = ?1", id),
        };
        let sql = format!(
            "SELECT t.at, t.from_state, t.to_state, t.cause, o.id, o.kind, r.register, r.key, s.name
             FROM operation o JOIN record r ON r.id = o.record JOIN transition t ON t.operation = o.id
             LEFT JOIN submission s ON s.id = o.submission
             WHERE {clause} ORDER BY t.at DESC, o.id DESC LIMIT ?2"
        );
        let mut found = self.look(|tx| tx.many(&sql, params![id, limit as i64], transition))?;
        found.reverse();
        Ok(found)
    }

    /// The refused operations of a run: the newest one of each record that it counts so.
    pub fn refused_of(&self, run: i64, limit: usize) -> R<Vec<i64>> {
        let sql = "SELECT o.id FROM run_row x JOIN record r ON r.id = x.record
                   JOIN operation o ON o.record = r.id AND o.generation = r.generation
                   WHERE x.run = ?1 AND x.bucket = 'refused' ORDER BY o.id LIMIT ?2";
        self.look(|tx| tx.many(sql, params![run, limit as i64], |row| row.get(0)))
    }

    /// The rules that keep records of a run aside, most frequent first.
    pub fn set_aside_by_rule(&self, run: i64, limit: usize) -> R<Vec<RuleShare>> {
        let sql = "SELECT n.rule, count(DISTINCT r.id) AS many, max(n.finding)
                   FROM run_row x JOIN record r ON r.id = x.record
                   JOIN finding n ON n.folder = r.folder AND n.flow = r.flow
                     AND (n.record IS NULL OR n.record = r.key) AND n.severity = 'withhold'
                   WHERE x.run = ?1 AND x.bucket = 'set_aside'
                   GROUP BY n.rule ORDER BY many DESC, n.rule LIMIT ?2";
        self.look(|tx| {
            tx.many(sql, params![run, limit as i64], |row| {
                Ok(RuleShare { rule: row.get(0)?, records: row.get(1)?, example: row.get(2)? })
            })
        })
    }

    /// Some of the records of a run that a rule keeps aside: folder and key.
    pub fn set_aside_by(&self, run: i64, rule: &str, limit: usize) -> R<Vec<(String, String)>> {
        let sql = "SELECT f.folder_id, r.key FROM finding n JOIN record r ON r.folder = n.folder AND r.flow = n.flow
                     AND (n.record IS NULL OR n.record = r.key)
                   JOIN run_row x ON x.record = r.id AND x.run = ?1 AND x.bucket = 'set_aside'
                   JOIN folder f ON f.id = r.folder
                   WHERE n.rule = ?2 AND n.severity = 'withhold' ORDER BY r.id LIMIT ?3";
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        self.look(|tx| tx.many(sql, params![run, rule, limit as i64], read))
    }

    /// The records of a run after a record: folder, key, where they stand; for files of it.
    pub fn rows_of_run(
        &self,
        run: i64,
        after: RecordId,
        limit: usize,
    ) -> R<Vec<(RecordId, String, String, String)>> {
        let sql = "SELECT r.id, f.folder_id, r.key, x.bucket FROM run_row x JOIN record r ON r.id = x.record
                   JOIN folder f ON f.id = r.folder
                   WHERE x.run = ?1 AND x.record > ?2 ORDER BY x.record LIMIT ?3";
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        self.look(|tx| tx.many(sql, params![run, after, limit as i64], read))
    }

    /// How ready flows were since a moment, oldest first.
    pub fn readiness_since(&self, since: Millis) -> R<Vec<ReadinessSample>> {
        let sql = "SELECT at, ente, flow, register, records, ready FROM readiness
                   WHERE at >= ?1 ORDER BY at, ente, flow";
        self.look(|tx| {
            tx.many(sql, [since], |row| {
                Ok(ReadinessSample {
                    at: row.get(0)?,
                    ente: row.get(1)?,
                    flow: row.get(2)?,
                    register: row.get(3)?,
                    records: row.get(4)?,
                    ready: row.get(5)?,
                })
            })
        })
    }

    /// When readiness was sampled last, and when the last run was started; 0 = never.
    pub fn last_sample_and_run(&self) -> R<(Millis, Millis)> {
        let sql = "SELECT coalesce((SELECT max(at) FROM readiness), 0), coalesce((SELECT max(started_at) FROM run), 0)";
        self.look(|tx| tx.one("the samples", sql, [], |row| Ok((row.get(0)?, row.get(1)?))))
    }
}

impl Tx<'_> {
    /// Keeps how ready the flows are now, and forgets what is older than `before`.
    pub fn keep_readiness(&mut self, at: Millis, standings: &[Standing], before: Millis) -> R<()> {
        let sql =
            "INSERT INTO readiness (at, ente, flow, register, records, ready) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                   ON CONFLICT DO NOTHING";
        for of in standings {
            self.run(sql, params![at, of.ente, of.flow, of.register, of.records, of.ready])?;
        }
        self.run("DELETE FROM readiness WHERE at < ?1", [before]).map(drop)
    }
}

/// Columns and tables of an operation's view.
fn view() -> (&'static str, &'static str) {
    OPERATION_VIEW.find("FROM ").map_or((OPERATION_VIEW, ""), |at| OPERATION_VIEW.split_at(at))
}

fn line(row: &Row<'_>) -> R<OperationLine> {
    Ok(OperationLine {
        view: operation_view(row)?,
        register: row.get(10)?,
        flow: row.get(11)?,
        queued_at: row.get(12)?,
        record: row.get(13)?,
        content: row.get(14)?,
    })
}

fn sides(row: &Row<'_>) -> R<RecordSides> {
    Ok(RecordSides {
        id: row.get(0)?,
        flow: row.get(1)?,
        register: row.get(2)?,
        key: row.get(3)?,
        from_day: row.get(4)?,
        to_day: row.get(5)?,
        desired: row.get(6)?,
        desired_content: row.get(7)?,
        held_content: row.get(8)?,
        held_generation: row.get(9)?,
        held_at: row.get(10)?,
        rows: row.get(11)?,
        state: row.get(12)?,
        submission: row.get(13)?,
    })
}

fn transition(row: &Row<'_>) -> R<TransitionView> {
    Ok(TransitionView {
        at: row.get(0)?,
        from: row.get(1)?,
        to: row.get(2)?,
        cause: row.get(3)?,
        operation: row.get(4)?,
        kind: row.get(5)?,
        register: row.get(6)?,
        record: row.get(7)?,
        submission: row.get(8)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_has_what_it_was_given() {
        let scope = Scope::of([("H501", "a"), ("F205", "b_c")].into_iter());
        assert!(scope.has("H501", "a") && scope.has("F205", "b_c"));
        assert!(!scope.has("H501", "b_c") && !scope.has("F205", "bxc") && !scope.has("", ""));
        assert!(Scope::all().has("X", "y"));
        assert!(!Scope::of(std::iter::empty()).has("", ""), "nothing is not everything");
    }
}
