//! Accounts of the console: made and changed by whoever runs the installation.

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
use crate::gateway::accounts::AccountError;
use crate::gateway::rights::{Grant, Right, Role};
use crate::personal::Personal;

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let status = match &error {
            AccountError::Name | AccountError::Password => StatusCode::BAD_REQUEST,
            AccountError::Unknown => StatusCode::NOT_FOUND,
            AccountError::Taken => StatusCode::CONFLICT,
            AccountError::Denied => StatusCode::UNAUTHORIZED,
            AccountError::Locked => StatusCode::TOO_MANY_REQUESTS,
            AccountError::Hashing => StatusCode::INTERNAL_SERVER_ERROR,
            AccountError::Ledger(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        match error {
            AccountError::Ledger(error) => error.into(),
            error => Self::new(status, error.to_string()),
        }
    }
}

/// `GET /accounts`.
pub async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, Problem> {
    caller.may(Right::ManageAccounts, None, None)?;
    blocking(move || {
        let shown = gateway.books.accounts()?.into_iter().map(|row| {
            let grants: Value = serde_json::from_str(&row.grants).unwrap_or_default();
            json!({
                "name": row.name, "grants": grants, "disabled": row.disabled, "failures": row.failures,
                "locked_until": row.locked_until, "created_at": row.created_at,
            })
        });
        Ok(Json(json!({ "accounts": shown.collect::<Vec<_>>() })))
    })
    .await
}

/// An account to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    name: String,
    /// 12 characters at least.
    password: String,
    /// operator, reporting-officer, integrator, auditor or administrator.
    #[schema(example = "operator")]
    role: String,
    /// Empty = every ente.
    #[serde(default)]
    enti: Vec<String>,
    /// Empty = every register.
    #[serde(default)]
    registers: Vec<String>,
}

/// `POST /accounts`.
pub async fn add(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Json(asked): Json<NewAccount>,
) -> Result<StatusCode, Problem> {
    caller.may(Right::ManageAccounts, None, None)?;
    let grant = grant(&gateway, &asked.role, asked.enti, asked.registers)?;
    let password = Personal::new(asked.password);
    blocking(move || {
        gateway.add_account(&asked.name, &password, &[grant], &caller.name)?;
        Ok(StatusCode::CREATED)
    })
    .await
}

/// A role at enti that there are and registers to which a flow goes.
pub(super) fn grant(
    gateway: &Gateway,
    role: &str,
    enti: Vec<String>,
    registers: Vec<String>,
) -> Result<Grant, Problem> {
    let role = Role::from_word(role).ok_or_else(|| {
        Problem::bad("`role` is one of operator, reporting-officer, integrator, auditor, administrator.")
    })?;
    if let Some(unknown) = enti.iter().find(|ente| gateway.settings.ente(ente).is_none()) {
        return Err(Problem::bad(format!("Ente {unknown} has no [[ente]] table.")));
    }
    let routes = || gateway.settings.route.iter();
    let known = |register: &String| routes().any(|route| route.registers().any(|name| name == register));
    if let Some(unknown) = registers.iter().find(|register| !known(register)) {
        return Err(Problem::bad(format!("No [[route]] leads to the register {unknown}.")));
    }
    Ok(Grant { role, enti, registers })
}

/// What is to change of an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    password: Option<String>,
    disabled: Option<bool>,
}

/// `POST /accounts/{name}`: another password, disabled, enabled. Whoever is signed in is signed out.
pub async fn change(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Json(change): Json<Change>,
) -> Result<StatusCode, Problem> {
    caller.may(Right::ManageAccounts, None, None)?;
    blocking(move || {
        if let Some(password) = change.password {
            gateway.set_password(&name, &Personal::new(password), &caller.name)?;
        }
        if let Some(disabled) = change.disabled {
            gateway.disable_account(&name, disabled, &caller.name)?;
        }
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
