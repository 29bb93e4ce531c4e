//! The static check of a family's versions: on each sending date exactly one is in force.
//!
//! An older version without `valid_to` ends where the next begins. What is said otherwise must agree.

use super::Flow;
use crate::mapping::Defect;

/// All defects between the versions of each family.
pub(super) fn versions(flows: &[Flow]) -> Vec<Defect> {
    let mut sorted: Vec<&Flow> = flows.iter().collect();
    sorted.sort_by_key(|flow| (flow.family(), flow.valid().0));
    let backwards = sorted.iter().filter(|flow| flow.valid().1.is_some_and(|last| last < flow.valid().0));
    let mut found: Vec<Defect> = backwards
        .map(|flow| defect(flow, "`valid_to` comes before `valid_from`", "correct one of the two"))
        .collect();
    for pair in sorted.windows(2).filter(|pair| pair[0].family() == pair[1].family()) {
        found.extend(between(pair[0], pair[1]));
    }
    found
}

/// What is wrong where one version gives way to the next.
fn between(older: &Flow, newer: &Flow) -> Option<Defect> {
    let ((began, ended), (begins, _)) = (older.valid(), newer.valid());
    if began == begins {
        let message = format!("{} begins on the same day, {begins}: which one is meant?", older.id());
        return Some(defect(newer, &message, "give each its own `valid_from`"));
    }
    let last = begins.yesterday().ok()?;
    match ended? {
        ended if ended > last => Some(defect(
            older,
            &format!("in force until {ended}, but {} begins on {begins}", newer.id()),
            &format!("`valid_to = \"{last}\"`, or none"),
        )),
        ended if ended < last => Some(defect(
            newer,
            &format!("no version is in force after {ended} and before {begins}"),
            &format!("`valid_to = \"{last}\"` in {}, or none", older.id()),
        )),
        _ => None,
    }
}

fn defect(flow: &Flow, message: &str, mend: &str) -> Defect {
    Defect {
        file: format!("mappings/{}/mapping.toml", flow.id()),
        line: None,
        place: "flow".to_owned(),
        message: message.to_owned(),
        mend: mend.to_owned(),
    }
}
