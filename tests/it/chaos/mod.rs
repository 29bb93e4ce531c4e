//! The gateway is killed over and over, at named points and at any moment, while products
//! save folders, INPS polls and misbehaves, and a person carries files to a portal. At the
//! end the books must agree: nothing acknowledged is lost, nothing takes effect twice.
//!
//! `RACCORDO_CHAOS_SEED` replays the choices (what is changed, how each life shall end; the
//! machine's own timing stays its own), `RACCORDO_CHAOS_KILLS=1000` is the long form.
//! A killed process tells nothing about a power cut: what the kernel has is kept.

pub mod client;
pub mod installation;
mod judge;
pub mod life;
pub mod oracle;
mod portal;
pub mod privacy;
pub mod random;
pub mod stage;

use std::collections::BTreeMap;
use std::time::Instant;

use raccordo::ledger::failpoint::POINTS;

use installation::Installation;
use life::{End, Fault, Gone, Life};
use random::Random;
use stage::Stage;

const SEED: u64 = 2026;
const KILLS: u64 = 56;
/// Prefixes of the points that nothing here passes often: pushed routes have a test of their own.
const ELSEWHERE: [&str; 2] = ["push.", "queue."];
/// Rounds of work within which an armed point should have been passed.
const ROUNDS: usize = 8;

#[test]
fn whatever_is_killed_nothing_acknowledged_is_lost_and_nothing_happens_twice() {
    let (seed, kills) = (number("RACCORDO_CHAOS_SEED", SEED), number("RACCORDO_CHAOS_KILLS", KILLS));
    let (began, directory) = (Instant::now(), tempfile::tempdir().unwrap());
    let (mut stage, place) = Stage::set(directory.path(), seed);
    let mut deaths: BTreeMap<&str, u64> = BTreeMap::new();
    for turn in 0..kills {
        let cause = live(&mut stage, &place, turn);
        *deaths.entry(cause).or_default() += 1;
    }
    stage.come_to_rest(&place);
    println!("seed {seed}: {kills} kills in {:.1} s", began.elapsed().as_secs_f64());
    for (cause, count) in &deaths {
        println!("  {count:4} {cause}");
    }
    let (saved, again) = (stage.oracle.acknowledged, stage.oracle.resent);
    println!("{} of them before the gateway served", stage.stillborn);
    println!("{saved} changes acknowledged, {again} sent again; {} polls", stage.polls);
    let mut wrong = stage.judge(&place);
    let enough = kills / points().len() as u64 / 4;
    let missed = points().into_iter().filter(|point| deaths.get(point).copied().unwrap_or(0) < enough);
    wrong.extend(missed.map(|point| format!("fewer than {enough} deaths at {point}")));
    println!("{:.1} s in all", began.elapsed().as_secs_f64());
    assert!(wrong.is_empty(), "seed {seed}: {} faults:\n{}", wrong.len(), wrong.join("\n"));
}

/// The points on the way of an offered or filed record.
fn points() -> Vec<&'static str> {
    POINTS.into_iter().filter(|point| !ELSEWHERE.iter().any(|prefix| point.starts_with(prefix))).collect()
}

/// The gateway under test: the one that was built with this test, or another that `RACCORDO_BINARY` names,
/// such as a copy that nobody builds anew during a long run.
pub fn binary() -> std::ffi::OsString {
    std::env::var_os("RACCORDO_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_raccordo").into())
}

/// The ledger of a gateway that does not run, whichever kind it is.
pub fn opened(place: &Installation) -> raccordo::gateway::Gateway {
    let settings = raccordo::node::config::load(Some(&place.config)).unwrap();
    raccordo::node::open(settings).map_err(|error| error.to_string()).unwrap()
}

pub fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// One life under a fault; says what ended it.
fn live(stage: &mut Stage, place: &Installation, turn: u64) -> &'static str {
    let fault = fault(&mut stage.random, turn);
    let (mut life, ready) = Life::start(place, fault);
    let mut gone = ready.is_err();
    stage.stillborn += u64::from(gone);
    for _ in 0..ROUNDS {
        gone = gone || matches!(stage.work(&life, place), Err(Gone));
    }
    let end = if gone { life.died() } else { life.kill() };
    stage.take(place);
    stage.faults.append(&mut life.complaints.borrow_mut());
    match (fault, end) {
        (Fault::Point { name, .. }, End::Aborted) => name,
        (Fault::Kill { .. }, End::Killed) if gone => "kill -9 at work",
        _ => "kill -9 at rest",
    }
}

/// Every other fault is at a named point, each point in its turn.
fn fault(random: &mut Random, turn: u64) -> Fault {
    if !turn.is_multiple_of(2) {
        return Fault::Kill { after: random.within(1..45), jitter_us: random.within(0..8_000) };
    }
    let points = points();
    let name = points[(turn / 2) as usize % points.len()];
    let most = if name.starts_with("ledger") {
        60
    } else if name.starts_with("outbox") {
        5
    } else {
        16
    };
    Fault::Point { name, count: random.within(1..most) }
}
