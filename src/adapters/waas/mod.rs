//! The WaaS API (INPS OpenAPI `waas-siuss-alimentazione` 2.0.1): INPS polls
//! `GET /flussi`, brings receipts to `POST /esiti`, looks at `GET /status`.
//!
//! Only what the protocol says stands here; which containers go out, and what a receipt
//! means for a record, is decided behind [`OfferDesk`].

mod answers;
mod esiti;
mod gate;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use serde::Serialize;

use crate::channel::offer::{OfferDesk, Served};
use crate::exchange::Millis;
pub use gate::{Door, Gate, KeySource, Proofs, UsedProof};

/// OAS: `limit` 0–100, default 10.
const LIMIT_DEFAULT: usize = 10;
const LIMIT_MOST: usize = 100;
/// OAS: `elenco_esiti` has at most 100 items; each is small.
const BODY_MOST: usize = 1024 * 1024;

/// What the handlers share.
#[derive(Clone)]
pub struct Waas {
    desk: Arc<dyn OfferDesk>,
    gate: Arc<Gate>,
}

/// The three operations of the API, below `base_path`.
pub fn router(desk: Arc<dyn OfferDesk>, gate: Arc<Gate>, base_path: &str) -> Router {
    let api = Router::new()
        .route("/flussi", get(flussi))
        .route("/esiti", post(esiti_handler))
        .route("/status", get(status))
        .fallback(|| async { answers::problem(StatusCode::NOT_FOUND, "Risorsa non prevista dalla API.") })
        .method_not_allowed_fallback(|| async {
            answers::problem(StatusCode::METHOD_NOT_ALLOWED, "Metodo non previsto per questa risorsa.")
        })
        .layer(axum::extract::DefaultBodyLimit::max(BODY_MOST))
        .with_state(Waas { desk, gate });
    let elsewhere = || async { answers::problem(StatusCode::NOT_FOUND, "Risorsa non prevista dalla API.") };
    match base_path.trim_end_matches('/') {
        "" => api,
        path => Router::new().nest(path, api).fallback(elsewhere),
    }
}

/// `Flusso` of the OAS; `additionalProperties: false`, all six always sent.
#[derive(Serialize)]
struct Flusso<'a> {
    codice_ente: &'a str,
    denominazione_ente: &'a str,
    id_flusso: &'a str,
    tipo: &'a str,
    ts_flusso: String,
    flusso: String,
}

#[derive(Serialize)]
struct Entries<'a> {
    elenco_flussi: Vec<Flusso<'a>>,
}

async fn flussi(
    State(waas): State<Waas>,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let door = match waas.gate.admit(&headers, "GET", &uri).await {
        Ok(door) => door,
        Err(denied) => return answers::denied(&denied),
    };
    let Asked { since, limit } = match asked(query.as_deref().unwrap_or("")) {
        Ok(asked) => asked,
        Err(detail) => return answers::problem(StatusCode::BAD_REQUEST, detail),
    };
    match waas.desk.page(&door.route, since, limit).await {
        Ok(page) => axum::Json(Entries { elenco_flussi: page.iter().map(flusso).collect() }).into_response(),
        Err(error) => answers::internal(&error),
    }
}

fn flusso(served: &Served) -> Flusso<'_> {
    Flusso {
        codice_ente: &served.ente,
        denominazione_ente: &served.ente_name,
        id_flusso: &served.name,
        tipo: &served.kind,
        ts_flusso: answers::timestamp(served.timestamp),
        flusso: base64::engine::general_purpose::STANDARD.encode(served.bytes.expose()),
    }
}

struct Asked {
    since: Millis,
    limit: usize,
}

/// Reads `since` and `limit` (or `max_entries`, as the examples of the SPEC call it).
fn asked(query: &str) -> Result<Asked, &'static str> {
    let (mut since, mut limit) = (None, LIMIT_DEFAULT);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "since" => {
                since = Some(
                    parse_since(value).ok_or("`since` deve essere un intero di millisecondi, 0 o più.")?,
                )
            }
            "limit" | "max_entries" => {
                let number: usize =
                    value.parse().map_err(|_| "`limit` deve essere un intero fra 0 e 100.")?;
                limit =
                    Some(number).filter(|n| *n <= LIMIT_MOST).ok_or("`limit` deve essere fra 0 e 100.")?;
            }
            _ => {}
        }
    }
    let since = since.ok_or("Manca il parametro obbligatorio `since`: 0 alla prima chiamata.")?;
    Ok(Asked { since, limit })
}

/// OAS allows up to 1e+20: beyond an int64 it is beyond reason, and answered with an empty list.
fn parse_since(value: &str) -> Option<Millis> {
    let digits = !value.is_empty() && value.len() <= 30 && value.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| value.parse().unwrap_or(Millis::MAX))
}

async fn esiti_handler(
    State(waas): State<Waas>,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let door = match waas.gate.admit_receipts(&headers, "POST", &uri).await {
        Ok(door) => door,
        Err(denied) => return answers::denied(&denied),
    };
    let body = match body {
        Ok(body) => body,
        Err(rejection) => {
            return answers::problem(rejection.status(), "Il corpo è troppo grande o si è interrotto.");
        }
    };
    let read = match esiti::read(&body) {
        Ok(read) => read,
        Err(detail) => return answers::problem(StatusCode::BAD_REQUEST, &detail),
    };
    match waas.desk.settle(&door.route, read).await {
        Ok(_) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => answers::internal(&error),
    }
}

async fn status(State(waas): State<Waas>) -> Response {
    let healthy = tokio::task::spawn_blocking(move || waas.desk.healthy()).await;
    if healthy.unwrap_or(false) {
        answers::problem(StatusCode::OK, "Il servizio funziona correttamente.")
    } else {
        answers::problem(StatusCode::SERVICE_UNAVAILABLE, "Il servizio non può leggere il proprio archivio.")
    }
}
