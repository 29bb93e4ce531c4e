//! Explanations: what a recipient answered and what a finding says, on the folder's own fields.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::Caller;
use super::extract::{Json, Path, Query};
use super::folders::{blocking, find};
use super::problem::Problem;
use super::records;
use crate::exchange::LedgerError;
use crate::gateway::rights::Right;
use crate::gateway::{Bodies, Gateway};
use crate::ledger::books::{OfWhich, OperationToExplain};

/// Operations explained in one answer.
const MOST: usize = 1000;

/// What to show.
#[derive(Deserialize, IntoParams)]
pub struct Asked {
    /// Open folders and texts: an audited act, with its reason.
    #[serde(default)]
    body: bool,
    /// Operations, 1,000 at most.
    #[serde(default = "hundred")]
    limit: usize,
    /// Which ente a folder id belongs to, and the record's key: of a folder only.
    ente: Option<String>,
    record: Option<String>,
}

const fn hundred() -> usize {
    100
}

impl Asked {
    /// Whether bodies are opened, by the caller's reason; the ente and register are asked where each is known.
    fn bodies(&self, caller: &Caller) -> Result<Bodies, Problem> {
        if !self.body {
            return Ok(Bodies::Closed);
        }
        caller.may_somewhere(Right::SeeBodies)?;
        Ok(Bodies::Open(caller.reason()?))
    }
}

/// `GET /submissions/{name}/explain`: every operation that was not simply accepted.
pub async fn submission(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, Problem> {
    blocking(move || {
        let found = gateway.books.submission_by_name(&name)?;
        let seen = found.filter(|view| records::sees_all(&gateway, &caller, view));
        let Some(view) = seen else {
            return Err(Problem::new(StatusCode::NOT_FOUND, "There is no submission of this name."));
        };
        let rows = gateway.books.operations_to_explain(OfWhich::Submission(&name), asked.limit.min(MOST))?;
        let whole = gateway.explain_container(&view);
        let operations = explained(&gateway, &caller, rows, &asked)?;
        Ok(Json(json!({ "submission": name, "explanations": whole, "operations": operations })))
    })
    .await
}

/// `GET /operations/{id}/explain`.
pub async fn operation(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<i64>,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, Problem> {
    blocking(move || {
        let rows = gateway.books.operations_to_explain(OfWhich::Operation(id), 1)?;
        if rows.is_empty() {
            return Err(LedgerError::Missing(format!("operation {id}")).into());
        }
        Ok(Json(json!({ "operations": explained(&gateway, &caller, rows, &asked)? })))
    })
    .await
}

/// `GET /folders/{id}/explain?record=KEY`: findings, and the newest operation of each record.
pub async fn folder(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, Problem> {
    blocking(move || {
        let row = find(&gateway, &caller, asked.ente.as_deref(), &id)?;
        let record = asked.record.as_deref();
        let open = match asked.bodies(&caller)? {
            Bodies::Open(reason) => {
                caller.may_at(Right::SeeBodies, &row.ente)?;
                Some(gateway.read_folder_body(&row, &caller.name, &reason)?)
            }
            Bodies::Closed => None,
        };
        let findings = gateway.explain_findings(&row, record, open.as_ref())?;
        let which = OfWhich::Folder { folder: row.id, record };
        let rows = gateway.books.operations_to_explain(which, asked.limit.min(MOST))?;
        if rows.is_empty() && findings.is_empty() {
            let standing = gateway.books.folder_standing(row.id)?;
            if let Some(key) = record.filter(|key| standing.iter().all(|record| record.key != *key)) {
                return Err(LedgerError::Missing(format!("record {key} of this folder")).into());
            }
        }
        let operations = explained(&gateway, &caller, rows, &asked)?;
        Ok(Json(json!({ "folder_id": id, "findings": findings, "operations": operations })))
    })
    .await
}

/// Operations of enti that the caller speaks for; anyone else's are not there.
fn explained(
    gateway: &Gateway,
    caller: &Caller,
    rows: Vec<OperationToExplain>,
    asked: &Asked,
) -> Result<Value, Problem> {
    if let Some(row) = rows.iter().find(|row| !caller.sees_by(gateway, &row.ente, &row.route)) {
        return Err(LedgerError::Missing(format!("operation {}", row.operation)).into());
    }
    let bodies = asked.bodies(caller)?;
    if matches!(bodies, Bodies::Open(_)) {
        rows.iter().try_for_each(|row| caller.may_at(Right::SeeBodies, &row.ente))?;
    }
    let explained = gateway.explain(rows, &bodies, &caller.name)?;
    Ok(serde_json::to_value(explained).unwrap_or_default())
}
