//! The API: what a CSI product, an operator's tool and our own CLI ask of the gateway.
//!
//! JSON in and out, `application/problem+json` (RFC 9457) for what went wrong, bearer tokens.
//! Handlers read, call one act of the gateway, and answer; nothing is decided here.

mod auth;
mod accounts;
mod calendar;
mod console;
mod explain;
mod duplicates;
mod extract;
mod flows;
mod folders;
mod indicators;
mod inquiries;
mod italian;
mod italian_commands;
mod keys;
mod language;
mod problem;
mod records;
mod replay;
mod runs;
mod status;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post, put};

use crate::gateway::Gateway;
pub use auth::{Caller, Trust};
pub use italian::sentences;
pub use language::Language;
pub use runs::run_json;

/// Largest NDJSON import in one request, bytes.
const IMPORT_MOST: usize = 2 * 1024 * 1024 * 1024;

/// Largest container of a former system in one request, bytes.
const ADOPT_MOST: usize = 64 * 1024 * 1024;

/// The API over one gateway. `trust` says who is let in: token bearers, or whoever reaches
/// the local socket.
pub fn router(gateway: Arc<Gateway>, trust: Trust) -> Router {
    let folder_limit = gateway.settings.folder_limit_bytes + 1024;
    let api = Router::new()
        .route("/folders/{id}", put(folders::save).get(folders::show))
        .route("/folders/{id}/sync", post(folders::sync))
        .route("/folders/{id}/standing", post(folders::standing))
        .route("/folders/{id}/explain", get(explain::folder))
        .route("/folders/{id}/fetch", post(inquiries::fetch))
        .route("/folders/{id}/proposals", get(inquiries::proposals))
        .route("/folders/{id}/proposals/{number}/accept", post(inquiries::accept))
        .route("/folders/{id}/proposals/{number}/decline", post(inquiries::decline))
        .route("/inquiries/{id}", get(inquiries::show))
        .route("/inquiries/{id}/answer", get(inquiries::answer))
        .layer(DefaultBodyLimit::max(folder_limit))
        .route("/import", post(folders::import).layer(DefaultBodyLimit::max(IMPORT_MOST)))
        .route("/readiness", get(status::readiness))
        .route("/findings", get(status::findings))
        .route("/runs", get(runs::list).post(runs::start))
        .route("/runs/{id}", get(runs::show))
        .route("/runs/{id}/approve", post(runs::approve))
        .route("/runs/{id}/cancel", post(runs::cancel))
        .route("/calendar", get(calendar::show))
        .route("/indicators", get(indicators::show))
        .route("/replay", post(replay::start))
        .route("/upgrade-impact", post(flows::upgrade_impact))
        .route("/duplicates", get(duplicates::list))
        .route("/coverage", get(flows::coverage))
        .route("/operations", get(records::operations))
        .route("/operations/{id}/decision", post(records::decide))
        .route("/operations/{id}/try-again", post(records::try_again))
        .route("/operations/{id}/explain", get(explain::operation))
        .route("/submissions/{name}", get(records::submission))
        .route("/submissions/{name}/outcome", post(records::outcome))
        .route("/submissions/{name}/explain", get(explain::submission))
        .route("/receipts/strange", get(records::strange))
        .route("/routes", get(status::routes))
        .route("/routes/{id}/resume", post(status::resume))
        .route("/routes/{id}/suspend", post(status::suspend))
        .route("/routes/{id}/files", post(status::files))
        .route("/accounts", get(accounts::list).post(accounts::add))
        .route("/accounts/{name}", post(accounts::change))
        .route("/adopt", post(records::adopt).layer(DefaultBodyLimit::max(ADOPT_MOST)))
        .route("/keys", get(keys::list))
        .route("/keys/{ente}/{name}/accept", post(keys::accept))
        .route("/audit/verify", get(status::audit))
        .layer(axum::middleware::from_fn_with_state((Arc::clone(&gateway), trust), auth::require))
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::not_allowed);
    let mut all = Router::new().nest("/api/v1", api);
    if trust == Trust::Tokens {
        all = all.merge(console::router(&gateway, gateway.settings.api.behind_https));
    }
    all.route("/healthz", get(status::healthz))
        .route("/readyz", get(status::readyz))
        .route("/metrics", get(status::metrics))
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::not_allowed)
        .layer(axum::middleware::from_fn(problem::speak))
        .with_state(gateway)
}
