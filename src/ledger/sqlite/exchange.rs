//! The exchange's rows in SQLite.

use jiff::civil::Date;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, params};

use super::{Tx, store};
use crate::exchange::{
    Absence, Bucket, Desired, Hash, Held, Kind, Ledger, LedgerError, Millis, Offered, Operation, Order,
    Receipt, Record, RecordId, RouteState, RunRow, State, Submission, SubmissionState, Suspension, Trouble,
};

type R<T> = Result<T, LedgerError>;

const RECORD: &str =
    "id, ente, register, flow, folder, key, source, from_day, to_day, desired, desired_content,
  desired_key, held_content, held_key, held_generation, current, refused_kind, refused_content, generation,
  due_route, due_interactive, due_replace, trouble";
const OPERATION: &str = "o.id, o.record, o.generation, o.kind, o.state, o.content, o.register_key, o.route,
  o.interactive, o.queued_at, o.submission";
/// The condition of the index `operation_open`, word for word: SQLite proves no other form of it, and
/// would scan every operation ever made.
pub(super) const OPEN: &str = "o.state IN ('queued', 'sending', 'retrying', 'waiting')";
const SUBMISSION: &str = "s.id, s.route, s.name, s.timestamp, s.state";

impl Tx<'_> {
    pub(super) fn many<T>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> R<Vec<T>> {
        let mut statement = self.connection.prepare_cached(sql).map_err(store)?;
        let rows = statement.query_map(parameters, read).map_err(store)?;
        rows.collect::<Result<_, _>>().map_err(store)
    }

    pub(super) fn maybe<T>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> R<Option<T>> {
        let mut statement = self.connection.prepare_cached(sql).map_err(store)?;
        statement.query_row(parameters, read).optional().map_err(store)
    }

    pub(super) fn one<T>(
        &self,
        what: &str,
        sql: &str,
        parameters: impl rusqlite::Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> R<T> {
        self.maybe(sql, parameters, read)?.ok_or_else(|| LedgerError::Missing(what.to_owned()))
    }

    pub(super) fn run(&self, sql: &str, parameters: impl rusqlite::Params) -> R<usize> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(parameters))
            .map_err(store)
    }

    pub(super) fn add(&self, sql: &str, parameters: impl rusqlite::Params) -> R<i64> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.insert(parameters))
            .map_err(store)
    }
}

