//! Oggi: how ready each flow is, what comes, and what waits for a person.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;

use super::frame::{Failure, Frame, page};
use super::visitor::Visitor;
use crate::exchange::Bucket;
use crate::gateway::{CalendarView, Gateway};
use crate::ledger::RunHead;
use crate::ledger::books::{OperationView, Standing};
use crate::web::folders::blocking;

/// Operations shown of those that a person must decide.
const SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "today.html")]
struct Today {
    frame: Frame,
    standings: Vec<Standing>,
    calendar: Vec<CalendarView>,
    held: Vec<RunHead>,
    undecided: Vec<OperationView>,
    suspended: Vec<String>,
}

/// Ready records of a standing, in hundredths.
fn percent(standing: &Standing) -> u64 {
    (standing.ready * 100).checked_div(standing.records).unwrap_or(100)
}

/// `GET /console/`.
pub async fn show(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Failure> {
    let frame = visitor.frame(("Oggi", "Today"));
    let made = blocking(move || {
        let mut standings = gateway.books.standings()?;
        standings.retain(|standing| visitor.sees(&standing.ente, &standing.register));
        let mut undecided = Vec::new();
        for state in ["uncertain", "parked"] {
            undecided.extend(gateway.books.operations(Some(state), None, SHOWN)?);
        }
        undecided.retain(|operation| visitor.sees_ente(&operation.ente));
        let mut held = gateway.books.runs(None, 200)?;
        held.retain(|run| run.balance.count(Bucket::Held) > 0 && visitor.sees(&run.ente, &run.register));
        let mut calendar = gateway.calendar()?;
        calendar.retain(|entry| entry.enti.iter().any(|ente| visitor.sees_ente(ente)));
        let suspended = gateway.books.suspended_routes()?;
        Ok(Today { frame, standings, calendar, held, undecided, suspended })
    });
    Ok(page(&made.await?))
}
