//! Pushed containers against a register that answers badly: whatever dies or is lost between
//! the ledger and the recipient, the books never diverge unseen and nothing takes effect twice.
//!
//! Each history is a list of numbers, read as saves, runs, workers, deaths and answers.
//! `RACCORDO_PUSHED` says how many (default 15,000).

mod recipient;

use std::collections::BTreeMap;

use jiff::civil::date;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use raccordo::exchange::*;
use recipient::{Recipient, is_refused};

use super::model::{Choices, Memory, hash};

const ROUTE: &str = "r";
const REGISTER: &str = "R";
const OVERDUE_MS: Millis = 864_000_000;
const FOLDERS: u64 = 2;
const KEYS: u64 = 3;
const SCHEDULE: Schedule =
    Schedule { first: 1_000, factor: 2.0, longest: 60_000, jitter: 0.0, attempts: 6, questions: 6 };

struct World<'a> {
    ledger: Memory,
    recipient: Recipient,
    choices: Choices<'a>,
    now: Millis,
    runs: i64,
    selected: Vec<u64>,
    /// The last key is another register's, and needs the one before it at the first register.
    crossed: bool,
    /// Containers carry many persons.
    grouped: bool,
}

fn order(interactive: bool) -> Order {
    Order { route: ROUTE.into(), interactive }
}

impl<'a> World<'a> {
    fn new(numbers: &'a [u32]) -> Self {
        let mut choices = Choices(numbers.iter());
        let (attributes, later) = (choices.chance(5), choices.chance(4));
        let recipient = Recipient { attributes, later, ..Recipient::default() };
        let (crossed, grouped) = (choices.chance(4), choices.chance(4));
        let now = 1_700_000_000_000;
        let (ledger, selected) = (Memory::default(), Vec::new());
        Self { ledger, recipient, choices, now, runs: 0, selected, crossed, grouped }
    }

    /// A transaction; sometimes the process dies before it commits.
    fn commit<T>(
        &mut self,
        kindly: bool,
        act: impl FnOnce(&mut Memory) -> Result<T, LedgerError>,
    ) -> Option<T> {
        let mut transaction = self.ledger.clone();
        let done = act(&mut transaction).unwrap();
        if !kindly && self.choices.below(20) == 19 {
            return None;
        }
        self.ledger = transaction;
        Some(done)
    }

    /// Key 0 is the person; each of the others needs the one before it.
    fn save(&mut self) {
        let folder = self.choices.below(FOLDERS) as i64 + 1;
        let mut sets = [DesiredSet::default(), DesiredSet::default()];
        for number in 0..KEYS {
            let key = format!("K{number}");
            let set = &mut sets[usize::from(self.register(number) != REGISTER)];
            match self.choices.below(10) {
                0 if number > 0 => set.annulled.push(key),
                1 if number > 0 => {
                    set.withheld.push(key.clone());
                    set.records.push(self.wanted(folder, number, key, false));
                }
                2 => {}
                _ => {
                    set.named.push(key.clone());
                    set.records.push(self.wanted(folder, number, key, true));
                }
            }
        }
        let place = |register| Place { ente: "E", register, flow: "F", folder, powers: Powers::ALL };
        let now = self.now;
        self.commit(false, |ledger| {
            reconcile(ledger, place(REGISTER), &sets[0], now)?;
            reconcile(ledger, place("S"), &sets[1], now).map(drop)
        });
    }

