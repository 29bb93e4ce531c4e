//! Operations, containers and receipts.

use serde_json::Value;
use utoipa::ToSchema;

use super::Explanation;

/// An operation with its record and container.
#[derive(ToSchema)]
pub struct Operation {
    operation: i64,
    record: String,
    folder_id: String,
    ente: String,
    /// `insert`, `replace` or `cancel`.
    kind: String,
    generation: u64,
    state: String,
    route: String,
    submission: Option<String>,
    timestamp: Option<i64>,
}

#[derive(ToSchema)]
pub struct Operations {
    operations: Vec<Operation>,
}

/// What came of a person's decision.
#[derive(ToSchema)]
pub struct OperationState {
    operation: i64,
    state: String,
}

/// A receipt, without its sealed text.
#[derive(ToSchema)]
pub struct Receipt {
    name: String,
    code: String,
    what: String,
    at: i64,
    acquired_as: Option<String>,
}

#[derive(ToSchema)]
pub struct Receipts {
    receipts: Vec<Receipt>,
}

/// A try to push a container, or a question about it.
#[derive(ToSchema)]
pub struct Attempt {
    number: u32,
    what: String,
    began_at: i64,
    ended_at: Option<i64>,
    outcome: Option<String>,
    code: Option<String>,
}

/// A container with its history.
#[derive(ToSchema)]
pub struct Submission {
    id: i64,
    route: String,
    name: String,
    timestamp: i64,
    state: String,
    operations: Vec<Operation>,
    receipts: Vec<Receipt>,
    attempts: Vec<Attempt>,
}

/// How many operations an outcome settled.
#[derive(ToSchema)]
pub struct OutcomeStored {
    operations: u64,
}

/// One operation, explained.
#[derive(ToSchema)]
pub struct ExplainedOperation {
    operation: i64,
    ente: String,
    folder_id: String,
    flow: String,
    record: String,
    kind: String,
    generation: u64,
    state: String,
    submission: Option<String>,
    changed_since: bool,
    explanations: Vec<Explanation>,
}

#[derive(ToSchema)]
pub struct ExplainedOperations {
    operations: Vec<ExplainedOperation>,
}

/// A folder's findings and its newest operations, explained.
#[derive(ToSchema)]
pub struct FolderExplained {
    folder_id: String,
    findings: Vec<super::FolderFinding>,
    operations: Vec<ExplainedOperation>,
}

/// A payload as it is built today, the same bytes at each time.
#[derive(ToSchema)]
pub struct Payload {
    submission: String,
    /// Media type of the text.
    kind: String,
    payload: String,
}

/// A question about one person.
#[derive(ToSchema)]
pub struct Inquiry {
    id: i64,
    ente: String,
    folder_id: String,
    register: String,
    route: String,
    flow: String,
    actor: String,
    interactive: bool,
    state: String,
    code: Option<String>,
    attempt: u32,
    not_before: Option<i64>,
    created_at: i64,
    asked_at: Option<i64>,
    ended_at: Option<i64>,
    findings: Value,
}

#[derive(ToSchema)]
pub struct InquiryStanding {
    settled: bool,
    inquiry: Inquiry,
    open_proposals: u64,
}

/// A register's documents as they came.
#[derive(ToSchema)]
pub struct InquiryAnswer {
    inquiry: i64,
    documents: Vec<String>,
}
