//! What a delivery came to, read from the answer alone. Whatever is not understood beyond doubt
//! is uncertain, and is asked for; nothing is taken for done on a guess.

use serde_json::Value;

use super::answers::{Bundle, Entry, impersonal, place};
use super::issues::{self, Errors};
use super::sent::{Sent, Verb};
use crate::channel::courier::{Outcome, PartAnswer};
use crate::channel::limits;
use crate::channel::push::{Response, SendError, SendErrorKind};
use crate::exchange::{Answer, Millis};

/// The outcome of one try.
pub(super) fn outcome(
    sent: &[Sent],
    answer: Result<Response, SendError>,
    json: impl Fn(&Response) -> Option<Value>,
    now: Millis,
) -> Outcome {
    match answer {
        Err(error) if error.sent_maybe => Outcome::Uncertain { code: broken(error.kind).to_owned() },
        Err(error) => Outcome::Unavailable { code: unreached(error.kind).to_owned(), not_before: None },
        Ok(answer) => {
            let body = json(&answer);
            match answer.status {
                200 => done(sent, body),
                status => not_done(sent, status, body.as_ref().and_then(issues::errors), &answer, now),
            }
        }
    }
}

/// Why nothing was sent; no address, no reason that could hold one.
pub(super) fn unreached(kind: SendErrorKind) -> &'static str {
    match kind {
        SendErrorKind::Tls => {
            "no secure connection: check the certificates (authorities_file, identity_file) and url"
        }
        SendErrorKind::Timeout => "no connection in time: check url and the network",
        SendErrorKind::Broken => "the request cannot be written: check token_file",
        _ => "no connection: check url and the network",
    }
}

/// Why there is no answer although the request may have left.
pub(super) fn broken(kind: SendErrorKind) -> &'static str {
    match kind {
        SendErrorKind::Timeout => "no answer in time",
        SendErrorKind::TooLarge => "the answer is too large",
        _ => "the connection broke",
    }
}

/// A 200 counts only if it is the answer to this very request.
fn done(sent: &[Sent], body: Option<Value>) -> Outcome {
    let answers = match body.and_then(|body| Bundle::of("transaction-response", body)) {
        None => Err("200 without a transaction-response"),
        Some(bundle) if bundle.entry.len() != sent.len() => Err("200 with another number of entries"),
        Some(bundle) => {
            bundle.entry.iter().zip(sent).map(|(entry, sent)| entry_answer(entry, sent)).collect()
        }
    };
    match answers {
        Ok(answers) => Outcome::Answered(known(sent, answers)),
        Err(code) => Outcome::Uncertain { code: code.to_owned() },
    }
}

/// What one entry says, before it is known which entries say enough.
enum Said {
    Done {
        code: u16,
        acquired_as: Option<String>,
    },
    /// A conditional create found something: what it holds is not said.
    Existing {
        code: u16,
        acquired_as: Option<String>,
    },
    /// It worked, but nothing shows on what.
    Mute,
}

fn entry_answer(entry: &Entry, sent: &Sent) -> Result<Said, &'static str> {
    let code = entry.response.status.get(..3).and_then(|status| status.parse().ok()).unwrap_or(0);
    let expected: &[u16] = match sent.verb {
        Verb::Post | Verb::Put => &[200, 201],
        Verb::Delete => &[200, 204],
    };
    if !expected.contains(&code) {
        return Err("200 with an error inside");
    }
    let acquired_as = match entry.response.location.as_deref().map(place) {
        None => None,
        Some(Some((kind, place))) if kind == sent.resource_type => Some(place),
        Some(_) => return Err("200 with entries of other types"),
    };
    if entry.resource["resourceType"]
        .as_str()
        .is_some_and(|kind| kind != sent.resource_type && kind != "OperationOutcome")
    {
        return Err("200 with entries of other types");
    }
    Ok(match (sent.verb, code) {
        (Verb::Post, 200) => Said::Existing { code, acquired_as },
        (Verb::Post | Verb::Put, _) if acquired_as.is_none() => Said::Mute,
        _ => Said::Done { code, acquired_as },
    })
}

/// The answers that can be relied on. A person that exists is what was wanted. One of our own
/// resources that exists may be of another operation; entries of one type may have been answered
/// in another order, so then none of that type is relied on. What is left out is asked for.
fn known(sent: &[Sent], said: Vec<Said>) -> Vec<PartAnswer> {
    let existing = |(said, sent): &(&Said, &Sent)| matches!(said, Said::Existing { .. }) && !sent.is_person();
    let doubted: Vec<_> =
        said.iter().zip(sent).filter(existing).map(|(_, sent)| sent.resource_type.as_str()).collect();
    let answer = |(part, said): (usize, &Said)| {
        let doubt = doubted.contains(&sent[part].resource_type.as_str());
        let (code, acquired_as) = match said {
            Said::Done { code, acquired_as } | Said::Existing { code, acquired_as } if !doubt => {
                (code, acquired_as)
            }
            _ => return None,
        };
        Some(PartAnswer {
            part,
            answer: Answer::Accepted,
            code: code.to_string(),
            text: None,
            acquired_as: acquired_as.clone().and_then(impersonal),
        })
    };
    said.iter().enumerate().filter_map(answer).collect()
}

/// Any status but 200.
fn not_done(sent: &[Sent], status: u16, errors: Option<Errors>, answer: &Response, now: Millis) -> Outcome {
    let unavailable = |check: &str| {
        let code = if check.is_empty() { status.to_string() } else { format!("{status}: {check}") };
        Outcome::Unavailable { code, not_before: limits::not_before(answer, now) }
    };
    let culprits = errors.as_ref().map(|errors| errors.culprits(sent, status)).unwrap_or_default();
    let refused = |culprits| Outcome::Refused {
        culprits,
        code: errors.as_ref().map_or_else(|| status.to_string(), |errors| errors.code(status)),
        text: errors.as_ref().and_then(Errors::text),
    };
    match status {
        412 | 422 => refused(culprits),
        400 if errors.is_some() => refused(culprits),
        413 => refused(Vec::new()),
        409 if !culprits.is_empty() && errors.as_ref().is_some_and(|errors| !errors.may_pass()) => {
            refused(culprits)
        }
        403 | 404 | 405 | 410 | 415 if !culprits.is_empty() => refused(culprits),
        408 | 500 | 502 | 504 | 506..=510 | 512.. => Outcome::Uncertain { code: status.to_string() },
        ..=299 => Outcome::Uncertain { code: format!("{status} instead of 200") },
        _ => unavailable(check(status)),
    }
}

/// What to look at when a recipient does not do its work, and the records are not to blame.
pub(super) fn check(status: u16) -> &'static str {
    match status {
        300..=399 => "the recipient redirects, check url",
        400 => "not a FHIR answer, check url and what stands between",
        401 => "not authorized, check token_file and identity_file",
        403 => "not permitted, check what the recipient lets this client do",
        404 | 410 => "nothing at this address, check url",
        405 => "no transactions at this address, check url",
        406 | 415 => "the recipient does not speak application/fhir+json, check url",
        407 => "a proxy stands between, check the network",
        409 | 423 => "the recipient is at work on the same data",
        501 | 505 => "the recipient cannot do this, check url",
        429 | 503 => "",
        _ => "not an answer to this request, check url",
    }
}
