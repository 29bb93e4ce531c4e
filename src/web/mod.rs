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
mod explain;
mod exposition;
mod extract;
mod flows;
mod folders;
mod forecast;
mod indicators;
mod inquiries;
mod italian;
mod italian_commands;
mod keys;
mod language;
mod openapi;
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

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::gateway::Gateway;
use crate::gateway::rights::Right;
pub use auth::{Caller, Trust};
pub use italian::sentences;
pub use language::Language;
pub use runs::run_json;

/// Every endpoint of the API: method, path below `/api/v1`, and the right that it takes.
pub fn endpoints() -> Vec<(&'static str, &'static str, Right)> {
    let all = table::endpoints(0).into_iter();
    all.map(|endpoint| (endpoint.method_name(), endpoint.path, endpoint.right)).collect()
}

/// The API over one gateway. `trust` says who is let in: token bearers, or whoever reaches
/// the local socket.
pub fn router(gateway: Arc<Gateway>, trust: Trust) -> Router {
    let mut endpoints = table::endpoints(gateway.settings.folder_limit_bytes);
    let documents = openapi::router(&mut endpoints);
    let api = endpoints
        .into_iter()
        .fold(Router::new(), |router, endpoint| endpoint.route(router))
        .layer(axum::middleware::from_fn_with_state((Arc::clone(&gateway), trust), auth::require))
        .merge(documents)
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::not_allowed);
    let mut all = Router::new().nest(openapi::BASE, api);
    if trust == Trust::Tokens {
        all = all.merge(console::router(&gateway, gateway.settings.api.behind_https));
    }
    all.route("/healthz", get(watch::healthz))
        .route("/readyz", get(watch::readyz))
        .route("/metrics", get(watch::metrics))
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::not_allowed)
        .layer(axum::middleware::from_fn(problem::speak))
        .layer(axum::middleware::from_fn(request_id::name))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&gateway), trace::within))
        .with_state(gateway)
}
