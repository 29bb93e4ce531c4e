//! Indicators of an ente and a period: JSON, or CSV for whoever accepts that alone.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use super::Caller;
use super::extract::{Json, Query};
use super::folders::blocking;
use super::problem::Problem;
use crate::exchange::Period;
use crate::flow::aggregate::csv::csv;
use crate::gateway::rights::Right;
use crate::gateway::{Gateway, IndicatorRequest};

/// Of whom, of when, by which flow.
#[derive(Deserialize, IntoParams)]
pub struct Asked {
    /// The ente's code.
    ente: String,
    /// `2025`, `2025-T3`, `2025-07`.
    period: String,
    /// An aggregate flow's id or family; may be absent where there is but one.
    flow: Option<String>,
    /// Bring the exact reconciliation too: for the ente, never for publication.
    #[serde(default)]
    exact: bool,
}

/// `GET /indicators`: counted anew at each request, which the audit chain notes.
pub async fn show(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let right = if asked.exact { Right::Report } else { Right::SeeMetadata };
    caller.may_at(right, &asked.ente)?;
    let period = asked.period.parse::<Period>()?;
    let request = IndicatorRequest { ente: asked.ente, period, flow: asked.flow, actor: caller.name };
    let made = blocking(move || Ok(gateway.indicators(&request)?)).await?;
    if asked.exact {
        let both = json!({ "document": made.document, "exact": made.exact.json() });
        return Ok(Json(both).into_response());
    }
    if wants_csv(&headers) {
        let kind = (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present");
        return Ok(([kind, (header::VARY, "Accept")], csv(&made.document)).into_response());
    }
    Ok(([(header::VARY, "Accept")], Json(made.document)).into_response())
}

/// Whether CSV comes before JSON among the media types that are accepted (RFC 9110, 12.5.1).
fn wants_csv(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut best = (0.0_f32, false);
    for part in accepted.flat_map(|value| value.split(',')) {
        let mut words = part.split(';').map(str::trim);
        let kind = words.next().unwrap_or_default();
        let weight = words.find_map(|word| word.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
        let csv = kind.eq_ignore_ascii_case("text/csv") || kind.eq_ignore_ascii_case("text/*");
        let json = kind.eq_ignore_ascii_case("application/json") || kind == "*/*" || kind == "application/*";
        if (csv || json) && weight > best.0 {
            best = (weight, csv);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_for_who_asks_for_it() {
        let wants = |accept: &'static str| {
            wants_csv(&HeaderMap::from_iter([(header::ACCEPT, header::HeaderValue::from_static(accept))]))
        };
        assert!(
            wants("text/csv") && wants("text/csv, application/json;q=0.5") && wants("*/*;q=0.1, text/csv")
        );
        assert!(!wants("application/json") && !wants("*/*") && !wants("text/csv;q=0.2, application/json"));
        assert!(!wants_csv(&HeaderMap::new()));
    }
}
