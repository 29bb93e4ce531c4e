//! Pseudonym keys: how they stand, and a person's acceptance of another one.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Caller;
use super::extract::{Json, Path};
use super::folders::blocking;
use super::problem::Problem;
use crate::gateway::Gateway;
use crate::gateway::rights::Right;

/// `GET /keys`.
pub async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, Problem> {
    blocking(move || {
        let views = gateway.key_views()?;
        let seen: Vec<_> = views.into_iter().filter(|view| caller.sees(&view.ente)).collect();
        Ok(Json(json!({ "keys": seen })))
    })
    .await
}

/// Which key a person means to accept.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    fingerprint: String,
}

/// `POST /keys/{ente}/{name}/accept`: from now on pseudonyms are made with the configured key.
pub async fn accept(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path((ente, name)): Path<(String, String)>,
    Json(accepted): Json<Accepted>,
) -> Result<StatusCode, Problem> {
    caller.may(Right::OperateRoutes, None, None)?;
    blocking(move || {
        gateway.accept_key(&ente, &name, &accepted.fingerprint, &caller.name)?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
