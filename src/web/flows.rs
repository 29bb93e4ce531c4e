//! Flows themselves: what another version would change, which fields of the folder they use.

use std::sync::Arc;

use axum::extract::{Extension, State};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::Caller;
use super::extract::{Json, Query};
use super::folders::blocking;
use super::problem::Problem;
use crate::gateway::rights::Right;
use crate::gateway::{Gateway, UpgradeImpact, UpgradeRequest};

/// Records and folders shown in detail, at most.
const SAMPLE_MOST: usize = 1_000;

/// Which versions, and over whose folders.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Upgrade {
    /// The family, by its version of today; or `family/version`.
    flow: String,
    /// The other version.
    to: String,
    /// One ente; all that the caller speaks for when absent.
    ente: Option<String>,
    /// So many records, and folders of each rule, in detail.
    #[serde(default = "twenty")]
    sample: usize,
}

const fn twenty() -> usize {
    20
}

/// `POST /upgrade-impact`: nothing is written.
pub async fn upgrade_impact(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Json(asked): Json<Upgrade>,
) -> Result<Json<UpgradeImpact>, Problem> {
    let enti = enti(&gateway, &caller, asked.ente, Right::Try)?;
    let sample = asked.sample.min(SAMPLE_MOST);
    let request = UpgradeRequest { enti, flow: asked.flow, to: asked.to, sample };
    blocking(move || Ok(Json(gateway.upgrade_impact(&request)?))).await
}

/// Which flow, and whose folders.
#[derive(Deserialize, IntoParams)]
pub struct Covered {
    /// A flow's id or family; all when absent.
    flow: Option<String>,
    /// One ente; all that the caller may see when absent.
    ente: Option<String>,
}

/// `GET /coverage`: per flow and field, what becomes of it and how many stored folders fill it.
pub async fn coverage(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Query(asked): Query<Covered>,
) -> Result<Json<Value>, Problem> {
    let enti = enti(&gateway, &caller, asked.ente, Right::SeeMetadata)?;
    blocking(move || Ok(Json(json!({ "flows": gateway.coverage(asked.flow.as_deref(), &enti)? })))).await
}

/// The ente asked for, or all where the caller has the right.
fn enti(
    gateway: &Gateway,
    caller: &Caller,
    ente: Option<String>,
    right: Right,
) -> Result<Vec<String>, Problem> {
    match ente {
        Some(ente) => caller.may_at(right, &ente).map(|()| vec![ente]),
        None => {
            let all = gateway.settings.ente.iter().map(|ente| ente.code.clone());
            Ok(all.filter(|ente| caller.may_at(right, ente).is_ok()).collect())
        }
    }
}
