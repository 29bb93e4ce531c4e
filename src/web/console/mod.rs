//! The console: pages for people, made on the server; nothing needs a script to be read.
//!
//! A page reads, an act is a form that is posted and answered with a redirect. Who is signed in,
//! and what they may do, is asked at every request.

mod assets;
mod beside;
mod extract;
mod folder_bodies;
mod folders;
mod frame;
mod journal;
mod mappings;
mod oidc;
mod pictures;
mod recipients;
mod run_detail;
mod runs;
mod sign;
mod submissions;
mod today;
mod visitor;
mod words;
mod workbench;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use crate::gateway::Gateway;
use crate::web::oidc::OidcClient;

/// The pages below `/console`; `secure` where browsers reach them by https.
pub fn router(
    gateway: &Arc<Gateway>,
    secure: bool,
    provider: Option<Arc<OidcClient>>,
) -> Router<Arc<Gateway>> {
    let provider = provider.filter(|provider| !provider.settings.client_id.is_empty());
    let door = visitor::Door { gateway: Arc::clone(gateway), secure, provider: provider.is_some() };
    // A folder as a form writes it: up to three bytes for one.
    let folder = gateway.settings.folder_limit_bytes.saturating_mul(3) + extract::FORM_MOST;
    let bench = Router::new()
        .route("/banco", get(workbench::show).post(workbench::attempt))
        .route("/banco/caso", post(workbench::save))
        .layer(DefaultBodyLimit::max(folder));
    let inside = bench.merge(pages()).layer(from_fn_with_state(door.clone(), visitor::admit));
    let outside = Router::new()
        .route("/entra", get(sign::page).post(sign::enter))
        .route("/lingua/{code}", get(sign::language))
        .route("/risorse/{*file}", get(assets::serve))
        .layer(DefaultBodyLimit::max(extract::FORM_MOST));
    let outside = match provider {
        Some(provider) => outside
            .route("/sign-in/oidc", get(oidc::begin))
            .route("/sign-in/oidc/return", get(oidc::end))
            .layer(axum::Extension(provider)),
        None => outside,
    };
    let all = inside.merge(outside).fallback(frame::lost).layer(axum::Extension(door));
    Router::new().nest("/console", all).layer(from_fn(visitor::guarded))
}

/// What only who is signed in may see.
fn pages() -> Router<Arc<Gateway>> {
    Router::new()
        .route("/", get(today::show))
        .route("/oggi", get(today::part))
        .route("/cartelle", get(folders::search))
        .route("/cartelle/{ente}/{id}", get(folders::show))
        .route("/cartelle/{ente}/{id}/stato", get(folders::status))
        .route("/cartelle/{ente}/{id}/invia", post(folders::sync))
        .route("/cartelle/{ente}/{id}/corpo", post(folder_bodies::show))
        .route("/cartelle/{ente}/{id}/caso", post(folder_bodies::as_case))
        .route("/rendicontazioni", get(runs::list).post(runs::start))
        .route("/rendicontazioni/{id}", get(runs::show))
        .route("/rendicontazioni/{id}/bilancio", get(runs::part))
        .route("/rendicontazioni/{id}/csv", get(run_detail::csv))
        .route("/rendicontazioni/{id}/approva", post(runs::approve))
        .route("/rendicontazioni/{id}/annulla", post(runs::cancel))
        .route("/invii", get(submissions::list))
        .route("/invii/{name}", get(submissions::show))
        .route("/invii/{name}/corpo", post(submissions::open))
        .route("/operazioni/{id}", post(submissions::decide))
        .route("/destinatari", get(recipients::list))
        .route("/destinatari/{id}/sospendi", post(recipients::suspend))
        .route("/destinatari/{id}/riprendi", post(recipients::resume))
        .route("/tracciati", get(mappings::list))
        .route("/tracciati/{family}/{version}", get(mappings::show))
        .route("/giornale", get(journal::show))
        .route("/giornale/persona", post(journal::lineage))
        .route("/esci", post(sign::out))
        .layer(DefaultBodyLimit::max(extract::FORM_MOST))
}
