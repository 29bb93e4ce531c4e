//! Replay: what today's mapping would change of stored records, and sending just that.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Caller;
use super::extract::Json;
use super::folders::blocking;
use super::problem::Problem;
use super::runs::run_json;
use crate::exchange::Period;
use crate::gateway::rights::Right;
use crate::gateway::{Gateway, ReplayRequest};

/// Records shown in detail, at most.
const SAMPLE_MOST: usize = 1_000;

/// Which records, and whether to send what changed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// A flow's id or family.
    flow: String,
    /// One ente; all that the caller speaks for when absent.
    ente: Option<String>,
    /// Records that touch it: `2026`, `2026-T3`, `2026-07`.
    period: Option<String>,
    /// Records of which a finding of this rule speaks.
    rule: Option<String>,
    /// Records that stand so: `refused`, `set_aside`, `vanished`, `accepted`, `queued`, ...
    state: Option<String>,
    /// Records whose newest operation has a receipt with this code.
    code: Option<String>,
    /// Records of these folders, by the CSI product's id.
    #[serde(default)]
    folders: Vec<String>,
    /// Send also what did not change, and what was refused just so.
    #[serde(default)]
    also_unchanged: bool,
    /// Not the ente's first route to the register, but this one.
    route: Option<String>,
    /// Only say what would change. Nothing is written.
    #[serde(default = "yes")]
    dry_run: bool,
    /// Of a dry run: so many records in detail.
    #[serde(default = "twenty")]
    sample: usize,
}

const fn yes() -> bool {
    true
}

const fn twenty() -> usize {
    20
}

/// `POST /replay`: a dry run unless `dry_run` is false.
pub async fn start(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Json(asked): Json<Replay>,
) -> Result<Response, Problem> {
    let period = asked.period.as_deref().map(str::parse::<Period>).transpose()?;
    // A flow that there is not is told of later; nobody's register is that of none.
    let register =
        gateway.catalog.named(&asked.flow, gateway.clock.today()).map(|flow| flow.register().to_owned());
    let may = |ente: &str| match &register {
        Some(register) => caller.may(Right::Report, Some(ente), Some(register)),
        None => caller.may_at(Right::Report, ente),
    };
    let enti = match asked.ente {
        Some(ente) => {
            may(&ente)?;
            vec![ente]
        }
        None => {
            let all = gateway.settings.ente.iter().map(|ente| ente.code.clone());
            all.filter(|ente| may(ente).is_ok()).collect()
        }
    };
    let request = ReplayRequest {
        enti,
        flow: asked.flow,
        period,
        rule: asked.rule,
        state: asked.state,
        code: asked.code,
        folders: asked.folders,
        also_unchanged: asked.also_unchanged,
        route: asked.route,
        actor: caller.name,
    };
    blocking(move || {
        if asked.dry_run {
            let told = gateway.dry_run(&request, asked.sample.min(SAMPLE_MOST))?;
            return Ok(Json(json!({ "dry_run": told })).into_response());
        }
        let mut runs: Vec<Value> = Vec::new();
        for run in gateway.start_replay(&request)? {
            runs.extend(gateway.books.runs(Some(run), 1)?.iter().map(run_json));
        }
        Ok((StatusCode::CREATED, Json(json!({ "runs": runs }))).into_response())
    })
    .await
}
