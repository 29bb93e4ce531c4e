//! Invii: operations by state, and one container with all that happened to it.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::frame::{Failure, Frame, page};
use super::visitor::Visitor;
use crate::gateway::Gateway;
use crate::ledger::books::{OperationView, SubmissionView};
use crate::web::extract::{Path, Query};
use crate::web::folders::blocking;

/// Operations on the list.
const SHOWN: usize = 200;

const STATES: &[&str] =
    &["queued", "sending", "retrying", "waiting", "uncertain", "parked", "accepted", "refused", "superseded"];

#[derive(Template)]
#[template(path = "submissions.html")]
struct List {
    frame: Frame,
    operations: Vec<OperationView>,
    state: String,
    states: &'static [&'static str],
}

/// Which operations are asked for.
#[derive(Deserialize)]
pub struct Which {
    #[serde(default)]
    stato: String,
    /// A container's name, to go straight to it.
    #[serde(default)]
    nome: String,
}

/// `GET /console/invii`.
pub async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Query(which): Query<Which>,
) -> Result<Response, Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !which.nome.is_empty() && which.nome.chars().all(plain) {
        return Ok(super::visitor::back(&format!("/console/invii/{}", which.nome)));
    }
    let known = STATES.iter().find(|state| **state == which.stato);
    let made = blocking(move || {
        let mut operations = gateway.books.operations(known.copied(), None, SHOWN)?;
        operations.retain(|operation| seen(&gateway, &visitor, operation));
        let (frame, state) = (visitor.frame(("Invii", "Submissions")), which.stato);
        Ok(List { frame, operations, state, states: STATES })
    });
    Ok(page(&made.await?))
}

/// Whether an operation may be shown: its ente, at the registers that its route leads to.
fn seen(gateway: &Gateway, visitor: &Visitor, operation: &OperationView) -> bool {
    match gateway.settings.route(&operation.route) {
        Some(route) => route.registers().any(|register| visitor.sees(&operation.ente, register)),
        None => visitor.sees_ente(&operation.ente),
    }
}

#[derive(Template)]
#[template(path = "submission.html")]
struct Show {
    frame: Frame,
    view: SubmissionView,
}

/// `GET /console/invii/{name}`.
pub async fn show(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Path(name): Path<String>,
) -> Result<Response, Failure> {
    let language = visitor.language;
    let made = blocking(move || {
        let found = gateway.books.submission_by_name(&name)?;
        let all = |view: &SubmissionView| view.operations.iter().all(|one| seen(&gateway, &visitor, one));
        let found = found.filter(all);
        Ok(found.map(|view| Show { frame: visitor.frame(("Invio", "Submission")), view }))
    });
    made.await?.map(|made| page(&made)).ok_or(Failure::NotFound(language))
}