impl Ledger for Tx<'_> {
    fn records_of_folder(&mut self, folder: i64, register: &str) -> R<Vec<Record>> {
        let sql = format!("SELECT {RECORD} FROM record WHERE folder = ?1 AND register = ?2");
        self.many(&sql, params![folder, register], record)
    }

    fn record(&mut self, id: RecordId) -> R<Record> {
        self.one("the record", &format!("SELECT {RECORD} FROM record WHERE id = ?1"), [id], record)
    }

    fn add_record(&mut self, r: &Record) -> R<RecordId> {
        let (desired, content, key) = desired_columns(&r.desired);
        self.add(
            "INSERT INTO record (ente, register, flow, folder, key, source, from_day, to_day, desired,
               desired_content, desired_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                r.ente,
                r.register,
                r.flow,
                r.folder,
                r.key,
                r.source,
                r.from.to_string(),
                r.to.to_string(),
                desired,
                content,
                key
            ],
        )
    }

    fn put_record(&mut self, r: &Record) -> R<()> {
        let (desired, content, key) = desired_columns(&r.desired);
        let held = r.held.as_ref();
        let due = r.due.as_ref();
        let changed = self.run(
            "UPDATE record SET flow = ?2, source = ?3, from_day = ?4, to_day = ?5, desired = ?6,
               desired_content = ?7, desired_key = ?8, held_content = ?9, held_key = ?10, held_generation = ?11,
               current = ?12, refused_kind = ?13, refused_content = ?14, generation = ?15, due_route = ?16,
               due_interactive = ?17, due_replace = ?18, trouble = ?19 WHERE id = ?1",
            params![
                r.id,
                r.flow,
                r.source,
                r.from.to_string(),
                r.to.to_string(),
                desired,
                content,
                key,
                held.map(|held| held.content),
                held.map(|held| held.register_key),
                held.map(|held| held.generation),
                r.current,
                r.refused.map(|(kind, _)| kind.word()),
                r.refused.map(|(_, content)| content),
                r.generation,
                due.map(|due| due.route.as_str()),
                due.map(|due| due.interactive),
                due.map(|due| due.can_replace),
                r.trouble.map(|Trouble::Contradiction| "contradiction"),
            ],
        )?;
        if changed == 1 { Ok(()) } else { Err(LedgerError::Missing("the record".into())) }
    }

    fn operation(&mut self, id: i64) -> R<Operation> {
        let sql = format!("SELECT {OPERATION} FROM operation o WHERE o.id = ?1");
        self.one("the operation", &sql, [id], operation)
    }

    fn add_operation(&mut self, o: &Operation, cause: &str) -> R<i64> {
        let id = self.add(
            "INSERT INTO operation (record, generation, kind, state, content, register_key, route, interactive,
               queued_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                o.record,
                o.generation,
                o.kind.word(),
                o.state.word(),
                o.content,
                o.register_key,
                o.route,
                o.interactive,
                o.queued_at
            ],
        )?;
        self.note(id, o.queued_at, "", o.state, cause)?;
        Ok(id)
    }

    fn put_operation(&mut self, o: &Operation, from: State, at: Millis, cause: &str) -> R<()> {
        let changed = self.run(
            "UPDATE operation SET kind = ?2, state = ?3, content = ?4, register_key = ?5, submission = ?6
             WHERE id = ?1 AND state = ?7",
            params![
                o.id,
                o.kind.word(),
                o.state.word(),
                o.content,
                o.register_key,
                o.submission,
                from.word()
            ],
        )?;
        if changed != 1 {
            return Err(LedgerError::Corrupt(format!("operation {} is not {}", o.id, from.word())));
        }
        self.note(o.id, at, from.word(), o.state, cause)
    }

    fn queued(&mut self, route: &str, skip: usize, limit: usize) -> R<Vec<Operation>> {
        let sql = format!(
            "SELECT {OPERATION} FROM operation o WHERE o.route = ?1 AND o.state = 'queued' AND {OPEN}
             ORDER BY o.interactive DESC, o.id LIMIT ?2 OFFSET ?3"
        );
        self.many(&sql, params![route, limit as i64, skip as i64], operation)
    }

    fn open_operations(&mut self, route: &str) -> R<Vec<Operation>> {
        let sql = format!("SELECT {OPERATION} FROM operation o WHERE o.route = ?1 AND {OPEN}");
        self.many(&sql, [route], operation)
    }

    fn claimant(&mut self, ente: &str, register: &str, key: &Hash) -> R<Option<RecordId>> {
        let sql = "SELECT record FROM claim WHERE ente = ?1 AND register = ?2 AND key = ?3";
        self.maybe(sql, params![ente, register, key], |row| row.get(0))
    }

    fn claim(&mut self, ente: &str, register: &str, key: &Hash, record: RecordId) -> R<()> {
        let sql = "INSERT OR REPLACE INTO claim (ente, register, key, record) VALUES (?1, ?2, ?3, ?4)";
        self.run(sql, params![ente, register, key, record]).map(drop)
    }

    fn release_claim(&mut self, ente: &str, register: &str, key: &Hash, record: RecordId) -> R<()> {
        let sql = "DELETE FROM claim WHERE ente = ?1 AND register = ?2 AND key = ?3 AND record = ?4";
        self.run(sql, params![ente, register, key, record]).map(drop)
    }

    fn route(&mut self, id: &str) -> R<RouteState> {
        let sql = "SELECT id, last_given, last_since, last_polled, suspended, gap_from, gap_to FROM route
                   WHERE id = ?1";
        let empty = || RouteState {
            id: id.to_owned(),
            last_given: 0,
            last_since: None,
            last_polled: None,
            suspended: None,
        };
        Ok(self.maybe(sql, [id], route)?.unwrap_or_else(empty))
    }

    fn put_route(&mut self, r: &RouteState) -> R<()> {
        let (word, from, to) = match r.suspended {
            None => (None, None, None),
            Some(Suspension::ByPerson) => (Some("person"), None, None),
            Some(Suspension::LedgerBehind { last_given, recipient_has }) => {
                (Some("behind"), Some(last_given), Some(recipient_has))
            }
        };
        let sql =
            "INSERT OR REPLACE INTO route (id, last_given, last_since, last_polled, suspended, gap_from,
                   gap_to) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        self.run(sql, params![r.id, r.last_given, r.last_since, r.last_polled, word, from, to]).map(drop)
    }

    fn next_progressive(&mut self, route: &str, day: &str) -> R<u32> {
        let sql = "INSERT INTO progressive (route, day, last) VALUES (?1, ?2, 1)
                   ON CONFLICT (route, day) DO UPDATE SET last = last + 1 RETURNING last";
        self.one("the progressive", sql, params![route, day], |row| row.get(0))
    }

    fn jump_progressive(&mut self, route: &str, day: &str, by: u32) -> R<()> {
        let sql = "INSERT INTO progressive (route, day, last) VALUES (?1, ?2, ?3)
                   ON CONFLICT (route, day) DO UPDATE SET last = last + ?3";
        self.run(sql, params![route, day, by]).map(drop)
    }

    fn add_submission(&mut self, s: &Submission) -> R<i64> {
        let sql = "INSERT INTO submission (route, name, timestamp, state) VALUES (?1, ?2, ?3, ?4)";
        self.add(sql, params![s.route, s.name, s.timestamp, submission_word(s.state)])
    }

    fn put_submission(&mut self, s: &Submission) -> R<()> {
        let sql = "UPDATE submission SET state = ?2, timestamp = ?3 WHERE id = ?1";
        self.run(sql, params![s.id, submission_word(s.state), s.timestamp]).map(drop)
    }

    fn submission_named(&mut self, route: &str, name: &str) -> R<Option<Submission>> {
        let sql = format!("SELECT {SUBMISSION} FROM submission s WHERE s.route = ?1 AND s.name = ?2");
        self.maybe(&sql, params![route, name], |row| submission(row, 0))
    }

    fn submission(&mut self, id: i64) -> R<Submission> {
        let sql = format!("SELECT {SUBMISSION} FROM submission s WHERE s.id = ?1");
        self.one("the submission", &sql, [id], |row| submission(row, 0))
    }

    fn operations_in(&mut self, submission: i64) -> R<Vec<Operation>> {
        self.many(&operations_of_submission(), [submission], operation)
    }

    fn out_after(&mut self, route: &str, since: Millis, limit: usize) -> R<Vec<Offered>> {
        let sql = format!(
            "SELECT {OPERATION}, {SUBMISSION} FROM submission s JOIN operation o ON o.submission = s.id
             WHERE s.route = ?1 AND s.state = 'out' AND s.timestamp > ?2 ORDER BY s.timestamp LIMIT ?3"
        );
        self.many(&sql, params![route, since, limit as i64], offered)
    }

    fn out_since_before(&mut self, route: &str, before: Millis) -> R<Vec<Offered>> {
        let sql = format!(
            "SELECT {OPERATION}, {SUBMISSION} FROM submission s JOIN operation o ON o.submission = s.id
             WHERE s.route = ?1 AND s.state = 'out' AND s.timestamp < ?2 AND o.state = 'waiting'
             ORDER BY s.timestamp LIMIT 1000"
        );
        self.many(&sql, params![route, before], offered)
    }

    fn fragment_bytes(&mut self, record: RecordId, content: &Hash) -> R<usize> {
        let sql = "SELECT length(sealed) FROM payload WHERE record = ?1 AND content = ?2";
        self.one("the payload", sql, params![record, content], |row| row.get(0))
    }

    fn add_run_row(&mut self, run: i64, row: RunRow) -> R<()> {
        let sql = "INSERT INTO run_row (run, record, bucket, open) VALUES (?1, ?2, ?3, ?4)";
        self.run(sql, params![run, row.record, row.bucket.word(), !row.bucket.is_final()]).map(drop)
    }

    fn move_run_rows(&mut self, record: RecordId, bucket: Bucket) -> R<()> {
        let sql = "UPDATE run_row SET bucket = ?2, open = ?3 WHERE record = ?1 AND open = 1";
        self.run(sql, params![record, bucket.word(), !bucket.is_final()]).map(drop)
    }

    fn held_rows(&mut self, run: i64) -> R<Vec<RecordId>> {
        self.many("SELECT record FROM run_row WHERE run = ?1 AND bucket = 'held'", [run], |row| row.get(0))
    }

    fn keep_receipt(
        &mut self,
        route: &str,
        operation: Option<i64>,
        r: &Receipt,
        what: &str,
        at: Millis,
    ) -> R<()> {
        let sql = "INSERT INTO receipt (route, operation, name, timestamp, code, text, acquired_as, what, at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        self.run(sql, params![route, operation, r.name, r.timestamp, r.code, r.text, r.acquired_as, what, at])
            .map(drop)
    }
}

