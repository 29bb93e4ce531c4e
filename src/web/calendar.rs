//! The reporting calendar: what comes, what came last, what was missed.

use std::sync::Arc;

use axum::extract::{Extension, State};
use serde_json::{Value, json};

use super::Caller;
use super::extract::Json;
use super::folders::blocking;
use super::problem::Problem;
use super::runs::run_json;
use crate::gateway::{CalendarView, Gateway};

/// `GET /calendar`.
pub async fn show(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, Problem> {
    blocking(move || {
        let entries = gateway.calendar()?;
        let seen: Vec<_> = entries.into_iter().filter_map(|entry| for_caller(entry, &caller)).collect();
        Ok(Json(json!({ "calendar": seen })))
    })
    .await
}

/// What of an entry concerns the caller's enti; `None` when nothing does.
fn for_caller(mut entry: CalendarView, caller: &Caller) -> Option<Value> {
    entry.enti.retain(|ente| caller.sees(ente));
    entry.missed.retain(|row| caller.sees(&row.ente));
    let mut runs = Vec::new();
    if let Some(last) = &mut entry.last {
        last.enti.retain(|row| caller.sees(&row.ente));
        runs = last.runs.iter().filter(|run| caller.sees(&run.ente)).map(run_json).collect();
    }
    if entry.enti.is_empty() {
        return None;
    }
    let mut shown = serde_json::to_value(&entry).ok()?;
    if entry.last.is_some() {
        shown["last"]["runs"] = runs.into();
    }
    Some(shown)
}
