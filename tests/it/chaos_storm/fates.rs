//! How the lives of the gateway end, as data, and one life under its fate.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use raccordo::ledger::failpoint::POINTS;

use crate::chaos::installation::Installation;
use crate::chaos::life::{End, Fault, Gone, Life};
use crate::chaos::random::Random;
use crate::chaos_push::ledger::Copy;

use super::weather::pass;
use super::world::World;
use super::{Choice, wal};

/// Rounds of work within which an armed point should have been passed.
const ROUNDS: usize = 12;
/// Within this time a gateway that was told to stop has finished what it has in hand.
const GRACE: Duration = Duration::from_secs(20);
/// Tries to save, and the pause between two, once a full disk has room again.
const TRIES: (usize, Duration) = (200, Duration::from_millis(50));

/// How one life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// At a named point.
    Point(&'static str),
    /// `kill -9` at any moment.
    Kill,
    /// `kill -9`, and what was being written to the ledger's file is torn.
    Torn,
    /// No write finds room for a while; then `kill -9`.
    Full,
    /// SIGTERM in the midst of work.
    Terminate,
}

/// Every fate once, and kills at any moment as often as all points together, shuffled.
pub fn deck(choice: &Choice, random: &mut Random) -> Vec<Fate> {
    let mut sorted: Vec<Fate> = POINTS.iter().flat_map(|point| [Fate::Point(point), Fate::Kill]).collect();
    sorted.push(Fate::Terminate);
    if !choice.postgres {
        sorted.extend([Fate::Torn, Fate::Full]);
    }
    let mut deck = Vec::new();
    while !sorted.is_empty() {
        deck.push(sorted.swap_remove(random.within(0..sorted.len() as u64) as usize));
    }
    deck
}

/// What happened so far.
#[derive(Default)]
pub struct Tally {
    /// What ended lives.
    pub deaths: BTreeMap<String, u64>,
    /// Lives that ended before they served.
    pub stillborn: u64,
    /// The longest that a stop took.
    pub drained: Duration,
    /// Copies of the ledger whose log was cut anywhere.
    pub cuts: u64,
    /// The longest that a change took to be settled after everything was up again.
    pub settled: Duration,
    pub calms: u64,
    pub wrong: Vec<String>,
}

impl Tally {
    pub fn kills(&self) -> u64 {
        self.deaths.iter().filter(|(cause, _)| *cause != TERMINATED).map(|(_, count)| count).sum()
    }

    fn note(&mut self, cause: &str) {
        *self.deaths.entry(cause.to_owned()).or_default() += 1;
    }
}

const TERMINATED: &str = "SIGTERM in the midst of work";

impl World {
    /// One life.
    pub fn live(&mut self, fate: Fate, place: &Installation, choice: &Choice, tally: &mut Tally) {
        let fault = match fate {
            Fate::Point(name) => Fault::Point { name, count: self.random.within(1..most(name)) },
            Fate::Kill | Fate::Torn => {
                Fault::Kill { after: self.random.within(1..60), jitter_us: self.random.within(0..20_000) }
            }
            Fate::Full | Fate::Terminate => Fault::None,
        };
        let (mut life, ready) = Life::start(place, fault);
        life.tolerant.set(choice.postgres);
        let gone = ready.is_err();
        tally.stillborn += u64::from(gone);
        match fate {
            _ if gone => buried(fate, &mut life, gone, choice, tally),
            Fate::Terminate => self.terminated(life, place, tally),
            Fate::Full => {
                let filled = self.filled(&life, place, tally);
                buried(fate, &mut life, filled.is_err(), choice, tally);
            }
            _ => {
                let worked = (0..ROUNDS).try_for_each(|_| self.round(&life, place));
                buried(fate, &mut life, worked.is_err(), choice, tally);
            }
        }
        if fate == Fate::Torn && !wal::tear(&place.data, &mut self.random) {
            tally.note("nothing to tear");
        }
        self.look_at_death(place, choice, tally);
    }

