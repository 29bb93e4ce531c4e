//! References within a transaction: to its own entries (`urn:uuid:…`), conditional ones
//! (`Patient?identifier=…`), and those to what is there already.

use std::collections::BTreeMap;

use serde_json::Value;

use super::check;
use super::issue::Issue;
use super::steps;
use super::transaction::Draft;

/// Rewrites the references of a body; what can't be resolved becomes an issue.
pub(super) fn resolve(
    entry: usize,
    path: &str,
    value: &mut Value,
    places: &BTreeMap<String, String>,
    draft: &Draft<'_>,
    issues: &mut Vec<Issue>,
) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                resolve(entry, &format!("{path}[{index}]"), item, places, draft, issues);
            }
        }
        Value::Object(members) => {
            for (name, item) in members.iter_mut() {
                let path = format!("{path}.{name}");
                match (name.as_str(), item) {
                    ("reference", Value::String(reference)) => match target(reference, places, draft) {
                        Ok(place) => *reference = place,
                        Err((code, text)) => issues.push(Issue::at(entry, &path, code, text)),
                    },
                    (_, item) => resolve(entry, &path, item, places, draft, issues),
                }
            }
        }
        _ => {}
    }
}

/// Where a reference leads.
fn target(
    reference: &str,
    places: &BTreeMap<String, String>,
    draft: &Draft<'_>,
) -> Result<String, (&'static str, String)> {
    if let Some(place) = places.get(reference) {
        return Ok(place.clone());
    }
    if reference.starts_with("urn:") {
        return Err(("not-found", "no entry has this fullUrl".to_owned()));
    }
    if let Some((resource_type, query)) = reference.split_once('?') {
        let Ok(condition) = steps::condition(query) else {
            return Err(("invalid", "a conditional reference is an identifier here".to_owned()));
        };
        return match draft.find(resource_type, &condition.token).as_slice() {
            [id] => Ok(format!("{resource_type}/{id}")),
            [] => Err(("not-found", format!("{reference} matches nothing"))),
            _ => Err(("multiple-matches", format!("{reference} matches more than one resource"))),
        };
    }
    // Absolute references lead elsewhere, `#…` to what is contained.
    match reference.split_once('/') {
        Some((resource_type, id)) if check::required(resource_type).is_some() => {
            let there = draft.standing(resource_type, id.split('/').next().unwrap_or_default()).is_some();
            there.then(|| reference.to_owned()).ok_or(("not-found", format!("{reference} is not here")))
        }
        _ => Ok(reference.to_owned()),
    }
}
