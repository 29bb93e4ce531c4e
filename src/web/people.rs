//! Folders page by page, and what registers know of a person.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::Caller;
use super::extract::{Json, Path, Query};
use super::folders::{OfEnte, blocking, find};
use super::openapi::BASE;
use super::problem::Problem;
use crate::exchange::InTheWay;
use crate::gateway::rights::Right;
use crate::gateway::{Erasure, Gateway};

/// Folders on one page, at most.
const MOST: usize = 1_000;

/// Which folders, and from where on.
#[derive(Deserialize, IntoParams)]
pub struct Wanted {
    /// One ente; all that the caller may see when absent.
    ente: Option<String>,
    /// Saved since this moment, milliseconds since 1970.
    #[serde(default)]
    since: i64,
    /// Folders on a page, 1,000 at most.
    #[serde(default = "hundred")]
    limit: usize,
    /// `next` of the page before.
    cursor: Option<String>,
}

const fn hundred() -> usize {
    100
}

/// `GET /folders`: by ente and id, page by page.
pub async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let (begin, mut after) = match &wanted.cursor {
        Some(cursor) => {
            place(cursor).ok_or_else(|| Problem::bad("`cursor` is `next` of the page before."))?
        }
        None => Default::default(),
    };
    if let Some(ente) = &wanted.ente {
        caller.may_at(Right::SeeMetadata, ente)?;
    }
    let limit = wanted.limit.clamp(1, MOST);
    blocking(move || {
        let asked = |ente: &&str| wanted.ente.as_deref().is_none_or(|only| only == *ente);
        let all = gateway.settings.ente.iter().map(|ente| ente.code.as_str());
        let mut enti: Vec<&str> = all.filter(asked).filter(|ente| caller.sees(ente)).collect();
        enti.sort_unstable();
        let mut found = Vec::new();
        for ente in enti.into_iter().filter(|ente| *ente >= begin.as_str()) {
            if ente != begin {
                after.clear();
            }
            found.extend(gateway.books.folder_lines(ente, &after, wanted.since, limit + 1 - found.len())?);
            if found.len() > limit {
                break;
            }
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|last| cursor(&last.ente, &last.id));
        let shown = Json(json!({ "folders": found, "next": next }));
        Ok(match next {
            Some(next) => {
                let ente = wanted.ente.map(|ente| format!("&ente={ente}")).unwrap_or_default();
                let since = wanted.since;
                let link =
                    format!("<{BASE}/folders?cursor={next}&limit={limit}&since={since}{ente}>; rel=\"next\"");
                ([(header::LINK, link)], shown).into_response()
            }
            None => shown.into_response(),
        })
    })
    .await
}

/// Where the next page begins; of no meaning to anybody else.
fn cursor(ente: &str, id: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{ente}\n{id}"))
}

fn place(cursor: &str) -> Option<(String, String)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    text.split_once('\n').map(|(ente, id)| (ente.to_owned(), id.to_owned()))
}

/// Whose history, and at which register.
#[derive(Deserialize, IntoParams)]
pub struct Whose {
    /// The ente's code; needed where several enti have a folder of this id.
    ente: Option<String>,
    /// One register; all that the caller may see when absent.
    register: Option<String>,
}

/// `GET /folders/{id}/lineage`: what registers know of this person, and why.
pub async fn lineage(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(whose): Query<Whose>,
) -> Result<Json<Value>, Problem> {
    blocking(move || {
        let row = find(&gateway, &caller, whose.ente.as_deref(), &id)?;
        match &whose.register {
            Some(register) => caller.may(Right::SeeHistory, Some(&row.ente), Some(register))?,
            None => caller.may_at(Right::SeeHistory, &row.ente)?,
        }
        let reason = caller.reason()?;
        let mut known = gateway.lineage(&row, whose.register.as_deref(), &caller.name, &reason)?;
        known.retain(|one| caller.may(Right::SeeHistory, Some(&row.ente), Some(&one.register)).is_ok());
        Ok(Json(json!({ "id": row.folder_id, "ente": row.ente, "records": known })))
    })
    .await
}

/// What is to be erased knowingly.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Erase {
    /// Also where a register holds records that it would take back: afterwards no cancel can be made.
    #[serde(default)]
    knowingly: bool,
}

/// `POST /folders/{id}/erase`.
pub async fn erase(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(whose): Query<OfEnte>,
    Json(erase): Json<Erase>,
) -> Result<Response, Problem> {
    blocking(move || {
        let row = find(&gateway, &caller, whose.ente.as_deref(), &id)?;
        caller.may_at(Right::Erase, &row.ente)?;
        let done = gateway.erase(&row, &caller.name, &caller.reason()?, erase.knowingly)?;
        let (status, state, way) = match done {
            Erasure::Erased => (StatusCode::OK, "erased", InTheWay::default()),
            Erasure::Waits(way) => (StatusCode::ACCEPTED, "waits", way),
        };
        let told = json!({
            "id": row.folder_id, "ente": row.ente, "state": state,
            "under_way": way.under_way, "revocable": way.revocable,
        });
        Ok((status, Json(told)).into_response())
    })
    .await
}
