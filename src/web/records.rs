//! Operations, submissions and receipts: look, decide, record an outcome, adopt.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::Caller;
use super::extract::{Json, Path, Query, Whole};
use super::folders::blocking;
use super::problem::Problem;
use crate::exchange::{Answer, Decision, LedgerError};
use crate::flow::Flow;
use crate::gateway::rights::Right;
use crate::gateway::{Gateway, RunRequest};
use crate::ledger::books::{OfWhich, OperationView, SubmissionView};

/// Which operations to show.
#[derive(Deserialize, IntoParams)]
pub struct Which {
    /// Only those that stand so: `queued`, `uncertain`, `refused`, ...
    state: Option<String>,
    /// 10,000 at most.
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
        let found = gateway.books.operations(which.state.as_deref(), caller.only().as_deref(), limit)?;
        let seen = |operation: &OperationView| caller.sees_by(&gateway, &operation.ente, &operation.route);
        let found: Vec<_> = found.into_iter().filter(seen).collect();
        Ok(Json(json!({ "operations": found })))
    })
    .await
}

/// What a person found out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    /// The register holds what the operation was to bring there; false = it does not.
    register_holds: bool,
}

/// `POST /operations/{id}/decision`.
pub async fn decide(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<i64>,
    Json(decided): Json<Decided>,
) -> Result<Json<Value>, Problem> {
    let decision = if decided.register_holds { Decision::RegisterHolds } else { Decision::RegisterDoesNot };
    blocking(move || {
        may_with(&gateway, &caller, Right::Decide, id)?;
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
    blocking(move || {
        may_with(&gateway, &caller, Right::Resend, id)?;
        Ok(gateway.try_again(id, &caller.name).map(|()| StatusCode::NO_CONTENT)?)
    })
    .await
}

/// `POST /operations/{id}/park`: it stays here until a person lets it go on.
pub async fn park(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<i64>,
) -> Result<StatusCode, Problem> {
    blocking(move || {
        may_with(&gateway, &caller, Right::Resend, id)?;
        Ok(gateway.park(id, &caller.name).map(|()| StatusCode::NO_CONTENT)?)
    })
    .await
}

/// `POST /operations/{id}/unpark`: it goes on, as the folder maps by now.
pub async fn unpark(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, Problem> {
    blocking(move || {
        may_with(&gateway, &caller, Right::Resend, id)?;
        let state = gateway.unpark(id, &caller.name)?;
        Ok(Json(json!({ "operation": id, "state": state.word() })))
    })
    .await
}

/// 404 unless the caller sees an operation, 403 unless they have a right where it belongs.
fn may_with(gateway: &Gateway, caller: &Caller, right: Right, id: i64) -> Result<(), Problem> {
    let missing = || Problem::from(LedgerError::Missing(format!("operation {id}")));
    let row = gateway.books.operations_to_explain(OfWhich::Operation(id), 1)?.pop().ok_or_else(missing)?;
    let register = gateway.catalog.find(&row.flow).map(Flow::register);
    if !caller.sees_by(gateway, &row.ente, &row.route) {
        return Err(missing());
    }
    caller.may(right, Some(&row.ente), register)
}

/// Whether the caller sees everything that a container carries.
pub(super) fn sees_all(gateway: &Gateway, caller: &Caller, view: &SubmissionView) -> bool {
    let mut operations = view.operations.iter();
    match view.operations.is_empty() {
        // What it carried is told by others now: whoever sees the route sees that it was.
        true => gateway
            .settings
            .route(&view.route)
            .is_some_and(|route| route.enti.iter().all(|ente| caller.sees_by(gateway, ente, &route.id))),
        false => operations.all(|operation| caller.sees_by(gateway, &operation.ente, &operation.route)),
    }
}

/// A container that the caller may see.
fn seen(gateway: &Gateway, caller: &Caller, name: &str) -> Result<SubmissionView, Problem> {
    let found = gateway.books.submission_by_name(name)?.filter(|view| sees_all(gateway, caller, view));
    found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "There is no submission of this name."))
}

/// `GET /submissions/{name}`: its operations and receipts.
pub async fn submission(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    blocking(move || {
        let view = seen(&gateway, &caller, &name)?;
        Ok(Json(serde_json::to_value(view).unwrap_or_default()))
    })
    .await
}

/// `GET /submissions/{name}/payload`.
pub async fn payload(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    blocking(move || {
        let view = seen(&gateway, &caller, &name)?;
        let registers =
            gateway.settings.route(&view.route).map(|route| route.registers().collect::<Vec<_>>());
        for operation in &view.operations {
            let mut registers = registers.iter().flatten();
            let held = |register: &&str| caller.may(Right::SeeBodies, Some(&operation.ente), Some(register));
            registers.try_for_each(held)?;
        }
        let payload = gateway.read_payload(&view, &caller.name, &caller.reason()?)?;
        Ok(Json(json!({
            "submission": name, "kind": payload.kind,
            "payload": String::from_utf8_lossy(payload.bytes.expose()),
        })))
    })
    .await
}

/// `POST /submissions/{name}/resend`: what a recipient refused of a container goes again, now, as the
/// folders map today.
pub async fn resend(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    blocking(move || {
        let view = seen(&gateway, &caller, &name)?;
        let rows = gateway.books.operations_to_explain(OfWhich::Submission(&name), usize::MAX >> 1)?;
        let refused: Vec<_> = rows.into_iter().filter(|row| row.state == "refused").collect();
        for row in &refused {
            let register = gateway.catalog.find(&row.flow).map(Flow::register);
            caller.may(Right::Resend, Some(&row.ente), register)?;
        }
        if refused.is_empty() {
            let why = "Nothing of this container was refused: there is nothing to send again.";
            return Err(Problem::new(StatusCode::CONFLICT, why));
        }
        let mut folders = BTreeSet::new();
        for row in &refused {
            gateway.try_again(row.operation, &caller.name)?;
            folders.insert((row.ente.clone(), row.folder_id.clone(), row.flow.clone()));
        }
        let mut runs = Vec::with_capacity(folders.len());
        for (ente, folder, flow) in folders {
            let (route, actor) = (Some(view.route.clone()), caller.name.clone());
            let request = RunRequest { ente, flow, period: None, folder: Some(folder), route, actor };
            runs.push(gateway.start_run(&request)?);
        }
        Ok(Json(json!({ "operations": refused.len(), "runs": runs })))
    })
    .await
}

/// What the portal said of a file.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomeRow {
    /// The record's key; absent = all records of the container.
    record: Option<String>,
    /// `accepted`, `refused`, `not_found` or `failed`.
    outcome: String,
    /// The portal's own words.
    text: Option<String>,
}

