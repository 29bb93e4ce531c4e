//! Pushed delivery under faults: the gateway and its broker are killed, emptied, frozen and
//! starved over and over, while products save folders, people wait for syncs, and the recipient
//! misbehaves. Publishing must go on by itself after each fault; at the end nothing is lost,
//! nothing took effect twice, and no operation is without a next step.
//!
//! `RACCORDO_FAULTS=50` is the long form (`make chaos`), `RACCORDO_CHAOS_SEED` replays the choices
//! (what is changed, which faults in which order; the machine's own timing stays its own).

mod faults;
pub mod installation;
mod judge;
pub mod ledger;
mod products;
pub mod stage;

use std::collections::BTreeMap;
use std::time::Instant;

use crate::chaos::number;
use crate::queue::broker::Running;
use faults::{Kind, Log, plan};
use stage::Stage;

const SEED: u64 = 2026;
const FAULTS: u64 = 5;

#[test]
fn whatever_fails_publishing_goes_on_and_nothing_is_lost_or_doubled() {
    let (seed, count) = (number("RACCORDO_CHAOS_SEED", SEED), number("RACCORDO_FAULTS", FAULTS));
    let directory = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let broker = Running::own("chaos");
    let (mut stage, place) = Stage::set(directory.path(), &broker, seed);
    let mut log = Log::default();
    let mut life = stage.begin(&place);
    for kind in plan(count, &mut stage.random) {
        life = stage.suffer(kind, life, &place, &broker, &mut log);
    }
    let chaos = began.elapsed();
    stage.come_to_rest(life, &place);
    println!("seed {seed}: {count} faults in {:.1} s", chaos.as_secs_f64());
    report(&log);
    let mut wrong = stage.judge(&place, Some(&broker));
    wrong.extend(log.missed());
    println!("{:.1} s in all", began.elapsed().as_secs_f64());
    if !wrong.is_empty() {
        println!("log and ledger stay in {}", directory.keep().display());
    }
    assert!(wrong.is_empty(), "seed {seed}: {} faults:\n{}", wrong.len(), wrong.join("\n"));
}

/// How often each fault was, and how long until something that was saved after it had arrived.
fn report(log: &Log) {
    let mut kinds: BTreeMap<Kind, Vec<_>> = BTreeMap::new();
    for entry in &log.entries {
        kinds.entry(entry.kind).or_default().push(entry);
    }
    for (kind, entries) in kinds {
        let longest = |of: fn(&faults::Entry) -> std::time::Duration| {
            entries.iter().map(|entry| of(entry)).max().unwrap_or_default().as_secs_f64()
        };
        println!(
            "  {:4} {}: fault itself at most {:.1} s, next transaction after {:.1} s, new change settled after {:.1} s",
            entries.len(),
            kind.words(),
            longest(|entry| entry.lasted),
            longest(|entry| entry.resumed),
            longest(|entry| entry.settled),
        );
    }
}
