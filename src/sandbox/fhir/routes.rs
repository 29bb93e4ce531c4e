//! The REST face of the simulated server (R4 §3.1.0): transaction, search, read, capabilities.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::Shared;
use super::book::{Book, Held};
use super::check;
use super::issue::Problem;
use super::token::Wanted;
use super::transaction;
use crate::sandbox::clock::rfc3339;

/// Where the API begins.
pub(super) const BASE: &str = "/fhir";
/// Largest container that is taken.
pub(super) const BODY_MOST: usize = 64 * 1024 * 1024;
/// Resources on the one page that a search answers with.
const PAGE: usize = 50;
const FHIR_JSON: &str = "application/fhir+json;charset=utf-8";

/// The routes below [`BASE`].
pub(super) fn router(shared: Arc<Shared>) -> Router {
    let below = |path: &str| format!("{BASE}{path}");
    Router::new()
        .route(BASE, post(transact))
        .route(&below("/"), post(transact))
        .route(&below("/metadata"), get(metadata))
        .route(&below("/{kind}"), get(search))
        .route(&below("/{kind}/_search"), post(search_by_form))
        .route(&below("/{kind}/{id}"), get(read))
        .fallback(not_here)
        .method_not_allowed_fallback(not_so)
        .layer(DefaultBodyLimit::max(BODY_MOST))
        .with_state(shared)
}

fn answer(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, FHIR_JSON)], body.to_string()).into_response()
}

fn problem(shared: &Shared, problem: &Problem) -> Response {
    answer(problem.status, &problem.render(shared.script().attribution))
}

async fn not_here(State(shared): State<Arc<Shared>>) -> Response {
    problem(&shared, &Problem::new(404, "not-found", "nothing at this address"))
}

async fn not_so(State(shared): State<Arc<Shared>>) -> Response {
    problem(&shared, &Problem::new(405, "not-supported", "this address does not know this method"))
}

async fn transact(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/fhir+json") && !kind.starts_with("application/json") {
        return problem(&shared, &Problem::new(415, "not-supported", "application/fhir+json is expected"));
    }
    // The journal is synced to disk before the answer.
    let worker = Arc::clone(&shared);
    let worked = tokio::task::spawn_blocking(move || work(&worker, &body)).await;
    match worked {
        Ok(Ok(response)) => answer(200, &response),
        Ok(Err(wrong)) => problem(&shared, &wrong),
        Err(_) => problem(&shared, &Problem::new(500, "exception", "the server failed")),
    }
}

fn work(shared: &Shared, body: &[u8]) -> Result<Value, Problem> {
    let bundle: Value =
        serde_json::from_slice(body).map_err(|_| Problem::new(400, "structure", "the body is not JSON"))?;
    let (script, now_ms) = (shared.script(), (shared.clock)());
    let mut book = shared.book();
    let done = transaction::transact(&book, &bundle, &script, now_ms)?;
    book.commit(done.commit, done.bodies)
        .map_err(|_| Problem::new(507, "no-store", "the server's disk does not take it"))?;
    Ok(done.response)
}

async fn read(State(shared): State<Arc<Shared>>, Path((kind, id)): Path<(String, String)>) -> Response {
    let found = {
        let book = shared.book();
        book.entry(&kind, &id).map(|held| (held.deleted, book.body(held)))
    };
    match found {
        None => problem(&shared, &Problem::new(404, "not-found", "not here")),
        Some((true, _)) => problem(&shared, &Problem::new(410, "deleted", "was deleted")),
        Some((false, body)) => {
            let etag = format!("W/{}", body["meta"]["versionId"]);
            ([(header::ETAG, etag)], answer(200, &body)).into_response()
        }
    }
}

async fn search(
    State(shared): State<Arc<Shared>>,
    Path(kind): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    found(&shared, &kind, query.as_deref().unwrap_or(""), &headers)
}

async fn search_by_form(
    State(shared): State<Arc<Shared>>,
    Path(kind): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let form = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !form.starts_with("application/x-www-form-urlencoded") {
        return problem(&shared, &Problem::new(415, "not-supported", "a form is expected"));
    }
    found(&shared, &kind, &body, &headers)
}

fn found(shared: &Shared, kind: &str, query: &str, headers: &HeaderMap) -> Response {
    if check::required(kind).is_none() {
        return problem(shared, &Problem::new(404, "not-supported", "unknown resource type"));
    }
    let Some(wanted) = Wanted::parse(query) else {
        return problem(shared, &Problem::new(400, "invalid", "the search can't be read"));
    };
    // What is not known is left out, unless the client wants it strict (R4 §3.1.1.2.1).
    let prefers = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let strict = prefers.into_iter().any(|value| value.contains("handling=strict"));
    if let Some(name) = wanted.unknown.first().filter(|_| strict) {
        let text = format!("unknown search parameter {name}");
        return problem(shared, &Problem::new(400, "not-supported", text));
    }
    answer(200, &searchset(&shared.book(), &shared.base_url, kind, &wanted))
}

fn searchset(book: &Book, base: &str, kind: &str, wanted: &Wanted) -> Value {
    let (total, found) = book.search(kind, wanted, PAGE);
    let entry = |held: &Held| {
        let resource = elements(book.body(held), &wanted.elements);
        json!({ "fullUrl": format!("{base}/{}", held.place()), "resource": resource, "search": { "mode": "match" } })
    };
    let mut bundle = json!({ "resourceType": "Bundle", "type": "searchset", "total": total });
    if !found.is_empty() {
        bundle["entry"] = found.into_iter().map(entry).collect();
    }
    bundle
}

/// Only these elements of a resource, and the tag that says so (R4 §3.1.1.5.7).
fn elements(mut resource: Value, wanted: &[String]) -> Value {
    if let Some(members) = resource.as_object_mut().filter(|_| !wanted.is_empty()) {
        let always = ["resourceType", "id", "meta"];
        members.retain(|name, _| always.contains(&name.as_str()) || wanted.contains(name));
        let subsetted = json!({
            "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED",
        });
        match resource["meta"]["tag"].as_array_mut() {
            Some(tags) => tags.push(subsetted),
            None => resource["meta"]["tag"] = json!([subsetted]),
        }
    }
    resource
}

async fn metadata(State(shared): State<Arc<Shared>>) -> Response {
    let resource = |(kind, _): &(&str, &[&str])| {
        json!({
            "type": kind,
            "interaction": [{ "code": "read" }, { "code": "search-type" }],
            "versioning": "versioned",
            "conditionalCreate": true,
            "conditionalUpdate": true,
            "conditionalDelete": "single",
            "searchParam": [{ "name": "identifier", "type": "token" }, { "name": "_id", "type": "token" },
                { "name": "_tag", "type": "token" }],
        })
    };
    let statement = json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": rfc3339((shared.clock)()),
        "kind": "instance",
        "software": { "name": "raccordo sandbox" },
        "implementation": { "description": "Simulated recipient", "url": shared.base_url },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [{
            "mode": "server",
            "resource": check::TYPES.iter().map(resource).collect::<Vec<_>>(),
            "interaction": [{ "code": "transaction" }],
        }],
    });
    answer(200, &statement)
}
