//! Giornale: the audit events, newest first, and whether their chain holds.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::frame::{Failure, Frame, page};
use super::visitor::Visitor;
use crate::audit::Event;
use crate::gateway::Gateway;
use crate::gateway::rights::Right;
use crate::web::extract::Query;
use crate::web::folders::blocking;

/// Events on a page.
const SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "journal.html")]
struct Journal {
    frame: Frame,
    events: Vec<(i64, Event)>,
    /// Where the page before goes on.
    older: Option<i64>,
    /// What verifying said, where it was asked for.
    verified: Option<Result<u64, String>>,
}

/// From where on, and whether the chain is to be verified.
#[derive(Deserialize)]
pub struct From {
    prima_di: Option<i64>,
    #[serde(default)]
    verifica: bool,
}

/// `GET /console/giornale`.
pub async fn show(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Query(from): Query<From>,
) -> Result<Response, Failure> {
    visitor.must(Right::ReadAudit, None, None)?;
    let made = blocking(move || {
        let rows = gateway.books.audit_before(from.prima_di.unwrap_or(i64::MAX), SHOWN)?;
        let older = rows.last().filter(|_| rows.len() == SHOWN).map(|(sequence, _)| *sequence);
        let read = |(sequence, text): (i64, String)| Some((sequence, serde_json::from_str(&text).ok()?));
        let events = rows.into_iter().filter_map(read).collect();
        let verified = match from.verifica {
            true => {
                Some(gateway.verify_audit()?.map(|chain| chain.count).map_err(|broken| broken.to_string()))
            }
            false => None,
        };
        Ok(Journal { frame: visitor.frame(("Giornale", "Journal")), events, older, verified })
    });
    Ok(page(&made.await?))
}
