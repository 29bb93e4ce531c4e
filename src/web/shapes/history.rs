//! What registers know, what a trial makes, what the journal tells.

use serde_json::Value;
use utoipa::ToSchema;

use super::{Explanation, Text};

/// A folder on a page.
#[derive(ToSchema)]
pub struct FolderLine {
    ente: String,
    id: String,
    version: Option<u64>,
    saved_at: i64,
}

#[derive(ToSchema)]
pub struct FolderPage {
    folders: Vec<FolderLine>,
    /// The next page's `cursor`; absent at the end.
    next: Option<String>,
}

/// A field that goes to a register.
#[derive(ToSchema)]
pub struct FieldSent {
    row: u64,
    target: String,
    sources: Vec<String>,
    purpose: String,
}

/// One operation of a record.
#[derive(ToSchema)]
pub struct Done {
    generation: u64,
    kind: String,
    state: String,
    queued_at: i64,
    submission: Option<String>,
    route: String,
    receipt: Option<String>,
    receipt_at: Option<i64>,
}

/// A record as its register knows it.
#[derive(ToSchema)]
pub struct KnownRecord {
    register: String,
    flow: String,
    record: String,
    from: String,
    to: String,
    held: bool,
    held_generation: Option<u64>,
    is_todays: bool,
    purpose: Option<Text>,
    legal_basis: Option<String>,
    fields: Vec<FieldSent>,
    history: Vec<Done>,
}

#[derive(ToSchema)]
pub struct LineageTold {
    id: String,
    ente: String,
    records: Vec<KnownRecord>,
}

/// What became of a wish to erase.
#[derive(ToSchema)]
pub struct ErasureTold {
    id: String,
    ente: String,
    /// `erased`, or `waits`.
    state: String,
    /// Operations whose outcome is awaited; questions about the person that are open.
    under_way: u64,
    /// Records that a register holds and would take back.
    revocable: u64,
}

/// A record of a trial.
#[derive(ToSchema)]
pub struct TriedRecord {
    key: String,
    from: String,
    to: String,
    /// Absent where a finding withholds it.
    payload: Option<String>,
    rows: Vec<FieldSent>,
}

#[derive(ToSchema)]
pub struct TriedFinding {
    record: Option<String>,
    finding: Explanation,
}

#[derive(ToSchema)]
pub struct Tried {
    flow: String,
    records: Vec<TriedRecord>,
    findings: Vec<TriedFinding>,
}

/// A flow, by what its mapping says of it.
#[derive(ToSchema)]
pub struct FlowHead {
    id: String,
    family: String,
    version: String,
    register: String,
    title: Text,
    purpose: Text,
    legal_basis: String,
    valid_from: String,
    valid_to: Option<String>,
    rows: u64,
    rules: u64,
}

#[derive(ToSchema)]
pub struct Flows {
    flows: Vec<FlowHead>,
}

#[derive(ToSchema)]
pub struct FlowTable {
    flow: FlowHead,
    mapping: Vec<Value>,
    rules: Vec<Value>,
}

/// An event of the audit journal.
#[derive(ToSchema)]
pub struct AuditEvent {
    sequence: i64,
    event: Value,
}

#[derive(ToSchema)]
pub struct AuditPage {
    events: Vec<AuditEvent>,
    /// The next page's `before`; absent at the end.
    next: Option<i64>,
}

/// How many operations go again, and the runs that bring them there.
#[derive(ToSchema)]
pub struct Resent {
    operations: u64,
    runs: Vec<i64>,
}
