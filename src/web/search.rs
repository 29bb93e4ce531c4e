//! The search over operations and their containers.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::Caller;
use super::extract::{Json, Query};
use super::folders::blocking;
use super::problem::Problem;
use crate::audit::EventKind;
use crate::gateway::rights::Right;
use crate::gateway::{Gateway, Search, SearchError, moment};
use crate::ledger::books::SearchFilter;
use crate::personal::Personal;

/// What is searched for; all of it holds for a hit.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Name of a container, or its beginning with `*`: `H501.PS.20261123.*`.
    submission: Option<String>,
    record: Option<String>,
    folder: Option<String>,
    state: Option<String>,
    kind: Option<String>,
    rule: Option<String>,
    code: Option<String>,
    route: Option<String>,
    ente: Option<String>,
    register: Option<String>,
    /// A day, or RFC 3339: queued from then on, and before then.
    from: Option<String>,
    to: Option<String>,
    /// `next` of the page before.
    after: Option<i64>,
    limit: Option<usize>,
}

/// What is searched for, with the person: in a body, because addresses are logged on their way.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskedOfPerson {
    /// Codice fiscale, or `STP:…`, `ENI:…`, `ANPR:…`.
    person: String,
    state: Option<String>,
    kind: Option<String>,
    route: Option<String>,
    ente: Option<String>,
    register: Option<String>,
    from: Option<String>,
    to: Option<String>,
    after: Option<i64>,
    limit: Option<usize>,
}

const PAGE: usize = 100;

/// `GET /submissions`: operations with their containers, newest first, page after page (`next`).
pub async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, Problem> {
    let search = Search {
        person: None,
        filter: SearchFilter {
            submission: asked.submission,
            record: asked.record,
            folder: asked.folder,
            person: None,
            state: asked.state,
            kind: asked.kind,
            rule: asked.rule,
            code: asked.code,
            route: asked.route,
            ente: asked.ente,
            register: asked.register,
            from: at(asked.from.as_deref())?,
            to: at(asked.to.as_deref())?,
        },
        after: asked.after,
        limit: asked.limit.unwrap_or(PAGE),
    };
    searched(gateway, caller, search).await
}

/// `POST /submissions/search`: the same for one person, by the keyed hash of an identifier.
pub async fn of_person(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Json(asked): Json<AskedOfPerson>,
) -> Result<Json<Value>, Problem> {
    let reason = caller.reason()?;
    let search = Search {
        person: Some(Personal::new(asked.person)),
        filter: SearchFilter {
            state: asked.state,
            kind: asked.kind,
            route: asked.route,
            ente: asked.ente,
            register: asked.register,
            from: at(asked.from.as_deref())?,
            to: at(asked.to.as_deref())?,
            ..SearchFilter::default()
        },
        after: asked.after,
        limit: asked.limit.unwrap_or(PAGE),
    };
    let (noted, actor) = (Arc::clone(&gateway), caller.name.clone());
    blocking(move || {
        let detail = BTreeMap::from([("reason".to_owned(), reason.text().to_owned())]);
        Ok(noted.note(&actor, EventKind::LineageRead, "search of a person", detail)?)
    })
    .await?;
    searched(gateway, caller, search).await
}

async fn searched(gateway: Arc<Gateway>, caller: Caller, search: Search) -> Result<Json<Value>, Problem> {
    blocking(move || {
        let all = caller.may(Right::SeeMetadata, None, None).is_ok();
        let mut pairs = gateway.pairs();
        pairs.retain(|(ente, register)| caller.sees_at(ente, register));
        let scope = (!all).then_some(pairs);
        let hits = gateway.search(scope.as_deref(), &search)?;
        Ok(Json(json!({ "submissions": hits.hits, "next": hits.next })))
    })
    .await
}

fn at(text: Option<&str>) -> Result<Option<i64>, Problem> {
    let wrong = || Problem::bad("`from` and `to` are days (2026-11-23) or moments (2026-11-23T09:00:00Z).");
    text.map(|text| moment(text).ok_or_else(wrong)).transpose()
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Ledger(error) => error.into(),
            SearchError::State(..) => Self::new(StatusCode::BAD_REQUEST, error.to_string()),
        }
    }
}
