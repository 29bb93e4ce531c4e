//! The requests of the simulated upload service.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::script::Fault;
use super::{Book, PATH, Shared, lock};

/// No file is larger.
const MOST_BYTES: usize = 200 * 1024 * 1024;

type Here = State<Arc<Shared>>;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route(&format!("{PATH}/upldfunc"), post(upload))
        .route(&format!("{PATH}/monEsiUploadXML"), post(outcome))
        .route(&format!("{PATH}/dwnldAnmSctUpload"), post(discards))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(shared)
}

async fn upload(State(shared): Here, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let form = form(&headers, &body);
    let name = form.as_ref().map(|(name, _)| name.clone()).unwrap_or_default();
    lock(&shared.requests).push(format!("{uri} {name}"));
    shared.answer(&headers, "upload", &name, || {
        let Some((name, file)) = &form else {
            return (StatusCode::BAD_REQUEST, json!({ "descrizione": "il modulo non ha un file" }));
        };
        let script = lock(&shared.script).clone();
        let number = lock(&shared.book).upload(name, file, &script);
        (StatusCode::OK, json!({ "idUpload": number, "descrizione": "presa in carico" }))
    })
}

async fn outcome(State(shared): Here, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    lock(&shared.requests).push(uri.to_string());
    let number = number(&body);
    shared.answer(&headers, "question", &format!("esito {number}"), || {
        let script = lock(&shared.script).clone();
        let code = lock(&shared.book).outcome(&number, &script);
        (StatusCode::OK, json!({ "codice": code, "descrizione": described(code) }))
    })
}

async fn discards(State(shared): Here, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    lock(&shared.requests).push(uri.to_string());
    let number = number(&body);
    shared.answer(&headers, "question", &format!("scarti {number}"), || {
        let table = table(&lock(&shared.book), &number);
        (StatusCode::OK, match table {
            None => json!({ "codice": "DF02", "descrizione": "nessun file" }),
            Some(table) => json!({
                "codice": "DF01", "nomeFile": format!("{number}_scarti.csv"), "contenuto": STANDARD.encode(table),
            }),
        })
    })
}

impl Shared {
    /// The right answer of `work`, or what the script makes of it.
    fn answer(
        &self,
        headers: &HeaderMap,
        what: &str,
        name: &str,
        work: impl FnOnce() -> (StatusCode, Value),
    ) -> Response {
        let brought = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let wanted = self.token.as_ref().map(|token| format!("Bearer {token}"));
        if wanted.is_some() && brought != wanted.as_deref() {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let fault = {
            let script = lock(&self.script);
            let mut seen = lock(&self.seen);
            let times = seen.entry(format!("{what} {name}")).or_default();
            *times += 1;
            let faults = if what == "upload" { &script.upload } else { &script.question };
            script.fault(faults, &format!("{what} {name}|{times}"))
        };
        match fault {
            None => {
                let (status, body) = work();
                (status, axum::Json(body)).into_response()
            }
            Some(fault) => {
                if fault.takes_effect() {
                    work();
                }
                spoilt(fault)
            }
        }
    }
}

fn spoilt(fault: Fault) -> Response {
    match fault {
        Fault::ErrorBefore => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Fault::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "0")]).into_response(),
        Fault::Unauthorized => StatusCode::UNAUTHORIZED.into_response(),
        Fault::ErrorAfter => StatusCode::BAD_GATEWAY.into_response(),
        Fault::GarbageAfter => "<html><body>Simulato</body></html>".into_response(),
        Fault::EmptyAfter => axum::Json(json!({})).into_response(),
    }
}

fn described(code: &str) -> &'static str {
    match code {
        "Mx00" => "non ancora elaborato",
        "Mx01" => "upload non trovato",
        "Mx11" => "XML non conforme",
        "Mx20" => "elaborato",
        "Mx21" => "elaborato con anomalie",
        "Mx22" => "elaborato con scarti",
        "Mx23" => "non coerente con i dati dell'upload",
        _ => "errore generico",
    }
}

fn number(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["idUpload"].as_str().unwrap_or_default().to_owned()
}

/// The file of discards and anomalies; `None` if there are none.
fn table(book: &Book, number: &str) -> Option<String> {
    let upload = book.uploaded(number)?;
    let lines = upload.discards.iter().map(|one| {
        let kind = if one.taken { "A" } else { "S" };
        format!("{kind};{};{};{};{};{}\n", one.number, one.id_rec, one.code, one.place, one.text)
    });
    let heading = "tipo;progressivo;idRec;codice;campo;descrizione\n".to_owned();
    (!upload.discards.is_empty()).then(|| heading + &lines.collect::<String>())
}

/// Name and bytes of the file in a form.
fn form(headers: &HeaderMap, body: &[u8]) -> Option<(String, Vec<u8>)> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let boundary = kind.split("boundary=").nth(1)?;
    let text = str::from_utf8(body).ok()?;
    let mut name = None;
    let mut file = None;
    for part in text.split(&format!("--{boundary}")) {
        let Some((head, content)) = part.split_once("\r\n\r\n") else { continue };
        let content = content.strip_suffix("\r\n").unwrap_or(content);
        if head.contains("name=\"nomeFile\"") {
            name = Some(content.to_owned());
        } else if head.contains("name=\"file\"") {
            file = Some(content.as_bytes().to_vec());
        }
    }
    Some((name?, file?))
}