impl Tx<'_> {
    fn note(&self, operation: i64, at: Millis, from: &str, to: State, cause: &str) -> R<()> {
        let sql =
            "INSERT INTO transition (operation, at, from_state, to_state, cause) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.run(sql, params![operation, at, from, to.word(), cause]).map(drop)
    }
}

const fn desired_columns(desired: &Desired) -> (&'static str, Option<&Hash>, Option<&Hash>) {
    match desired {
        Desired::Nothing => ("nothing", None, None),
        Desired::Present { content, register_key } => ("present", Some(content), Some(register_key)),
        Desired::SetAside => ("set_aside", None, None),
        Desired::Vanished => ("vanished", None, None),
        Desired::Absent(Absence::Annulled) => ("annulled", None, None),
        Desired::Absent(Absence::Changed) => ("changed", None, None),
        Desired::Absent(Absence::Complete) => ("complete", None, None),
    }
}

const fn submission_word(state: SubmissionState) -> &'static str {
    match state {
        SubmissionState::Queued => "queued",
        SubmissionState::Out => "out",
        SubmissionState::Settled => "settled",
        SubmissionState::Withdrawn => "withdrawn",
    }
}

/// The operations of a container, in order.
pub(super) fn operations_of_submission() -> String {
    format!("SELECT {OPERATION} FROM operation o WHERE o.submission = ?1 ORDER BY o.id")
}

