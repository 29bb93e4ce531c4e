//! The API: what a CSI product, an operator's tool and our own CLI ask of the gateway.
//!
//! JSON in and out, `application/problem+json` (RFC 9457) for what went wrong, bearer tokens.
//! Handlers read, call one act of the gateway, and answer; nothing is decided here.

mod accounts;
mod auth;
mod calendar;
mod console;
mod duplicates;
mod endpoint;
mod events;
mod explain;
mod exposition;
mod extract;
mod flows;
mod folders;
mod idempotency;
mod forecast;
mod indicators;
mod inquiries;
mod italian;
mod italian_commands;
mod keys;
mod language;
mod limits;
mod listener;
mod oidc;
mod openapi;
mod patience;
mod people;
mod places;
mod problem;
mod records;
mod replay;
mod request_id;
mod runs;
mod search;
mod shapes;
mod status;
mod table;
mod tokens;
mod trace;
mod watch;
mod trial;

use std::sync::Arc;
use std::time::Duration;

use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use axum::{Extension, Router};

use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

use crate::gateway::Gateway;
use crate::gateway::rights::Right;
use crate::gateway::settings::Api;
pub use auth::{Caller, Trust};
use events::Events;
pub use italian::sentences;
pub use language::Language;
use limits::Limits;
pub use listener::serve;
use patience::Patience;
pub use runs::run_json;

/// Every endpoint of the API: method, path below `/api/v1`, and the right that it takes.
pub fn endpoints() -> Vec<(&'static str, &'static str, Right)> {
    let all = table::endpoints(0).into_iter();
    all.map(|endpoint| (endpoint.method_name(), endpoint.path, endpoint.right)).collect()
}

/// The API over one gateway. `trust` says who is let in: token bearers, or whoever reaches
/// the local socket.
pub fn router(gateway: Arc<Gateway>, trust: Trust) -> Router {
    let settings = &gateway.settings.api;
    let oidc = oidc::client(settings.oidc.as_ref());
    let mut endpoints = table::endpoints(gateway.settings.folder_limit_bytes);
    let documents = openapi::router(&mut endpoints);
    let api = endpoints
        .into_iter()
        .fold(Router::new(), |router, endpoint| endpoint.route(router))
        .layer(from_fn_with_state(Arc::clone(&gateway), idempotency::once))
        .layer(from_fn_with_state(Limits::new(settings.requests_per_minute), limits::limit))
        .layer(Extension(Arc::new(Events::default())))
        .layer(from_fn_with_state((Arc::clone(&gateway), trust, oidc.clone()), auth::require))
        .merge(documents)
        .layer(CompressionLayer::new().compress_when(worth_packing()))
        .layer(from_fn_with_state(patience(settings), patience::watch))
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::not_allowed);
    let mut all = Router::new().nest(openapi::BASE, api);
    if trust == Trust::Tokens {
        all = all.merge(console::router(&gateway, settings.behind_https, oidc));
    }
    all.route("/healthz", get(watch::healthz))
        .route("/readyz", get(watch::readyz))
        .route("/metrics", get(watch::metrics))
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::not_allowed)
        .layer(from_fn(problem::speak))
        .layer(from_fn(request_id::name))
        .layer(from_fn_with_state(Arc::clone(&gateway), trace::within))
        .with_state(gateway)
}

/// A body's first half minute may be slower.
const GRACE: Duration = Duration::from_secs(30);

const fn patience(settings: &Api) -> Patience {
    Patience {
        silence: Duration::from_millis(settings.body_silence_ms),
        grace: GRACE,
        least_bytes_per_s: settings.body_least_bytes_per_s,
    }
}

/// Answers that gain by gzip; what is told piece by piece goes as it is.
fn worth_packing() -> impl Predicate {
    let pieces = NotForContentType::const_new("application/x-ndjson");
    SizeAbove::new(1024).and(NotForContentType::SSE).and(pieces)
}
