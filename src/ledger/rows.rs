//! What the ledger keeps besides the exchange's own rows.

use jiff::civil::Date;
use serde::Serialize;

use crate::exchange::{Balance, Hash, Millis};

/// A folder as stored: sealed under its own key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderRow {
    pub id: i64,
    pub ente: String,
    /// The CSI product's id.
    pub folder_id: String,
    /// The CSI product's revision.
    pub version: Option<u64>,
    /// The folder's data key, wrapped by the installation's key.
    pub wrapped_key: Vec<u8>,
    /// Keyed hash of the person's identifier.
    pub person: Hash,
    /// Keyed hash of the body: equal bodies need no new mapping on the same day.
    pub content: Hash,
    /// The sealed body.
    pub body: Vec<u8>,
    pub saved_at: Millis,
    /// When the calendar alone may change what it maps to.
    pub look_again: Option<Date>,
}

/// A finding as stored: rule, place and texts; never a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FindingRow {
    pub flow: String,
    /// Record key, when it belongs to one record.
    pub record: Option<String>,
    /// The whole finding as JSON.
    pub finding: crate::folder::finding::Finding,
    /// The value seen when the folder was saved, masked where personal: for the answer, never stored.
    #[serde(skip)]
    pub seen: Option<crate::folder::mask::Shown>,
}

/// A run and its balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunHead {
    pub id: i64,
    pub ente: String,
    pub register: String,
    pub flow: String,
    /// The period asked for, as written: `2026-T3`; empty for a sync of one folder.
    pub period: String,
    pub route: String,
    pub started_at: Millis,
    /// Who asked for it.
    pub actor: String,
    /// True while records are still being selected.
    pub selecting: bool,
    /// `report`, `sync` or `replay`.
    pub kind: String,
    pub cancelled_at: Option<Millis>,
    /// Of a replay: what selected its records, and what it found of them, as JSON.
    pub filter: Option<String>,
    pub changes: Option<String>,
    pub balance: Balance,
}