/// A word that this version does not know.
fn unknown(column: usize, word: &str) -> rusqlite::Error {
    let why = format!("unknown word `{word}`: written by a newer raccordo?");
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, why.into())
}

fn day(row: &Row<'_>, column: usize) -> rusqlite::Result<Date> {
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|_| unknown(column, text))
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let word = row.get_ref(9)?.as_str()?;
    let desired = match word {
        "nothing" => Desired::Nothing,
        "present" => Desired::Present { content: row.get(10)?, register_key: row.get(11)? },
        "set_aside" => Desired::SetAside,
        "vanished" => Desired::Vanished,
        "annulled" => Desired::Absent(Absence::Annulled),
        "changed" => Desired::Absent(Absence::Changed),
        "complete" => Desired::Absent(Absence::Complete),
        other => return Err(unknown(9, other)),
    };
    let held_content: Option<Hash> = row.get(12)?;
    let held = match held_content {
        Some(content) => Some(Held { content, register_key: row.get(13)?, generation: row.get(14)? }),
        None => None,
    };
    let refused_kind: Option<String> = row.get(16)?;
    let refused = match refused_kind {
        Some(word) => Some((Kind::from_word(&word).ok_or_else(|| unknown(16, &word))?, row.get(17)?)),
        None => None,
    };
    let due_route: Option<String> = row.get(19)?;
    let due = match due_route {
        Some(route) => Some(Order { route, interactive: row.get(20)?, can_replace: row.get(21)? }),
        None => None,
    };
    let trouble: Option<String> = row.get(22)?;
    Ok(Record {
        id: row.get(0)?,
        ente: row.get(1)?,
        register: row.get(2)?,
        flow: row.get(3)?,
        folder: row.get(4)?,
        key: row.get(5)?,
        source: row.get(6)?,
        from: day(row, 7)?,
        to: day(row, 8)?,
        desired,
        held,
        current: row.get(15)?,
        refused,
        generation: row.get(18)?,
        due,
        trouble: trouble.map(|_| Trouble::Contradiction),
    })
}

pub(super) fn operation(row: &Row<'_>) -> rusqlite::Result<Operation> {
    let kind = row.get_ref(3)?.as_str()?;
    let state = row.get_ref(4)?.as_str()?;
    Ok(Operation {
        id: row.get(0)?,
        record: row.get(1)?,
        generation: row.get(2)?,
        kind: Kind::from_word(kind).ok_or_else(|| unknown(3, kind))?,
        state: State::from_word(state).ok_or_else(|| unknown(4, state))?,
        content: row.get(5)?,
        register_key: row.get(6)?,
        route: row.get(7)?,
        interactive: row.get(8)?,
        queued_at: row.get(9)?,
        submission: row.get(10)?,
    })
}

pub(super) fn submission(row: &Row<'_>, first: usize) -> rusqlite::Result<Submission> {
    let word = row.get_ref(first + 4)?.as_str()?;
    let state = match word {
        "queued" => SubmissionState::Queued,
        "out" => SubmissionState::Out,
        "settled" => SubmissionState::Settled,
        "withdrawn" => SubmissionState::Withdrawn,
        other => return Err(unknown(first + 4, other)),
    };
    Ok(Submission {
        id: row.get(first)?,
        route: row.get(first + 1)?,
        name: row.get(first + 2)?,
        timestamp: row.get(first + 3)?,
        state,
    })
}

fn offered(row: &Row<'_>) -> rusqlite::Result<Offered> {
    Ok(Offered { submission: submission(row, 11)?, operation: operation(row)? })
}

fn route(row: &Row<'_>) -> rusqlite::Result<RouteState> {
    let word: Option<String> = row.get(4)?;
    let suspended = match word.as_deref() {
        None => None,
        Some("person") => Some(Suspension::ByPerson),
        Some(_) => Some(Suspension::LedgerBehind { last_given: row.get(5)?, recipient_has: row.get(6)? }),
    };
    Ok(RouteState {
        id: row.get(0)?,
        last_given: row.get(1)?,
        last_since: row.get(2)?,
        last_polled: row.get(3)?,
        suspended,
    })
}
