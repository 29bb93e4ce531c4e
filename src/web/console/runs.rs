//! Rendicontazioni: reports with their balances; start, approve, cancel.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::extract::{Form, Path};
use super::frame::{Failure, Frame, page, rendered};
use super::pictures::{self, Share};
use super::run_detail::{self, Group};
use super::sign::Bare;
use super::today::ASKED_MOST;
use super::visitor::{Visitor, back};
use crate::exchange::{Bucket, Period};
use crate::gateway::rights::Right;
use crate::gateway::{Gateway, RunRequest};
use crate::ledger::RunHead;
use crate::web::folders::blocking;
use crate::web::problem::Problem;

/// Runs on the list.
const SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "runs.html")]
struct List {
    frame: Frame,
    runs: Vec<RunHead>,
    enti: Vec<(String, String)>,
    flows: Vec<(String, String)>,
    may_report: bool,
}

impl List {
    fn count(run: &RunHead, word: &str) -> u64 {
        Bucket::from_word(word).map_or(0, |bucket| run.balance.count(bucket))
    }
}

/// `GET /console/rendicontazioni`.
pub async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Failure> {
    let made = blocking(move || {
        let runs = gateway.books.runs_seen(&visitor.scope(&gateway), false, SHOWN)?;
        let frame = visitor.frame(("Rendicontazioni", "Reports"));
        let enti = gateway.settings.ente.iter().filter(|ente| visitor.sees_ente(&ente.code));
        let enti = enti.map(|ente| (ente.code.clone(), ente.name.clone())).collect();
        let is_served = |register: &str| {
            let mut enti = gateway.settings.ente.iter().filter(|ente| visitor.sees(&ente.code, register));
            enti.any(|ente| gateway.settings.serves(&ente.code, register))
        };
        let flows = gateway.catalog.current(gateway.clock.today()).into_iter();
        let flows = flows.filter(|flow| is_served(flow.register())).map(|flow| {
            let title = &flow.mapping.flow.title;
            (flow.id().to_owned(), frame.say(&title.it, &title.en).to_owned())
        });
        let (flows, may_report) = (flows.collect(), visitor.account.may_somewhere(Right::Report));
        Ok(List { frame, runs, enti, flows, may_report })
    });
    Ok(page(&made.await?))
}

/// A report to start.
#[derive(Deserialize)]
pub struct StartForm {
    modulo: String,
    ente: String,
    tracciato: String,
    #[serde(default)]
    periodo: String,
}

/// `POST /console/rendicontazioni`.
pub async fn start(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Form(form): Form<StartForm>,
) -> Result<Response, Failure> {
    visitor.sent(&form.modulo)?;
    let register = gateway.catalog.find(&form.tracciato).map(|flow| flow.register().to_owned());
    visitor.must(Right::Report, Some(&form.ente), register.as_deref())?;
    let run = blocking(move || {
        let period = match form.periodo.trim() {
            "" => None,
            text => Some(text.parse::<Period>()?),
        };
        Ok(gateway.start_run(&RunRequest {
            ente: form.ente,
            flow: form.tracciato,
            period,
            folder: None,
            route: None,
            actor: visitor.account.name.clone(),
        })?)
    });
    Ok(back(&format!("/console/rendicontazioni/{}", run.await?)))
}

/// One term of a balance.
struct Term {
    word: &'static str,
    count: u64,
    bar: String,
}

/// A run's balance, which changes while one looks.
#[derive(Template)]
#[template(path = "run_live.html")]
struct Live {
    frame: Frame,
    run: RunHead,
    terms: Vec<Term>,
    picture: String,
    /// How often the page asks again; 0 = no more.
    asked: u32,
}

