//! What is foretold of open runs, and what operators are alerted of.

use std::sync::Arc;

use axum::extract::{Extension, State};
use serde_json::{Value, json};

use super::Caller;
use super::extract::Json;
use super::folders::blocking;
use super::problem::Problem;
use crate::gateway::Gateway;
use crate::gateway::rights::Right;

/// `GET /forecast`: every run that is not over, with its end at the present pace.
pub async fn show(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, Problem> {
    blocking(move || {
        let mut told = gateway.forecast()?;
        told.retain(|run| caller.sees_at(&run.ente, &run.register));
        Ok(Json(json!({ "forecast": told })))
    })
    .await
}

/// `GET /alerts`: those that are open, and the last that ended.
pub async fn alerts(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, Problem> {
    caller.may(Right::SeeMetadata, None, None)?;
    blocking(move || Ok(Json(json!({ "alerts": gateway.alerts()? })))).await
}
