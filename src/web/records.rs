//! Operations, submissions and receipts: look, decide, record an outcome, adopt.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Caller;
use super::extract::{Json, Path, Query, Whole};
use super::folders::blocking;
use super::problem::Problem;
use crate::exchange::{Answer, Decision};
use crate::gateway::Gateway;

/// Which operations to show.
#[derive(Deserialize)]
pub struct Which {
    state: Option<String>,
    #[serde(default = "hundred")]
    limit: usize,
}

const fn hundred() -> usize {
    100
}

/// `GET /operations?state=uncertain`.
pub async fn operations(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Query(which): Query<Which>,
) -> Result<Json<Value>, Problem> {
    blocking(move || {
        let limit = which.limit.min(10_000);
        let found = gateway.books.operations(which.state.as_deref(), caller.only(), limit)?;
        Ok(Json(json!({ "operations": found })))
    })
    .await
}

/// What a person found out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    register_holds: bool,
}

/// `POST /operations/{id}/decision`.
pub async fn decide(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<i64>,
    Json(decided): Json<Decided>,
) -> Result<Json<Value>, Problem> {
    caller.may_do_all()?;
    let decision = if decided.register_holds { Decision::RegisterHolds } else { Decision::RegisterDoesNot };
    blocking(move || {
        let state = gateway.decide(id, decision, &caller.name)?;
        Ok(Json(json!({ "operation": id, "state": state.word() })))
    })
    .await
}

/// `POST /operations/{id}/try-again`: a refused operation goes again, as it is, with the next
/// run or sync.
pub async fn try_again(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<i64>,
) -> Result<StatusCode, Problem> {
    caller.may_do_all()?;
    blocking(move || Ok(gateway.try_again(id, &caller.name).map(|()| StatusCode::NO_CONTENT)?)).await
}

/// `GET /submissions/{name}`: its operations and receipts.
pub async fn submission(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    let found = blocking(move || Ok(gateway.books.submission_by_name(&name)?)).await?;
    let seen = found.filter(|view| view.operations.iter().all(|operation| caller.sees(&operation.ente)));
    match seen {
        Some(view) => Ok(Json(serde_json::to_value(view).unwrap_or_default())),
        None => Err(Problem::new(StatusCode::NOT_FOUND, "There is no submission of this name.")),
    }
}

/// What the portal said of a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeRow {
    /// The record's key; absent = all records of the container.
    record: Option<String>,
    /// `accepted`, `refused`, `not_found` or `failed`.
    outcome: String,
    text: Option<String>,
}

/// `POST /submissions/{name}/outcome`: a list of rows, or one object for the whole container.
pub async fn outcome(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Json(rows): Json<Vec<OutcomeRow>>,
) -> Result<Json<Value>, Problem> {
    caller.may_do_all()?;
    let answers = rows
        .into_iter()
        .map(|row| Ok((row.record, answer(&row.outcome)?, row.text)))
        .collect::<Result<Vec<_>, Problem>>()?;
    blocking(move || {
        let settled = gateway.record_outcome(&name, &answers, &caller.name)?;
        Ok(Json(json!({ "operations": settled.len() })))
    })
    .await
}

fn answer(word: &str) -> Result<Answer, Problem> {
    match word {
        "accepted" => Ok(Answer::Accepted),
        "refused" => Ok(Answer::Refused),
        "not_found" => Ok(Answer::NotFound),
        "failed" => Ok(Answer::Failed),
        _ => Err(Problem::bad("`outcome` is one of accepted, refused, not_found, failed.")),
    }
}

/// `GET /receipts/strange`: those that fit nothing we sent, or contradict what we know.
pub async fn strange(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, Problem> {
    caller.may_do_all()?;
    blocking(move || Ok(Json(json!({ "receipts": gateway.books.strange_receipts(1000)? })))).await
}

/// Whose history, and by which flow.
#[derive(Deserialize)]
pub struct Former {
    ente: String,
    flow: String,
}

/// `POST /adopt?ente=&flow=`: a container that a former system sent and that was accepted.
pub async fn adopt(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Query(former): Query<Former>,
    Whole(body): Whole,
) -> Result<Json<Value>, Problem> {
    caller.may_speak_for(&former.ente)?;
    blocking(move || {
        let adopted = gateway.adopt(&former.ente, &former.flow, &body, &caller.name)?;
        Ok(Json(serde_json::to_value(adopted).unwrap_or_default()))
    })
    .await
}
