//! An operation: insert, replace or cancel of one record, with its generation.

use super::{Hash, Millis, RecordId};

/// What an operation does at the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Insert,
    Replace,
    Cancel,
}

impl Kind {
    /// The word stored and shown.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Replace => "replace",
            Self::Cancel => "cancel",
        }
    }

    /// Reads the stored word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Insert, Self::Replace, Self::Cancel].into_iter().find(|kind| kind.word() == word)
    }
}

impl From<Kind> for crate::flow::OperationKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Insert => Self::Insert,
            Kind::Replace => Self::Replace,
            Kind::Cancel => Self::Cancel,
        }
    }
}

/// Where an operation stands (design: `queued → sending → waiting → accepted | refused`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    Queued,
    Sending,
    Retrying,
    Waiting,
    Uncertain,
    Parked,
    Accepted,
    Refused,
    Superseded,
}

impl State {
    const ALL: [Self; 9] = [
        Self::Queued,
        Self::Sending,
        Self::Retrying,
        Self::Waiting,
        Self::Uncertain,
        Self::Parked,
        Self::Accepted,
        Self::Refused,
        Self::Superseded,
    ];

    /// The word stored and shown.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Retrying => "retrying",
            Self::Waiting => "waiting",
            Self::Uncertain => "uncertain",
            Self::Parked => "parked",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Superseded => "superseded",
        }
    }

    /// Reads the stored word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Accepted, refused and superseded never change by themselves.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Accepted | Self::Refused | Self::Superseded)
    }
}

/// One operation. Its identity is (record, generation), stored before anything is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    pub id: i64,
    pub record: RecordId,
    pub generation: u64,
    pub kind: Kind,
    pub state: State,
    /// What is inserted, or what was acknowledged and is cancelled.
    pub content: Hash,
    pub register_key: Hash,
    /// The route it leaves by.
    pub route: String,
    /// Interactive work (a person waits) goes before bulk work.
    pub interactive: bool,
    pub queued_at: Millis,
    /// The container it left in.
    pub submission: Option<i64>,
    /// A cancel that makes room for the insert that follows it: it needs no approval of its own.
    pub replacement: bool,
    /// At most so many may travel in one container: one with it was refused whole, and the
    /// cause is looked for by halves.
    pub together: Option<u32>,
}

impl Operation {
    /// The id that a container carries where its format has room for one; a resend carries
    /// the same: `record.generation`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.record, self.generation)
    }

    /// A cancel that replaces nothing: it counts towards a run's threshold.
    pub fn only_cancels(&self) -> bool {
        self.kind == Kind::Cancel && !self.replacement
    }
}
