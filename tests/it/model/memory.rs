//! The ledger in memory: a clone is a backup, dropping a clone is a kill before commit.

use std::collections::BTreeMap;

use raccordo::exchange::*;

#[derive(Clone, Default)]
pub struct Memory {
    pub records: Vec<Record>,
    pub operations: Vec<Operation>,
    /// Why each operation was queued.
    pub causes: Vec<String>,
    pub submissions: Vec<Submission>,
    pub claims: BTreeMap<Hash, RecordId>,
    pub route: Option<RouteState>,
    pub progressives: BTreeMap<String, u32>,
    /// (run, record, bucket, open)
    pub rows: Vec<(i64, RecordId, Bucket, bool)>,
    pub foreign_accepted: u32,
    pub contradictions: u32,
}

type R<T> = Result<T, LedgerError>;

impl Memory {
    fn offered(&self, submission: &Submission) -> Offered {
        let operation = self.operations.iter().find(|op| op.submission == Some(submission.id)).unwrap();
        Offered { submission: submission.clone(), operation: operation.clone() }
    }

    fn lot(&self, op: &Operation) -> Option<Lot> {
        let Record { ente, register, flow, group, .. } = self.records[op.record as usize - 1].clone();
        group.map(|group| Lot { ente, register, flow, group })
    }

    fn is_busy(&self, operation: i64) -> bool {
        let busy = [State::Sending, State::Retrying, State::Waiting, State::Uncertain];
        busy.contains(&self.operations[operation as usize - 1].state)
    }

    fn out(&self) -> impl Iterator<Item = &Submission> {
        self.submissions.iter().filter(|submission| submission.state == SubmissionState::Out)
    }
}

