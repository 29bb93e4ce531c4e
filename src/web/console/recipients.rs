//! Destinatari: how each route stands, how gently it is used; pause and resume.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;

use super::extract::{Form, Path};
use super::frame::{Failure, Frame, page};
use super::pictures::{self, Share};
use super::sign::Bare;
use super::visitor::{Visitor, back};
use crate::gateway::Gateway;
use crate::gateway::rights::Right;
use crate::gateway::settings::{Channel, Route};
use crate::ledger::books::RouteView;
use crate::web::folders::blocking;

/// A route and how it stands.
struct Card {
    view: RouteView,
    registers: String,
    enti: String,
    channel: &'static str,
    /// Name and value of what bounds it.
    limits: Vec<(&'static str, String)>,
    picture: String,
    tint: &'static str,
    last_failed: bool,
}

#[derive(Template)]
#[template(path = "recipients.html")]
struct List {
    frame: Frame,
    routes: Vec<Card>,
    may_operate: bool,
}

/// Whether a route serves anything that the visitor may see.
pub fn is_seen(gateway: &Gateway, visitor: &Visitor, route: &str) -> bool {
    gateway.settings.route(route).is_some_and(|route| {
        route.enti.iter().any(|ente| route.registers().any(|register| visitor.sees(ente, register)))
    })
}

/// `GET /console/destinatari`.
pub async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Failure> {
    let made = blocking(move || {
        let frame = visitor.frame(("Destinatari", "Recipients"));
        let views = gateway.route_views()?.into_iter();
        let views = views.filter(|view| is_seen(&gateway, &visitor, &view.route));
        let now = gateway.clock.now_ms();
        let routes = views.filter_map(|view| {
            let route = gateway.settings.route(&view.route)?;
            Some(card(&frame, route, view, now))
        });
        let routes = routes.collect();
        let may_operate = visitor.account.may(Right::OperateRoutes, None, None);
        Ok(List { frame, routes, may_operate })
    });
    Ok(page(&made.await?))
}

fn card(frame: &Frame, route: &Route, mut view: RouteView, now: i64) -> Card {
    view.left_alone_until = view.left_alone_until.filter(|until| *until > now);
    let share = |word: &str, count| Share { name: frame.word(word), count, tint: frame.tint(word) };
    let shares = [
        share("queued", view.queued),
        share("retrying", view.retrying),
        share("uncertain", view.uncertain),
        Share { name: String::new(), count: view.out, tint: "success" },
    ];
    let tint = match (&view.suspended, view.left_alone_until) {
        (Some(_), _) => "danger",
        (None, Some(_)) => "warning",
        (None, None) => "success",
    };
    Card {
        registers: route.registers().collect::<Vec<_>>().join(", "),
        enti: route.enti.join(", "),
        channel: match route.channel {
            Channel::Offer => "offer",
            Channel::File => "file",
            Channel::Push => "push",
            Channel::Inquiry => "inquiry",
        },
        limits: limits(frame, route),
        picture: pictures::depths(&shares),
        tint,
        last_failed: view.failures > 0,
        view,
    }
}

fn limits(frame: &Frame, route: &Route) -> Vec<(&'static str, String)> {
    let it = |it, en| super::frame::say(frame.language, it, en);
    let mut limits = Vec::new();
    if matches!(route.channel, Channel::File | Channel::Push) {
        limits.push((it("Record per contenitore", "Records in a container"), route.max_records.to_string()));
    }
    if let Some(push) = &route.push {
        limits.push((it("Contenitori insieme", "Containers at a time"), push.concurrency.to_string()));
        let rate = match push.rate_per_s > 0.0 {
            true => format!("{} / s", push.rate_per_s),
            false => it("nessun limite", "no limit").to_owned(),
        };
        limits.push((it("Ritmo", "Rate"), rate));
        let hours =
            if push.hours.is_empty() { it("sempre", "always").to_owned() } else { push.hours.clone() };
        limits.push((it("Orari", "Opening hours"), hours));
        let breaker = format!("{} → {} s", push.breaker.failures, push.breaker.pause_s);
        limits.push((
            it("Interruttore: errori di fila → pausa", "Breaker: failures in a row → pause"),
            breaker,
        ));
        limits.push((
            it("Tentativi prima di una persona", "Tries before a person"),
            push.retry.attempts.to_string(),
        ));
    }
    limits
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
