//! Whatever the script does, no effect is claimed that the server's book does not have, and none
//! happens twice; when the server is kind again, everything comes to its end.

use std::collections::BTreeMap;

use raccordo::channel::push::HttpSettings;
use raccordo::flow::OperationKind::{Cancel, Insert, Replace};
use raccordo::sandbox::fhir::{Attribution, Fault, Script};

use super::driver::{Claim, Driver};
use super::{Work, courier_with, episode, patient, server, service};
use crate::chaos::random::Random;

const SEEDS: u64 = 24;
const PEOPLE: i64 = 3;
const GENERATIONS: usize = 4;

/// Faults that a search can hide behind without lying about what it found.
const SEARCH_FAULTS: [Fault; 10] = [
    Fault::ErrorBefore,
    Fault::UnavailableSeconds,
    Fault::TooManyLimit,
    Fault::Unauthorized,
    Fault::OutcomeBefore,
    Fault::ResetBefore,
    Fault::HalfClosedBefore,
    Fault::Garbage,
    Fault::Truncated,
    Fault::Twice,
];

fn script(seed: u64) -> Script {
    let mut random = Random::new(seed);
    let mut transaction = BTreeMap::new();
    // Silence costs a time limit each time; it has its own share, and its own test.
    let quick = |fault: &Fault| !matches!(fault, Fault::SilentBefore | Fault::SilentAfter | Fault::Drip);
    let faults: Vec<_> = Fault::ALL.into_iter().filter(quick).collect();
    for _ in 0..8 {
        transaction.insert(*random.pick(&faults), 0.09);
    }
    transaction.insert(Fault::SilentAfter, 0.02);
    let search = (0..3).map(|_| (*random.pick(&SEARCH_FAULTS), 0.15)).collect();
    Script {
        seed,
        attribution: *random.pick(&[Attribution::Expression, Attribution::Location, Attribution::None]),
        refuse: *random.pick(&[0.0, 0.1, 0.3]),
        keep_tags: random.chance(50),
        most_entries: *random.pick(&[0, 0, 3]),
        transaction,
        search,
        ..Script::default()
    }
}

/// Rounds of containers: at first everybody and everything, then changes and cancels.
fn rounds(seed: u64) -> Vec<Vec<Work>> {
    let mut random = Random::new(seed + 1_000);
    let code = |person: i64| format!("XXXYYY80A{:02}H501{}", person + 1, char::from(b'A' + person as u8));
    let mut rounds: Vec<Vec<Work>> = (0..PEOPLE)
        .map(|person| {
            let id = |record: i64| format!("{person}{record}.1");
            vec![
                patient(&id(0), &code(person)),
                episode(&id(1), Insert, &code(person)),
                episode(&id(2), Insert, &code(person)),
                service(&id(3), Insert, &code(person), "SAD"),
            ]
        })
        .collect();
    for generation in 2..=GENERATIONS {
        for person in 0..PEOPLE {
            let id = |record: i64| format!("{person}{record}.{generation}");
            let kind = if random.chance(70) { Replace } else { Cancel };
            let mut works =
                vec![episode(&id(1), kind, &code(person)), service(&id(3), Replace, &code(person), "SAD")];
            if random.chance(30) {
                let mut person_again = patient(&id(0), &code(person));
                person_again.by_put = true;
                works.insert(0, person_again);
            }
            rounds.push(works);
        }
    }
    rounds
}

/// What the sender believes to be held: of each record the last that was done.
fn held(seed: u64, claims: &BTreeMap<String, Claim>) -> Vec<String> {
    let mut held = BTreeMap::new();
    let done = |work: &Work| claims.get(&work.id) == Some(&Claim::Done);
    for work in rounds(seed).into_iter().flatten().filter(done) {
        let record = work.id.split('.').next().unwrap().to_owned();
        match work.kind {
            Cancel => held.remove(&record),
            _ => held.insert(record, work.id),
        };
    }
    held.into_values().collect()
}

async fn plays(seed: u64) -> u32 {
    let server = server(script(seed)).await;
    let settings =
        || HttpSettings { total_timeout_ms: 700, max_response_bytes: 1024 * 1024, ..HttpSettings::default() };
    let mut driver = Driver::new(&server, courier_with(&server.base_url(), settings()));
    for works in rounds(seed) {
        let left = driver.bring(works, 60).await;
        server.idle().await;
        if !left.is_empty() {
            // The operations of one person go in order: this one ends before the next begins.
            let cruel = script(seed);
            server.set_script(Script { transaction: BTreeMap::new(), search: BTreeMap::new(), ..cruel });
            // Only the asking knows how far it came.
            let still = driver.bring(left, 200).await;
            assert!(still.is_empty(), "seed {seed}: {} have no end", still.len());
            server.set_script(script(seed));
        }
    }
    let doubled: Vec<_> = server.book().anomalies().to_vec();
    assert!(doubled.is_empty(), "seed {seed}: {doubled:?}");
    assert!(driver.claims.values().all(|claim| *claim != Claim::Parked), "seed {seed}: {:?}", driver.claims);
    let differences = server.book().compare(&held(seed, &driver.claims));
    assert!(differences.is_empty(), "seed {seed}: {differences:?}");
    let refused = driver.claims.values().filter(|claim| **claim == Claim::Refused).count();
    assert!(refused < driver.claims.len(), "seed {seed}: everything was refused");
    let tries = driver.tries;
    server.stop().await;
    tries
}

#[tokio::test]
async fn nothing_is_claimed_that_the_book_does_not_have() {
    let mut tries = 0;
    for seed in 1..=SEEDS {
        tries += plays(seed).await;
    }
    println!("{SEEDS} seeds, {tries} tries");
}
