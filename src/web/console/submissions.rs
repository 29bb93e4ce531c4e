//! Invii: operations as one looks for them, and one container with all that happened to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::beside::Beside;
use super::extract::{Form, Path, Query};
use super::folder_bodies::{Reason, of_record};
use super::folders::path_of;
use super::frame::{Failure, Frame, page};
use super::visitor::{Visitor, back};
use super::words;
use crate::audit::EventKind;
use crate::exchange::{Decision, Millis};
use crate::gateway::rights::Right;
use crate::gateway::{Bodies, Explained, Gateway};
use crate::ledger::books::{
    Hit, OfWhich, OperationLine, SearchFilter, SubmissionView, TransitionView, Whose,
};
use crate::web::folders::blocking;
use crate::web::problem::Problem;

/// Operations on the list; changes and payloads of one container.
const SHOWN: usize = 200;
const CHANGES: usize = 300;
const OPENED: usize = 10;
/// Pages of the search that are looked through for one of ours.
const PAGES: usize = 20;

const STATES: &[&str] =
    &["queued", "sending", "retrying", "waiting", "uncertain", "parked", "accepted", "refused", "superseded"];

#[derive(Template)]
#[template(path = "submissions.html")]
struct List {
    frame: Frame,
    operations: Vec<Hit>,
    which: Which,
    states: &'static [&'static str],
    /// Where older ones begin.
    older: Option<i64>,
}

/// Which operations are asked for.
#[derive(Default, Deserialize)]
pub struct Which {
    #[serde(default)]
    stato: String,
    /// Beginning of a folder's id, a record's key or a container's name.
    #[serde(default)]
    cerca: String,
    /// A rule, or a recipient's code.
    #[serde(default)]
    regola: String,
    /// Days, ISO, both inclusive.
    #[serde(default)]
    dal: String,
    #[serde(default)]
    al: String,
    /// Behind this place.
    dopo: Option<i64>,
}

impl Which {
    /// The searches whose hits together are meant: a text may name a container, a folder or a record,
    /// a rule may be ours or a recipient's code.
    fn filters(&self) -> Vec<SearchFilter> {
        let text = |text: &str| Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
        let known = STATES.iter().find(|state| **state == self.stato);
        let base = SearchFilter {
            state: known.map(|state| (*state).to_owned()),
            from: midnight(&self.dal, 0),
            to: midnight(&self.al, 1),
            ..SearchFilter::default()
        };
        let mut filters = match text(&self.cerca) {
            None => vec![base],
            Some(text) => vec![
                SearchFilter { submission: Some(format!("{text}*")), ..base.clone() },
                SearchFilter { folder: Some(text.clone()), ..base.clone() },
                SearchFilter { record: Some(text), ..base },
            ],
        };
        if let Some(rule) = text(&self.regola) {
            let both = |filter: SearchFilter| {
                [
                    SearchFilter { rule: Some(rule.clone()), ..filter.clone() },
                    SearchFilter { code: Some(rule.clone()), ..filter },
                ]
            };
            filters = filters.into_iter().flat_map(both).collect();
        }
        filters
    }
}

/// The newest hits of all these searches, and where the next page of a single one begins.
pub fn hits(
    gateway: &Gateway,
    visitor: &Visitor,
    filters: &[SearchFilter],
    after: Option<i64>,
    limit: usize,
) -> Result<(Vec<Hit>, Option<i64>), Problem> {
    let scope = visitor.pairs(gateway);
    let (mut found, mut older) = (BTreeMap::new(), None);
    for filter in filters {
        let mut place = after;
        // A page may hold few rows and still have a next one: so far somebody waits for it.
        for _ in 0..PAGES {
            let page = gateway.books.search(scope.as_deref(), filter, place, limit)?;
            found.extend(page.hits.into_iter().map(|hit| (hit.operation, hit)));
            place = page.next;
            if place.is_none() || found.len() >= limit {
                break;
            }
        }
        older = place;
    }
    let hits = found.into_values().rev().take(limit).collect();
    Ok((hits, older.filter(|_| filters.len() == 1)))
}

