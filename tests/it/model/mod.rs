//! The riskiest assumption: that our acknowledged side tracks the register's book.
//!
//! Each history is a list of numbers, read as steps of folders, persons, time, kills,
//! backups and an adversarial register. After every step the books are compared; at the
//! end the register behaves, a person answers what is uncertain, and both must agree.
//! `RACCORDO_HISTORIES` says how many (default 25,000).

mod inps;
mod memory;

use inps::{Entry, Inps, Matching, receipt};
use jiff::civil::date;
pub use memory::Memory;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use raccordo::exchange::*;

const ROUTE: &str = "r";
const FOLDERS: u64 = 2;
const KEYS_PER_FOLDER: u64 = 2;
const DAY_MS: Millis = 86_400_000;

/// Reads choices off a list of numbers; zeros when it is used up, so that shrinking works.
pub struct Choices<'a>(pub std::slice::Iter<'a, u32>);

impl Choices<'_> {
    pub fn below(&mut self, n: u64) -> u64 {
        u64::from(self.0.next().copied().unwrap_or(0)) % n
    }
    pub fn chance(&mut self, in_ten: u64) -> bool {
        self.below(10) >= 10 - in_ten
    }
}

struct World<'a> {
    ledger: Memory,
    backup: Memory,
    inps: Inps,
    choices: Choices<'a>,
    now: Millis,
    runs: i64,
    selected: Vec<u64>,
    /// A restore happened and nobody has looked yet.
    in_doubt: bool,
    /// Every run holds each cancel that replaces nothing (`hold_above = 0`).
    holds_all: bool,
}

pub fn hash(number: u64) -> Hash {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&number.to_le_bytes());
    hash
}

fn order(interactive: bool) -> Order {
    Order { route: ROUTE.into(), interactive }
}

impl<'a> World<'a> {
    fn new(numbers: &'a [u32]) -> Self {
        let mut choices = Choices(numbers.iter());
        let matching = if choices.chance(5) { Matching::ByKey } else { Matching::ByContent };
        let inps = Inps::new(matching, choices.chance(5));
        let holds_all = choices.chance(5);
        let (ledger, backup) = (Memory::default(), Memory::default());
        let now = 1_700_000_000_000;
        let (runs, selected, in_doubt) = (0, Vec::new(), false);
        Self { ledger, backup, inps, choices, now, runs, selected, in_doubt, holds_all }
    }

    /// A folder is saved; the process may die before the commit.
    fn save(&mut self) {
        let folder = self.choices.below(FOLDERS) as i64 + 1;
        let mut set = DesiredSet::default();
        for number in 0..KEYS_PER_FOLDER {
            let key = format!("I{number}");
            match self.choices.below(10) {
                0 => set.annulled.push(key),
                1 => {}
                2 => set.named.push(key),
                3 => {
                    set.withheld.push(key.clone());
                    set.named.push(key.clone());
                    set.records.push(self.wanted(folder, key, false));
                }
                _ => {
                    set.named.push(key.clone());
                    set.records.push(self.wanted(folder, key, true));
                }
            }
        }
        if self.choices.chance(2) {
            set.complete.push((date(2026, 1, 1), date(2026, 12, 31)));
        }
        let place = Place { ente: "E", register: "R", flow: "F", folder, powers: Powers::CANCEL };
        let now = self.now;
        self.commit(|ledger| reconcile(ledger, place, &set, now).map(|_| ()));
    }

    fn wanted(&mut self, folder: i64, key: String, valid: bool) -> DesiredRecord {
        // Three register keys are shared by all records, so that they collide now and then.
        let own = folder as u64 * 10 + u64::from(key.as_bytes()[1]);
        let register_key = if self.choices.chance(2) { self.choices.below(3) } else { own };
        let content = hash(register_key * 1000 + self.choices.below(3) + own * 100_000);
        let content = valid.then(|| (content, hash(register_key)));
        let day = date(2026, 3, 1);
        DesiredRecord { source: key.clone(), key, from: day, to: day, needs: None, group: None, content }
    }

    /// Runs a transaction; sometimes the process dies before it commits.
    fn commit(&mut self, act: impl FnOnce(&mut Memory) -> Result<(), LedgerError>) -> bool {
        let mut transaction = self.ledger.clone();
        act(&mut transaction).unwrap();
        let dies = self.choices.below(20) == 19;
        if !dies {
            self.ledger = transaction;
        }
        !dies
    }

