//! Destinatari: how each route stands; pause and resume.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Form, State};
use axum::response::Response;

use super::frame::{Failure, Frame, page};
use super::sign::Bare;
use super::visitor::{Visitor, back};
use crate::gateway::Gateway;
use crate::gateway::rights::Right;
use crate::ledger::books::RouteView;
use crate::web::extract::Path;
use crate::web::folders::blocking;

#[derive(Template)]
#[template(path = "recipients.html")]
struct List {
    frame: Frame,
    routes: Vec<RouteView>,
    may_operate: bool,
}

/// `GET /console/destinatari`.
pub async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Failure> {
    let made = blocking(move || {
        let mut routes = gateway.route_views()?;
        routes.retain(|view| {
            gateway.settings.route(&view.route).is_some_and(|route| {
                route.enti.iter().any(|ente| route.registers().any(|register| visitor.sees(ente, register)))
            })
        });
        let may_operate = visitor.account.may(Right::OperateRoutes, None, None);
        Ok(List { frame: visitor.frame(("Destinatari", "Recipients")), routes, may_operate })
    });
    Ok(page(&made.await?))
}

/// `POST /console/destinatari/{id}/sospendi`.
pub async fn suspend(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    Form(form): Form<Bare>,
) -> Result<Response, Failure> {
    visitor.sent(&form.modulo)?;
    visitor.must(Right::OperateRoutes, None, None)?;
    blocking(move || Ok(gateway.suspend_route(&id, &visitor.account.name)?)).await?;
    Ok(back("/console/destinatari"))
}

/// `POST /console/destinatari/{id}/riprendi`.
pub async fn resume(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    Form(form): Form<Bare>,
) -> Result<Response, Failure> {
    visitor.sent(&form.modulo)?;
    visitor.must(Right::OperateRoutes, None, None)?;
    blocking(move || Ok(gateway.resume_route(&id, &visitor.account.name)?)).await?;
    Ok(back("/console/destinatari"))
}
