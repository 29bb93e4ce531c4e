//! Asking a register about one person, and what its answer proposes for the folder.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::Caller;
use super::extract::{Json, Path, Query};
use super::folders::{OfEnte, blocking, find};
use super::problem::Problem;
use crate::audit::EventKind;
use crate::exchange::{InquiryState, LedgerError};
use crate::folder::Lang;
use crate::gateway::rights::Right;
use crate::gateway::{Gateway, InquiryRequest, ProposalView};
use crate::ledger::books::{InquiryRow, ProposalRow};

/// Questions shown beside a folder's proposals.
const SHOWN: usize = 10;

/// Which ente a folder id belongs to, and how much is shown.
#[derive(Deserialize, IntoParams)]
pub struct Whose {
    /// The ente's code; needed where several enti have a folder of this id.
    ente: Option<String>,
    /// Also what is over.
    #[serde(default)]
    all: bool,
}

/// Whom to ask, and how long to wait for the answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FetchRequest {
    /// The register to ask.
    from: String,
    /// How long to wait for the answer, 60,000 at most.
    #[serde(default)]
    wait_ms: u64,
}

/// `POST /folders/{id}/fetch`: this person, this register, now.
pub async fn fetch(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(whose): Query<OfEnte>,
    Json(request): Json<FetchRequest>,
) -> Result<Json<Value>, Problem> {
    let wait = Duration::from_millis(request.wait_ms.min(60_000));
    let inquiry = {
        let gateway = Arc::clone(&gateway);
        blocking(move || {
            let row = find(&gateway, &caller, whose.ente.as_deref(), &id)?;
            caller.may(Right::Sync, Some(&row.ente), Some(&request.from))?;
            let request = InquiryRequest {
                ente: row.ente,
                folder: row.folder_id,
                register: request.from,
                actor: caller.name.clone(),
            };
            Ok(gateway.start_inquiry(&request)?)
        })
        .await?
    };
    let deadline = tokio::time::Instant::now() + wait;
    loop {
        let asked = Arc::clone(&gateway);
        let (shown, settled) = blocking(move || standing(&asked, inquiry)).await?;
        if settled || tokio::time::Instant::now() >= deadline {
            return Ok(Json(shown));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A question as it stands, and whether it is over.
fn standing(gateway: &Gateway, inquiry: i64) -> Result<(Value, bool), Problem> {
    let row = gateway.books.inquiry(inquiry)?;
    let row =
        row.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("There is no inquiry {inquiry}.")))?;
    let open = gateway.books.proposals(row.folder, false)?;
    let open = open.iter().filter(|one| one.register == row.register && one.state == "proposed").count();
    let settled = is_over(&row);
    let shown = json!({
        "settled": settled, "inquiry": inquiry_json(gateway, &row)?, "open_proposals": open,
    });
    Ok((shown, settled))
}

fn is_over(row: &InquiryRow) -> bool {
    InquiryState::ALL.iter().any(|state| state.is_end() && state.word() == row.state)
}

fn inquiry_json(gateway: &Gateway, row: &InquiryRow) -> Result<Value, LedgerError> {
    let findings: Option<Value> = row.findings.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let day = gateway.books.inquiry_day(&row.route)?;
    // What the route rests from keeps an open question too.
    let rests = !is_over(row) && day.rest_until > row.due.max(gateway.clock.now_ms());
    let not_before = if rests { day.rest_until } else { row.due };
    let code = if rests { day.rest_why.clone().or_else(|| row.code.clone()) } else { row.code.clone() };
    Ok(json!({
        "id": row.id, "ente": row.ente, "folder_id": row.folder_id, "register": row.register,
        "route": row.route, "flow": row.flow, "actor": row.actor, "interactive": row.interactive,
        "state": row.state, "code": code, "attempt": row.attempt,
        "not_before": (!is_over(row)).then_some(not_before), "created_at": row.created_at,
        "asked_at": row.asked_at, "ended_at": row.ended_at, "findings": findings,
    }))
}

/// `GET /inquiries/{id}`: where a question stands.
pub async fn show(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, Problem> {
    blocking(move || {
        seen(&gateway, &caller, id)?;
        Ok(Json(standing(&gateway, id)?.0))
    })
    .await
}

/// A question that the caller may see.
fn seen(gateway: &Gateway, caller: &Caller, id: i64) -> Result<InquiryRow, Problem> {
    let row = gateway.books.inquiry(id)?.filter(|row| caller.sees_at(&row.ente, &row.register));
    row.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("There is no inquiry {id}.")))
}

