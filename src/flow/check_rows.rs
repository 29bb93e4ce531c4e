//! The static check of rows: each against its source's and its target's place.

use super::Flow;
use super::check_values::{self, Facets};
use crate::mapping::compile::RowInfo;
use crate::mapping::defect::Defects;
use crate::mapping::path::{PathRef, Root};
use crate::schema::shape::{Kind, Node};

/// What is wrong and how to mend it.
pub(super) type Fault = (String, String);

/// Checks every row of the record and of the container.
pub(super) fn rows(flow: &Flow, defects: &mut Defects<'_>) {
    for info in flow.rows() {
        let mut faults = Vec::new();
        row(flow, info, &mut faults);
        for (message, mend) in faults {
            defects.add(info.offset, &info.target, message, mend);
        }
    }
}

fn row(flow: &Flow, info: &RowInfo, faults: &mut Vec<Fault>) {
    guards(flow, info, faults);
    let Some(target) = flow.target_shape().nodes.get(&info.target) else {
        let near = nearest(flow, &info.target);
        faults.push(("the target is not in the schema".to_owned(), format!("did you mean `{near}`?")));
        return;
    };
    if target.kind == Kind::Object {
        faults.push((
            "the target is an element without text".to_owned(),
            "name one of its attributes".to_owned(),
        ));
        return;
    }
    if let Some(value) = &info.row.value {
        constant(value, target, faults);
        return;
    }
    let Some(source) = source_facets(flow, info) else {
        faults.push(unknown_source(flow, info));
        return;
    };
    if !info.sources.is_empty() && info.row.purpose.is_none() {
        faults.push(("personal data leave without a purpose".to_owned(), "add `purpose`".to_owned()));
    }
    if !info.transform.takes(source.kind) {
        let message = format!("the transform does not take {:?}", source.kind);
        faults.push((message, "choose another `as`, see mappings/README.md".to_owned()));
        return;
    }
    check_values::row(flow, info, &source, target, faults);
}

fn guards(flow: &Flow, info: &RowInfo, faults: &mut Vec<Fault>) {
    for name in &info.row.guard {
        if !flow.rules.iter().any(|rule| rule.table.id == *name) {
            faults.push((format!("the guard `{name}` is no rule"), "add it to rules.toml".to_owned()));
        }
    }
}

fn constant(value: &str, target: &Node, faults: &mut Vec<Fault>) {
    if !target.enumeration.is_empty() && !target.enumeration.iter().any(|known| known == value) {
        faults
            .push((format!("`{value}` is not allowed"), format!("one of {}", target.enumeration.join(", "))));
    }
}

fn unknown_source(flow: &Flow, info: &RowInfo) -> Fault {
    let path = info.path.as_ref().and_then(|path| flow.mapping.names.shape_path(path)).unwrap_or_default();
    (format!("`{path}` is not a field of the folder"), "see schemas/folder/1".to_owned())
}

/// What the source may hold; `None` if it does not exist.
fn source_facets(flow: &Flow, info: &RowInfo) -> Option<Facets> {
    let path = info.path.as_ref()?;
    if path.made {
        return Some(Facets::of_kind(made_kind(flow, info, path)));
    }
    let node = flow.folder_shape.nodes.get(&flow.mapping.names.shape_path(path)?)?;
    (node.kind != Kind::Object).then(|| Facets::of_node(node))
}

/// Kind of a step's or of the container's field.
fn made_kind(flow: &Flow, info: &RowInfo, path: &PathRef) -> Kind {
    if info.sources.is_empty() {
        return if info.row.from.as_deref() == Some("invio.data") { Kind::Date } else { Kind::Text };
    }
    let step = flow.mapping.steps.iter().find(|(slot, _)| *slot == path.slot);
    step.and_then(|(_, step)| step.fields().get(path.field)).map_or(Kind::Text, |field| field.kind)
}

/// Whether a row always finds a value where its element is written.
pub(super) fn certain(flow: &Flow, info: &RowInfo, optional_element: bool) -> bool {
    if info.row.value.is_some() || !info.row.guard.is_empty() || info.sources.is_empty() {
        return true;
    }
    let Some(path) = &info.path else { return true };
    if info.row.when.is_some() || path.made {
        return false;
    }
    let names = &flow.mapping.names;
    let required = names
        .shape_path(path)
        .and_then(|path| flow.folder_shape.nodes.get(&path).cloned())
        .is_some_and(|node| node.min_occurs > 0 || path.segments.is_empty());
    let looked_up = flow.mapping.lookups.iter().any(|lookup| lookup.slot == path.slot);
    let sure_root = match names.root(path.slot) {
        Root::Top => {
            flow.folder_shape.nodes.get(names.name(path.slot)).is_some_and(|node| node.min_occurs > 0)
        }
        _ => !looked_up || optional_element,
    };
    required && sure_root
}

/// The known target with the same last word, or the first one.
fn nearest<'f>(flow: &'f Flow, target: &str) -> &'f str {
    let last = target.rsplit('/').next().unwrap_or(target);
    let same = |path: &&String| path.rsplit('/').next().is_some_and(|word| word.eq_ignore_ascii_case(last));
    let nodes = &flow.target_shape().nodes;
    nodes.keys().find(same).or_else(|| nodes.keys().next()).map_or("", String::as_str)
}
