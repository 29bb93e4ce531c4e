//! The balance of a run: one formula everywhere, counted in records.

use super::State;

/// Where a selected record stands; the terms of the balance, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bucket {
    Unchanged,
    SetAside,
    Held,
    Queued,
    Sending,
    Retrying,
    Waiting,
    Uncertain,
    Parked,
    Superseded,
    Accepted,
    Refused,
}

impl Bucket {
    pub const ALL: [Self; 12] = [
        Self::Unchanged,
        Self::SetAside,
        Self::Held,
        Self::Queued,
        Self::Sending,
        Self::Retrying,
        Self::Waiting,
        Self::Uncertain,
        Self::Parked,
        Self::Superseded,
        Self::Accepted,
        Self::Refused,
    ];

    /// The word stored and shown.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::SetAside => "set_aside",
            Self::Held => "held",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Retrying => "retrying",
            Self::Waiting => "waiting",
            Self::Uncertain => "uncertain",
            Self::Parked => "parked",
            Self::Superseded => "superseded",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
        }
    }

    /// Reads the stored word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bucket| bucket.word() == word)
    }

    /// A final bucket is the run's last word on a record; later work counts in later runs.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Unchanged | Self::SetAside | Self::Superseded | Self::Accepted | Self::Refused)
    }
}

impl From<State> for Bucket {
    fn from(state: State) -> Self {
        match state {
            State::Queued => Self::Queued,
            State::Sending => Self::Sending,
            State::Retrying => Self::Retrying,
            State::Waiting => Self::Waiting,
            State::Uncertain => Self::Uncertain,
            State::Parked => Self::Parked,
            State::Accepted => Self::Accepted,
            State::Refused => Self::Refused,
            State::Superseded => Self::Superseded,
        }
    }
}

/// The books of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Counted when the run selected, independently of the buckets.
    pub selected: u64,
    counts: [u64; 12],
}

impl Balance {
    /// An empty balance over `selected` records.
    pub const fn new(selected: u64) -> Self {
        Self { selected, counts: [0; 12] }
    }

    /// Adds `count` records to a bucket.
    pub const fn add(&mut self, bucket: Bucket, count: u64) {
        self.counts[bucket as usize] += count;
    }

    /// Records in a bucket.
    pub const fn count(&self, bucket: Bucket) -> u64 {
        self.counts[bucket as usize]
    }

    /// True when the terms add up to what was selected.
    pub fn closes(&self) -> bool {
        self.counts.iter().sum::<u64>() == self.selected
    }

    /// True when nothing moves any more without a person.
    pub fn is_settled(&self) -> bool {
        [Bucket::Queued, Bucket::Sending, Bucket::Retrying, Bucket::Waiting]
            .into_iter()
            .all(|bucket| self.count(bucket) == 0)
    }
}