    fn register(&self, number: u64) -> &'static str {
        if self.crossed && number == KEYS - 1 { "S" } else { REGISTER }
    }

    fn wanted(&mut self, folder: i64, number: u64, key: String, valid: bool) -> DesiredRecord {
        let own = folder as u64 * 10 + number;
        let mut content = hash(self.choices.below(10));
        content[8] = own as u8;
        let day = date(2026, 3, 1);
        DesiredRecord {
            source: key.clone(),
            needs: (number > 0).then(|| Needed {
                register: (self.register(number) != REGISTER).then(|| REGISTER.into()),
                key: format!("K{}", number - 1),
            }),
            group: self.grouped.then(|| format!("G{}", self.choices.below(2))),
            key,
            from: day,
            to: day,
            content: valid.then(|| (content, hash(1_000 + own))),
        }
    }

    fn select_all(&mut self, kindly: bool) {
        self.runs += 1;
        let (run, now, interactive) = (self.runs, self.now, self.choices.chance(2));
        let ids: Vec<_> = self.ledger.records.iter().map(|record| record.id).collect();
        let count = self.commit(kindly, |ledger| {
            let mut count = 0;
            for id in ids {
                count += u64::from(select(ledger, run, id, &order(interactive), false, now)?.is_some());
            }
            Ok(count)
        });
        self.selected.push(count.unwrap_or(0));
    }

    fn gather(&mut self, kindly: bool, interactive: bool) {
        let now = self.now;
        let limit = if kindly { 10 } else { 1 + self.choices.below(4) as usize };
        let name = |_: &Record, day: &str, n: u32| format!("{day}.{n:07}");
        self.commit(kindly, |ledger| {
            let wish = Gathering {
                route: ROUTE,
                interactive,
                ente: None,
                after: 0,
                look: 100,
                limit,
                max_bytes: 1000,
                now,
                day: "d",
                name: &name,
            };
            if !interactive {
                let mut passed = Vec::new();
                while !gather_lot(ledger, &wish, &mut passed)?.submissions.is_empty() {}
            }
            gather_lanes(ledger, &wish).map(drop)
        });
    }

    /// A worker takes a container; it may die at each step.
    fn work(&mut self, kindly: bool) {
        let open = [SubmissionState::Queued, SubmissionState::Sending, SubmissionState::Asking];
        let waiting: Vec<i64> = self
            .ledger
            .submissions
            .iter()
            .filter(|sub| open.contains(&sub.state))
            .map(|sub| sub.id)
            .collect();
        if waiting.is_empty() {
            return;
        }
        let id = waiting[self.choices.below(waiting.len() as u64) as usize];
        let now = self.now;
        let begun = self.commit(kindly, |ledger| {
            let mut submission = ledger.submission(id)?;
            begin(ledger, &mut submission, now)
        });
        let mut operations = self.ledger.operations_in(id).unwrap();
        operations.retain(|op| !op.state.is_final() && op.state != State::Parked);
        let delivered = match begun {
            Some(Begun::Send) => self.send(&operations, kindly),
            Some(Begun::Ask) => self.ask(id, &operations, kindly),
            _ => return,
        };
        if !kindly && self.choices.chance(1) {
            return;
        }
        let patience = Patience { schedule: SCHEDULE, pause: 1_000, overdue: OVERDUE_MS, now };
        self.commit(kindly, |ledger| conclude(ledger, id, &delivered, &patience).map(drop));
    }

    fn send(&mut self, operations: &[Operation], kindly: bool) -> Delivered {
        let fate = if kindly { 0 } else { self.choices.below(10) };
        if fate == 9 {
            return Delivered::Unavailable { code: "503".into(), not_before: Some(self.now + 3_000) };
        }
        if fate == 8 {
            return Delivered::Uncertain { code: "lost on its way".into() };
        }
        let needs = self.needs();
        let worked = self.recipient.receive(operations, &needs);
        if self.recipient.later && fate != 7 {
            let handle = self.recipient.keep(worked.err());
            return Delivered::Handed { handle, code: "taken".into(), ask_at: None };
        }
        match (worked, fate) {
            (_, 7) => Delivered::Uncertain { code: "no answer".into() },
            (Ok(()), 6) => {
                let half = operations.len() / 2;
                Delivered::Answered(operations[..half].iter().map(|op| said(op, Answer::Accepted)).collect())
            }
            (Ok(()), _) => {
                Delivered::Answered(operations.iter().map(|op| said(op, Answer::Accepted)).collect())
            }
            (Err(at_fault), _) => {
                let culprits =
                    operations.iter().filter(|op| self.recipient.attributes && at_fault.contains(&op.id));
                let culprits = culprits.map(|op| said(op, Answer::Refused)).collect();
                Delivered::Refused { culprits, code: "422".into(), text: None }
            }
        }
    }

    fn ask(&mut self, id: i64, operations: &[Operation], kindly: bool) -> Delivered {
        if !kindly && self.choices.chance(3) {
            return Delivered::Unanswered { code: "timeout".into(), not_before: None };
        }
        if self.recipient.later {
            let handed = self.ledger.submissions[id as usize - 1].handed.clone();
            let pending = !kindly && self.choices.chance(3);
            return match handed {
                None => Delivered::CannotBeAsked,
                Some(_) if pending => Delivered::Pending { code: "Mx00".into(), not_before: None },
                Some(handed) => self.outcome(&handed.handle, operations),
            };
        }
        let found = operations.iter().filter_map(|op| Some(said(op, self.recipient.asked(op)?)));
        Delivered::Found(found.collect())
    }

    /// What a recipient that answers later says at last: the same, however often it is asked.
    fn outcome(&self, handle: &str, operations: &[Operation]) -> Delivered {
        let Some(at_fault) = &self.recipient.kept[handle] else {
            return Delivered::Found(operations.iter().map(|op| said(op, Answer::Accepted)).collect());
        };
        let culprits = operations.iter().filter(|op| self.recipient.attributes && at_fault.contains(&op.id));
        let culprits = culprits.map(|op| said(op, Answer::Refused)).collect();
        Delivered::Refused { culprits, code: "Mx11".into(), text: None }
    }

    fn needs(&self) -> BTreeMap<RecordId, RecordId> {
        let of = |record: &Record| {
            record.needs.as_ref()?;
            let needed = self.needed(record);
            Some((record.id, needed.map_or(0, |needed| needed.id)))
        };
        self.ledger.records.iter().filter_map(of).collect()
    }

    fn needed(&self, record: &Record) -> Option<&Record> {
        let mut others = self.ledger.records.iter();
        others.find(|other| other.folder == record.folder && record.needs_record(other))
    }

    /// A person looks at the register and decides what patience did not, or what it would ask yet.
    fn person(&mut self) {
        let doubtful: Vec<_> = self
            .ledger
            .operations
            .iter()
            .filter(|op| matches!(op.state, State::Parked | State::Uncertain))
            .cloned()
            .collect();
        for op in doubtful {
            if op.state == State::Uncertain && self.choices.chance(5) {
                continue;
            }
            let holds = self
                .recipient
                .book
                .get(&op.record)
                .is_some_and(|entry| op.kind == Kind::Cancel || entry.generation == op.generation);
            let decision = if holds { Decision::RegisterHolds } else { Decision::RegisterDoesNot };
            let now = self.now;
            self.commit(true, |ledger| decide(ledger, op.id, decision, now).map(drop));
        }
    }

    fn step(&mut self) {
        self.now += self.choices.below(4_000) as i64;
        match self.choices.below(12) {
            0 | 1 => self.save(),
            2 | 3 => self.select_all(false),
            4 | 5 => {
                let interactive = self.choices.chance(5);
                self.gather(false, interactive);
            }
            6 if self.choices.chance(2) => self.person(),
            _ => self.work(false),
        }
        self.check();
    }

    fn check(&self) {
        assert!(self.recipient.effects.values().all(|count| *count == 1), "nothing takes effect twice");
        for record in &self.ledger.records {
            let theirs = self.recipient.book.get(&record.id).map(|entry| entry.content);
            let ours = record.held.map(|held| held.content);
            let current = record.current.map(|id| &self.ledger.operations[id as usize - 1]);
            let after = current.map(|op| (op.kind != Kind::Cancel).then_some(op.content));
            let doubtful = current.is_some_and(|op| op.state != State::Queued && op.state != State::Retrying);
            assert!(
                theirs == ours || (doubtful && Some(theirs) == after),
                "{record:?} differs unseen: {theirs:?}"
            );
        }
        self.check_lanes();
        self.check_balances();
    }

    /// One container per person is under way; what is open has a next step.
    fn check_lanes(&self) {
        let open = [SubmissionState::Queued, SubmissionState::Sending, SubmissionState::Asking];
        let mut busy = BTreeMap::new();
        for sub in &self.ledger.submissions {
            let of = |op: &&Operation| {
                op.submission == Some(sub.id) && !op.state.is_final() && op.state != State::Parked
            };
            let carried: Vec<_> = self.ledger.operations.iter().filter(of).collect();
            assert_eq!(carried.is_empty(), !open.contains(&sub.state), "{sub:?} carries {carried:?}");
            for op in carried {
                let record = &self.ledger.records[op.record as usize - 1];
                let lane = (record.folder, record.register.clone());
                assert_eq!(
                    *busy.entry(lane).or_insert(sub.id),
                    sub.id,
                    "one container of a person at a time"
                );
            }
        }
        for op in self.ledger.operations.iter().filter(|op| op.state == State::Queued) {
            assert!(
                op.submission.is_none() && self.ledger.records[op.record as usize - 1].current == Some(op.id)
            );
        }
    }

    fn check_balances(&self) {
        for (index, selected) in self.selected.iter().enumerate() {
            let mut balance = Balance::new(*selected);
            for row in self.ledger.rows.iter().filter(|row| row.0 == index as i64 + 1) {
                balance.add(row.2, 1);
            }
            assert!(balance.closes(), "run {} does not close", index + 1);
        }
    }

    /// The recipient behaves: then both books agree, and all is up to date that can be.
    fn quiesce(&mut self) {
        for round in 0..80 {
            self.now += 70_000;
            if round % 8 == 0 {
                self.person();
                self.select_all(true);
            }
            self.gather(true, true);
            self.gather(true, false);
            for _ in 0..3 {
                self.work(true);
            }
            self.check();
        }
        let open =
            self.ledger.operations.iter().filter(|op| !op.state.is_final() && op.state != State::Parked);
        assert_eq!(open.count(), 0, "every operation has come to an end");
        for record in &self.ledger.records {
            let theirs = self.recipient.book.get(&record.id).map(|entry| entry.content);
            assert_eq!(record.held.map(|held| held.content), theirs, "the books agree at the end");
            let possible =
                record.needs.is_none() || self.needed(record).is_some_and(|other| other.held.is_some());
            match record.desired {
                Desired::Present { content, .. } if possible && !is_refused(&content) => {
                    assert_eq!(theirs, Some(content), "{record:?} is up to date");
                }
                Desired::Absent(_) => assert_eq!(theirs, None, "{record:?} is gone"),
                _ => {}
            }
        }
    }
}