impl Ledger for Memory {
    fn records_of_folder(&mut self, folder: i64, register: &str) -> R<Vec<Record>> {
        let ours = |record: &&Record| record.folder == folder && record.register == register;
        Ok(self.records.iter().filter(ours).cloned().collect())
    }
    fn record(&mut self, id: RecordId) -> R<Record> {
        Ok(self.records[id as usize - 1].clone())
    }
    fn add_record(&mut self, record: &Record) -> R<RecordId> {
        let id = self.records.len() as i64 + 1;
        self.records.push(Record { id, ..record.clone() });
        Ok(id)
    }
    fn put_record(&mut self, record: &Record) -> R<()> {
        self.records[record.id as usize - 1] = record.clone();
        Ok(())
    }
    fn operation(&mut self, id: i64) -> R<Operation> {
        Ok(self.operations[id as usize - 1].clone())
    }
    fn add_operation(&mut self, operation: &Operation, cause: &str) -> R<i64> {
        let id = self.operations.len() as i64 + 1;
        self.operations.push(Operation { id, ..operation.clone() });
        self.causes.push(cause.to_owned());
        Ok(id)
    }
    fn put_operation(&mut self, operation: &Operation, from: State, _at: Millis, _cause: &str) -> R<()> {
        let stored = &mut self.operations[operation.id as usize - 1];
        assert_eq!(stored.state, from, "a transition starts where the operation stands");
        *stored = operation.clone();
        Ok(())
    }
    fn queued(&mut self, _route: &str, skip: usize, limit: usize) -> R<Vec<Operation>> {
        let mut queued: Vec<_> = self.operations.iter().filter(|op| op.state == State::Queued).collect();
        queued.sort_by_key(|op| (!op.interactive, op.id));
        Ok(queued.into_iter().skip(skip).take(limit).cloned().collect())
    }
    fn queued_lanes(&mut self, _route: &str, interactive: bool, after: i64, limit: usize) -> R<Vec<Lane>> {
        let waits = |op: &&Operation| {
            let grouped = self.records[op.record as usize - 1].group.is_some();
            let queued = op.state == State::Queued && op.interactive == interactive && op.id > after;
            queued && (interactive || !grouped)
        };
        let lane =
            |op: &Operation| Lane { folder: self.records[op.record as usize - 1].folder, position: op.id };
        Ok(self.operations.iter().filter(waits).take(limit).map(lane).collect())
    }
    fn current_of_lane(&mut self, folder: i64) -> R<Vec<(Record, Operation)>> {
        let of = |op: &Operation| {
            let record = &self.records[op.record as usize - 1];
            (record.folder == folder && record.current == Some(op.id)).then(|| (record.clone(), op.clone()))
        };
        Ok(self.operations.iter().filter_map(of).collect())
    }
    fn ready_lots(&mut self, _route: &str) -> R<Vec<Lot>> {
        let mut lots = Vec::new();
        for op in self.operations.iter().filter(|op| op.state == State::Queued && !op.interactive) {
            lots.extend(self.lot(op).filter(|lot| !lots.contains(lot)));
        }
        Ok(lots)
    }
    fn ready_of_lot(
        &mut self,
        _route: &str,
        lot: &Lot,
        after: i64,
        limit: usize,
    ) -> R<Vec<(Record, Operation)>> {
        let ready = |op: &&Operation| {
            op.state == State::Queued
                && !op.interactive
                && op.id > after
                && self.lot(op).as_ref() == Some(lot)
        };
        let free = |op: &&Operation| {
            let record = &self.records[op.record as usize - 1];
            let mut others = self.records.iter().filter(|other| {
                other.folder == record.folder
                    && (other.register == record.register || record.needs_record(other))
            });
            !others.any(|other| other.current.is_some_and(|current| self.is_busy(current)))
        };
        let both = |op: &Operation| (self.records[op.record as usize - 1].clone(), op.clone());
        Ok(self.operations.iter().filter(ready).filter(free).take(limit).map(both).collect())
    }
    fn dependents(&mut self, record: &Record) -> R<Vec<Record>> {
        let needs = |other: &&Record| other.folder == record.folder && other.needs_record(record);
        Ok(self.records.iter().filter(needs).cloned().collect())
    }
    fn begin_attempt(&mut self, _submission: i64, _number: u32, _asks: bool, _at: Millis) -> R<()> {
        Ok(())
    }
    fn end_attempt(
        &mut self,
        _s: i64,
        _n: u32,
        _asks: bool,
        _at: Millis,
        _outcome: &str,
        _code: &str,
    ) -> R<()> {
        Ok(())
    }
    fn open_operations(&mut self, _route: &str) -> R<Vec<Operation>> {
        let open = [State::Queued, State::Sending, State::Retrying, State::Waiting];
        Ok(self.operations.iter().filter(|op| open.contains(&op.state)).cloned().collect())
    }
    fn claimant(&mut self, _ente: &str, _register: &str, key: &Hash) -> R<Option<RecordId>> {
        Ok(self.claims.get(key).copied())
    }
    fn claim(&mut self, _ente: &str, _register: &str, key: &Hash, record: RecordId) -> R<()> {
        self.claims.insert(*key, record);
        Ok(())
    }
    fn release_claim(&mut self, _ente: &str, _register: &str, key: &Hash, record: RecordId) -> R<()> {
        if self.claims.get(key) == Some(&record) {
            self.claims.remove(key);
        }
        Ok(())
    }
    fn reserved(&mut self, _ente: &str, _register: &str, _key: &Hash) -> R<bool> {
        Ok(false)
    }
    fn route(&mut self, id: &str) -> R<RouteState> {
        Ok(self.route.clone().unwrap_or_else(|| RouteState::new(id)))
    }
    fn put_route(&mut self, route: &RouteState) -> R<()> {
        self.route = Some(route.clone());
        Ok(())
    }
    fn next_progressive(&mut self, _route: &str, day: &str) -> R<u32> {
        let next = self.progressives.entry(day.to_owned()).or_default();
        *next += 1;
        Ok(*next)
    }
    fn jump_progressive(&mut self, _route: &str, day: &str, by: u32) -> R<()> {
        *self.progressives.entry(day.to_owned()).or_default() += by;
        Ok(())
    }
    fn add_submission(&mut self, submission: &Submission) -> R<i64> {
        let id = self.submissions.len() as i64 + 1;
        self.submissions.push(Submission { id, ..submission.clone() });
        Ok(id)
    }
    fn put_submission(&mut self, submission: &Submission) -> R<()> {
        self.submissions[submission.id as usize - 1] = submission.clone();
        Ok(())
    }
    fn submission_named(&mut self, _route: &str, name: &str) -> R<Option<Submission>> {
        Ok(self.submissions.iter().find(|submission| submission.name == name).cloned())
    }
    fn submission(&mut self, id: i64) -> R<Submission> {
        Ok(self.submissions[id as usize - 1].clone())
    }
    fn operations_in(&mut self, submission: i64) -> R<Vec<Operation>> {
        Ok(self.operations.iter().filter(|op| op.submission == Some(submission)).cloned().collect())
    }
    fn out_after(&mut self, _route: &str, since: Millis, limit: usize) -> R<Vec<Offered>> {
        let mut out: Vec<_> = self.out().filter(|submission| submission.timestamp > since).collect();
        out.sort_by_key(|submission| submission.timestamp);
        Ok(out.into_iter().take(limit).map(|submission| self.offered(submission)).collect())
    }
    fn out_since_before(&mut self, _route: &str, before: Millis) -> R<Vec<Offered>> {
        let late = self.out().filter(|submission| submission.timestamp < before);
        Ok(late.map(|submission| self.offered(submission)).collect())
    }
    fn fragment_bytes(&mut self, _record: RecordId, _content: &Hash) -> R<usize> {
        Ok(1)
    }
    fn add_run_row(&mut self, run: i64, row: RunRow) -> R<()> {
        self.rows.push((run, row.record, row.bucket, !row.bucket.is_final()));
        Ok(())
    }
    fn move_run_rows(&mut self, record: RecordId, bucket: Bucket) -> R<()> {
        for row in self.rows.iter_mut().filter(|row| row.1 == record && row.3) {
            row.2 = bucket;
            row.3 = !bucket.is_final();
        }
        Ok(())
    }
    fn held_rows(&mut self, run: i64) -> R<Vec<RecordId>> {
        let held = self.rows.iter().filter(|row| row.0 == run && row.2 == Bucket::Held);
        Ok(held.map(|row| row.1).collect())
    }
    fn move_run_row(&mut self, run: i64, record: RecordId, bucket: Bucket) -> R<()> {
        for row in self.rows.iter_mut().filter(|row| row.0 == run && row.1 == record) {
            row.2 = bucket;
            row.3 = !bucket.is_final();
        }
        Ok(())
    }
    fn idle_rows(&mut self, run: i64, after: RecordId, limit: usize) -> R<Vec<RunRow>> {
        let idle = |row: &&(i64, RecordId, Bucket, bool)| {
            row.0 == run && row.1 > after && matches!(row.2, Bucket::Queued | Bucket::Held)
        };
        let mut rows: Vec<_> = self.rows.iter().filter(idle).collect();
        rows.sort_by_key(|row| row.1);
        Ok(rows.into_iter().take(limit).map(|row| RunRow { record: row.1, bucket: row.2 }).collect())
    }
    fn wanted_elsewhere(&mut self, run: i64, record: RecordId) -> R<bool> {
        Ok(self.rows.iter().any(|row| row.0 != run && row.1 == record && row.3 && row.2 != Bucket::Held))
    }
    fn newest_accepted(&mut self, record: RecordId) -> R<Option<Operation>> {
        let accepted = self.operations.iter().filter(|op| op.record == record && op.state == State::Accepted);
        Ok(accepted.max_by_key(|op| op.generation).cloned())
    }
    fn keep_receipt(
        &mut self,
        _route: &str,
        operation: Option<i64>,
        receipt: &Receipt,
        what: &str,
        _at: Millis,
    ) -> R<()> {
        self.foreign_accepted += u32::from(operation.is_none() && receipt.answer == Answer::Accepted);
        self.contradictions += u32::from(what == "contradiction");
        Ok(())
    }
}
