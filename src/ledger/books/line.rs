//! The line before the one writer: bounded, and with a way past it for what a person waits for; but
//! of eight groups one begins in the line, so that it moves however many people wait.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};

use super::writer::Job;

/// As many as may wait in line; further callers wait their turn (back-pressure).
const LINE: usize = 400;

/// Of so many groups in a row one begins with who stands in line.
const ONE_OF: u32 = 8;

/// Whose turn comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// A person waits for it.
    First,
    InLine,
}

impl Turn {
    /// The turn of what a person waits for, or not.
    pub const fn of(interactive: bool) -> Self {
        if interactive { Self::First } else { Self::InLine }
    }
}

#[derive(Default)]
struct Waiting {
    first: VecDeque<Job>,
    in_line: VecDeque<Job>,
    /// Groups in a row that began with who goes first.
    past: u32,
    closed: bool,
}

impl Waiting {
    fn of(&mut self, turn: Turn) -> &mut VecDeque<Job> {
        match turn {
            Turn::First => &mut self.first,
            Turn::InLine => &mut self.in_line,
        }
    }

    /// The first of a group.
    fn begin(&mut self) -> Option<(Turn, Job)> {
        if self.past >= ONE_OF - 1
            && let Some(job) = self.in_line.pop_front()
        {
            self.past = 0;
            return Some((Turn::InLine, job));
        }
        let begun = self.next(Turn::InLine)?;
        self.past = if begun.0 == Turn::First { self.past.saturating_add(1) } else { 0 };
        Some(begun)
    }

    fn next(&mut self, turn: Turn) -> Option<(Turn, Job)> {
        let first = self.first.pop_front().map(|job| (Turn::First, job));
        first.or_else(|| match turn {
            Turn::First => None,
            Turn::InLine => Some((Turn::InLine, self.in_line.pop_front()?)),
        })
    }
}

/// The line.
#[derive(Default)]
pub struct Line {
    waiting: Mutex<Waiting>,
    come: Condvar,
    gone: Condvar,
}

impl Line {
    /// What holds the lock only pushes and pops: a panic in between leaves it whole.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Stands in line, waiting for room; a closed line drops the job, and its ticket says so.
    pub fn wait_in(&self, turn: Turn, job: Job) {
        let mut waiting = self.lock();
        while waiting.of(turn).len() >= LINE && !waiting.closed {
            waiting = self.gone.wait(waiting).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        if !waiting.closed {
            waiting.of(turn).push_back(job);
            self.come.notify_one();
        }
    }

    /// As [`Line::wait_in`], but gives the job back where there is no room.
    pub fn try_in(&self, turn: Turn, job: Job) -> Option<Job> {
        let mut waiting = self.lock();
        if waiting.of(turn).len() >= LINE && !waiting.closed {
            return Some(job);
        }
        if !waiting.closed {
            waiting.of(turn).push_back(job);
            self.come.notify_one();
        }
        None
    }

    /// The next job, waiting for one; `None` when the line is closed and empty.
    pub fn next(&self) -> Option<(Turn, Job)> {
        let mut waiting = self.lock();
        loop {
            if let Some(next) = waiting.begin() {
                self.gone.notify_all();
                return Some(next);
            }
            if waiting.closed {
                return None;
            }
            waiting = self.come.wait(waiting).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    /// The next job if there is one: of those that go first only, or any.
    pub fn try_next(&self, turn: Turn) -> Option<(Turn, Job)> {
        let next = self.lock().next(turn)?;
        self.gone.notify_all();
        Some(next)
    }

    /// Takes no more; what stands in line is still worked on.
    pub fn close(&self) {
        self.lock().closed = true;
        self.come.notify_all();
        self.gone.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_moves_however_many_go_first() {
        let line = Line::default();
        let job = || -> Job { Box::new(|_| (false, Box::new(|_| ()))) };
        for _ in 0..64 {
            line.wait_in(Turn::First, job());
        }
        for _ in 0..8 {
            line.wait_in(Turn::InLine, job());
        }
        let order: Vec<Turn> = (0..64).filter_map(|_| line.next()).map(|(turn, _)| turn).collect();
        assert!(order.chunks(8).all(|eight| eight.iter().filter(|turn| **turn == Turn::InLine).count() == 1));
        assert!(order[..7].iter().all(|turn| *turn == Turn::First));
    }
}
