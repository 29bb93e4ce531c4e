//! A deterministic simulation of delivery: the real gateway, its feeder and its workers over a real
//! ledger, with a simulated time, a simulated broker and simulated recipients. A seed chooses what comes
//! when, what fails when, which task goes on next, and where the process dies; the same seed plays the
//! same exchange again, step by step.
//!
//! `RACCORDO_SIM_SEEDS=10000` (`make sim SEEDS=`) is the long form, `RACCORDO_SIM_FIRST` the first seed.
//! What it does not show: threads that race within one step, and a request that arrives at a recipient
//! later than its sender would have waited for the answer.

mod judge;
mod queue;
mod recipient;
mod steps;
mod template;
mod time;
mod world;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::chaos::number;
use recipient::Figures;
use template::Template;
use world::World;

/// A register and the flow that feeds it.
pub struct Simulated {
    pub id: &'static str,
    pub flow: &'static str,
}

/// One register without replacement, one with it and with records that need others.
pub const ROUTES: [Simulated; 2] = [
    Simulated { id: "pushed", flow: crate::serving::FLOW },
    Simulated { id: "pushed-health", flow: "fhir-social-care/r4-1" },
];

/// What one seed came to.
#[derive(Default)]
struct Played {
    wrong: Vec<String>,
    figures: Figures,
    deaths: u64,
    steps: u64,
    hours: i64,
    /// Of everything that the recipients were told.
    trace: u64,
}

fn play(template: &Arc<Template>, seed: u64) -> Played {
    // In memory where the machine has a place for it: nobody pulls its plug here.
    let memory = Path::new("/dev/shm");
    let directory = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    let _within = runtime.enter();
    let mut world = World::new(template, directory.path(), seed, runtime.handle().clone());
    world.until(None);
    if world.wrong.is_empty() {
        world.judge();
    }
    world.end();
    let mut played = Played { deaths: world.deaths, steps: world.steps, ..Played::default() };
    played.hours = world.time.passed() / 3_600_000;
    for recipient in &world.recipients {
        let figures = recipient.figures();
        played.figures.effects += figures.effects;
        played.figures.again += figures.again;
        played.figures.asked += figures.asked;
        played.trace = played.trace.rotate_left(7) ^ recipient.trace();
    }
    played.wrong = world.wrong;
    played
}

#[test]
fn whatever_the_seed_nothing_is_lost_nothing_comes_twice_and_all_comes_to_rest() {
    let (first, seeds) = (number("RACCORDO_SIM_FIRST", 1), number("RACCORDO_SIM_SEEDS", 3));
    let directory = tempfile::tempdir().unwrap();
    let (began, template) = (Instant::now(), Arc::new(Template::make(directory.path())));
    let next = AtomicU64::new(first);
    let all = Mutex::new((Played::default(), Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= first + seeds || all.lock().unwrap().1.len() >= 5 {
                        return;
                    }
                    let played = play(&template, seed);
                    let mut all = all.lock().unwrap();
                    if !played.wrong.is_empty() {
                        all.1.push(format!("seed {seed}: {}", played.wrong.join("; ")));
                    }
                    all.0.add(&played);
                }
            });
        }
    });
    let (sum, wrong) = all.into_inner().unwrap();
    let took = began.elapsed().as_secs_f64();
    println!(
        "{seeds} seeds from {first} in {took:.1} s ({:.1}/s): {} steps, {} hours simulated, {} deaths; \
         {} effects, {} requests for what was done, {} questions",
        seeds as f64 / took,
        sum.steps,
        sum.hours,
        sum.deaths,
        sum.figures.effects,
        sum.figures.again,
        sum.figures.asked
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

impl Played {
    fn add(&mut self, other: &Self) {
        self.figures.effects += other.figures.effects;
        self.figures.again += other.figures.again;
        self.figures.asked += other.figures.asked;
        self.deaths += other.deaths;
        self.steps += other.steps;
        self.hours += other.hours;
    }
}

#[test]
fn a_seed_plays_the_same_exchange_again() {
    let directory = tempfile::tempdir().unwrap();
    let template = Arc::new(Template::make(directory.path()));
    for seed in 1..2 {
        let (one, other) = (play(&template, seed), play(&template, seed));
        assert_eq!((one.trace, one.steps), (other.trace, other.steps), "seed {seed}");
    }
}
