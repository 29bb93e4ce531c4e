//! This process among those that share the ledger: its name, its signs of life, and who else lives.
//!
//! No wall clock decides who is dead: each process counts, on a clock that only goes forward, how
//! long another's number of beats has not risen while it could itself read the ledger. And a process
//! whose own beats do not arrive keeps its hands still before anybody may take it for dead.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Gateway;
use super::roles::Roles;
use crate::exchange::LedgerError;
use crate::ledger::books::{DutyRow, NodeRow};

/// Beats within a lease.
const BEATS: u32 = 5;

/// What is known of another process.
struct Watched {
    beats: i64,
    /// How long no beat was seen.
    silent: Duration,
}

/// A process and those beside it.
pub struct Membership {
    id: String,
    lease: Duration,
    /// When the newest beat that is on record was begun; `None` in a process that gives none.
    beaten: Mutex<Option<Instant>>,
    others: AtomicUsize,
    watched: Mutex<HashMap<String, Watched>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Membership {
    /// A process with a new name.
    pub(super) fn new(lease_ms: u64) -> Self {
        Self {
            id: uuid::Uuid::now_v7().to_string(),
            lease: Duration::from_millis(lease_ms.max(1)),
            beaten: Mutex::default(),
            others: AtomicUsize::default(),
            watched: Mutex::default(),
        }
    }

    /// The name of this process, new at each start.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// A token for a lease: whose it is can be read from it.
    pub(super) fn token(&self) -> String {
        format!("{}/{}", self.id, uuid::Uuid::now_v7())
    }

    /// How often it must give a sign of life.
    pub fn interval(&self) -> Duration {
        self.lease / BEATS
    }

    /// False when its signs of life did not arrive for so long that others may soon take it for
    /// dead: nothing may leave then.
    pub fn is_sure_to_live(&self) -> bool {
        lock(&self.beaten).is_none_or(|beaten| beaten.elapsed() < self.lease * 7 / 10)
    }

    /// Whether others work on the same ledger.
    pub fn has_company(&self) -> bool {
        self.others.load(Ordering::Relaxed) > 0
    }

    /// Takes note of who lives, `passed` after the last look; returns who is dead, with the beats
    /// that were last seen.
    fn look(&self, nodes: &[NodeRow], passed: Duration) -> Vec<(String, i64)> {
        let mut watched = lock(&self.watched);
        let others: Vec<_> = nodes.iter().filter(|node| node.id != self.id).collect();
        watched.retain(|id, _| others.iter().any(|node| node.id == *id));
        // A longer time without a look, ours or the ledger's, says nothing of the others.
        let counts = passed.min(self.interval() * 2);
        let mut dead = Vec::new();
        for node in others {
            let seen =
                watched.entry(node.id.clone()).or_insert(Watched { beats: -1, silent: Duration::ZERO });
            if seen.beats == node.beats {
                seen.silent += counts;
            } else {
                *seen = Watched { beats: node.beats, silent: Duration::ZERO };
            }
            if seen.silent >= self.lease * 8 / 10 {
                dead.push((node.id.clone(), node.beats));
            }
        }
        self.others.store(watched.len() - dead.len(), Ordering::Relaxed);
        dead
    }
}

impl Gateway {
    /// Gives a sign of life, and takes over from those that gave none for a lease; returns how many.
    pub fn beat(&self, roles: &Roles) -> Result<usize, LedgerError> {
        let begun = Instant::now();
        let (id, roles, now) = (self.node.id.clone(), roles.to_string(), self.clock.now_ms());
        let nodes = self.books.write(move |tx| {
            tx.beat(&id, &roles, env!("CARGO_PKG_VERSION"), now)?;
            tx.nodes()
        })?;
        let before = lock(&self.node.beaten).replace(begun);
        let passed = before.map_or(Duration::ZERO, |before| begun.saturating_duration_since(before));
        let mut buried = 0;
        for (id, beats) in self.node.look(&nodes, passed) {
            tracing::warn!(node = id, "a process gives no sign of life: its work is taken over");
            buried += usize::from(self.books.write(move |tx| tx.bury(&id, beats))?);
        }
        if buried > 0 {
            self.ring();
            self.inquiry_bell.notify_waiters();
        }
        Ok(buried)
    }

    /// The process ends: others need not wait until it is taken for dead.
    pub fn leave(&self) -> Result<(), LedgerError> {
        let id = self.node.id.clone();
        *lock(&self.node.beaten) = None;
        self.books.write(move |tx| tx.leave(&id))
    }

    /// The processes that share the ledger, and what each has taken on alone.
    pub fn nodes(&self) -> Result<(Vec<NodeRow>, Vec<DutyRow>), LedgerError> {
        self.books.look(|tx| Ok((tx.nodes()?, tx.duties()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, beats: i64) -> NodeRow {
        NodeRow {
            id: id.into(),
            roles: String::new(),
            version: String::new(),
            started_at: 0,
            seen_at: 0,
            beats,
        }
    }

    #[test]
    fn dead_is_who_gave_no_sign_for_most_of_a_lease_while_we_looked() {
        let one = Membership::new(15_000);
        let step = one.interval();
        assert!(one.look(&[row("b", 7)], Duration::ZERO).is_empty());
        for _ in 0..3 {
            assert!(one.look(&[row("b", 7)], step).is_empty());
            assert!(one.has_company());
        }
        assert_eq!(one.look(&[row("b", 7)], step), [("b".to_owned(), 7)]);
        assert!(!one.has_company());
        assert!(one.look(&[row("b", 8)], step).is_empty(), "it lives after all");
    }

    #[test]
    fn a_ledger_that_was_away_for_an_hour_makes_nobody_dead() {
        let one = Membership::new(15_000);
        one.look(&[row("b", 7)], Duration::ZERO);
        assert!(one.look(&[row("b", 7)], Duration::from_secs(3600)).is_empty());
        assert!(one.look(&[row("b", 8)], one.interval()).is_empty());
    }

    #[test]
    fn who_gives_no_signs_is_not_judged_by_them() {
        assert!(Membership::new(1).is_sure_to_live());
    }
}
