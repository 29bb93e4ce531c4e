//! A soak: the gateway works for a long time at a steady part of what it can do, and nothing of it
//! grows: memory, file handles, threads, the age of what waits. `RACCORDO_SOAK_SECONDS=1800` is the long
//! form (`make soak MINUTES=30`); `RACCORDO_STORM_LEDGER` and `RACCORDO_STORM_QUEUE` choose as for storms.

use std::fmt;
use std::time::{Duration, Instant};

use raccordo::gateway::{Clock, SystemClock};

use crate::chaos::installation::Installation;
use crate::chaos::life::{Fault, Life};
use crate::chaos::number;
use crate::chaos_push::ledger::Copy;

use super::weather::pass;
use super::world::World;
use super::{Choice, begin};

/// The part of its full speed at which it works.
const LOAD: f64 = 0.6;
/// Nothing waits longer, while nothing fails.
const OLDEST_MS: i64 = 60_000;

/// What was seen at one moment.
#[derive(Clone, Copy)]
struct Sample {
    at: Duration,
    resident_kib: u64,
    handles: u64,
    threads: u64,
    /// Age of the oldest operation on the pushed route that has no end yet, ms.
    oldest_ms: i64,
    waiting: u64,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, resident_kib, handles, threads, oldest_ms, waiting } = self;
        write!(
            f,
            "{:6.0} s: {:6.1} MiB resident, {handles} handles, {threads} threads, {waiting} operations on their way, the \
             oldest for {:.1} s",
            at.as_secs_f64(),
            *resident_kib as f64 / 1024.0,
            *oldest_ms as f64 / 1000.0
        )
    }
}

#[test]
fn at_a_steady_load_nothing_grows() {
    let seconds = number("RACCORDO_SOAK_SECONDS", 5);
    let mut choice = Choice::by_environment(false, false);
    (choice.name, choice.kills) = (format!("soak-{}", choice.name), 1_000);
    let directory = tempfile::tempdir().unwrap();
    let (mut world, place) = World::set(directory.path(), choice.seed, &choice);
    world.offered.be_kind();
    world.pushed.be_kind();
    begin(&mut world, &place);
    let (life, ready) = Life::start(&place, Fault::None);
    assert!(ready.is_ok(), "the gateway does not start");
    let rounds_per_s =
        LOAD * full_speed(&mut world, &life, &place, Duration::from_secs(seconds).mul_f64(0.1));
    println!("seed {}: {seconds} s at {rounds_per_s:.2} rounds/s, {LOAD} of full speed", choice.seed);
    let mut samples = Vec::new();
    let (began, every) = (Instant::now(), Duration::from_secs((seconds / 10).clamp(1, 10)));
    let mut rounds = 0;
    while began.elapsed() < Duration::from_secs(seconds) {
        round(&mut world, &life, &place);
        rounds += 1;
        if began.elapsed() >= every * u32::try_from(samples.len()).unwrap() {
            let sample = sample(&life, &place, began.elapsed());
            println!("{sample}");
            samples.push(sample);
        }
        pass(Duration::from_secs_f64(f64::from(rounds) / rounds_per_s).saturating_sub(began.elapsed()));
    }
    let changes = world.offered.oracle.acknowledged + world.pushed.products.acknowledged;
    println!("{rounds} rounds, {changes} changes, {} transactions", world.pushed.server.book().commits());
    let mut wrong = grown(&samples);
    wrong.extend(world.complaints());
    wrong.append(&mut life.complaints.borrow_mut());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn round(world: &mut World, life: &Life<'_>, place: &Installation) {
    assert!(world.round(life, place).is_ok(), "the gateway died although nobody killed it");
}

/// Rounds of work per second that it can do.
fn full_speed(world: &mut World, life: &Life<'_>, place: &Installation, time: Duration) -> f64 {
    let began = Instant::now();
    let mut rounds = 0.0;
    while began.elapsed() < time.max(Duration::from_secs(1)) {
        round(world, life, place);
        rounds += 1.0;
    }
    rounds / began.elapsed().as_secs_f64()
}

fn sample(life: &Life<'_>, place: &Installation, at: Duration) -> Sample {
    let process = format!("/proc/{}", life.pid());
    let status = std::fs::read_to_string(format!("{process}/status")).unwrap();
    let field = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    let handles = std::fs::read_dir(format!("{process}/fd")).unwrap().count() as u64;
    let open = "FROM operation WHERE route = 'pushed' AND state NOT IN ('accepted', 'refused', 'superseded', 'parked')";
    let books = Copy::live(place);
    let first = books.rows(&format!("SELECT CAST(coalesce(min(queued_at), 0) AS TEXT) {open}"));
    let first: i64 = first[0].parse().unwrap();
    Sample {
        at,
        resident_kib: field("VmRSS:"),
        handles,
        threads: field("Threads:"),
        oldest_ms: if first == 0 { 0 } else { SystemClock.now_ms() - first },
        waiting: books.count(&format!("SELECT count(*) {open}")),
    }
}

/// What is greater in the last third than in the second one; the first is for warming up.
fn grown(samples: &[Sample]) -> Vec<String> {
    let third = samples.len() / 3;
    let (Some(before), Some(after)) = (samples.get(third..2 * third), samples.get(2 * third..)) else {
        return Vec::new();
    };
    let most = |part: &[Sample], of: fn(&Sample) -> u64| part.iter().map(of).max().unwrap_or(0);
    let mut wrong = Vec::new();
    let mut compare = |what: &str, of: fn(&Sample) -> u64, more: u64| {
        let (earlier, later) = (most(before, of), most(after, of));
        println!("{what}: at most {earlier} in the second third, {later} in the last");
        if later > earlier + earlier / 10 + more {
            wrong.push(format!("{what} grew from {earlier} to {later}"));
        }
    };
    compare("resident KiB", |sample| sample.resident_kib, 8 * 1024);
    compare("file handles", |sample| sample.handles, 8);
    compare("threads", |sample| sample.threads, 4);
    let oldest = samples.iter().map(|sample| sample.oldest_ms).max().unwrap_or(0);
    println!("the oldest operation on its way: {:.1} s", oldest as f64 / 1000.0);
    if oldest > OLDEST_MS {
        wrong.push(format!("an operation was on its way for {oldest} ms"));
    }
    wrong
}
