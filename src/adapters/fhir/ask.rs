//! Asking what became of a parcel: one search per operation, by its condition, as a POST, so that
//! no codice fiscale stands in an address. The tag tells whose work is found.

use serde_json::Value;

use super::answers::{Bundle, place_of};
use super::deliver::{broken, check, unreached};
use super::identifiers::Condition;
use super::sent::{Sent, Verb};
use super::{FhirCourier, json};
use crate::channel::courier::{Asked, PartAnswer};
use crate::channel::limits;
use crate::channel::push::{Request, Response};
use crate::exchange::{Answer, Millis};
use crate::flow::OperationKind;

const FORM: &str = "application/x-www-form-urlencoded";

/// Why it could not be asked.
struct Silent {
    code: String,
    not_before: Option<Millis>,
}

type Answers = Result<Vec<(usize, Option<PartAnswer>)>, Silent>;

/// Asks for all parts, a few at the same time.
pub(super) async fn ask(courier: &FhirCourier, sent: &[Sent], now: Millis) -> Asked {
    if sent.iter().any(|sent| sent.condition.is_none()) {
        return Asked::CannotBeAsked;
    }
    let lane = |first: usize| lane(courier, sent, first, now);
    let lanes: [Answers; LANES] = tokio::join!(lane(0), lane(1), lane(2), lane(3)).into();
    let mut found: Vec<Option<PartAnswer>> = sent.iter().map(|_| None).collect();
    for lane in lanes {
        match lane {
            Ok(answers) => answers.into_iter().for_each(|(part, answer)| found[part] = answer),
            Err(Silent { code, not_before }) => return Asked::Unavailable { code, not_before },
        }
    }
    Asked::Found(found)
}

const LANES: usize = 4;

/// Every fourth part, one after the other.
async fn lane(courier: &FhirCourier, sent: &[Sent], first: usize, now: Millis) -> Answers {
    let mut answers = Vec::new();
    for (part, sent) in sent.iter().enumerate().skip(first).step_by(LANES) {
        let Some(condition) = &sent.condition else { continue };
        let matches = search(courier, sent, condition.expose(), now).await?;
        answers.push((part, verdict(part, sent, &matches)));
    }
    Ok(answers)
}

/// What the recipient holds under an identifier.
struct Matches {
    /// More than were sent, where the answer says so.
    count: u64,
    first: Option<Value>,
}

async fn search(
    courier: &FhirCourier,
    sent: &Sent,
    condition: &Condition,
    now: Millis,
) -> Result<Matches, Silent> {
    // Only what is looked at is asked for.
    let form = format!("{}&_elements=identifier,meta", condition.form());
    let url = format!("{}/{}/_search", courier.base, sent.resource_type);
    let request = Request::post(url, FORM, form.into_bytes()).header("prefer", "handling=strict");
    let answer = courier.send(request).await.map_err(|error| {
        let code = if error.sent_maybe { broken(error.kind) } else { unreached(error.kind) };
        Silent { code: code.to_owned(), not_before: None }
    })?;
    if answer.status != 200 {
        return Err(not_answered(&answer, now));
    }
    let body = json(&answer).and_then(|body| Bundle::of("searchset", body));
    body.and_then(|bundle| matches(bundle, sent, condition)).ok_or_else(|| Silent {
        code: "the answer does not fit the question".to_owned(),
        not_before: limits::not_before(&answer, now),
    })
}

fn not_answered(answer: &Response, now: Millis) -> Silent {
    let (status, check) = (answer.status, check(answer.status));
    let code = match status {
        429 | 503 | 500 | 502 | 504 | 408 => status.to_string(),
        _ => format!("{status}: {check}"),
    };
    Silent { code, not_before: limits::not_before(answer, now) }
}

/// The matches, if all of them are what was asked for: a server that does not know a parameter
/// may leave it out, and answer with everything it has (R4 §3.1.1.2.1).
fn matches(bundle: Bundle, sent: &Sent, condition: &Condition) -> Option<Matches> {
    let total = bundle.total.unwrap_or(0);
    let found: Vec<Value> =
        bundle.entry.into_iter().filter(|entry| entry.is_match()).map(|entry| entry.resource).collect();
    let fits = |resource: &Value| {
        resource["resourceType"].as_str() == Some(sent.resource_type.as_str()) && condition.fits(resource)
    };
    let count = total.max(found.len() as u64);
    // A count without what was counted tells of matches that nobody can look at.
    let shown = count == 0 || !found.is_empty();
    (shown && found.iter().all(fits)).then(|| Matches { count, first: found.into_iter().next() })
}

/// What the matches say of one operation: `None` = it did not take effect.
fn verdict(part: usize, sent: &Sent, matches: &Matches) -> Option<PartAnswer> {
    let of = |answer, code: &str, acquired_as| {
        Some(PartAnswer { part, answer, code: code.to_owned(), text: None, acquired_as })
    };
    let accepted = |code: &str| {
        of(Answer::Accepted, code, matches.first.as_ref().and_then(place_of).filter(|_| matches.count > 0))
    };
    match (matches.count, &matches.first) {
        (0, _) | (_, None) => {
            if sent.verb == Verb::Delete {
                accepted("asked: not there")
            } else {
                None
            }
        }
        (2.., _) => of(Answer::Failed, "duplicates", None),
        (_, Some(_)) if sent.verb == Verb::Delete => None,
        (_, Some(resource)) if carries(resource, sent) => accepted("asked: there"),
        (_, Some(_)) if sent.is_person() && sent.verb == Verb::Post => accepted("asked: known"),
        (_, Some(_)) if sent.is_person() || sent.kind == OperationKind::Replace => None,
        _ => of(Answer::Failed, "already-there", None),
    }
}

/// Whether a resource carries the operation's tag.
fn carries(resource: &Value, sent: &Sent) -> bool {
    let Some((system, code)) = &sent.tag else { return false };
    let is = |tag: &Value| {
        tag["system"].as_str() == Some(system.as_str()) && tag["code"].as_str() == Some(code.as_str())
    };
    resource["meta"]["tag"].as_array().is_some_and(|tags| tags.iter().any(is))
}
