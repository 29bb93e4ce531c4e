//! The static check of rows: each against its source's and its target's place.

use super::Flow;
use super::check_targets::Optional;
use super::check_values::{self, Facets};
use crate::mapping::compile::{RowInfo, ValuePlan};
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
    reads(flow, info, faults);
    let Some(target) = flow.targets.of(info.record).place(&info.target) else {
        let near = nearest(flow, info);
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

/// What a row of one kind may not read: another kind's item, and the day itself.
fn reads(flow: &Flow, info: &RowInfo, faults: &mut Vec<Fault>) {
    let mapping = &flow.mapping;
    let Some(own) = info.record else { return };
    if info.paths.iter().any(|path| path.slot == mapping.roots.today) {
        let mend = "compare it in a condition: a record that holds the day would change every day";
        faults.push(("the row writes today".to_owned(), mend.to_owned()));
    }
    let others = mapping.records.iter().enumerate().filter(|(index, _)| *index != own);
    for (_, other) in others {
        let mut slots =
            other.item.iter().map(|item| item.slot).chain(other.steps.iter().map(|(slot, _)| *slot));
        if slots.any(|slot| info.paths.iter().any(|path| path.slot == slot)) {
            let message = format!("the row reads an item of the kind `{}`", other.kind);
            faults.push((message, "move the row there".to_owned()));
        }
    }
}

fn unknown_source(flow: &Flow, info: &RowInfo) -> Fault {
    let unknown = info.paths.iter().filter_map(|path| flow.mapping.names.shape_path(path));
    let mut unknown = unknown.filter(|path| !flow.folder_shape.nodes.contains_key(path));
    let path = unknown.next().unwrap_or_default();
    (format!("`{path}` is not a field of the folder"), "see schemas/folder/1".to_owned())
}

/// What the source may hold; `None` if it does not exist.
fn source_facets(flow: &Flow, info: &RowInfo) -> Option<Facets> {
    let facets = |path: &PathRef| {
        if path.made {
            return Some(made(flow, info, path));
        }
        let node = flow.folder_shape.nodes.get(&flow.mapping.names.shape_path(path)?)?;
        (node.kind != Kind::Object).then(|| Facets::of_node(node))
    };
    if info.row.template.is_some() {
        let all: Option<Vec<Facets>> = info.paths.iter().map(facets).collect();
        return all.map(|_| Facets::of_kind(Kind::Text));
    }
    facets(info.paths.first()?)
}

/// A step's field, a setting, a `[[value]]`, or a field of the container.
fn made(flow: &Flow, info: &RowInfo, path: &PathRef) -> Facets {
    let mapping = &flow.mapping;
    if info.record.is_none() {
        let is_day = info.row.from.as_deref() == Some("invio.data");
        return Facets::of_kind(if is_day { Kind::Date } else { Kind::Text });
    }
    if path.slot == mapping.roots.settings {
        let setting = mapping.flow.settings.values().nth(path.field);
        let enumeration = setting.map(|setting| setting.values.clone()).unwrap_or_default();
        return Facets { enumeration, ..Facets::of_kind(Kind::Text) };
    }
    let mut steps = mapping.records.iter().flat_map(|record| &record.steps);
    let step = steps.find(|(slot, _)| *slot == path.slot);
    let field = step.and_then(|(_, step)| step.fields().get(path.field));
    Facets::of_kind(field.map_or(Kind::Text, |field| field.kind))
}

/// Whether a row always finds a value where its element is written.
pub(super) fn certain(flow: &Flow, info: &RowInfo, around: &[&Optional<'_>]) -> bool {
    if !info.row.guard.is_empty() || info.record.is_none() {
        return true;
    }
    info.row.when.is_none() && info.paths.iter().all(|path| is_there(flow, path, around))
}

/// Whether a path has a value wherever the elements around it are written.
fn is_there(flow: &Flow, path: &PathRef, around: &[&Optional<'_>]) -> bool {
    let mapping = &flow.mapping;
    if around.iter().filter_map(|one| one.when).any(|when| when.needs(path)) {
        return true;
    }
    if path.made {
        let own = [mapping.roots.settings, mapping.roots.record].contains(&path.slot);
        let value = mapping.values.iter().find(|value| value.slot == path.slot);
        let made = |value: &ValuePlan| {
            let mut templates = value.templates.iter();
            templates.any(|template| template.paths().all(|path| is_there(flow, path, around)))
        };
        return own || value.is_some_and(made);
    }
    let names = &mapping.names;
    let required = names
        .shape_path(path)
        .and_then(|path| flow.folder_shape.nodes.get(&path).cloned())
        .is_some_and(|node| node.min_occurs > 0 || path.segments.is_empty());
    let looked_up = mapping.lookups.iter().any(|lookup| lookup.slot == path.slot);
    let sure_root = match names.root(path.slot) {
        Root::Top => {
            flow.folder_shape.nodes.get(names.name(path.slot)).is_some_and(|node| node.min_occurs > 0)
        }
        _ => !looked_up || !around.is_empty(),
    };
    required && sure_root
}

/// The known target with the same last word, or the first one.
fn nearest<'f>(flow: &'f Flow, info: &RowInfo) -> &'f str {
    let target = &info.target;
    let last = target.rsplit('/').next().unwrap_or(target);
    let same = |path: &&String| path.rsplit('/').next().is_some_and(|word| word.eq_ignore_ascii_case(last));
    let nodes = &flow.targets.of(info.record).nodes;
    nodes.keys().find(same).or_else(|| nodes.keys().next()).map_or("", String::as_str)
}
