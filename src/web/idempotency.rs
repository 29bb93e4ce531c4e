//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a POST that is sent again with its key
//! is answered as the first time and done once.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Caller;
use super::extract::Whole;
use super::folders::blocking;
use super::problem::Problem;
use super::runs::run_json;
use crate::exchange::Hash;
use crate::gateway::{Gateway, Once};
use crate::ledger::books::OnceKey;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer is that of the first time.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Bodies beyond, and answers beyond, are not for doing once, bytes.
const MOST: usize = 1024 * 1024;
/// Longest key, bytes.
const KEY_MOST: usize = 255;
/// What streams, or may keep nothing.
pub const NEVER: [&str; 3] = ["/import", "/adopt", "/try"];

/// Does a request once.
pub async fn once(
    State(gateway): State<Arc<Gateway>>,
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    match keyed(&request) {
        Ok(None) => next.run(request).await,
        Ok(Some(key)) => {
            let key = OnceKey { caller: caller.name, key: hash(&[key.as_bytes()]) };
            done_once(gateway, key, request, next).await.unwrap_or_else(IntoResponse::into_response)
        }
        Err(problem) => problem.into_response(),
    }
}

/// The key of a request, where it has one.
fn keyed(request: &Request) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get(HEADER).filter(|_| request.method() == Method::POST) else {
        return Ok(None);
    };
    if NEVER.iter().any(|path| request.uri().path().ends_with(path)) {
        return Err(Problem::bad("This resource takes no Idempotency-Key."));
    }
    let text = value.to_str().ok().map(|text| text.trim_matches('"'));
    let text = text.filter(|text| (8..=KEY_MOST).contains(&text.len()));
    text.map(|text| Some(text.to_owned())).ok_or_else(|| {
        Problem::bad("An Idempotency-Key has 8 to 255 visible characters: a UUID, new for each act.")
    })
}

async fn done_once(
    gateway: Arc<Gateway>,
    key: OnceKey,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let whole = Request::from_parts(parts.clone(), body);
    let Whole(body) = Whole::from_request(whole, &()).await?;
    let place = parts.uri.path_and_query().map_or("", |place| place.as_str());
    let digest = hash(&[parts.method.as_str().as_bytes(), place.as_bytes(), &body]);
    let known = {
        let (gateway, key) = (Arc::clone(&gateway), key.clone());
        blocking(move || Ok(gateway.begin_once(&key, digest)?)).await?
    };
    match known {
        Once::New => {
            let mut request = Request::from_parts(parts, Body::from(body));
            request.extensions_mut().insert(key.clone());
            kept(gateway, key, next.run(request).await).await
        }
        Once::Other => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Another request was sent with this Idempotency-Key: a key is for one request.",
        )),
        Once::UnderWay => Err(Problem::new(
            StatusCode::CONFLICT,
            "The request with this Idempotency-Key is being done: ask again in a moment.",
        )),
        Once::Opened(run) => {
            let found = blocking(move || Ok(gateway.books.runs(Some(run), 1)?)).await?;
            let shown = found.first().map(run_json).unwrap_or_default();
            Ok(answered(StatusCode::CREATED, shown.to_string().into()))
        }
        Once::Answered { status, body } => {
            Ok(answered(StatusCode::from_u16(status).unwrap_or(StatusCode::OK), body.into()))
        }
    }
}

/// Keeps an answer before it is given.
async fn kept(gateway: Arc<Gateway>, key: OnceKey, answer: Response) -> Result<Response, Problem> {
    let (parts, body) = answer.into_parts();
    let bytes = axum::body::to_bytes(body, MOST).await.map_err(|_| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The answer is too large to be kept with its key.")
    })?;
    let (status, copy) = (parts.status.as_u16(), bytes.clone());
    blocking(move || Ok(gateway.end_once(&key, status, &copy)?)).await?;
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

fn answered(status: StatusCode, body: Bytes) -> Response {
    let problem = status.is_client_error() || status.is_server_error();
    let kind = if problem { "application/problem+json" } else { "application/json" };
    let replayed = (REPLAYED, HeaderValue::from_static("true"));
    if body.is_empty() {
        return (status, [replayed]).into_response();
    }
    (status, [replayed, (header::CONTENT_TYPE, HeaderValue::from_static(kind))], body).into_response()
}

/// SHA-256 over parts, each with its length.
fn hash(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}
