//! Oggi: how ready each flow is and was, what comes, and what waits for a person.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::extract::Query;
use super::frame::{Failure, Frame, page, rendered};
use super::pictures::{self, Line};
use super::submissions::hits;
use super::visitor::Visitor;
use crate::exchange::Millis;
use crate::gateway::{CalendarView, Gateway, RunForecast};
use crate::ledger::RunHead;
use crate::ledger::books::{Hit, ReadinessSample, SearchFilter, Standing};
use crate::web::folders::blocking;
use crate::web::problem::Problem;

/// Rows shown of those that wait for a person.
const SHOWN: usize = 20;
/// How far back the picture goes.
const SPAN_MS: Millis = 30 * 24 * 3_600_000;
/// A page left alone asks no more after so many times: nobody's session lasts for ever by it.
pub const ASKED_MOST: u32 = 60;

/// What changes while one looks.
#[derive(Template)]
#[template(path = "today_live.html")]
struct Live {
    frame: Frame,
    standings: Vec<Standing>,
    held: Vec<RunHead>,
    undecided: Vec<Hit>,
    forecast: Vec<RunForecast>,
    suspended: Vec<String>,
    /// How often the page has asked already.
    asked: u32,
}

impl Live {
    fn percent(standing: &Standing) -> u64 {
        (standing.ready * 100).checked_div(standing.records).unwrap_or(100)
    }

    fn rate(run: &RunForecast) -> String {
        if run.per_s > 0.0 { format!("{:.1}", run.per_s) } else { String::new() }
    }

    fn bar(standing: &Standing) -> String {
        let percent = Self::percent(standing);
        pictures::bar(percent, if percent >= 95 { "success" } else { "warning" })
    }
}

/// A line of the picture, as a table says it.
struct Course {
    name: String,
    number: usize,
    first: (Millis, u64),
    last: (Millis, u64),
    least: u64,
}

#[derive(Template)]
#[template(path = "today.html")]
struct Today {
    frame: Frame,
    live: String,
    calendar: Vec<CalendarView>,
    picture: String,
    courses: Vec<Course>,
}

/// How often a page has asked.
#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    pub n: u32,
}

/// `GET /console`.
pub async fn show(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Failure> {
    let frame = visitor.frame(("Oggi", "Today"));
    let made = blocking(move || {
        let live = rendered(&live(&gateway, &visitor, 0)?);
        let mut calendar = gateway.calendar()?;
        calendar.retain(|entry| entry.enti.iter().any(|ente| visitor.sees_ente(ente)));
        let now = gateway.clock.now_ms();
        let mut samples = gateway.books.readiness_since(now - SPAN_MS)?;
        samples.retain(|sample| visitor.sees(&sample.ente, &sample.register));
        let now_at = gateway.books.standings()?.into_iter().map(|of| ReadinessSample {
            at: now,
            ente: of.ente,
            flow: of.flow,
            register: of.register,
            records: of.records,
            ready: of.ready,
        });
        samples.extend(now_at.filter(|sample| visitor.sees(&sample.ente, &sample.register)));
        let (picture, courses) = over_time(&samples, now);
        Ok(Today { frame, live, calendar, picture, courses })
    });
    Ok(page(&made.await?))
}

/// `GET /console/oggi`: the part of the page that changes.
pub async fn part(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    Ok(page(&blocking(move || live(&gateway, &visitor, asked.n)).await?))
}

fn live(gateway: &Gateway, visitor: &Visitor, asked: u32) -> Result<Live, Problem> {
    let scope = visitor.scope(gateway);
    let mut standings = gateway.books.standings()?;
    standings.retain(|standing| visitor.sees(&standing.ente, &standing.register));
    let mut undecided = Vec::new();
    for state in ["uncertain", "parked"] {
        let filter = SearchFilter { state: Some(state.to_owned()), ..SearchFilter::default() };
        undecided.extend(hits(gateway, visitor, &[filter], None, SHOWN)?.0);
    }
    let held = gateway.books.runs_seen(&scope, true, SHOWN)?;
    let mut suspended = gateway.books.suspended_routes()?;
    suspended.retain(|route| super::recipients::is_seen(gateway, visitor, route));
    let mut forecast = gateway.forecast()?;
    forecast.retain(|run| visitor.sees(&run.ente, &run.register));
    let frame = visitor.frame(("Oggi", "Today"));
    Ok(Live { frame, standings, held, undecided, forecast, suspended, asked: asked.saturating_add(1) })
}

/// The picture over time, a line for each flow, over all enti that may be seen.
fn over_time(samples: &[ReadinessSample], now: Millis) -> (String, Vec<Course>) {
    let mut flows: BTreeMap<&str, BTreeMap<Millis, (u64, u64)>> = BTreeMap::new();
    for sample in samples {
        let point = flows.entry(&sample.flow).or_default().entry(sample.at).or_default();
        (point.0, point.1) = (point.0 + sample.ready, point.1 + sample.records);
    }
    let percent = |(ready, records): (u64, u64)| (ready * 100).checked_div(records).unwrap_or(100);
    let from = samples.iter().map(|sample| sample.at).min().unwrap_or(now);
    let (mut lines, mut courses) = (Vec::new(), Vec::new());
    for (number, (flow, points)) in flows.into_iter().enumerate() {
        let points: Vec<(Millis, u64)> =
            points.into_iter().map(|(at, counts)| (at, percent(counts))).collect();
        let (Some(first), Some(last)) = (points.first().copied(), points.last().copied()) else { continue };
        let least = points.iter().map(|point| point.1).min().unwrap_or_default();
        courses.push(Course { name: flow.to_owned(), number: number % 6, first, last, least });
        let points = points.into_iter().map(|(at, percent)| (at, percent as f64)).collect();
        lines.push(Line { points });
    }
    (pictures::lines(&lines, from, now), courses)
}
