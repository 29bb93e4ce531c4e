//! The console: pages for people, made on the server; nothing needs a script to be read.
//!
//! A page reads, an act is a form that is posted and answered with a redirect. Who is signed in,
//! and what they may do, is asked at every request.

mod assets;
mod folders;
mod frame;
mod journal;
mod mappings;
mod oidc;
mod recipients;
mod runs;
mod sign;
mod submissions;
mod today;
mod visitor;

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
    let door = visitor::Door { gateway: Arc::clone(gateway), secure };
    let inside = Router::new()
        .route("/", get(today::show))
        .route("/cartelle", get(folders::search))
        .route("/cartelle/{ente}/{id}", get(folders::show))
        .route("/cartelle/{ente}/{id}/invia", post(folders::sync))
        .route("/rendicontazioni", get(runs::list).post(runs::start))
        .route("/rendicontazioni/{id}", get(runs::show))
        .route("/rendicontazioni/{id}/approva", post(runs::approve))
        .route("/rendicontazioni/{id}/annulla", post(runs::cancel))
        .route("/invii", get(submissions::list))
        .route("/invii/{name}", get(submissions::show))
        .route("/destinatari", get(recipients::list))
        .route("/destinatari/{id}/sospendi", post(recipients::suspend))
        .route("/destinatari/{id}/riprendi", post(recipients::resume))
        .route("/tracciati", get(mappings::list))
        .route("/tracciati/{family}/{version}", get(mappings::show))
        .route("/giornale", get(journal::show))
        .route("/esci", post(sign::out))
        .layer(from_fn_with_state(door.clone(), visitor::admit));
    let outside = Router::new()
        .route("/entra", get(sign::page).post(sign::enter).layer(DefaultBodyLimit::max(sign::FORM_MOST)))
        .route("/lingua/{code}", get(sign::language))
        .route("/risorse/{*file}", get(assets::serve));
    let outside = match provider.filter(|provider| !provider.settings.client_id.is_empty()) {
        Some(provider) => outside
            .route("/sign-in/oidc", get(oidc::begin))
            .route("/sign-in/oidc/return", get(oidc::end))
            .layer(axum::Extension(provider)),
        None => outside,
    };
    let pages = inside.merge(outside).layer(axum::Extension(door));
    Router::new().nest("/console", pages).layer(from_fn(visitor::guarded))
}