/// `GET /inquiries/{id}/answer`: the documents as they came, while they are kept: an audited act.
pub async fn answer(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, Problem> {
    blocking(move || {
        let row = seen(&gateway, &caller, id)?;
        caller.may(Right::SeeBodies, Some(&row.ente), Some(&row.register))?;
        let reason = caller.reason()?;
        let documents = gateway.open_answer(id)?;
        let detail = [("inquiry", id.to_string()), ("reason", reason.text().to_owned())];
        let detail = BTreeMap::from(detail.map(|(name, value)| (name.to_owned(), value)));
        gateway.note(&caller.name, EventKind::AnswerRead, &format!("folder {}", row.folder), detail)?;
        let texts: Vec<String> = documents
            .into_iter()
            .map(|document| String::from_utf8_lossy(document.expose()).into_owned())
            .collect();
        Ok(Json(json!({ "inquiry": id, "documents": texts })))
    })
    .await
}

/// `GET /folders/{id}/proposals`: what registers propose for its fields: an audited act.
pub async fn proposals(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(whose): Query<Whose>,
) -> Result<Json<Value>, Problem> {
    blocking(move || {
        let row = find(&gateway, &caller, whose.ente.as_deref(), &id)?;
        caller.may_at(Right::SeeBodies, &row.ente)?;
        let reason = caller.reason()?;
        let views = gateway.proposals(&row, whose.all)?;
        let asked = gateway.books.inquiries(row.id, SHOWN)?;
        let asked: Result<Vec<_>, _> = asked.iter().map(|one| inquiry_json(&gateway, one)).collect();
        let detail = [("proposals", views.len().to_string()), ("reason", reason.text().to_owned())];
        let detail = BTreeMap::from(detail.map(|(name, value)| (name.to_owned(), value)));
        gateway.note(&caller.name, EventKind::ProposalsRead, &format!("folder {}", row.id), detail)?;
        let shown: Vec<_> = views.into_iter().map(|view| proposal_json(&gateway, view)).collect();
        Ok(Json(json!({
            "id": row.folder_id, "ente": row.ente, "proposals": shown, "inquiries": asked?,
        })))
    })
    .await
}

fn proposal_json(gateway: &Gateway, view: ProposalView) -> Value {
    let mut shown = head(gateway, &view.row);
    shown["key"] = view.key.map_or(Value::Null, |key| key.into_exposed().into());
    shown["old"] = view.old.into_exposed();
    shown["new"] = view.new.into_exposed();
    shown
}

/// A proposal without its values.
fn head(gateway: &Gateway, row: &ProposalRow) -> Value {
    let pointer = format!("/{}", row.field.replace("[]", "").replace('.', "/"));
    let labels = gateway.folders.labels();
    json!({
        "number": row.id, "field": row.field,
        "label": { "it": labels.label(&pointer, Lang::It), "en": labels.label(&pointer, Lang::En) },
        "state": row.state, "proposed_at": row.proposed_at, "decided_at": row.decided_at,
        "decided_by": row.actor, "held_at": row.held_at,
        "source": {
            "register": row.register, "flow": row.flow, "inquiry": row.inquiry, "place": row.place,
        },
    })
}

/// What is open for a folder, without values: shown beside it.
pub fn open_proposals(gateway: &Gateway, folder: i64) -> Result<Vec<Value>, LedgerError> {
    let rows = gateway.books.proposals(folder, false)?;
    Ok(rows.iter().map(|row| head(gateway, row)).collect())
}

/// `POST /folders/{id}/proposals/{number}/accept`.
pub async fn accept(
    state: State<Arc<Gateway>>,
    caller: Extension<Caller>,
    path: Path<(String, i64)>,
    whose: Query<OfEnte>,
) -> Result<Json<Value>, Problem> {
    decide(state, caller, path, whose, true).await
}

/// `POST /folders/{id}/proposals/{number}/decline`.
pub async fn decline(
    state: State<Arc<Gateway>>,
    caller: Extension<Caller>,
    path: Path<(String, i64)>,
    whose: Query<OfEnte>,
) -> Result<Json<Value>, Problem> {
    decide(state, caller, path, whose, false).await
}

async fn decide(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Path((id, number)): Path<(String, i64)>,
    Query(whose): Query<OfEnte>,
    accept: bool,
) -> Result<Json<Value>, Problem> {
    blocking(move || {
        let row = find(&gateway, &caller, whose.ente.as_deref(), &id)?;
        caller.may_at(Right::SaveFolders, &row.ente)?;
        let was = gateway.decide_proposal(&row, number, accept, &caller.name)?;
        let state = if accept { "accepted" } else { "declined" };
        Ok(Json(json!({ "number": number, "state": state, "was": was })))
    })
    .await
}
