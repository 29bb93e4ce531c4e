//! What lies ready in this process, per route: interactive before bulk, then by due time; but of
//! eight pieces in a row one is bulk work, so that it is never starved.
//! Both queues hand out from here; where the work comes from is not known here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::{Now, Taken, Work};
use crate::exchange::Millis;

/// The clock is looked at again so often while something is not due yet: it may be set meanwhile.
const LONGEST_DOZE_MS: Millis = 1_000;

/// Of so many pieces in a row one is bulk work, if some is due.
const ONE_OF: u32 = 8;

/// The rows of all routes. A row is made when its route is first named.
#[derive(Default)]
pub struct Shelf {
    rows: Mutex<BTreeMap<String, Arc<Row>>>,
    closed: AtomicBool,
}

#[derive(Default)]
struct Row {
    lying: Mutex<Lying>,
    changed: Notify,
}

#[derive(Default)]
struct Lying {
    pieces: HashMap<i64, Piece>,
    interactive: BTreeSet<(Millis, i64)>,
    bulk: BTreeSet<(Millis, i64)>,
    /// Interactive pieces in a row that were taken by those who take either.
    people: u32,
}

/// Work on the shelf, with what its queue knows it by.
struct Piece {
    taken: Taken,
    /// Since when it lies here.
    since: Instant,
}

enum Next {
    Now(Taken),
    In(Millis),
    Nothing,
}

impl Shelf {
    /// Lays work down. Where the same submission lies already, the more urgent demand holds for
    /// both; what comes back is no longer needed.
    pub fn put(&self, taken: Taken) -> Option<Taken> {
        let row = self.row(&taken.work.route);
        let spare = row.lying().put(taken);
        row.changed.notify_waiters();
        spare
    }

    /// Waits for what is due; `None` when the shelf is closed.
    pub async fn take(&self, route: &str, only_interactive: bool, now: &Now) -> Option<Taken> {
        let row = self.row(route);
        loop {
            let mut changed = pin!(row.changed.notified());
            changed.as_mut().enable();
            if self.closed.load(Ordering::SeqCst) {
                return None;
            }
            let next = row.lying().next(now(), only_interactive);
            match next {
                Next::Now(taken) => return Some(taken),
                Next::In(pause) => {
                    let pause = pause.clamp(1, LONGEST_DOZE_MS).unsigned_abs();
                    let _changed_or_due = timeout(Duration::from_millis(pause), changed).await;
                }
                Next::Nothing => changed.await,
            }
        }
    }

    /// Takes away everything that has lain for so long.
    pub fn lain_for(&self, age: Duration) -> Vec<Taken> {
        let rows: Vec<_> = self.rows().values().cloned().collect();
        rows.iter().flat_map(|row| row.lying().lain_for(age)).collect()
    }

    /// Forgets everything; it is given again by where it came from.
    pub fn clear(&self) {
        for row in self.rows().values() {
            *row.lying() = Lying::default();
        }
    }

    /// Ends all waiting, now and later.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        for row in self.rows().values() {
            row.changed.notify_waiters();
        }
    }

    fn row(&self, route: &str) -> Arc<Row> {
        let mut rows = self.rows();
        if let Some(row) = rows.get(route) {
            return Arc::clone(row);
        }
        Arc::clone(rows.entry(route.to_owned()).or_default())
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Row>>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Row {
    fn lying(&self) -> MutexGuard<'_, Lying> {
        self.lying.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lying {
    fn put(&mut self, mut taken: Taken) -> Option<Taken> {
        let mut spare = None;
        if let Some(mut before) = self.remove(taken.work.submission) {
            let urgent = |work: &Work| (!work.interactive, work.due);
            if urgent(&before.work) <= urgent(&taken.work) {
                std::mem::swap(&mut before, &mut taken);
            }
            taken.work.interactive |= before.work.interactive;
            taken.work.due = taken.work.due.min(before.work.due);
            spare = Some(before);
        }
        let place = (taken.work.due, taken.work.submission);
        self.side(taken.work.interactive).insert(place);
        self.pieces.insert(place.1, Piece { taken, since: Instant::now() });
        spare
    }

    fn next(&mut self, now: Millis, only_interactive: bool) -> Next {
        let interactive = self.interactive.first().copied();
        let bulk = self.bulk.first().copied().filter(|_| !only_interactive);
        let order = if self.people >= ONE_OF - 1 { [bulk, interactive] } else { [interactive, bulk] };
        let due = order.into_iter().flatten().find(|(due, _)| *due <= now);
        if let Some(taken) = due.and_then(|(_, submission)| self.remove(submission)) {
            if !only_interactive {
                self.people = if taken.work.interactive { self.people.saturating_add(1) } else { 0 };
            }
            return Next::Now(taken);
        }
        let earliest = [interactive, bulk].into_iter().flatten().map(|(due, _)| due).min();
        earliest.map_or(Next::Nothing, |due| Next::In(due.saturating_sub(now)))
    }

    fn lain_for(&mut self, age: Duration) -> Vec<Taken> {
        let old = self.pieces.iter().filter(|(_, piece)| piece.since.elapsed() >= age);
        let old: Vec<i64> = old.map(|(submission, _)| *submission).collect();
        old.into_iter().filter_map(|submission| self.remove(submission)).collect()
    }

    fn remove(&mut self, submission: i64) -> Option<Taken> {
        let taken = self.pieces.remove(&submission)?.taken;
        self.side(taken.work.interactive).remove(&(taken.work.due, submission));
        Some(taken)
    }

    const fn side(&mut self, interactive: bool) -> &mut BTreeSet<(Millis, i64)> {
        if interactive { &mut self.interactive } else { &mut self.bulk }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(submission: i64, due: Millis, interactive: bool, tag: u64) -> Taken {
        let work = Work { submission, route: "a".to_owned(), interactive, due };
        Taken { work, tag, epoch: 1 }
    }

    #[test]
    fn of_two_demands_the_more_urgent_one_stays_with_what_both_ask() {
        let shelf = Shelf::default();
        assert!(shelf.put(piece(1, 5, false, 1)).is_none());
        assert_eq!(shelf.put(piece(1, 7, true, 2)).unwrap().tag, 1);
        assert_eq!(shelf.put(piece(1, 9, true, 3)).unwrap().tag, 3);
        let left = shelf.lain_for(Duration::ZERO);
        assert_eq!(left.len(), 1);
        assert_eq!((left[0].tag, left[0].work.due, left[0].work.interactive), (2, 5, true));
    }

    #[test]
    fn bulk_work_has_one_place_of_eight_whatever_people_want() {
        let shelf = Shelf::default();
        for submission in 0..64 {
            shelf.put(piece(submission, 0, submission >= 8, 0));
        }
        let row = shelf.row("a");
        let taken = (0..64).map(|_| match row.lying().next(1, false) {
            Next::Now(taken) => taken.work.interactive,
            _ => panic!("all is due"),
        });
        let order: Vec<bool> = taken.collect();
        assert!(
            order.chunks(8).all(|eight| eight.iter().filter(|people| !**people).count() == 1),
            "{order:?}"
        );
        assert!(order[..7].iter().all(|people| *people), "people come first");
    }

    #[test]
    fn what_lay_too_long_is_taken_away_the_rest_stays() {
        let shelf = Shelf::default();
        shelf.put(piece(1, 5, false, 1));
        assert!(shelf.lain_for(Duration::from_secs(60)).is_empty());
        assert_eq!(shelf.lain_for(Duration::ZERO).len(), 1);
        assert!(shelf.lain_for(Duration::ZERO).is_empty());
    }
}
