//! What kinds of record need of each other: where the way leads back to where it began, none of
//! them could ever leave.

use super::Flow;
use crate::mapping::defect::Defects;
use crate::mapping::record::{KeyPart, RecordPlan, is_constant};

/// Kinds that need themselves, by way of others or at once.
pub fn needs(flow: &Flow, defects: &mut Defects<'_>) {
    let records = &flow.mapping.records;
    for (index, record) in records.iter().enumerate() {
        if needs_itself(records, index) {
            let message = format!("records of the kind `{}` need each other in a circle", record.kind);
            defects.add(0, "record.needs", message, "let one of them need nothing");
        }
    }
}

fn needs_itself(records: &[RecordPlan], start: usize) -> bool {
    let (mut seen, mut next) = (vec![false; records.len()], vec![start]);
    while let Some(from) = next.pop() {
        for (to, record) in records.iter().enumerate() {
            // One record of a list may need another one of the same list.
            let another = from != to || is_constant(&record.key);
            if !another || !records[from].needs.iter().any(|need| may_be(&need.key, &record.key)) {
                continue;
            }
            if to == start {
                return true;
            }
            if !std::mem::replace(&mut seen[to], true) {
                next.push(to);
            }
        }
    }
    false
}

/// Whether a key that is needed may be this kind's: constants must agree, paths may say anything.
fn may_be(needed: &[KeyPart], key: &[KeyPart]) -> bool {
    let agree = |(one, other): (&KeyPart, &KeyPart)| match (one, other) {
        (KeyPart::Constant(one), KeyPart::Constant(other)) => one == other,
        _ => true,
    };
    let both = needed.len().min(key.len());
    // A path that says nothing is left out of a key, a constant never is.
    let rest_may_be_absent =
        |parts: &[KeyPart]| !parts[both..].iter().any(|part| is_constant(std::slice::from_ref(part)));
    needed.iter().zip(key).all(agree) && rest_may_be_absent(needed) && rest_may_be_absent(key)
}