/// The beginning of a day in Rome, or of one after it.
fn midnight(day: &str, after: i64) -> Option<Millis> {
    let day: jiff::civil::Date = day.trim().parse().ok()?;
    let day = day.checked_add(jiff::Span::new().days(after)).ok()?;
    Some(day.in_tz("Europe/Rome").ok()?.timestamp().as_millisecond())
}

/// `GET /console/invii`.
pub async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Query(which): Query<Which>,
) -> Result<Response, Failure> {
    let made = blocking(move || {
        let (operations, older) = hits(&gateway, &visitor, &which.filters(), which.dopo, SHOWN)?;
        let frame = visitor.frame(("Invii", "Submissions"));
        Ok(List { frame, operations, which, states: STATES, older })
    });
    Ok(page(&made.await?))
}

/// What a visitor may see of a container.
struct Seen {
    view: SubmissionView,
    operations: Vec<OperationLine>,
}

fn seen(gateway: &Gateway, visitor: &Visitor, name: &str) -> Result<Option<Seen>, Problem> {
    let Some(view) = gateway.books.submission_by_name(name)? else { return Ok(None) };
    let operations = gateway.books.operation_lines_of(view.id)?;
    let all = operations.iter().all(|one| visitor.sees(&one.view.ente, &one.register));
    // One that carries nothing any more belongs to whoever sees its route.
    let may = all && (!operations.is_empty() || super::recipients::is_seen(gateway, visitor, &view.route));
    Ok(may.then_some(Seen { view, operations }))
}

#[derive(Template)]
#[template(path = "submission.html")]
struct Show {
    frame: Frame,
    view: SubmissionView,
    operations: Vec<OperationLine>,
    changes: Vec<TransitionView>,
    explained: Vec<Explained>,
    may_read: bool,
    may_decide: bool,
    may_resend: bool,
}

impl Show {
    fn folder_path(line: &OperationLine) -> String {
        path_of(&line.view.ente, &line.view.folder_id)
    }
}

/// `GET /console/invii/{name}`.
pub async fn show(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Path(name): Path<String>,
) -> Result<Response, Failure> {
    let language = visitor.language;
    let made = blocking(move || {
        let Some(Seen { view, operations }) = seen(&gateway, &visitor, &name)? else { return Ok(None) };
        let changes = gateway.books.transitions_of(Whose::Submission(view.id), CHANGES)?;
        let rows = gateway.books.operations_to_explain(OfWhich::Submission(&name), OPENED)?;
        let explained = gateway.explain(rows, &Bodies::Closed, &visitor.account.name)?;
        let may = |right| {
            let mut all = operations.iter();
            all.all(|one| visitor.account.may(right, Some(&one.view.ente), Some(&one.register)))
        };
        let (may_read, may_decide, may_resend) =
            (may(Right::SeeBodies) && !operations.is_empty(), may(Right::Decide), may(Right::Resend));
        let frame = visitor.frame(("Invii", "Submissions")).below("/console/invii", view.name.clone());
        Ok(Some(Show { frame, view, operations, changes, explained, may_read, may_decide, may_resend }))
    });
    made.await?.map(|made| page(&made)).ok_or(Failure::NotFound(language))
}

/// An operation's payload beside the folder.
struct Opened {
    operation: i64,
    folder_id: String,
    record: String,
    beside: Beside,
}

#[derive(Template)]
#[template(path = "submission_body.html")]
struct Body {
    frame: Frame,
    here: String,
    opened: Vec<Opened>,
    /// When, code, and the recipient's own words.
    answers: Vec<(Millis, String, String)>,
}

