//! The faults: what is done to gateway and broker, in which order, and what is noted of each.

use std::time::{Duration, Instant};

use crate::chaos::installation::Installation;
use crate::chaos::life::{End, Fault, Gone, Life};
use crate::chaos::random::Random;
use crate::queue::broker::Running;

use super::ledger;
use super::stage::Stage;

/// Rounds of work within which an armed point should have been passed.
const ROUNDS: usize = 60;

/// One way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `kill -9` of the gateway at any moment.
    Kill,
    /// The gateway dies at a named point.
    Point(&'static str),
    /// `kill -9` of the broker; then it is started again.
    Crash,
    /// The broker loses every queue and message.
    Wipe,
    /// The broker is short of memory and takes no messages.
    Alarm,
    /// The broker says nothing any more, its sockets stay open.
    Freeze,
    /// The broker dies, then the gateway; the gateway comes back first.
    Both,
}

const LEDGER: [&str; 3] = ["ledger.before-begin", "ledger.before-commit", "ledger.after-commit"];
const PUSH: [&str; 2] = ["push.begun", "push.answered"];

impl Kind {
    pub fn words(self) -> String {
        match self {
            Self::Kill => "kill -9 of the gateway".into(),
            Self::Point(name) => format!("death of the gateway at {name}"),
            Self::Crash => "broker killed and restarted".into(),
            Self::Wipe => "broker killed and its data wiped".into(),
            Self::Alarm => "broker short of memory".into(),
            Self::Freeze => "broker frozen".into(),
            Self::Both => "broker killed, gateway killed, gateway back first".into(),
        }
    }
}

/// Decks of all kinds, each shuffled: any number of faults has its share of each kind.
pub fn plan(count: u64, random: &mut Random) -> Vec<Kind> {
    let mut plan = Vec::new();
    for round in 0.. {
        let mut deck = vec![
            Kind::Kill,
            Kind::Kill,
            Kind::Point(PUSH[0]),
            Kind::Point(PUSH[1]),
            Kind::Point(LEDGER[round % LEDGER.len()]),
            Kind::Crash,
            Kind::Wipe,
            Kind::Alarm,
            Kind::Freeze,
            Kind::Both,
        ];
        while !deck.is_empty() {
            if plan.len() as u64 == count {
                return plan;
            }
            plan.push(deck.swap_remove(random.within(0..deck.len() as u64) as usize));
        }
    }
    plan
}

/// One fault and what followed.
pub struct Entry {
    pub kind: Kind,
    /// How long it lasted, until gateway and broker were up again.
    pub lasted: Duration,
    /// From then until the recipient made the next transaction.
    pub resumed: Duration,
    /// From then until a change that was saved then was settled.
    pub settled: Duration,
}

#[derive(Default)]
pub struct Log {
    pub entries: Vec<Entry>,
    /// Points that were not reached in time.
    missed: Vec<&'static str>,
}

impl Log {
    /// Points at which nothing died, though it should have.
    pub fn missed(&self) -> Vec<String> {
        self.missed.iter().map(|point| format!("nothing passed {point}")).collect()
    }
}

