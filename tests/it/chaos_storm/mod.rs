//! Everything at once: the gateway is killed over and over, at named points and at any moment, while
//! its broker and its database server crash, stand still and lose what they have, the network between
//! them delays, cuts and swallows, its disk is full, and its recipients misbehave. Products save folders
//! all the while; the oracle knows every change that was acknowledged. At the end everything comes to
//! rest by itself, and the judges hold the recipients' own books against the ledger's.
//!
//! By environment: `RACCORDO_CHAOS_SEED`; `RACCORDO_STORM_LEDGER=sqlite|postgres` and
//! `RACCORDO_STORM_QUEUE=embedded|rabbitmq`; the least numbers of deaths and restarts,
//! `RACCORDO_STORM_KILLS`, `RACCORDO_STORM_BROKER`, `RACCORDO_STORM_DATABASE`; `RACCORDO_STORM_MINUTES`
//! ends it in any case; `RACCORDO_STORM_RESULTS` names a file to which a row is added. What is changed
//! and which faults come in which order follows from the seed; the machine's own timing does not.

mod database;
mod fates;
pub mod proxy;
mod results;
mod soak;
mod wal;
mod weather;
mod world;

use std::time::{Duration, Instant};

use crate::chaos::installation::Installation;
use crate::chaos::life::{Fault, Life};
use crate::chaos::number;
use fates::Tally;
use world::World;

const SEED: u64 = 2026;
/// Lives between two moments in which everything is up.
const CALM_EVERY: u64 = 25;

/// Which ledger and queue, and how much of everything.
pub struct Choice {
    pub name: String,
    pub postgres: bool,
    pub rabbitmq: bool,
    pub seed: u64,
    pub kills: u64,
    pub broker_restarts: u64,
    pub database_restarts: u64,
    pub longest: Duration,
}

impl Choice {
    fn by_environment(postgres: bool, rabbitmq: bool) -> Self {
        let kinds =
            [("RACCORDO_STORM_LEDGER", postgres, "postgres"), ("RACCORDO_STORM_QUEUE", rabbitmq, "rabbitmq")];
        let [postgres, rabbitmq] =
            kinds.map(|(name, default, word)| std::env::var(name).map_or(default, |said| said == word));
        Self {
            name: format!("storm-{postgres}-{rabbitmq}"),
            postgres,
            rabbitmq,
            seed: number("RACCORDO_CHAOS_SEED", SEED),
            kills: number("RACCORDO_STORM_KILLS", 12),
            broker_restarts: number("RACCORDO_STORM_BROKER", 1) * u64::from(rabbitmq),
            database_restarts: number("RACCORDO_STORM_DATABASE", 1) * u64::from(postgres),
            longest: Duration::from_secs(60 * number("RACCORDO_STORM_MINUTES", 600)),
        }
    }
}

#[test]
fn whatever_comes_together_nothing_is_lost_and_nothing_happens_twice() {
    storm(&Choice::by_environment(false, true));
}

fn storm(choice: &Choice) {
    let (began, directory) = (Instant::now(), tempfile::tempdir().unwrap());
    let (mut world, place) = World::set(directory.path(), choice.seed, choice);
    let mut tally = Tally::default();
    begin(&mut world, &place);
    let mut deck = Vec::new();
    let mut lives = 0;
    while !enough(choice, &world, &tally) && began.elapsed() < choice.longest && tally.wrong.is_empty() {
        world.weather.storm();
        if deck.is_empty() {
            deck = fates::deck(choice, &mut world.random);
        }
        let fate = deck.pop().expect("a deck holds fates");
        world.live(fate, &place, choice, &mut tally);
        lives += 1;
        if lives % CALM_EVERY == 0 {
            world.recover(&place, &mut tally);
            results::tell(choice, &world, &tally, began.elapsed());
        }
    }
    world.weather.calm();
    let stormed = began.elapsed();
    come_to_rest(&mut world, &place, &mut tally);
    results::report(choice, &world, &tally, stormed);
    let mut wrong = std::mem::take(&mut tally.wrong);
    wrong.extend(world.offered.judge(&place));
    wrong.extend(world.pushed.judge(&place, world.weather.services.broker.as_ref()));
    results::row(choice, &world, &tally, stormed, wrong.len());
    println!("{:.1} s in all", began.elapsed().as_secs_f64());
    if !wrong.is_empty() {
        println!("log and ledger stay in {}", directory.keep().display());
    }
    wrong.truncate(100);
    assert!(wrong.is_empty(), "seed {}: {} faults:\n{}", choice.seed, wrong.len(), wrong.join("\n"));
}

fn enough(choice: &Choice, world: &World, tally: &Tally) -> bool {
    let counts = world.weather.counts();
    let sum = |which: fn(weather::Gust) -> bool| -> u64 {
        counts.iter().filter(|(gust, _)| which(**gust)).map(|(_, count)| count).sum()
    };
    tally.kills() >= choice.kills
        && sum(weather::Gust::restarts_broker) >= choice.broker_restarts
        && sum(weather::Gust::restarts_database) >= choice.database_restarts
}

/// The first life: every folder of the pushed side is saved and reported.
fn begin(world: &mut World, place: &Installation) {
    let (life, ready) = Life::start(place, Fault::None);
    let saved = ready.and_then(|()| world.pushed.save_all(&life));
    assert!(saved.is_ok(), "the gateway died although nobody killed it");
}

/// Nothing fails any more: everything must come to rest by itself. Then the last blow.
fn come_to_rest(world: &mut World, place: &Installation, tally: &mut Tally) {
    world.offered.be_kind();
    world.pushed.be_kind();
    let (mut life, ready) = Life::start(place, Fault::None);
    let rested = ready
        .and_then(|()| world.offered.rest(&life, place))
        .and_then(|()| world.pushed.rest(&life))
        .and_then(|()| world.offered.rest(&life, place));
    if rested.is_err() {
        tally.wrong.push("the gateway died although nobody killed it".into());
    }
    life.kill();
    tally.wrong.append(&mut life.complaints.borrow_mut());
    tally.wrong.extend(world.complaints());
    world.pushed.wait_for_recipient();
    tally.wrong.extend(crate::chaos_push::ledger::Copy::of(place).without_next_step());
}
