//! A record: what one register should know and has acknowledged of one thing.

use jiff::civil::Date;

pub use crate::flow::{Needed, Powers};

/// Keyed hash of content or of a key; never of a bare personal value.
pub type Hash = [u8; 32];

/// The ledger's own number of a record.
pub type RecordId = i64;

/// What the register should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Desired {
    /// Nothing, and nothing was ever asked.
    Nothing,
    /// This content, under this key of the register's.
    Present { content: Hash, register_key: Hash },
    /// A finding withholds it: the register keeps what it has until the folder is mended.
    SetAside,
    /// The folder no longer speaks of it and does not say why: never a cancel, a finding.
    Vanished,
    /// The folder says that it must go.
    Absent(Absence),
}

/// Why a record must go from the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// Marked as annulled in the folder.
    Annulled,
    /// Its source is still there and no longer maps to it (a shorter benefit, another code).
    Changed,
    /// The folder declares the period complete and does not hold it.
    Complete,
}

/// What the register has acknowledged to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub content: Hash,
    pub register_key: Hash,
    /// Generation of the insert that brought it there; 0 = adopted from a former system.
    pub generation: u64,
}

/// Something that stops the machine from acting on a record until a person has looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The register accepted what it had refused before, or the other way round.
    Contradiction,
}

/// One record of one register. Its identity is (ente, register, key).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub id: RecordId,
    pub ente: String,
    pub register: String,
    pub flow: String,
    /// The ledger's number of the folder: also the lane.
    pub folder: i64,
    /// Local and stable, e.g. `INT-7/2026`.
    pub key: String,
    /// The folder's part it comes from, e.g. `INT-7`.
    pub source: String,
    pub from: Date,
    pub to: Date,
    /// The record of the same folder that must be held first, perhaps by another register.
    pub needs: Option<Needed>,
    /// Whose container it may share with other people's records: ente, flow and group.
    pub group: Option<String>,
    pub desired: Desired,
    pub held: Option<Held>,
    /// The one operation that is queued or under way.
    pub current: Option<i64>,
    /// What was last refused: not sent again by itself.
    pub refused: Option<(super::Kind, Hash)>,
    /// Generation of the newest operation.
    pub generation: u64,
    /// Selected by a run or a sync and not yet up to date; the route and urgency asked for.
    pub due: Option<super::Order>,
    pub trouble: Option<Trouble>,
    pub powers: Powers,
}

impl Record {
    /// Whether `other`, a record of the same folder, is what this one needs.
    pub fn needs_record(&self, other: &Self) -> bool {
        let needs = self.needs.as_ref();
        needs.is_some_and(|needed| needed.means(&self.register, &other.register, &other.key))
    }

    /// Whether two records may stand in one container.
    pub fn may_join(&self, other: &Self) -> bool {
        let place = |record: &Self| {
            (record.ente.clone(), record.register.clone(), record.flow.clone(), record.group.clone())
        };
        place(self) == place(other)
    }

    /// True when an earlier version was cancelled and nothing stands in its place though
    /// the folder still has it: shown loudly as "absent at the register".
    pub fn absent_at_register(&self) -> bool {
        let wanted = matches!(self.desired, Desired::Present { .. } | Desired::SetAside);
        wanted && self.held.is_none() && self.generation > 1
    }
}
