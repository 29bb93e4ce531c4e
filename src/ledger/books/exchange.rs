//! The exchange's rows in SQLite.

use super::decode::{
    OPERATION, RECORD, RECORD_OF_LANE, SUBMISSION, current, desired_columns, offered, operation, powers_word,
    record, route, submission, submission_word,
};
use super::{Tx, params};
use crate::exchange::{
    Bucket, Hash, Lane, Ledger, LedgerError, Lot, Millis, Offered, Operation, Powers, Receipt, Record,
    RecordId, RouteState, RunRow, State, Submission, Suspension, Trouble,
};

type R<T> = Result<T, LedgerError>;

/// What is stored of a record each time, but for its key and its powers.
const RECORD_SET: &str = "flow = ?2, source = ?3, from_day = ?4, to_day = ?5, desired = ?6,
   desired_content = ?7, held_content = ?9, held_key = ?10, held_generation = ?11, current = ?12,
   refused_kind = ?13, refused_content = ?14, generation = ?15, due_route = ?16, due_interactive = ?17,
   trouble = ?18, needs = ?19, needs_register = ?21, grouping = ?22";

impl Tx<'_> {
    /// Tells the records of a flow family, of which it is not yet known, what their register lets us do.
    pub fn set_powers(&mut self, family: &str, powers: Powers) -> R<()> {
        let sql = "UPDATE record SET powers = ?2 WHERE powers IS NULL
                     AND substr(flow, 1, length(?1) + 1) = ?1 || '/'";
        self.run(sql, params![family, powers_word(powers)]).map(drop)
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
               desired_content, desired_key, needs, powers, needs_register, grouping)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
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
                key,
                r.needs.as_ref().map(|needed| &needed.key),
                powers_word(r.powers),
                r.needs.as_ref().and_then(|needed| needed.register.as_ref()),
                r.group,
            ],
        )
    }

    fn put_record(&mut self, r: &Record) -> R<()> {
        let (desired, content, key) = desired_columns(&r.desired);
        let held = r.held.as_ref();
        let due = r.due.as_ref();
        let (from, to) = (r.from.to_string(), r.to.to_string());
        let values = params![
            r.id,
            r.flow,
            r.source,
            from,
            to,
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
            r.trouble.map(|Trouble::Contradiction| "contradiction"),
            r.needs.as_ref().map(|needed| &needed.key),
            powers_word(r.powers),
            r.needs.as_ref().and_then(|needed| needed.register.as_ref()),
            r.group,
        ];
        // A key that stays needs no new place in its index, which is far from those of its neighbours.
        let same = format!(
            "UPDATE record SET {RECORD_SET} WHERE id = ?1
               AND desired_key IS NOT DISTINCT FROM ?8 AND powers IS NOT DISTINCT FROM ?20"
        );
        if self.run(&same, values)? == 1 {
            return Ok(());
        }
        let all = format!("UPDATE record SET {RECORD_SET}, desired_key = ?8, powers = ?20 WHERE id = ?1");
        if self.run(&all, values)? == 1 { Ok(()) } else { Err(LedgerError::Missing("the record".into())) }
    }

    fn operation(&mut self, id: i64) -> R<Operation> {
        let sql = format!("SELECT {OPERATION} FROM operation o WHERE o.id = ?1");
        let found = self.maybe(&sql, [id], operation)?;
        found.ok_or_else(|| LedgerError::Missing(format!("operation {id}")))
    }

    fn add_operation(&mut self, o: &Operation, cause: &str) -> R<i64> {
        let id = self.add(
            "INSERT INTO operation (record, generation, kind, state, content, register_key, route, interactive,
               queued_at, replacement, ente)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, (SELECT ente FROM record WHERE id = ?1))",
            params![
                o.record,
                o.generation,
                o.kind.word(),
                o.state.word(),
                o.content,
                o.register_key,
                o.route,
                o.interactive,
                o.queued_at,
                o.replacement
            ],
        )?;
        self.note(id, o.queued_at, "", o.state, cause)?;
        Ok(id)
    }

    fn put_operation(&mut self, o: &Operation, from: State, at: Millis, cause: &str) -> R<()> {
        let changed = self.run(
            "UPDATE operation SET kind = ?2, state = ?3, content = ?4, register_key = ?5, submission = ?6,
               interactive = ?8, replacement = ?9, together = ?10 WHERE id = ?1 AND state = ?7",
            params![
                o.id,
                o.kind.word(),
                o.state.word(),
                o.content,
                o.register_key,
                o.submission,
                from.word(),
                o.interactive,
                o.replacement,
                o.together
            ],
        )?;
        if changed != 1 {
            return Err(LedgerError::Corrupt(format!("operation {} is not {}", o.id, from.word())));
        }
        self.note(o.id, at, from.word(), o.state, cause)
    }

    fn queued(&mut self, route: &str, skip: usize, limit: usize) -> R<Vec<Operation>> {
        let sql = format!(
            "SELECT {OPERATION} FROM operation o WHERE o.route = ?1 AND o.state = 'queued'
               AND o.state IN ('queued', 'sending', 'retrying', 'waiting')
             ORDER BY o.interactive DESC, o.id LIMIT ?2 OFFSET ?3"
        );
        self.many(&sql, params![route, limit as i64, skip as i64], operation)
    }

    fn queued_lanes(&mut self, route: &str, interactive: bool, after: i64, limit: usize) -> R<Vec<Lane>> {
        let sql = "SELECT r.folder, o.id FROM operation o JOIN record r ON r.id = o.record
             WHERE o.route = ?1 AND o.state = 'queued' AND o.interactive = ?2 AND o.id > ?3
               AND (o.interactive = 1 OR r.grouping IS NULL)
               AND o.state IN ('queued', 'sending', 'retrying', 'waiting')
             ORDER BY o.id LIMIT ?4";
        self.many(sql, params![route, interactive, after, limit as i64], |row| {
            Ok(Lane { folder: row.get(0)?, position: row.get(1)? })
        })
    }

    fn queued_lanes_of(&mut self, route: &str, ente: &str, after: i64, limit: usize) -> R<Vec<Lane>> {
        self.lanes_of(route, ente, after, limit)
    }

    fn current_of_lane(&mut self, folder: i64) -> R<Vec<(Record, Operation)>> {
        let sql = format!(
            "SELECT {OPERATION}, {RECORD_OF_LANE} FROM record r JOIN operation o ON o.id = r.current
             WHERE r.folder = ?1 ORDER BY o.id"
        );
        self.many(&sql, [folder], current)
    }

    fn ready_lots(&mut self, route: &str) -> R<Vec<Lot>> {
        self.lots_of_route(route)
    }

    fn ready_of_lot(
        &mut self,
        route: &str,
        lot: &Lot,
        after: i64,
        limit: usize,
    ) -> R<Vec<(Record, Operation)>> {
        self.operations_of_lot(route, lot, after, limit)
    }

    fn dependents(&mut self, r: &Record) -> R<Vec<Record>> {
        let sql = format!(
            "SELECT {RECORD} FROM record WHERE folder = ?1 AND needs = ?2 AND coalesce(needs_register, register) = ?3"
        );
        self.many(&sql, params![r.folder, r.key, r.register], record)
    }

    fn open_operations(&mut self, route: &str) -> R<Vec<Operation>> {
        let sql = format!(
            "SELECT {OPERATION} FROM operation o
             WHERE o.route = ?1 AND o.state IN ('queued', 'sending', 'retrying', 'waiting')"
        );
        self.many(&sql, [route], operation)
    }

    fn claimant(&mut self, ente: &str, register: &str, key: &Hash) -> R<Option<RecordId>> {
        let sql = "SELECT record FROM claim WHERE ente = ?1 AND register = ?2 AND key = ?3";
        self.maybe(sql, params![ente, register, key], |row| row.get(0))
    }

    fn claim(&mut self, ente: &str, register: &str, key: &Hash, record: RecordId) -> R<()> {
        let sql = "INSERT INTO claim (ente, register, key, record) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (ente, register, key) DO UPDATE SET record = excluded.record";
        self.run(sql, params![ente, register, key, record]).map(drop)
    }

    fn release_claim(&mut self, ente: &str, register: &str, key: &Hash, record: RecordId) -> R<()> {
        let sql = "DELETE FROM claim WHERE ente = ?1 AND register = ?2 AND key = ?3 AND record = ?4";
        self.run(sql, params![ente, register, key, record]).map(drop)
    }

    fn reserved(&mut self, ente: &str, register: &str, key: &Hash) -> R<bool> {
        let sql = "SELECT 1 FROM unmatched WHERE ente = ?1 AND register = ?2 AND key = ?3";
        Ok(self.maybe(sql, params![ente, register, key], |_| Ok(()))?.is_some())
    }

    fn route(&mut self, id: &str) -> R<RouteState> {
        let sql = "SELECT id, last_given, last_since, last_polled, suspended, gap_from, gap_to, failures, open_until
                   FROM route WHERE id = ?1";
        Ok(self.maybe(sql, [id], route)?.unwrap_or_else(|| RouteState::new(id)))
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
            "INSERT INTO route (id, last_given, last_since, last_polled, suspended, gap_from, gap_to, failures,
               open_until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (id) DO UPDATE SET last_given = ?2, last_since = ?3, last_polled = ?4, suspended = ?5,
               gap_from = ?6, gap_to = ?7, failures = ?8, open_until = ?9";
        let (given, since, polled) = (r.last_given, r.last_since, r.last_polled);
        self.run(sql, params![r.id, given, since, polled, word, from, to, r.failures, r.open_until]).map(drop)
    }

    fn next_progressive(&mut self, route: &str, day: &str) -> R<u32> {
        let sql = "INSERT INTO progressive (route, day, last) VALUES (?1, ?2, 1)
                   ON CONFLICT (route, day) DO UPDATE SET last = progressive.last + 1 RETURNING last";
        self.one("the progressive", sql, params![route, day], |row| row.get(0))
    }

    fn jump_progressive(&mut self, route: &str, day: &str, by: u32) -> R<()> {
        let sql = "INSERT INTO progressive (route, day, last) VALUES (?1, ?2, ?3)
                   ON CONFLICT (route, day) DO UPDATE SET last = progressive.last + ?3";
        self.run(sql, params![route, day, by]).map(drop)
    }

    fn add_submission(&mut self, s: &Submission) -> R<i64> {
        let sql = "INSERT INTO submission (route, name, timestamp, state, attempt, due, interactive)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let state = submission_word(s.state);
        self.add(sql, params![s.route, s.name, s.timestamp, state, s.attempt, s.due, s.interactive])
    }

    fn put_submission(&mut self, s: &Submission) -> R<()> {
        // Once a person waits for it, the queue is told anew.
        let sql = "UPDATE submission SET state = ?2, timestamp = ?3, attempt = ?4, due = ?5,
               announced_until = CASE WHEN ?6 = 1 AND interactive = 0 THEN 0 ELSE announced_until END,
               interactive = ?6,
               handle = ?7, handed_at = ?8 WHERE id = ?1";
        let handed = s.handed.as_ref();
        let (handle, at) = (handed.map(|handed| &handed.handle), handed.map(|handed| handed.at));
        let state = submission_word(s.state);
        self.run(sql, params![s.id, state, s.timestamp, s.attempt, s.due, s.interactive, handle, at])
            .map(drop)
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

    fn begin_attempt(&mut self, submission: i64, number: u32, asks: bool, at: Millis) -> R<()> {
        let sql = "INSERT INTO attempt (submission, number, what, began_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (submission, number, what)
               DO UPDATE SET began_at = ?4, ended_at = NULL, outcome = NULL, code = NULL";
        self.run(sql, params![submission, number, attempt_word(asks), at]).map(drop)
    }

    fn end_attempt(
        &mut self,
        submission: i64,
        number: u32,
        asks: bool,
        at: Millis,
        outcome: &str,
        code: &str,
    ) -> R<()> {
        let sql = "UPDATE attempt SET ended_at = ?4, outcome = ?5, code = ?6
                   WHERE submission = ?1 AND number = ?2 AND what = ?3";
        self.run(sql, params![submission, number, attempt_word(asks), at, outcome, code]).map(drop)
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
        // Row by row: an update through the index that it changes gathers its rows in a temporary table,
        // and making and dropping that costs more than all else.
        let open = "SELECT run FROM run_row WHERE record = ?1 AND open = 1";
        for run in self.many(open, [record], |row| row.get(0))? {
            self.move_row_of_run(run, record, bucket)?;
        }
        Ok(())
    }

    fn held_rows(&mut self, run: i64) -> R<Vec<RecordId>> {
        self.many("SELECT record FROM run_row WHERE run = ?1 AND bucket = 'held'", [run], |row| row.get(0))
    }

    fn move_run_row(&mut self, run: i64, record: RecordId, bucket: Bucket) -> R<()> {
        self.move_row_of_run(run, record, bucket)
    }

    fn idle_rows(&mut self, run: i64, after: RecordId, limit: usize) -> R<Vec<RunRow>> {
        self.idle_rows_of_run(run, after, limit)
    }

    fn wanted_elsewhere(&mut self, run: i64, record: RecordId) -> R<bool> {
        self.wanted_by_another_run(run, record)
    }

    fn newest_accepted(&mut self, record: RecordId) -> R<Option<Operation>> {
        self.newest_accepted_of(record)
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
    /// The records of a folder with a key, in any register.
    pub fn records_with_key(&self, folder: i64, key: &str) -> R<Vec<Record>> {
        let sql = format!("SELECT {RECORD} FROM record WHERE folder = ?1 AND key = ?2");
        self.many(&sql, params![folder, key], record)
    }

    fn note(&self, operation: i64, at: Millis, from: &str, to: State, cause: &str) -> R<()> {
        let sql =
            "INSERT INTO transition (operation, at, from_state, to_state, cause) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.run(sql, params![operation, at, from, to.word(), cause]).map(drop)
    }
}

const fn attempt_word(asks: bool) -> &'static str {
    if asks { "ask" } else { "send" }
}

/// The operations of a container, in order.
pub(super) fn operations_of_submission() -> String {
    format!("SELECT {OPERATION} FROM operation o WHERE o.submission = ?1 ORDER BY o.id")
}
