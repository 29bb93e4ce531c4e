//! Benefits that two folders seem to record: ids only, and only of enti that the caller speaks for.

use std::sync::Arc;

use axum::extract::{Extension, State};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::Caller;
use super::extract::{Json, Query};
use super::folders::blocking;
use super::problem::Problem;
use crate::exchange::LedgerError;
use crate::gateway::Gateway;

/// Pairs shown in one answer, at most.
const MOST: usize = 10_000;
/// Warnings on one folder, at most.
const MOST_OF_FOLDER: usize = 50;

#[derive(Deserialize, IntoParams)]
pub struct Limit {
    /// Pairs, 10,000 at most.
    limit: Option<usize>,
}

/// `GET /duplicates`: each pair once.
pub async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Query(asked): Query<Limit>,
) -> Result<Json<Value>, Problem> {
    let limit = asked.limit.unwrap_or(1_000).min(MOST);
    blocking(move || {
        let duplicates = gateway.duplicates(caller.only().as_deref(), None, limit)?;
        Ok(Json(json!({ "duplicates": duplicates })))
    })
    .await
}

/// The warnings on one folder, made anew at each look: they stand in no stored finding, where
/// somebody else could read them.
pub fn findings(gateway: &Gateway, caller: &Caller, folder: i64) -> Result<Vec<Value>, LedgerError> {
    let duplicates = gateway.duplicates(caller.only().as_deref(), Some(folder), MOST_OF_FOLDER)?;
    Ok(duplicates.iter().map(crate::gateway::Duplicate::finding).collect())
}
