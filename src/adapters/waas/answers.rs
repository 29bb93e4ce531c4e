//! Answers as the OAS wants them: `Problem` has no extension members.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::exchange::{LedgerError, Millis};
use crate::trust::voucher::Denied;

/// A `Problem` of the OAS: type, title, status, detail and nothing else.
pub fn problem(status: StatusCode, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Problem");
    let body = serde_json::json!({
        "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail,
    });
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}

/// 401 with the scheme to use, or 403.
pub fn denied(denied: &Denied) -> Response {
    tracing::warn!(
        rule = denied.rule,
        status = denied.status,
        "a caller of the offered route was turned away"
    );
    let status = StatusCode::from_u16(denied.status).unwrap_or(StatusCode::FORBIDDEN);
    let mut answer = problem(status, &denied.message.it);
    if status == StatusCode::UNAUTHORIZED {
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
    }
    answer
}

/// 500: nothing took effect, the recipient comes again.
pub fn internal(error: &LedgerError) -> Response {
    tracing::error!(%error, "the ledger failed an offered route");
    problem(
        StatusCode::INTERNAL_SERVER_ERROR,
        "Errore interno: la richiesta non ha avuto effetto, riprovare.",
    )
}

/// OAS `date-time` with exactly three fraction digits and `Z`.
pub fn timestamp(ms: Millis) -> String {
    let timestamp = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{timestamp:.3}")
}