    fn terminated(&mut self, mut life: Life<'_>, place: &Installation, tally: &mut Tally) {
        let rounds = self.random.within(1..6);
        let worked = (0..rounds).try_for_each(|_| self.round(&life, place));
        if worked.is_err() {
            tally.wrong.push("the gateway died although nobody killed it".into());
        }
        life.terminate();
        // Who comes now is turned away, or still served.
        while self.round(&life, place).is_ok() && life.lives() {}
        let (took, code) = life.stopped();
        tally.drained = tally.drained.max(took);
        if code != Some(0) || took > GRACE {
            tally.wrong.push(format!("SIGTERM: it ended with {code:?} after {took:?}"));
        }
        tally.wrong.append(&mut life.complaints.borrow_mut());
        tally.note(TERMINATED);
    }

    /// No write succeeds for a while. When there is room again, it goes on by itself.
    fn filled(&mut self, life: &Life<'_>, place: &Installation, tally: &mut Tally) -> Result<(), Gone> {
        self.round(life, place)?;
        life.tolerant.set(true);
        room(life, "0");
        for _ in 0..self.random.within(1..5) {
            self.round(life, place)?;
        }
        room(life, "unlimited");
        for _ in 0..TRIES.0 {
            let open = self.pushed.products.unanswered();
            if open.is_empty() {
                return self.round(life, place);
            }
            for number in open {
                self.pushed.products.put(life, number, &mut self.random)?;
            }
            pass(TRIES.1);
        }
        tally.wrong.push("a change is still not taken although the disk has room again".into());
        Ok(())
    }

    /// What a death left: nothing without a next step, wherever the log of the ledger ends.
    fn look_at_death(&mut self, place: &Installation, choice: &Choice, tally: &mut Tally) {
        self.offered.take(place);
        tally.wrong.extend(self.complaints());
        if choice.postgres || !self.random.chance(25) {
            return;
        }
        tally.wrong.extend(Copy::of(place).without_next_step());
        if let Some(wrong) = wal::cut(&place.data, &mut self.random) {
            tally.cuts += 1;
            tally.wrong.extend(wrong);
        }
    }

    /// Everything is up: a new change must arrive by itself. Then one more death.
    pub fn recover(&mut self, place: &Installation, tally: &mut Tally) {
        self.weather.calm();
        let (mut life, ready) = Life::start(place, Fault::None);
        let probed = ready.and_then(|()| self.pushed.probe(&life));
        match probed {
            Ok((_, settled)) => tally.settled = tally.settled.max(settled),
            Err(Gone) => tally.wrong.push("the gateway died although nobody killed it".into()),
        }
        life.kill();
        tally.calms += 1;
        tally.wrong.append(&mut life.complaints.borrow_mut());
        tally.wrong.extend(Copy::of(place).without_next_step());
        tally.note("kill -9 at rest");
    }
}

/// From now on the gateway's writes beyond this many bytes of a file fail.
fn room(life: &Life<'_>, bytes: &str) {
    let limit = format!("--fsize={bytes}:unlimited");
    let set = Command::new("prlimit").args(["--pid", &life.pid(), &limit]).status();
    // A life that has just ended needs no room.
    assert!(set.is_ok_and(|status| status.success()) || !life.lives(), "prlimit does not work");
}

/// Passages among which the deadly one is.
fn most(point: &str) -> u64 {
    match point.split('.').next() {
        Some("ledger") => 120,
        Some("outbox") => 4,
        _ => 12,
    }
}

/// Notes what a life ended of.
fn buried(fate: Fate, life: &mut Life<'_>, gone: bool, choice: &Choice, tally: &mut Tally) {
    let end = if gone { life.died() } else { life.kill() };
    let complaints = std::mem::take(&mut *life.complaints.borrow_mut());
    // Without its database server it does not start; whoever supervises it tries again.
    let excused = |what: &String| choice.postgres && gone && what.starts_with("it ended with code Some(2)");
    let given_up = complaints.iter().any(excused);
    tally.wrong.extend(complaints.into_iter().filter(|what| !excused(what)));
    match (fate, end) {
        _ if given_up => {}
        (Fate::Point(name), End::Aborted) => tally.note(&format!("death at {name}")),
        (Fate::Torn, _) => tally.note("kill -9, its last write torn"),
        (Fate::Full, _) => tally.note("kill -9 after a full disk"),
        _ if gone => tally.note("kill -9 at work"),
        _ => tally.note("kill -9 at rest"),
    }
}
