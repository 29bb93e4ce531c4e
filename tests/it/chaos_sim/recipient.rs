//! A recipient outside the process: what was sent arrives there although the sender is dead. It keeps
//! a book of its own, knows an operation by its id, and is as unreliable as the seed says.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use raccordo::channel::courier::{Asked, Courier, Outcome, Parcel, PartAnswer};
use raccordo::exchange::{Answer, Millis};
use raccordo::flow::OperationKind;
use raccordo::gateway::Clock;
use raccordo::queue::Soon;

use super::time::Time;
use crate::chaos::random::Random;

/// A courier waits no longer for an answer; what is under way arrives before.
const PATIENCE_MS: u64 = 30_000;

type Part = (String, OperationKind);

struct Book {
    random: Random,
    kind: bool,
    /// The whole container takes effect or nothing of it.
    atomic: bool,
    /// It answers later, under a number.
    polled: bool,
    /// Under way to it.
    arriving: BTreeMap<(Millis, u64), Vec<Part>>,
    given: u64,
    /// What it holds of each record: the operation by which it came.
    held: BTreeMap<String, String>,
    verdicts: BTreeMap<String, bool>,
    effects: u64,
    again: u64,
    asked: u64,
    /// When what was handed over is worked on.
    handed: BTreeMap<String, Millis>,
    wrong: Vec<String>,
    trace: u64,
}

pub struct Recipient {
    book: Mutex<Book>,
    time: Time,
}

/// Figures of a recipient.
#[derive(Clone, Copy, Default)]
pub struct Figures {
    pub effects: u64,
    /// Requests for what had been done before.
    pub again: u64,
    pub asked: u64,
}

enum Fate {
    Unavailable,
    /// It never arrives.
    Lost,
    /// It arrives, and nobody hears of it.
    Silent,
    /// An answer that says nothing.
    Garbage,
    /// An answer for some of the operations only.
    Partial,
    Answered,
    /// The answer comes long after everybody has stopped waiting for it.
    Late,
}

impl Recipient {
    pub fn new(time: Time, seed: u64, atomic: bool, polled: bool) -> Self {
        let book = Book {
            random: Random::new(seed),
            kind: false,
            atomic,
            polled,
            arriving: BTreeMap::new(),
            given: 0,
            held: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            effects: 0,
            again: 0,
            asked: 0,
            handed: BTreeMap::new(),
            wrong: Vec::new(),
            trace: 0,
        };
        Self { book: Mutex::new(book), time }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }

    /// When the next container arrives.
    pub fn next(&self) -> Option<Millis> {
        self.book().arriving.keys().next().map(|(due, _)| *due)
    }

    /// Everything that has arrived by now takes effect.
    pub fn arrive(&self, now: Millis) {
        let mut book = self.book();
        let later = book.arriving.split_off(&(now + 1, 0));
        let arrived = std::mem::replace(&mut book.arriving, later);
        arrived.into_values().for_each(|parts| book.take(&parts));
    }

    pub fn be_kind(&self) {
        self.book().kind = true;
    }

    /// What it holds, by operation, sorted.
    pub fn held(&self) -> Vec<String> {
        let mut held: Vec<_> = self.book().held.values().cloned().collect();
        held.sort();
        held
    }

    pub fn wrong(&self) -> Vec<String> {
        self.book().wrong.clone()
    }

    pub fn figures(&self) -> Figures {
        let book = self.book();
        Figures { effects: book.effects, again: book.again, asked: book.asked }
    }

    /// A number of everything that it was told, in its order.
    pub fn trace(&self) -> u64 {
        self.book().trace
    }
}

impl Book {
    fn fate(&mut self) -> Fate {
        if self.kind {
            return Fate::Answered;
        }
        match self.random.within(0..100) {
            0..12 => Fate::Unavailable,
            12..20 => Fate::Lost,
            20..32 => Fate::Silent,
            32..36 => Fate::Garbage,
            36..42 => Fate::Partial,
            42..44 => Fate::Late,
            _ => Fate::Answered,
        }
    }

    fn delay(&mut self) -> u64 {
        if self.kind || self.random.chance(60) {
            return self.random.within(1..50);
        }
        self.random.within(50..PATIENCE_MS / 2)
    }

