//! A courier whose recipient does what the test says, and keeps a book.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use raccordo::channel::courier::{Asked, Courier, Outcome, Parcel, PartAnswer};
use raccordo::channel::offer::Soon;
use raccordo::exchange::{Answer, Millis};
use tokio::sync::Semaphore;

/// What happens to one parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Accepted,
    Unavailable,
    /// It took effect, and the answer was lost.
    Lost,
    /// It never arrived, and nobody knows.
    Vanished,
    Refused,
}

pub struct Scripted {
    fates: Mutex<Vec<Fate>>,
    /// Parcels may pass while it has permits.
    pub gate: Semaphore,
    /// How often an operation took effect.
    pub book: Mutex<BTreeMap<String, u32>>,
    /// Ids of the operations in the order in which they were sent.
    pub sent: Mutex<Vec<String>>,
    pub asked: Mutex<Vec<String>>,
    /// Can't be asked.
    pub mute: AtomicBool,
}

impl Scripted {
    /// The fates of the first parcels, in order; the rest are accepted.
    pub fn new(fates: &[Fate]) -> Self {
        let mut fates = fates.to_vec();
        fates.reverse();
        Self {
            fates: Mutex::new(fates),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            book: Mutex::default(),
            sent: Mutex::default(),
            asked: Mutex::default(),
            mute: AtomicBool::default(),
        }
    }

    fn effect(&self, parcel: &Parcel) {
        let mut book = self.book.lock().unwrap();
        for part in &parcel.parts {
            *book.entry(part.id.clone()).or_default() += 1;
        }
    }
}

fn answers(parcel: &Parcel, answer: Answer) -> Vec<PartAnswer> {
    let one = |part| PartAnswer { part, answer, code: "x".into(), text: None, acquired_as: None };
    (0..parcel.parts.len()).map(one).collect()
}

impl Courier for Scripted {
    fn deliver<'a>(&'a self, parcel: &'a Parcel, _now: Millis) -> Soon<'a, Outcome> {
        Box::pin(async move {
            self.sent.lock().unwrap().extend(parcel.parts.iter().map(|part| part.id.clone()));
            self.gate.acquire().await.unwrap().forget();
            let fate = self.fates.lock().unwrap().pop().unwrap_or(Fate::Accepted);
            if matches!(fate, Fate::Accepted | Fate::Lost) {
                self.effect(parcel);
            }
            match fate {
                Fate::Accepted => Outcome::Answered(answers(parcel, Answer::Accepted)),
                Fate::Unavailable => Outcome::Unavailable { code: "503".into(), not_before: None },
                Fate::Lost | Fate::Vanished => Outcome::Uncertain { code: "timeout".into() },
                Fate::Refused => Outcome::Refused { culprits: Vec::new(), code: "422".into(), text: None },
            }
        })
    }

    fn ask<'a>(&'a self, parcel: &'a Parcel, _now: Millis) -> Soon<'a, Asked> {
        Box::pin(async move {
            if self.mute.load(Ordering::SeqCst) {
                return Asked::CannotBeAsked;
            }
            let book = self.book.lock().unwrap();
            self.asked.lock().unwrap().extend(parcel.parts.iter().map(|part| part.id.clone()));
            let known = answers(parcel, Answer::Accepted).into_iter();
            let found =
                known.map(|answer| book.contains_key(&parcel.parts[answer.part].id).then_some(answer));
            Asked::Found(found.collect())
        })
    }
}
