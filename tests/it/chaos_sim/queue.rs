//! A queue as a broker may be at its worst: it brings things twice, too early and in any order, takes
//! nothing for a while, and forgets everything.

use std::sync::Mutex;
use std::time::Duration;

use raccordo::gateway::Clock;
use raccordo::queue::{Queue, QueueError, QueueState, Soon, Taken, Work};
use tokio::sync::Notify;

use super::time::Time;
use crate::chaos::random::Random;

/// The clock may be set meanwhile: it looks at what lies there at least so often.
const DOZE_MS: i64 = 20_000;

struct Lying {
    messages: Vec<Work>,
    /// In somebody's hands.
    taken: Vec<(u64, Work)>,
    given: u64,
    epoch: u64,
    down: bool,
    kind: bool,
    random: Random,
}

pub struct Broker {
    lying: Mutex<Lying>,
    changed: Notify,
    time: Time,
}

impl Broker {
    pub fn new(time: Time, seed: u64) -> Self {
        let random = Random::new(seed);
        let (messages, taken) = (Vec::new(), Vec::new());
        let lying = Lying { messages, taken, given: 0, epoch: 1, down: false, kind: false, random };
        Self { lying: Mutex::new(lying), changed: Notify::new(), time }
    }

    /// Everything is lost; whoever feeds it is told.
    pub fn wipe(&self) {
        let mut lying = self.lying.lock().unwrap();
        (lying.messages, lying.taken) = (Vec::new(), Vec::new());
        lying.epoch += 1;
    }

    /// Takes and gives nothing from now on, or again.
    pub fn down(&self, down: bool) {
        self.lying.lock().unwrap().down = down;
        self.changed.notify_waiters();
    }

    /// Misbehaves no more.
    pub fn be_kind(&self) {
        self.lying.lock().unwrap().kind = true;
        self.down(false);
    }

    /// Its client died: what that one had in hand comes again.
    pub fn lost_client(&self) {
        let mut lying = self.lying.lock().unwrap();
        let taken = std::mem::take(&mut lying.taken);
        lying.messages.extend(taken.into_iter().map(|(_, work)| work));
    }
}

impl Lying {
    /// The first that may be given: mostly what is due, interactive first.
    fn next(&mut self, route: &str, only_interactive: bool, now: i64) -> Option<Work> {
        if self.down {
            return None;
        }
        let hasty = !self.kind && self.random.chance(4);
        let fits = |work: &Work| work.route == route && (work.interactive || !only_interactive);
        let due = |work: &Work| fits(work) && (work.due <= now || hasty);
        let mut able: Vec<usize> = (0..self.messages.len()).filter(|at| due(&self.messages[*at])).collect();
        if able.iter().any(|at| self.messages[*at].interactive) {
            able.retain(|at| self.messages[*at].interactive);
        }
        let at = if able.is_empty() { return None } else { *self.random.pick(&able) };
        Some(self.messages.swap_remove(at))
    }
}

impl Queue for Broker {
    fn announce(&self, work: Vec<Work>) -> Soon<'_, Result<(), QueueError>> {
        let mut lying = self.lying.lock().unwrap();
        // A confirm that never comes says nothing about the message.
        let kept = !lying.down && (lying.kind || !lying.random.chance(5));
        if kept || lying.random.chance(50) && !lying.down {
            for one in work {
                if !lying.kind && lying.random.chance(10) {
                    lying.messages.push(one.clone());
                }
                lying.messages.push(one);
            }
        }
        drop(lying);
        self.changed.notify_waiters();
        let told = if kept { Ok(()) } else { Err(QueueError("no confirm came".into())) };
        Box::pin(std::future::ready(told))
    }

    fn take<'a>(&'a self, route: &'a str, only_interactive: bool) -> Soon<'a, Result<Taken, QueueError>> {
        Box::pin(async move {
            loop {
                let mut changed = std::pin::pin!(self.changed.notified());
                changed.as_mut().enable();
                let now = self.time.now_ms();
                let doze = {
                    let mut lying = self.lying.lock().unwrap();
                    if let Some(work) = lying.next(route, only_interactive, now) {
                        lying.given += 1;
                        let tag = lying.given;
                        lying.taken.push((tag, work.clone()));
                        return Ok(Taken { work, tag, epoch: lying.epoch });
                    }
                    let dues = lying.messages.iter().map(|work| work.due - now);
                    dues.filter(|pause| *pause > 0).min().unwrap_or(DOZE_MS).min(DOZE_MS)
                };
                tokio::select! {
                    biased;
                    () = changed => {}
                    () = self.time.sleep(Duration::from_millis(doze.unsigned_abs())) => {}
                }
            }
        })
    }

    fn done(&self, taken: Taken) -> Soon<'_, Result<(), QueueError>> {
        let mut lying = self.lying.lock().unwrap();
        let known = lying.taken.iter().position(|(tag, _)| *tag == taken.tag);
        if let Some(at) = known {
            let (_, work) = lying.taken.swap_remove(at);
            // The acknowledgement was lost on the way: it comes again.
            if !lying.kind && lying.random.chance(5) {
                lying.messages.push(work);
            }
        }
        drop(lying);
        self.changed.notify_waiters();
        Box::pin(std::future::ready(Ok(())))
    }

    fn state(&self) -> QueueState {
        let lying = self.lying.lock().unwrap();
        QueueState { connected: !lying.down, epoch: lying.epoch, trouble: None }
    }
}
