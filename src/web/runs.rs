//! Runs: start a report, show balances, approve what was held, cancel.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

use super::Caller;
use super::extract::{Json, Path, Query};
use super::folders::blocking;
use super::problem::Problem;
use crate::exchange::{Bucket, Period};
use crate::gateway::rights::Right;
use crate::gateway::{Gateway, RunRequest};
use crate::ledger::RunHead;
use crate::ledger::books::OnceKey;

/// A report to start.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRun {
    /// The ente's code.
    ente: String,
    /// The flow's id, `family/version`.
    flow: String,
    /// `2026`, `2026-T3`, `2026-07`; everything that begins by its end.
    period: Option<String>,
    /// Not the ente's first route to the register, but this one.
    route: Option<String>,
}

/// Whose to show, and how many.
#[derive(Deserialize, IntoParams)]
pub struct Many {
    /// One ente; all that the caller may see when absent.
    ente: Option<String>,
    /// 1,000 at most.
    #[serde(default = "fifty")]
    limit: usize,
}

const fn fifty() -> usize {
    50
}

/// `POST /runs`.
pub async fn start(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    once: Option<Extension<OnceKey>>,
    Json(asked): Json<StartRun>,
) -> Result<Response, Problem> {
    match gateway.catalog.find(&asked.flow) {
        Some(flow) => caller.may(Right::Report, Some(&asked.ente), Some(flow.register()))?,
        None => caller.may_at(Right::Report, &asked.ente)?,
    }
    let period = asked.period.as_deref().map(str::parse::<Period>).transpose()?;
    blocking(move || {
        let request = RunRequest {
            ente: asked.ente,
            flow: asked.flow,
            period,
            folder: None,
            route: asked.route,
            actor: caller.name,
        };
        let run = gateway.start_run_once(&request, once.map(|Extension(key)| key))?;
        let head = gateway.books.runs(Some(run), 1)?;
        Ok((StatusCode::CREATED, Json(head.first().map(run_json))).into_response())
    })
    .await
}

/// `GET /runs`: newest first.
pub async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Query(many): Query<Many>,
) -> Result<Json<Value>, Problem> {
    blocking(move || {
        let limit = many.limit.min(1000);
        let mut runs = match (&many.ente, caller.only()) {
            (Some(ente), _) => {
                caller.may_at(Right::SeeMetadata, ente)?;
                gateway.books.runs_of(std::slice::from_ref(ente), limit)?
            }
            (None, Some(enti)) => gateway.books.runs_of(&enti, limit)?,
            (None, None) => gateway.books.runs(None, limit)?,
        };
        runs.retain(|run| caller.sees_at(&run.ente, &run.register));
        Ok(Json(json!({ "runs": runs.iter().map(run_json).collect::<Vec<_>>() })))
    })
    .await
}

fn no_run(id: i64) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("There is no run {id}."))
}

/// 404 unless the caller sees a run, 403 unless they have a right where it belongs.
fn may_with(gateway: &Gateway, caller: &Caller, right: Right, id: i64) -> Result<(), Problem> {
    let run = gateway.books.runs(Some(id), 1)?.pop();
    let run = run.filter(|run| caller.sees_at(&run.ente, &run.register)).ok_or_else(|| no_run(id))?;
    caller.may(right, Some(&run.ente), Some(&run.register))
}

/// `GET /runs/{id}`.
pub async fn show(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, Problem> {
    let runs = blocking(move || Ok(gateway.books.runs(Some(id), 1)?)).await?;
    let found = runs.iter().find(|run| caller.sees_at(&run.ente, &run.register)).map(run_json);
    found.map(Json).ok_or_else(|| no_run(id))
}

/// `POST /runs/{id}/approve`: cancels that were held go.
pub async fn approve(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, Problem> {
    blocking(move || {
        may_with(&gateway, &caller, Right::Decide, id)?;
        Ok(Json(json!({ "approved": gateway.approve_run(id, &caller.name)? })))
    })
    .await
}

/// `POST /runs/{id}/cancel`: what has not left, and is wanted by no other run, is withdrawn.
pub async fn cancel(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, Problem> {
    blocking(move || {
        may_with(&gateway, &caller, Right::Report, id)?;
        let first = gateway.cancel_run(id, &caller.name)?;
        let head = gateway.books.runs(Some(id), 1)?.pop();
        let mut shown = head.map(|run| run_json(&run)).ok_or_else(|| no_run(id))?;
        shown["cancelled_now"] = first.into();
        Ok(Json(shown))
    })
    .await
}

/// A run with its balance, as JSON.
pub fn run_json(run: &RunHead) -> Value {
    let stored = |text: &Option<String>| text.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let (filter, changes): (Option<Value>, Option<Value>) = (stored(&run.filter), stored(&run.changes));
    let terms: Map<String, Value> = Bucket::ALL
        .iter()
        .map(|bucket| (bucket.word().to_owned(), run.balance.count(*bucket).into()))
        .collect();
    json!({
        "id": run.id, "ente": run.ente, "register": run.register, "flow": run.flow, "period": run.period,
        "route": run.route, "started_at": run.started_at, "actor": run.actor, "selecting": run.selecting,
        "kind": run.kind, "cancelled_at": run.cancelled_at, "filter": filter, "changes": changes,
        "balance": {
            "selected": run.balance.selected, "terms": terms, "closes": run.balance.closes(),
            "settled": run.balance.is_settled(),
        },
    })
}