    fn select_all(&mut self, kindly: bool) {
        self.runs += 1;
        let (run, now, interactive) = (self.runs, self.now, self.choices.chance(2));
        let hold = self.choices.chance(1) || self.holds_all;
        let ids: Vec<_> = self.ledger.records.iter().map(|record| record.id).collect();
        let mut count = 0;
        let kept = self.commit(|ledger| {
            for id in ids {
                count += u64::from(select(ledger, run, id, &order(interactive), hold, now)?.is_some());
            }
            Ok(())
        });
        self.selected.push(if kept { count } else { 0 });
        if hold && kept && self.choices.chance(7) {
            self.approve(run);
        }
        if kindly {
            (1..=run).for_each(|run| self.approve(run));
        }
    }

    /// A person approves what a run holds, whenever that was.
    fn approve(&mut self, run: i64) {
        let now = self.now;
        self.commit(|ledger| approve(ledger, run, &order(false), now).map(|_| ()));
    }

    /// A run is cancelled, in chunks; the process may die between two of them.
    fn cancel(&mut self, run: i64) {
        let (now, mut after) = (self.now, Some(0));
        while let Some(from) = after.take() {
            self.commit(|ledger| withdraw(ledger, run, from, 2, now).map(|done| after = done.last));
            self.check();
        }
    }

    fn poll(&mut self, kindly: bool) -> usize {
        let limit = 1 + self.choices.below(4) as usize;
        let day = format!("{}", self.now / DAY_MS);
        let ask = Poll { route: ROUTE, since: self.inps.since, limit, now: self.now, day: &day };
        let name = |_: &Record, day: &str, n: u32| format!("{day}.{n:07}");
        let policy = OfferPolicy {
            name: &name,
            since_tolerance: DAY_MS,
            sequences: &["R/E".to_owned()],
            progressive_jump: 100_000,
            taken_over: false,
        };
        let mut page = Page::default();
        let given_before = self.ledger.submissions.len() as i64;
        let highest_before = self.ledger.route.as_ref().map_or(0, |route| route.last_given);
        let kept = self.commit(|ledger| poll(ledger, ask, &policy).map(|got| page = got));
        if !kept || (!kindly && self.choices.chance(1)) {
            return 0;
        }
        self.check_page(&page, limit, given_before, highest_before);
        let stop = if kindly { limit } else { self.choices.below(limit as u64 + 1) as usize };
        let choices = &mut self.choices;
        self.inps.acquire(&page.flows, stop, || match (kindly, choices.below(10)) {
            (true, _) | (false, 0..=6) => Answer::Accepted,
            (false, 7) => Answer::NotFound,
            (false, 8) => Answer::Failed,
            (false, _) => Answer::Refused,
        });
        page.flows.len()
    }

