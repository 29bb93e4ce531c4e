//! Folders and what registers propose for them.

use serde_json::Value;
use utoipa::ToSchema;

use super::{FolderFinding, Inquiry, Text};

/// What a save did.
#[derive(ToSchema)]
pub struct FolderSaved {
    id: String,
    created: bool,
    /// Records over all flows, and how many of them findings withhold.
    records: u64,
    withheld: u64,
    findings: Vec<Value>,
}

/// One record of a folder.
#[derive(ToSchema)]
pub struct RecordStanding {
    flow: String,
    key: String,
    desired: String,
    held: bool,
    up_to_date: bool,
    operation: Option<String>,
    generation: u64,
}

/// Where a folder stands.
#[derive(ToSchema)]
pub struct Folder {
    id: String,
    ente: String,
    version: Option<u64>,
    saved_at: i64,
    look_again: Option<String>,
    /// The person was erased: the folder cannot be read any more.
    erased: bool,
    records: Vec<RecordStanding>,
    findings: Vec<FolderFinding>,
    proposals: Vec<Value>,
    /// With `body=true` only.
    folder: Option<Value>,
}

/// A folder's body.
#[derive(ToSchema)]
pub struct FolderBody {
    id: String,
    ente: String,
    version: Option<u64>,
    folder: Value,
}

/// Where a proposal comes from.
#[derive(ToSchema)]
pub struct ProposalSource {
    register: String,
    flow: String,
    inquiry: i64,
    place: String,
}

/// A value that a register proposes for a field.
#[derive(ToSchema)]
pub struct Proposal {
    number: i64,
    field: String,
    label: Text,
    state: String,
    proposed_at: i64,
    decided_at: Option<i64>,
    decided_by: Option<String>,
    held_at: Option<i64>,
    source: ProposalSource,
    key: Option<String>,
    old: Value,
    new: Value,
}

#[derive(ToSchema)]
pub struct Proposals {
    id: String,
    ente: String,
    proposals: Vec<Proposal>,
    inquiries: Vec<Inquiry>,
}

#[derive(ToSchema)]
pub struct ProposalDecided {
    number: i64,
    state: String,
    was: String,
}

/// Two folders that seem to record one benefit.
#[derive(ToSchema)]
pub struct Duplicate {
    ente: String,
    folder_id: String,
    item: String,
    other_ente: String,
    other_folder_id: String,
    other_item: String,
}

#[derive(ToSchema)]
pub struct Duplicates {
    duplicates: Vec<Duplicate>,
}