/// `POST /submissions/{name}/outcome`: a list of rows, or one object for the whole container.
pub async fn outcome(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Json(rows): Json<Vec<OutcomeRow>>,
) -> Result<Json<Value>, Problem> {
    let answers = rows
        .into_iter()
        .map(|row| Ok((row.record, answer(&row.outcome)?, row.text)))
        .collect::<Result<Vec<_>, Problem>>()?;
    blocking(move || {
        let view = seen(&gateway, &caller, &name)?;
        view.operations.iter().try_for_each(|operation| caller.may_at(Right::Decide, &operation.ente))?;
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
    caller.may(Right::SeeMetadata, None, None)?;
    blocking(move || Ok(Json(json!({ "receipts": gateway.books.strange_receipts(1000)? })))).await
}

/// Whose history, and by which flow.
#[derive(Deserialize, IntoParams)]
pub struct Former {
    /// The ente's code.
    ente: String,
    /// The flow's id, `family/version`.
    flow: String,
}

/// `POST /adopt?ente=&flow=`: a container that a former system sent and that was accepted.
pub async fn adopt(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Query(former): Query<Former>,
    Whole(body): Whole,
) -> Result<Json<Value>, Problem> {
    caller.may_at(Right::Decide, &former.ente)?;
    blocking(move || {
        let adopted = gateway.adopt(&former.ente, &former.flow, &body, &caller.name)?;
        Ok(Json(serde_json::to_value(adopted).unwrap_or_default()))
    })
    .await
}