    fn check_page(&self, page: &Page, limit: usize, given_before: i64, highest_before: Millis) {
        let times: Vec<_> = page.flows.iter().map(|flow| flow.submission.timestamp).collect();
        assert!(times.len() <= limit, "never more than asked for");
        assert!(times.iter().all(|time| *time > self.inps.since), "only after since");
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "chronological, one timestamp a flow");
        for flow in &page.flows {
            let (survives, above) =
                (flow.submission.id <= given_before, flow.submission.timestamp > highest_before);
            assert!(survives || above, "nothing new appears below a timestamp already given");
        }
    }

    /// A receipt arrives: once, twice, out of order; or it is lost; or its answer is.
    fn deliver(&mut self, kindly: bool) {
        if self.inps.esiti.is_empty() {
            return;
        }
        let index = self.choices.below(self.inps.esiti.len() as u64) as usize;
        if !kindly && self.choices.chance(1) {
            self.inps.esiti.remove(index);
            return;
        }
        let receipt = self.inps.esiti[index].clone();
        let now = self.now;
        let kept = self.commit(|ledger| settle(ledger, ROUTE, &receipt, now).map(|_| ()));
        let again = !kindly && self.choices.chance(2);
        if kept && !again {
            self.inps.esiti.remove(index);
        }
    }

    fn foreign(&mut self) {
        let submission = Submission {
            id: 0,
            route: ROUTE.into(),
            name: format!("{}.{:07}", self.now / DAY_MS, self.choices.below(5)),
            timestamp: 5,
            state: SubmissionState::Out,
            attempt: 0,
            due: 0,
            interactive: false,
            handed: None,
        };
        let receipt = receipt(&submission, Answer::Accepted);
        let now = self.now;
        self.commit(|ledger| settle(ledger, ROUTE, &receipt, now).map(|_| ()));
    }

    fn restore(&mut self) {
        // Assumption A5: the register's cursor stands at its newest flow when a backup comes back.
        if self.inps.since < self.inps.highest {
            return;
        }
        self.ledger = self.backup.clone();
        let last_given = self.ledger.route.as_ref().map_or(0, |route| route.last_given);
        self.in_doubt = self.inps.since > last_given;
        self.runs = self.ledger.rows.iter().map(|row| row.0).max().unwrap_or(0).max(self.runs);
        self.selected.resize(self.runs as usize, 0);
        for run in 1..=self.runs {
            self.selected[run as usize - 1] = self.rows_of(run).count() as u64;
        }
    }

    fn rows_of(&self, run: i64) -> impl Iterator<Item = &(i64, RecordId, Bucket, bool)> {
        self.ledger.rows.iter().filter(move |row| row.0 == run)
    }

    /// A person looks into the register and says what it holds (assumption A4: truthfully).
    fn person(&mut self) {
        let uncertain: Vec<_> = self
            .ledger
            .operations
            .iter()
            .filter(|op| matches!(op.state, State::Uncertain | State::Parked))
            .cloned()
            .collect();
        let now = self.now;
        let suspended = self.ledger.route.as_ref().is_some_and(|route| route.suspended.is_some());
        if suspended {
            return self.adopt_book();
        }
        for operation in uncertain {
            let holds = self
                .inps
                .book
                .iter()
                .any(|entry| entry.record == operation.record && entry.content == operation.content);
            let decision = if holds { Decision::RegisterHolds } else { Decision::RegisterDoesNot };
            self.commit(|ledger| decide(ledger, operation.id, decision, now).map(|_| ()));
        }
        let troubled: Vec<_> =
            self.ledger.records.iter().filter(|r| r.trouble.is_some()).map(|r| r.id).collect();
        for id in troubled {
            self.adopt_one(id);
        }
    }

    fn adopt_one(&mut self, id: RecordId) -> bool {
        let held = self.inps.book.iter().find(|entry| entry.record == id).map(|e| (e.content, e.key));
        let now = self.now;
        let record = &self.ledger.records[id as usize - 1];
        let waiting = record
            .current
            .is_some_and(|op| matches!(self.ledger.operations[op as usize - 1].state, State::Waiting));
        !waiting && self.commit(|ledger| adopt(ledger, id, held, now))
    }

    /// After a restore: the register's book becomes the acknowledged side, then the route goes on.
    fn adopt_book(&mut self) {
        let ids: Vec<_> = self.ledger.records.iter().map(|record| record.id).collect();
        let mut whole = true;
        for id in ids {
            whole &= self.adopt_one(id);
        }
        // What the lost ledger inserted for records that this one never saw is unknown here:
        // the person removes it at the register's portal.
        let known = self.ledger.records.len() as i64;
        self.inps.book.retain(|entry| entry.record <= known);
        if whole && self.commit(|ledger| resume(ledger, ROUTE)) {
            self.in_doubt = false;
        }
    }

    fn step(&mut self) {
        self.now += 1 + self.choices.below(1000) as i64;
        match self.choices.below(24) {
            0..=5 => self.save(),
            8 if self.choices.chance(3) => {
                let run = self.choices.below(self.runs as u64 + 1) as i64;
                self.cancel(run);
            }
            6..=8 => self.select_all(false),
            9..=13 => drop(self.poll(false)),
            14..=17 => self.deliver(false),
            18 if self.choices.chance(3) => {
                let run = self.choices.below(self.runs as u64 + 1) as i64;
                self.approve(run);
            }
            18 => self.person(),
            19 if self.in_doubt => {}
            19 => {
                self.inps.since = if self.choices.chance(5) { 0 } else { self.inps.since.saturating_sub(700) }
            }
            20 => {
                let (before, now) = (self.now - 1500, self.now);
                self.commit(|ledger| overdue(ledger, ROUTE, before, now).map(|_| ()));
            }
            21 => self.now += DAY_MS * (1 + self.choices.below(365) as i64),
            22 => self.foreign(),
            _ if self.choices.chance(5) => self.restore(),
            _ => {
                if !self.in_doubt {
                    self.backup = self.ledger.clone();
                }
            }
        }
        self.check();
    }

    /// Either the books agree on a record, or something visible says that they may not.
    fn check(&self) {
        let suspended = self.ledger.route.as_ref().is_some_and(|route| route.suspended.is_some());
        for run in 1..=self.runs {
            assert_eq!(self.rows_of(run).count() as u64, self.selected[run as usize - 1], "run {run} closes");
        }
        if self.holds_all {
            self.check_approved();
        }
        if suspended || self.in_doubt {
            return;
        }
        assert_eq!(self.inps.double_effects, 0, "no operation takes effect twice");
        for record in &self.ledger.records {
            self.check_record(record);
        }
        for (key, id) in &self.ledger.claims {
            assert!(self.needs(*id, key), "a claim is held only by whom the register holds or may hold");
        }
    }

    /// Of bulk work, a cancel that replaces nothing leaves only once a person approved it.
    fn check_approved(&self) {
        let left = |op: &&Operation| op.submission.is_some() && op.only_cancels() && !op.interactive;
        for operation in self.ledger.operations.iter().filter(left) {
            assert!(self.approved(operation), "a cancel left unapproved: {operation:?}");
        }
    }

    /// Approved itself, or the same cancel again after one that a person approved or asked for.
    fn approved(&self, operation: &Operation) -> bool {
        let cause = self.ledger.causes[operation.id as usize - 1].as_str();
        let same =
            |op: &&Operation| op.record == operation.record && op.generation + 1 == operation.generation;
        let before = || self.ledger.operations.iter().find(same).filter(|op| op.only_cancels());
        cause == "approved"
            || (cause == "follows" && before().is_some_and(|op| op.interactive || self.approved(op)))
    }

    fn needs(&self, id: RecordId, key: &Hash) -> bool {
        let record = &self.ledger.records[id as usize - 1];
        let current = record.current.map(|op| &self.ledger.operations[op as usize - 1]);
        record.held.is_some_and(|held| held.register_key == *key)
            || current.is_some_and(|op| op.register_key == *key && op.state != State::Queued)
            || record.trouble.is_some()
    }

    fn check_record(&self, record: &Record) {
        let entries: Vec<&Entry> = self.inps.book.iter().filter(|entry| entry.record == record.id).collect();
        assert!(entries.len() <= 1, "a record is held once");
        let theirs = entries.first().map(|entry| entry.content);
        let ours = record.held.map(|held| held.content);
        let current = record.current.map(|id| &self.ledger.operations[id as usize - 1]);
        let after = current.map(|op| (op.kind != Kind::Cancel).then_some(op.content));
        let doubtful = current.is_some_and(|op| !matches!(op.state, State::Queued));
        let agrees = theirs == ours || (doubtful && Some(theirs) == after);
        assert!(
            agrees || record.trouble.is_some(),
            "record {} differs unseen: ours {} theirs {} current {current:?}",
            record.id,
            ours.is_some(),
            theirs.is_some()
        );
        if let Some(held) = record.held {
            let keyed = self.ledger.claims.get(&held.register_key);
            assert!(keyed == Some(&record.id) || record.trouble.is_some(), "what is held is claimed");
        }
    }

    /// The register behaves, receipts come, a person answers: then both books say the same.
    fn quiesce(&mut self) {
        for round in 0..60 {
            self.now += 5_000;
            while !self.inps.esiti.is_empty() {
                self.deliver(true);
            }
            let (before, now) = (self.now - 2_000, self.now);
            self.commit(|ledger| overdue(ledger, ROUTE, before, now).map(|_| ()));
            self.person();
            if round % 4 == 0 {
                self.select_all(true);
            }
            self.poll(true);
            self.check();
        }
    }

    fn check_final(&self) {
        for record in &self.ledger.records {
            let theirs = self.inps.book.iter().find(|entry| entry.record == record.id).map(|e| e.content);
            let ours = record.held.map(|held| held.content);
            assert_eq!(ours, theirs, "the books agree at the end on record {}", record.id);
            let refused = record.refused.is_some();
            let blocked = self.blocked(record);
            match record.desired {
                Desired::Present { content, .. } if !refused && !blocked => {
                    assert_eq!(theirs, Some(content), "record {} is up to date: {record:?}", record.id);
                }
                Desired::Absent(_) if !refused && !blocked => assert_eq!(theirs, None),
                _ => {}
            }
        }
    }

    /// Held for approval, or another record keeps the register's key.
    fn blocked(&self, record: &Record) -> bool {
        let held_back = self.ledger.rows.iter().any(|row| row.1 == record.id && row.2 == Bucket::Held);
        let Desired::Present { register_key, .. } = record.desired else { return held_back };
        held_back || self.ledger.claims.get(&register_key).is_some_and(|other| *other != record.id)
    }
}

fn live(numbers: &[u32]) {
    let mut world = World::new(numbers);
    while !world.choices.0.as_slice().is_empty() {
        world.step();
    }
    world.quiesce();
    world.check_final();
}

#[test]
fn the_books_never_diverge_unseen() {
    let histories = std::env::var("RACCORDO_HISTORIES").ok().and_then(|n| n.parse().ok()).unwrap_or(25_000);
    let seed = std::env::var("RACCORDO_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(20_261_123_u64);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config = Config { cases: histories, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, rng);
    let steps = proptest::collection::vec(any::<u32>(), 20..400);
    let mut total = 0_u64;
    let result = runner.run(&steps, |numbers| {
        live(&numbers);
        Ok(())
    });
    total += u64::from(histories);
    result.unwrap();
    println!("model: {total} histories, seed {seed}: the books never diverged unseen");
}
