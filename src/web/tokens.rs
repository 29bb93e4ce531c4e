//! Tokens of the API: made and revoked by whoever runs the installation.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Caller;
use super::accounts::grant;
use super::extract::{Json, Path};
use super::folders::blocking;
use super::problem::Problem;
use crate::gateway::Gateway;
use crate::gateway::rights::Right;
use crate::gateway::tokens::{TokenError, counts};

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        let status = match &error {
            TokenError::Name | TokenError::Days => StatusCode::BAD_REQUEST,
            TokenError::Unknown => StatusCode::NOT_FOUND,
            TokenError::Taken => StatusCode::CONFLICT,
            TokenError::Random | TokenError::Ledger(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        match error {
            TokenError::Ledger(error) => error.into(),
            error => Self::new(status, error.to_string()),
        }
    }
}

/// `GET /tokens`: those of the ledger; of none more than its name and what it may do.
pub async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, Problem> {
    caller.may(Right::ManageAccounts, None, None)?;
    blocking(move || {
        let now = gateway.clock.now_ms();
        let shown = gateway.books.tokens()?.into_iter().map(|row| {
            let grants: Value = serde_json::from_str(&row.grants).unwrap_or_default();
            json!({
                "name": row.name, "grants": grants, "counts": counts(&row, now), "created_at": row.created_at,
                "created_by": row.created_by, "expires_at": row.expires_at, "revoked_at": row.revoked_at,
                "used_at": row.used_at,
            })
        });
        Ok(Json(json!({ "tokens": shown.collect::<Vec<_>>() })))
    })
    .await
}

/// A token to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// Who will use it.
    #[schema(example = "csi-product")]
    name: String,
    /// operator, reporting-officer, integrator, auditor or administrator.
    #[schema(example = "operator")]
    role: String,
    /// Empty = every ente.
    #[serde(default)]
    enti: Vec<String>,
    /// Empty = every register.
    #[serde(default)]
    registers: Vec<String>,
    /// How long it lives, 1 to 1100.
    #[serde(default = "year")]
    #[schema(minimum = 1, maximum = 1100)]
    days: u32,
}

const fn year() -> u32 {
    365
}

/// `POST /tokens`: the token itself is told this once.
pub async fn add(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Json(asked): Json<NewToken>,
) -> Result<Response, Problem> {
    caller.may(Right::ManageAccounts, None, None)?;
    let grant = grant(&gateway, &asked.role, asked.enti, asked.registers)?;
    blocking(move || {
        let made = gateway.add_token(&asked.name, &[grant], asked.days, &caller.name)?;
        let told = json!({
            "name": asked.name, "token": made.token.into_exposed(), "expires_at": made.expires_at,
        });
        Ok((StatusCode::CREATED, Json(told)).into_response())
    })
    .await
}

/// `POST /tokens/{name}/revoke`: it lets nobody in from now on.
pub async fn revoke(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.may(Right::ManageAccounts, None, None)?;
    blocking(move || Ok(gateway.revoke_token(&name, &caller.name).map(|()| StatusCode::NO_CONTENT)?)).await
}