fn said(op: &Operation, answer: Answer) -> Said {
    Said { operation: op.id, answer, code: "x".into(), text: None, acquired_as: None }
}

#[test]
fn pushed_books_never_diverge_unseen() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let histories = u32::try_from(number("RACCORDO_PUSHED").unwrap_or(15_000)).unwrap();
    let seed: u64 = number("RACCORDO_SEED").unwrap_or(20_261_123);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases: histories, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let played = runner.run(&proptest::collection::vec(any::<u32>(), 20..300), |numbers| {
        let mut world = World::new(&numbers);
        while !world.choices.0.as_slice().is_empty() {
            world.step();
        }
        world.quiesce();
        Ok(())
    });
    played.unwrap();
    println!("pushed: {histories} histories, seed {seed}: the books never diverged unseen");
}

#[test]
fn what_needs_itself_in_a_circle_is_set_aside() {
    let mut world = World::new(&[]);
    let mut set = DesiredSet::default();
    for number in 0..KEYS {
        let key = format!("K{number}");
        let needs = Some(Needed { register: None, key: format!("K{}", (number + 1) % KEYS) });
        set.named.push(key.clone());
        set.records.push(DesiredRecord { needs, ..world.wanted(1, number, key, true) });
    }
    let place = Place { ente: "E", register: "R", flow: "F", folder: 1, powers: Powers::ALL };
    let now = world.now;
    world.commit(true, |ledger| reconcile(ledger, place, &set, now).map(drop));
    world.select_all(true);
    world.gather(true, false);
    assert!(world.ledger.submissions.is_empty());
    assert!(world.ledger.rows.len() == 3 && world.ledger.rows.iter().all(|row| row.2 == Bucket::SetAside));
    world.check();
}

#[test]
fn a_container_speaks_by_one_flow() {
    let mut world = World::new(&[]);
    let mut set = DesiredSet::default();
    for number in 0..KEYS {
        let key = format!("K{number}");
        set.named.push(key.clone());
        set.records.push(DesiredRecord { needs: None, ..world.wanted(1, number, key, true) });
    }
    let place = Place { ente: "E", register: "R", flow: "F", folder: 1, powers: Powers::ALL };
    let now = world.now;
    world.commit(true, |ledger| reconcile(ledger, place, &set, now).map(drop));
    world.ledger.records[1].flow = "G".into();
    world.select_all(true);
    world.gather(true, false);
    assert_eq!(world.ledger.submissions.len(), 1);
    let carried = world.ledger.operations_in(1).unwrap();
    assert_eq!(carried.iter().map(|op| op.record).collect::<Vec<_>>(), [1, 3]);
    world.check();
}