/// `POST /console/invii/{name}/corpo`: what was sent and what was answered; noted with its reason.
pub async fn open(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Path(name): Path<String>,
    Form(form): Form<Reason>,
) -> Result<Response, Failure> {
    visitor.sent(&form.modulo)?;
    let reason = words::reason(&form.motivo).ok_or(Failure::Unread)?;
    let language = visitor.language;
    let made = blocking(move || {
        let Some(found) = seen(&gateway, &visitor, &name)? else { return Ok(None) };
        let mut all = found.operations.iter();
        if !all.all(|one| visitor.account.may(Right::SeeBodies, Some(&one.view.ente), Some(&one.register))) {
            return Ok(Some(Err(Failure::Forbidden(visitor.language))));
        }
        let detail = BTreeMap::from([("reason".to_owned(), reason.to_owned())]);
        let subject = format!("submission {}", found.view.id);
        gateway.note(&visitor.account.name, EventKind::PayloadRead, &subject, detail)?;
        Ok(Some(Ok(body(&gateway, &visitor, &found)?)))
    });
    match made.await? {
        Some(Ok(made)) => Ok(page(&made)),
        Some(Err(failure)) => Err(failure),
        None => Err(Failure::NotFound(language)),
    }
}

fn body(gateway: &Gateway, visitor: &Visitor, found: &Seen) -> Result<Body, Problem> {
    let name = &found.view.name;
    let frame = visitor.frame(("Invii", "Submissions")).below("/console/invii", name.clone());
    let mut opened = Vec::new();
    for line in found.operations.iter().take(OPENED) {
        let Ok(fragment) = gateway.open_fragment(line.record, &line.content) else { continue };
        let row = gateway.books.folder(&line.view.ente, &line.view.folder_id)?;
        let Some(folder) = row.and_then(|row| gateway.open_folder(&row).ok()) else { continue };
        let of = (line.flow.as_str(), line.view.record.as_str(), [].as_slice());
        opened.push(Opened {
            operation: line.view.operation,
            folder_id: line.view.folder_id.clone(),
            record: line.view.record.clone(),
            beside: of_record(gateway, &frame, &folder, of, fragment.expose()),
        });
    }
    let answers = found.view.receipts.iter().filter_map(|receipt| {
        let text = gateway.open_text(name, receipt.text.as_deref()?).ok()?;
        Some((receipt.at, receipt.code.clone(), String::from_utf8_lossy(text.expose()).into_owned()))
    });
    Ok(Body { here: format!("/console/invii/{name}"), answers: answers.collect(), frame, opened })
}

/// What a person found out about an operation.
#[derive(Deserialize)]
pub struct DecisionForm {
    modulo: String,
    /// `si` or `no`: whether the register holds it; `ritenta`: it goes again as it is.
    esito: String,
    /// The container whose page asked.
    invio: String,
}

/// `POST /console/operazioni/{id}`: a person decides.
pub async fn decide(
    State(gateway): State<Arc<Gateway>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<i64>,
    Form(form): Form<DecisionForm>,
) -> Result<Response, Failure> {
    visitor.sent(&form.modulo)?;
    let (again, language) = (form.esito == "ritenta", visitor.language);
    let right = if again { Right::Resend } else { Right::Decide };
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let to = match form.invio.chars().all(plain) && !form.invio.is_empty() {
        true => format!("/console/invii/{}", form.invio),
        false => "/console/invii".to_owned(),
    };
    let made = blocking(move || {
        let rows = gateway.books.operations_to_explain(OfWhich::Operation(id), 1)?;
        let Some(row) = rows.first() else { return Ok(Some(Failure::NotFound(language))) };
        let register = gateway.catalog.find(&row.flow).map(|flow| flow.register());
        if !visitor.account.may(right, Some(&row.ente), register) {
            return Ok(Some(Failure::Forbidden(language)));
        }
        match form.esito.as_str() {
            "si" => drop(gateway.decide(id, Decision::RegisterHolds, &visitor.account.name)?),
            "no" => drop(gateway.decide(id, Decision::RegisterDoesNot, &visitor.account.name)?),
            "ritenta" => gateway.try_again(id, &visitor.account.name)?,
            _ => return Ok(Some(Failure::Unread)),
        }
        Ok(None)
    });
    made.await?.map_or_else(|| Ok(back(&to)), Err)
}

#[cfg(test)]
mod tests {
    use super::midnight;

    #[test]
    fn a_day_begins_in_rome() {
        assert_eq!(midnight("1970-01-02", 0), Some(23 * 3_600_000));
        assert_eq!(midnight("1970-01-01", 1), midnight("1970-01-02", 0));
        assert_eq!(midnight("ieri", 0), None);
    }
}