    fn note(&mut self, what: &str) {
        for byte in what.bytes() {
            self.trace = (self.trace ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }

    /// A container has arrived.
    fn take(&mut self, parts: &[Part]) {
        let refused = |part: &Part| refuses(&part.0, part.1);
        if self.atomic && parts.iter().any(refused) {
            return;
        }
        for (id, kind) in parts {
            self.note(id);
            if self.verdicts.contains_key(id) {
                self.again += 1;
                continue;
            }
            let refused = refuses(id, *kind);
            self.verdicts.insert(id.clone(), !refused);
            if !refused {
                self.effect(id, *kind);
            }
        }
    }

    fn effect(&mut self, id: &str, kind: OperationKind) {
        let (record, generation) = id.rsplit_once('.').unwrap();
        let before = self.held.get(record).cloned();
        let older = |other: &String| number(other) >= generation.parse::<u64>().unwrap();
        if before.as_ref().is_some_and(older) {
            self.wrong.push(format!("{id} came after {before:?}"));
        }
        let fits = match kind {
            OperationKind::Insert => before.is_none(),
            OperationKind::Replace | OperationKind::Cancel => before.is_some(),
        };
        if !fits {
            self.wrong.push(format!("{kind:?} {id} although {before:?} is held"));
        }
        if kind == OperationKind::Cancel {
            self.held.remove(record);
        } else {
            self.held.insert(record.to_owned(), id.to_owned());
        }
        self.effects += 1;
    }

    /// What it says of the operations of a container, once it has worked on it.
    fn answers(&self, parcel: &Parcel) -> Vec<Option<PartAnswer>> {
        let said = |(part, carried): (usize, &raccordo::channel::courier::Carried)| {
            let accepted = *self.verdicts.get(&carried.id)?;
            let answer = if accepted { Answer::Accepted } else { Answer::Refused };
            Some(PartAnswer { part, answer, code: "x".into(), text: None, acquired_as: None })
        };
        parcel.parts.iter().enumerate().map(said).collect()
    }

    /// Who is to blame that a whole container was refused; not always told.
    fn refusal(&mut self, parcel: &Parcel) -> Option<Vec<PartAnswer>> {
        let culprit = parcel.parts.iter().position(|part| {
            let known = self.verdicts.contains_key(&part.id);
            self.atomic && !known && refuses(&part.id, part.kind)
        })?;
        let said = PartAnswer {
            part: culprit,
            answer: Answer::Refused,
            code: "x".into(),
            text: None,
            acquired_as: None,
        };
        Some(if self.random.chance(50) { vec![said] } else { Vec::new() })
    }
}

/// What a register refuses it always refuses. A refused cancel would need a person.
fn refuses(id: &str, kind: OperationKind) -> bool {
    let mixed = id.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    kind != OperationKind::Cancel && Random::new(mixed).chance(4)
}

fn number(id: &str) -> u64 {
    id.rsplit_once('.').and_then(|(_, generation)| generation.parse().ok()).unwrap_or(0)
}

impl Courier for Recipient {
    fn deliver<'a>(&'a self, parcel: &'a Parcel, _now: Millis) -> Soon<'a, Outcome> {
        Box::pin(async move {
            let (fate, there, back, polled) = {
                let mut book = self.book();
                let (fate, there, back) = (book.fate(), book.delay(), book.delay());
                for part in &parcel.parts {
                    book.note(&format!("sent {}", part.id));
                }
                if !matches!(fate, Fate::Unavailable | Fate::Lost) {
                    book.given += 1;
                    let arrives = (self.time.passed() + there as Millis, book.given);
                    let parts = parcel.parts.iter().map(|part| (part.id.clone(), part.kind));
                    let parts = parts.collect();
                    book.arriving.insert(arrives, parts);
                }
                (fate, there, back, book.polled)
            };
            let wait = match fate {
                Fate::Lost | Fate::Silent => PATIENCE_MS,
                Fate::Late => 5 * PATIENCE_MS,
                _ => there + back,
            };
            self.time.sleep(Duration::from_millis(wait)).await;
            let mut book = self.book();
            match fate {
                Fate::Unavailable => Outcome::Unavailable { code: "503".into(), not_before: None },
                Fate::Lost | Fate::Silent => Outcome::Uncertain { code: "timeout".into() },
                Fate::Garbage => Outcome::Uncertain { code: "garbage".into() },
                _ if polled => {
                    let handle = format!("n{}", parcel.name);
                    let ready = self.time.passed() + 3 * back as Millis;
                    book.handed.entry(handle.clone()).or_insert(ready);
                    Outcome::Handed { handle, code: "202".into(), ask_at: None }
                }
                _ => match book.refusal(parcel) {
                    Some(culprits) => Outcome::Refused { culprits, code: "422".into(), text: None },
                    None => {
                        let mut answers: Vec<_> = book.answers(parcel).into_iter().flatten().collect();
                        if matches!(fate, Fate::Partial) {
                            answers.retain(|answer| answer.part % 2 == 1);
                        }
                        Outcome::Answered(answers)
                    }
                },
            }
        })
    }

    fn ask<'a>(&'a self, parcel: &'a Parcel, now: Millis) -> Soon<'a, Asked> {
        Box::pin(async move {
            let (wait, silent) = {
                let mut book = self.book();
                book.asked += 1;
                book.note(&format!("asked {}", parcel.name));
                let silent = !book.kind && book.random.chance(15);
                (book.delay(), silent)
            };
            self.time.sleep(Duration::from_millis(wait)).await;
            let mut book = self.book();
            if silent {
                return Asked::Unavailable { code: "503".into(), not_before: None };
            }
            let ready = parcel.handle.as_ref().and_then(|handle| book.handed.get(handle)).copied();
            if let Some(ready) = ready.filter(|ready| *ready > self.time.passed()) {
                let not_before = Some(now + (ready - self.time.passed()));
                return Asked::Pending { code: "202".into(), not_before };
            }
            if let (Some(culprits), true) = (book.refusal(parcel), parcel.handle.is_some()) {
                return Asked::Refused { culprits, code: "422".into(), text: None };
            }
            Asked::Found(book.answers(parcel))
        })
    }
}
