//! The static check of targets: mandatory places are covered, elements repeat only where they may.

use super::Flow;
use super::check_rows::certain;
use crate::mapping::compile::RowInfo;
use crate::mapping::condition::Condition;
use crate::mapping::defect::Defects;
use crate::mapping::plan::ElementPlan;
use crate::schema::shape::{Node, Shape, without_labels};
use std::collections::BTreeSet;

/// Checks every kind of record, and the container.
pub(super) fn targets(flow: &Flow, defects: &mut Defects<'_>) {
    if flow.is_json() {
        for kind in (0..flow.mapping.records.len()).map(Some).chain([None]) {
            let rows: Vec<&RowInfo> = flow.rows().iter().filter(|row| row.record == kind).collect();
            mandatory(flow, &rows, flow.targets.of(kind), &optional(flow, kind), defects);
        }
    } else {
        let rows: Vec<&RowInfo> = flow.rows().iter().collect();
        mandatory(flow, &rows, flow.target_shape(), &optional(flow, Some(0)), defects);
    }
    elements(flow, defects);
}

/// An element that may not be written, or several times.
pub(super) struct Optional<'f> {
    place: String,
    pub when: Option<&'f Condition>,
}

/// The optional elements of a kind, and the record itself if it has a condition.
fn optional(flow: &Flow, kind: Option<usize>) -> Vec<Optional<'_>> {
    let mut found = Vec::new();
    if let Some(record) = kind.and_then(|kind| flow.mapping.records.get(kind)) {
        gather(&record.element, &record.base, &mut found);
        if let Some(when) = record.when.as_ref().filter(|_| flow.is_json()) {
            found.push(Optional { place: record.base.clone(), when: Some(when) });
        }
    }
    found
}

fn gather<'f>(plan: &'f ElementPlan, path: &str, found: &mut Vec<Optional<'f>>) {
    if plan.when.is_some() || plan.each.is_some() {
        found.push(Optional { place: path.to_owned(), when: plan.when.as_ref() });
    }
    for child in &plan.children {
        let name = match child.is_array {
            true => format!("{}[{}]", child.name, child.label),
            false => child.name.clone(),
        };
        gather(child, &format!("{path}/{name}"), found);
    }
}

/// Whether `target` is the place or lies below it.
fn is_below(place: &str, target: &str) -> bool {
    target.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Every mandatory place below a place that is written has a row that always fires.
fn mandatory(
    flow: &Flow,
    rows: &[&RowInfo],
    shape: &Shape,
    optional: &[Optional<'_>],
    defects: &mut Defects<'_>,
) {
    let mut parents = BTreeSet::from([String::new()]);
    for row in rows {
        parents.extend(row.target.match_indices('/').map(|(at, _)| row.target[..at].to_owned()));
    }
    let records = &flow.mapping.records;
    for (path, _) in shape.nodes.iter().filter(|(_, node)| node.min_occurs > 0) {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        // The container's place for the records themselves.
        if flow.is_json() && records.iter().any(|record| record.base == *path) {
            continue;
        }
        for parent in parents.iter().filter(|parent| without_labels(parent) == above) {
            let place = if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") };
            let writers: Vec<&&RowInfo> = rows.iter().filter(|row| writes(row, &place)).collect();
            let around: Vec<&Optional<'_>> =
                optional.iter().filter(|one| is_below(&one.place, &place)).collect();
            let offset = writers.first().map_or(0, |row| row.offset);
            if writers.is_empty() {
                defects.add(0, &place, "the schema wants it, no row writes it", "add a [[row]]");
            } else if !writers.iter().any(|row| certain(flow, row, &around)) {
                let mend = "name in `guard` the rule that withholds the record without it";
                defects.add(offset, &place, "mandatory, but its row may find nothing", mend);
            }
        }
    }
}

/// Whether a row writes a place or something below it; `name[]` is any element of the array.
fn writes(row: &RowInfo, place: &str) -> bool {
    match place.strip_suffix("[]") {
        None => is_below(place, &row.target),
        Some(array) => row.target.strip_prefix(array).is_some_and(|rest| rest.starts_with('[')),
    }
}

/// `[[element]]` targets exist, and repeat only where the schema lets them.
fn elements(flow: &Flow, defects: &mut Defects<'_>) {
    let document = &flow.mapping.document;
    for (index, record) in document.record.tables.iter().enumerate() {
        let shape = flow.targets.of(Some(index));
        for table in document.element.iter().chain(&record.object) {
            let (offset, table) = (table.span().start, table.get_ref());
            match shape.place(&format!("{}/{}", record.element, table.target)) {
                None => defects.add(offset, &table.target, "the element is not in the schema", ""),
                Some(Node { max_occurs: Some(1), .. }) if table.each.is_some() => {
                    let message = "the schema allows one, `each` may write several";
                    defects.add(offset, &table.target, message, "drop `each`");
                }
                Some(_) => {}
            }
        }
    }
}