impl Stage {
    /// One fault in the midst of work; then a new change must arrive by itself.
    pub fn suffer<'a>(
        &mut self,
        kind: Kind,
        life: Life<'a>,
        place: &'a Installation,
        broker: &Running,
        log: &mut Log,
    ) -> Life<'a> {
        if self.rush(&life).is_err() {
            self.wrong.push("the gateway died although nobody killed it".into());
        }
        let (life, began) = match kind {
            Kind::Kill | Kind::Point(_) => self.gateway_dies(kind, life, place, log),
            Kind::Both => self.both_die(life, place, broker),
            _ => self.broker_fails(kind, life, broker),
        };
        let lasted = began.elapsed();
        match self.probe(&life) {
            Ok((resumed, settled)) => log.entries.push(Entry { kind, lasted, resumed, settled }),
            Err(Gone) => self.wrong.push(format!("the gateway died by itself after {}", kind.words())),
        }
        if life.lives() { life } else { restarted(place, Fault::None) }
    }

    fn gateway_dies<'a>(
        &mut self,
        kind: Kind,
        mut life: Life<'a>,
        place: &'a Installation,
        log: &mut Log,
    ) -> (Life<'a>, Instant) {
        if let Kind::Point(name) = kind {
            self.bury(&life);
            life.stop();
            let most = if name.starts_with("ledger") { 150 } else { 15 };
            life = restarted(place, Fault::Point { name, count: self.random.within(2..most) });
        } else {
            life.doom(self.random.within(1..25), self.random.within(0..30_000));
        }
        let mut gone = !life.lives();
        for _ in 0..ROUNDS {
            gone = gone || self.work(&life).is_err();
        }
        let end = if gone { life.died() } else { life.kill() };
        let began = Instant::now();
        if let (Kind::Point(name), End::Killed) = (kind, end) {
            log.missed.push(name);
        }
        self.bury(&life);
        self.look_at_death(place);
        (restarted(place, Fault::None), began)
    }

    fn broker_fails<'a>(&mut self, kind: Kind, mut life: Life<'a>, broker: &Running) -> (Life<'a>, Instant) {
        self.wrong.extend(self.people_in(broker.place()));
        let (pause, began) = (Duration::from_millis(self.random.within(200..6_000)), Instant::now());
        let act = || match kind {
            Kind::Crash => ["crash", "start"].into_iter().for_each(|verb| broker.control(&[verb])),
            Kind::Wipe => broker.control(&["wipe"]),
            Kind::Alarm => {
                broker.control(&["alarm", "on"]);
                pass(pause / 2);
                broker.control(&["alarm", "off"]);
            }
            _ => {
                broker.control(&["freeze"]);
                pass(pause);
                broker.control(&["thaw"]);
            }
        };
        if self.meanwhile(&life, act).is_err() {
            self.wrong.push(format!("the gateway died of: {}", kind.words()));
            life.kill();
        }
        (life, began)
    }

    fn both_die<'a>(
        &mut self,
        mut life: Life<'a>,
        place: &'a Installation,
        broker: &Running,
    ) -> (Life<'a>, Instant) {
        let began = Instant::now();
        // What it says of its last moments, the broker's death included, is no complaint.
        let _killed_soon = self.meanwhile(&life, || broker.control(&["crash"]));
        life.kill();
        self.bury(&life);
        self.look_at_death(place);
        let life = restarted(place, Fault::None);
        if self.meanwhile(&life, || broker.control(&["start"])).is_err() {
            self.wrong.push("the gateway died while there was no broker".into());
        }
        (life, began)
    }

    /// Work goes on while something is done to the broker.
    fn meanwhile(&mut self, life: &Life<'_>, act: impl FnOnce() + Send) -> Result<(), Gone> {
        std::thread::scope(|scope| {
            let acting = scope.spawn(act);
            let mut lived = Ok(());
            while !acting.is_finished() {
                if lived.is_ok() {
                    lived = self.work(life);
                }
                pass(Duration::from_millis(10));
            }
            lived
        })
    }

    /// What a death left: nothing without a next step, and containers of which nobody knows.
    fn look_at_death(&mut self, place: &Installation) {
        let copy = ledger::Copy::of(place);
        self.wrong.extend(copy.without_next_step());
        self.under_way += copy.count("SELECT count(*) FROM submission WHERE state IN ('sending', 'asking')");
    }

    fn bury(&mut self, life: &Life<'_>) {
        self.wrong.append(&mut life.complaints.borrow_mut());
    }
}

/// The next life. At an armed point it may die before it serves.
fn restarted(place: &Installation, fault: Fault) -> Life<'_> {
    let (life, ready) = Life::start(place, fault);
    assert!(ready.is_ok() || matches!(fault, Fault::Point { .. }), "the gateway does not start any more");
    life
}

/// Time that a fault shall last.
fn pass(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::thread::park_timeout(time.saturating_sub(began.elapsed()));
    }
}
