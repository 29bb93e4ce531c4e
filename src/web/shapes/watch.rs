//! What answers look like: forecasts, alerts, the search.

use std::collections::BTreeMap;

use utoipa::ToSchema;

use super::Text;

/// What is foretold of a run that is not over.
#[derive(ToSchema)]
pub struct Forecast {
    run: i64,
    ente: String,
    register: String,
    flow: String,
    period: String,
    route: String,
    kind: String,
    /// The calendar that started it.
    calendar: Option<String>,
    selected: u64,
    /// Records that still move by themselves, and those that wait for a person.
    left: u64,
    held: u64,
    undecided: u64,
    /// Records per second; 0 = no pace is known.
    per_s: f64,
    ends_at: Option<String>,
    deadline: Option<String>,
    /// The end of the deadline's day, ms.
    until: Option<i64>,
    /// `in_time`, `late`, `needs_person` or `unknown`.
    outlook: String,
    reasons: Vec<Text>,
}

#[derive(ToSchema)]
pub struct Forecasts {
    forecast: Vec<Forecast>,
}

/// Something that operators were told of.
#[derive(ToSchema)]
pub struct Alert {
    id: i64,
    kind: String,
    /// What it is grouped by: ids only.
    cause: String,
    count: u64,
    detail: BTreeMap<String, String>,
    since: String,
    began_at: Option<String>,
    ended_at: Option<String>,
    text: Text,
}

#[derive(ToSchema)]
pub struct Alerts {
    alerts: Vec<Alert>,
}

/// An operation that was searched for.
#[derive(ToSchema)]
pub struct Hit {
    operation: i64,
    ente: String,
    register: String,
    flow: String,
    folder_id: String,
    record: String,
    kind: String,
    generation: u64,
    state: String,
    route: String,
    queued_at: i64,
    submission: Option<String>,
    timestamp: Option<i64>,
}

#[derive(ToSchema)]
pub struct Hits {
    submissions: Vec<Hit>,
    /// `after` of the next page; none at the end.
    next: Option<i64>,
}

/// A process of the installation.
#[derive(ToSchema)]
pub struct Node {
    id: String,
    /// Words with commas between them.
    roles: String,
    version: String,
    started_at: i64,
    /// Its last sign of life, by its own clock.
    seen_at: i64,
    beats: i64,
}

/// What one process at a time does.
#[derive(ToSchema)]
pub struct Duty {
    name: String,
    node: String,
    fence: i64,
}

#[derive(ToSchema)]
pub struct Nodes {
    nodes: Vec<Node>,
    duties: Vec<Duty>,
}
