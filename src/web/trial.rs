//! Flows as tables, and a folder through one of them that is not stored.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Caller;
use super::extract::{Json, Path};
use super::folders::blocking;
use super::problem::Problem;
use crate::flow::Flow;
use crate::gateway::Gateway;
use crate::gateway::rights::Right;

/// A folder to try.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// A flow's id, `family/version`; or its family, by its version of today.
    #[schema(example = "family/version")]
    flow: String,
    /// The folder, as it would be saved.
    folder: Value,
    /// The day on which it is mapped, ISO; today when absent.
    today: Option<String>,
}

/// `POST /try`: mapped and validated as a save would; nothing is stored or logged.
pub async fn run(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Json(trial): Json<Trial>,
) -> Result<Json<Value>, Problem> {
    caller.may_somewhere(Right::Try)?;
    let today = trial.today.as_deref().map(str::parse::<Date>).transpose();
    let today = today.map_err(|_| Problem::bad("`today` is a day such as 2026-11-23."))?;
    blocking(move || {
        let day = today.unwrap_or_else(|| gateway.clock.today());
        let flow = gateway.catalog.find(&trial.flow).or_else(|| gateway.catalog.named(&trial.flow, day));
        let flow = flow.ok_or_else(|| no_flow(&trial.flow))?;
        let bytes = trial.folder.to_string();
        let tried = gateway.try_folder(flow, bytes.as_bytes(), today).map_err(Problem::invalid)?;
        let records: Vec<Value> = tried
            .records
            .into_iter()
            .map(|record| {
                let rows: Vec<Value> = record
                    .rows
                    .iter()
                    .map(|row| {
                        json!({
                            "row": row.row, "target": row.target, "sources": row.sources,
                            "purpose": row.purpose,
                        })
                    })
                    .collect();
                let payload =
                    record.payload.map(|bytes| String::from_utf8_lossy(bytes.expose()).into_owned());
                json!({
                    "key": record.key, "from": record.from.to_string(), "to": record.to.to_string(),
                    "payload": payload, "rows": rows,
                })
            })
            .collect();
        let findings = tried.findings.into_iter();
        let findings: Vec<Value> =
            findings.map(|(record, finding)| json!({ "record": record, "finding": finding })).collect();
        Ok(Json(json!({ "flow": flow.id(), "records": records, "findings": findings })))
    })
    .await
}

fn no_flow(name: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is no flow `{name}`"))
}

fn head(flow: &Flow) -> Value {
    let (head, (from, to)) = (&flow.mapping.flow, flow.valid());
    json!({
        "id": flow.id(), "family": flow.family(), "version": flow.version(), "register": flow.register(),
        "title": head.title, "purpose": head.purpose, "legal_basis": head.legal_basis,
        "valid_from": from.to_string(), "valid_to": to.map(|day| day.to_string()),
        "rows": flow.rows().len(), "rules": flow.rules.len(),
    })
}

/// `GET /flows`.
pub async fn flows(State(gateway): State<Arc<Gateway>>) -> Json<Value> {
    Json(json!({ "flows": gateway.catalog.flows().iter().map(head).collect::<Vec<_>>() }))
}

/// `GET /flows/{family}/{version}`: its rows and rules, as the tracciato's table.
pub async fn flow(
    State(gateway): State<Arc<Gateway>>,
    Path((family, version)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let name = format!("{family}/{version}");
    let flow = gateway.catalog.find(&name).ok_or_else(|| no_flow(&name))?;
    let rows = flow.rows().iter().enumerate().map(|(number, info)| {
        let row = &info.row;
        json!({
            "row": number, "target": info.target, "sources": info.sources, "value": row.value,
            "transform": row.transform, "codes": row.codes, "when": row.when, "purpose": row.purpose,
        })
    });
    let rules = flow.rules.iter().map(|rule| {
        let table = &rule.table;
        json!({
            "rule": table.id, "severity": table.severity, "message": table.message, "source": table.source,
        })
    });
    let (rows, rules): (Vec<Value>, Vec<Value>) = (rows.collect(), rules.collect());
    Ok(Json(json!({ "flow": head(flow), "mapping": rows, "rules": rules })))
}
