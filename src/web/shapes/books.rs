//! How things stand: readiness, runs, routes, the calendar, flows.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;

use super::{Explanation, Text};

/// How ready an ente is for one flow.
#[derive(ToSchema)]
pub struct Standing {
    ente: String,
    flow: String,
    register: String,
    records: u64,
    ready: u64,
    set_aside: u64,
    vanished: u64,
    held: u64,
    differing: u64,
    absent: u64,
    undecided: u64,
}

/// What adopted files hold and no folder maps to.
#[derive(ToSchema)]
pub struct Unmatched {
    ente: String,
    register: String,
    records: u64,
}

#[derive(ToSchema)]
pub struct Readiness {
    readiness: Vec<Standing>,
    unmatched: Vec<Unmatched>,
}

/// How often a rule speaks.
#[derive(ToSchema)]
pub struct RuleCount {
    rule: String,
    severity: String,
    count: u64,
    message: Value,
    hint: Value,
    source: Value,
    verdict: Value,
}

#[derive(ToSchema)]
pub struct RuleCounts {
    findings: Vec<RuleCount>,
}

/// The terms add up to `selected`, at each moment.
#[derive(ToSchema)]
pub struct Balance {
    selected: u64,
    terms: BTreeMap<String, u64>,
    closes: bool,
    settled: bool,
}

/// A report, a sync or a replay.
#[derive(ToSchema)]
pub struct Run {
    id: i64,
    ente: String,
    register: String,
    flow: String,
    period: String,
    route: String,
    started_at: i64,
    actor: String,
    selecting: bool,
    /// `report`, `sync` or `replay`.
    kind: String,
    cancelled_at: Option<i64>,
    filter: Value,
    changes: Value,
    balance: Balance,
    /// Of a cancelling: whether this one did it.
    cancelled_now: Option<bool>,
}

#[derive(ToSchema)]
pub struct Runs {
    runs: Vec<Run>,
}

#[derive(ToSchema)]
pub struct Approved {
    /// Records that go now.
    approved: u64,
}

/// Runs of a sync as they stand when it answers.
#[derive(ToSchema)]
pub struct Synced {
    settled: bool,
    runs: Vec<Run>,
}

/// A route's queue and cursor.
#[derive(ToSchema)]
pub struct RouteStanding {
    route: String,
    last_given: i64,
    last_since: Option<i64>,
    last_polled: Option<i64>,
    suspended: Option<String>,
    queued: u64,
    out: u64,
    retrying: u64,
    uncertain: u64,
    failures: u32,
    left_alone_until: Option<i64>,
}

#[derive(ToSchema)]
pub struct Routes {
    routes: Vec<RouteStanding>,
}

/// Files that were written to the outbox.
#[derive(ToSchema)]
pub struct Files {
    files: Value,
}

/// One firing of the calendar.
#[derive(ToSchema)]
pub struct Firing {
    at: String,
    period: String,
    deadline: Option<String>,
    slack_days: Option<i32>,
    enti: Vec<Value>,
    runs: Option<Vec<Run>>,
}

#[derive(ToSchema)]
pub struct CalendarEntry {
    id: String,
    enti: Vec<String>,
    flow: String,
    cron: String,
    period: String,
    window: String,
    next: Option<Firing>,
    last: Option<Firing>,
    missed: Vec<Value>,
}

#[derive(ToSchema)]
pub struct Calendar {
    calendar: Vec<CalendarEntry>,
}

/// The document for publication; with `exact`, that and the reconciliation.
#[derive(ToSchema)]
pub struct Indicators {
    document: Option<Value>,
    exact: Option<Value>,
}

/// What a replay would change.
#[derive(ToSchema)]
pub struct DryRun {
    flow: String,
    folders: u64,
    records: u64,
    changes: BTreeMap<String, u64>,
    fields: BTreeMap<String, u64>,
    newly_withheld_by: Value,
    sample: Vec<Value>,
}

#[derive(ToSchema)]
pub struct DryRunTold {
    dry_run: DryRun,
}

/// What another version of a flow would change.
#[derive(ToSchema)]
pub struct UpgradeImpact {
    upgrade: Value,
    impact: Option<DryRun>,
}

/// What becomes of one field of the folder.
#[derive(ToSchema)]
pub struct FieldCoverage {
    path: String,
    label: Text,
    state: String,
    needed: bool,
    without_need: bool,
    sent: Vec<Value>,
    read: Vec<Value>,
    filled: u64,
    lacking: u64,
}

#[derive(ToSchema)]
pub struct FlowCoverage {
    flow: String,
    register: String,
    purpose: Text,
    legal_basis: String,
    folders: u64,
    fields: Vec<FieldCoverage>,
}

#[derive(ToSchema)]
pub struct Coverage {
    flows: Vec<FlowCoverage>,
}

/// A key by which pseudonyms are made; never the key itself.
#[derive(ToSchema)]
pub struct Key {
    ente: String,
    name: String,
    state: String,
    fingerprint: Option<String>,
    made_with: Option<String>,
}

#[derive(ToSchema)]
pub struct Keys {
    keys: Vec<Key>,
}

/// What a container of a former system brought.
#[derive(ToSchema)]
pub struct Adopted {
    name: String,
    records: u64,
    same: u64,
    different: u64,
    cancelled: u64,
    unmatched: u64,
}

/// A container's operations, explained.
#[derive(ToSchema)]
pub struct SubmissionExplained {
    submission: String,
    explanations: Vec<Explanation>,
    operations: Vec<super::ExplainedOperation>,
}