impl Live {
    fn of(frame: Frame, run: RunHead, asked: u32) -> Self {
        let selected = run.balance.selected.max(1);
        let counted = Bucket::ALL.into_iter().map(|bucket| (bucket.word(), run.balance.count(bucket)));
        let counted: Vec<_> = counted.filter(|(_, count)| *count > 0).collect();
        let shares: Vec<Share> = counted
            .iter()
            .map(|(word, count)| Share { name: frame.word(word), count: *count, tint: frame.tint(word) })
            .collect();
        let picture = pictures::flow(frame.say("scelti", "selected"), run.balance.selected, &shares);
        let terms = counted.iter().map(|(word, count)| Term {
            word,
            count: *count,
            bar: pictures::bar((count * 100).div_ceil(selected), frame.tint(word)),
        });
        let moving = (run.selecting || !run.balance.is_settled()) && asked < ASKED_MOST;
        let asked = if moving { asked + 1 } else { 0 };
        Self { terms: terms.collect(), frame, run, picture, asked }
    }
}

#[derive(Template)]
#[template(path = "run.html")]
struct Show {
    frame: Frame,
    run: RunHead,
    live: String,
    refused: Vec<Group>,
    set_aside: Vec<Group>,
    may_decide: bool,
    may_report: bool,
    held: u64,
}

/// `GET /console/rendicontazioni/{id}`.
pub async fn show(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<i64>,
) -> Result<Response, Failure> {
    let run = seen(&gateway, &visitor, id).await?;
    let made = blocking(move || {
        let may = |right| visitor.account.may(right, Some(&run.ente), Some(&run.register));
        let (may_decide, may_report) = (may(Right::Decide), may(Right::Report));
        let frame = visitor.frame(("Rendicontazioni", "Reports")).below(
            "/console/rendicontazioni",
            format!("{} {id}", visitor.frame(("Rendicontazione", "Report")).title),
        );
        let refused = run_detail::refused(&gateway, &frame, &run, &visitor.account.name)?;
        let set_aside = run_detail::set_aside(&gateway, &frame, &run)?;
        let live = rendered(&Live::of(frame.clone(), run.clone(), 0));
        let held = run.balance.count(Bucket::Held);
        Ok(Show { frame, run, live, refused, set_aside, may_decide, may_report, held })
    });
    Ok(page(&made.await?))
}

/// `GET /console/rendicontazioni/{id}/bilancio`: the part of the page that changes.
pub async fn part(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<i64>,
    super::extract::Query(asked): super::extract::Query<super::today::Asked>,
) -> Result<Response, Failure> {
    let run = seen(&gateway, &visitor, id).await?;
    let frame = visitor.frame(("Rendicontazione", "Report"));
    Ok(page(&Live::of(frame, run, asked.n)))
}

/// A run that the visitor may see.
pub async fn seen(gateway: &Arc<Gateway>, visitor: &Visitor, id: i64) -> Result<RunHead, Failure> {
    let gateway = Arc::clone(gateway);
    let found = blocking(move || Ok::<_, Problem>(gateway.books.runs(Some(id), 1)?.pop())).await?;
    let found = found.filter(|run| visitor.sees(&run.ente, &run.register));
    found.ok_or(Failure::NotFound(visitor.language))
}

/// `POST /console/rendicontazioni/{id}/approva`.
pub async fn approve(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<i64>,
    Form(form): Form<Bare>,
) -> Result<Response, Failure> {
    visitor.sent(&form.modulo)?;
    let run = seen(&gateway, &visitor, id).await?;
    visitor.must(Right::Decide, Some(&run.ente), Some(&run.register))?;
    blocking(move || Ok(gateway.approve_run(id, &visitor.account.name)?)).await?;
    Ok(back(&format!("/console/rendicontazioni/{id}")))
}

/// `POST /console/rendicontazioni/{id}/annulla`.
pub async fn cancel(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<i64>,
    Form(form): Form<Bare>,
) -> Result<Response, Failure> {
    visitor.sent(&form.modulo)?;
    let run = seen(&gateway, &visitor, id).await?;
    visitor.must(Right::Report, Some(&run.ente), Some(&run.register))?;
    blocking(move || Ok(gateway.cancel_run(id, &visitor.account.name)?)).await?;
    Ok(back(&format!("/console/rendicontazioni/{id}")))
}
