//! Rendicontazioni: reports with their balances; start, approve, cancel.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Form, State};
use axum::response::Response;
use serde::Deserialize;

use super::frame::{Failure, Frame, page};
use super::sign::Bare;
use super::visitor::{Visitor, back};
use crate::exchange::{Bucket, Period};
use crate::gateway::rights::Right;
use crate::gateway::{Gateway, RunRequest};
use crate::ledger::RunHead;
use crate::web::extract::Path;
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

fn count(run: &RunHead, word: &str) -> u64 {
    Bucket::from_word(word).map_or(0, |bucket| run.balance.count(bucket))
}

/// `GET /console/rendicontazioni`.
pub async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Failure> {
    let made = blocking(move || {
        let mut runs = gateway.books.runs(None, SHOWN)?;
        runs.retain(|run| visitor.sees(&run.ente, &run.register));
        let frame = visitor.frame(("Rendicontazioni", "Reports"));
        let enti = gateway.settings.ente.iter().filter(|ente| visitor.sees_ente(&ente.code));
        let enti = enti.map(|ente| (ente.code.clone(), ente.name.clone())).collect();
        let flows = gateway.catalog.current(gateway.clock.today()).into_iter().map(|flow| {
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
    /// Width of its bar, 0 to 100.
    width: u64,
}

#[derive(Template)]
#[template(path = "run.html")]
struct Show {
    frame: Frame,
    run: RunHead,
    terms: Vec<Term>,
    may_decide: bool,
    may_report: bool,
}

/// `GET /console/rendicontazioni/{id}`.
pub async fn show(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<i64>,
) -> Result<Response, Failure> {
    let run = seen(&gateway, &visitor, id).await?;
    let selected = run.balance.selected.max(1);
    let terms = Bucket::ALL.into_iter().map(|bucket| {
        let count = run.balance.count(bucket);
        Term { word: bucket.word(), count, width: (count * 100).div_ceil(selected) }
    });
    let terms: Vec<Term> = terms.filter(|term| term.count > 0).collect();
    let may = |right| visitor.account.may(right, Some(&run.ente), Some(&run.register));
    let (may_decide, may_report) = (may(Right::Decide), may(Right::Report));
    let frame = visitor.frame(("Rendicontazione", "Report"));
    Ok(page(&Show { frame, run, terms, may_decide, may_report }))
}

async fn seen(gateway: &Arc<Gateway>, visitor: &Visitor, id: i64) -> Result<RunHead, Failure> {
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
