//! The static check of a loaded flow: against the folder's shape, the target's
//! shape and its own tables.

use super::Flow;
use super::check_rows::{self, certain};
use super::files::Files;
use crate::mapping::Defect;
use crate::mapping::defect::Defects;
use crate::mapping::path::{PathRef, Root};
use crate::rules::RuleScope;
use crate::schema::shape::{Node, Shape};

/// All defects of one flow.
pub fn flow(flow: &Flow, files: &dyn Files) -> Vec<Defect> {
    let file = format!("mappings/{}/mapping.toml", flow.id());
    let text = files.text(&file).unwrap_or_default();
    let mut defects = Defects::new(&file, &text);
    check_rows::rows(flow, &mut defects);
    mandatory(flow, &mut defects);
    elements(flow, &mut defects);
    paths(flow, &mut defects);
    settings(flow, &mut defects);
    header(flow, &mut defects);
    let mut found = defects.found;
    found.extend(rules(flow, files));
    found.extend(fixtures(flow, files));
    found
}

/// Every mandatory place below a place that is written has a row that always fires.
fn mandatory(flow: &Flow, defects: &mut Defects<'_>) {
    let rows = flow.rows();
    let shape = flow.target_shape();
    let optional: Vec<String> = flow
        .mapping
        .document
        .element
        .iter()
        .filter(|table| table.get_ref().when.is_some() || table.get_ref().each.is_some())
        .map(|table| format!("{}/{}", flow.mapping.document.record.element, table.get_ref().target))
        .collect();
    for (path, _) in shape.nodes.iter().filter(|(_, node)| node.min_occurs > 0) {
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let below = |place: &str, target: &str| target == place || target.starts_with(&format!("{place}/"));
        if !parent.is_empty() && !rows.iter().any(|row| below(parent, &row.target)) {
            continue;
        }
        let in_optional = optional.iter().any(|element| below(element, path));
        let mut writers = rows.iter().filter(|row| below(path, &row.target)).peekable();
        if writers.peek().is_none() {
            defects.add(0, path, "the schema wants it, no row writes it", "add a [[row]]");
        } else if !writers.any(|row| certain(flow, row, in_optional)) {
            let mend = "name in `guard` the rule that withholds the record without it";
            defects.add(first_offset(flow, path), path, "mandatory, but its row may find nothing", mend);
        }
    }
}

fn first_offset(flow: &Flow, path: &str) -> usize {
    flow.rows().iter().find(|row| row.target.starts_with(path)).map_or(0, |row| row.offset)
}

/// `[[element]]` targets exist, and repeat only where the schema lets them.
fn elements(flow: &Flow, defects: &mut Defects<'_>) {
    for table in &flow.mapping.document.element {
        let (offset, table) = (table.span().start, table.get_ref());
        let path = format!("{}/{}", flow.mapping.document.record.element, table.target);
        match flow.target_shape().nodes.get(&path) {
            None => defects.add(offset, &table.target, "the element is not in the schema", ""),
            Some(Node { max_occurs: Some(1), .. }) if table.each.is_some() => {
                defects.add(
                    offset,
                    &table.target,
                    "the schema allows one, `each` may write several",
                    "drop `each`",
                );
            }
            Some(_) => {}
        }
    }
}

/// Everything that conditions, lookups and the record itself read exists.
fn paths(flow: &Flow, defects: &mut Defects<'_>) {
    for field in flow.fields_of_record() {
        if !exists(&flow.folder_shape, &field) {
            defects.add(0, &field, "not a field of the folder", "see schemas/folder/1");
        }
    }
}

fn exists(shape: &Shape, path: &str) -> bool {
    shape.nodes.contains_key(path) || shape.nodes.contains_key(&format!("{path}[]"))
}

/// Settings that a step reads are declared, with a default among their values.
fn settings(flow: &Flow, defects: &mut Defects<'_>) {
    let declared = &flow.mapping.flow.settings;
    for (_, step) in &flow.mapping.steps {
        for name in step.settings().iter().filter(|name| !declared.contains_key(**name)) {
            let mend = format!("add [flow.settings.{name}]");
            defects.add(0, step.name(), format!("the step reads the setting `{name}`"), mend);
        }
    }
    for (name, setting) in declared {
        if !setting.values.contains(&setting.default) {
            defects.add(0, name, "the default is not among the values", "correct `default`");
        }
    }
}

/// The container alone: its own rows must satisfy the schema, records apart.
fn header(flow: &Flow, defects: &mut Defects<'_>) {
    let element = &flow.mapping.document.record.element;
    let name = element.rsplit('/').next().unwrap_or(element);
    for problem in flow.validate(&flow.nominal_payload(b"")) {
        if problem.path.contains('@') || !problem.message.contains(name) {
            let mend = "correct [container] or its nominal values";
            defects.add(0, "container", format!("{}: {}", problem.path, problem.message), mend);
        }
    }
}

/// Places that rules read or name.
fn rules(flow: &Flow, files: &dyn Files) -> Vec<Defect> {
    let file = format!("mappings/{}/rules.toml", flow.id());
    let text = files.text(&file).unwrap_or_default();
    let mut defects = Defects::new(&file, &text);
    let element = &flow.mapping.document.record.element;
    for rule in &flow.rules {
        for path in rule.paths() {
            let known = |path: &PathRef| {
                path.made
                    || flow
                        .mapping
                        .names
                        .shape_path(path)
                        .is_some_and(|path| exists(&flow.folder_shape, &path))
            };
            let of_record = path.made || !matches!(flow.mapping.names.root(path.slot), Root::Top);
            if rule.table.scope == RuleScope::Person && of_record {
                let mend = "`scope = \"record\"`, or read the folder's own properties only";
                defects.add(
                    rule.offset,
                    &rule.table.id,
                    "a rule over the person reads a record's names",
                    mend,
                );
            }
            if !known(path) {
                let place = flow.mapping.names.shape_path(path).unwrap_or_default();
                let message = format!("`{place}` is not a field of the folder");
                defects.add(rule.offset, &rule.table.id, message, "see schemas/folder/1");
            }
        }
        if let Some(payload) = &rule.table.payload
            && !flow.target_shape().nodes.contains_key(&format!("{element}/{payload}"))
        {
            let message = format!("`{payload}` is not in the target schema");
            defects.add(rule.offset, &rule.table.id, message, "correct `payload`");
        }
    }
    defects.found
}

/// A flow without a tested case is not trusted; the binary carries no fixtures.
fn fixtures(flow: &Flow, files: &dyn Files) -> Vec<Defect> {
    if files.list("fixtures").is_empty() {
        return Vec::new();
    }
    let folder = format!("fixtures/{}", flow.id());
    if files.list(&folder).iter().any(|path| path.ends_with("/folder.json")) {
        return Vec::new();
    }
    vec![Defect {
        file: folder,
        line: None,
        place: String::new(),
        message: "the flow has no fixture".to_owned(),
        mend: "add <case>/folder.json, then `raccordo test --bless`".to_owned(),
    }]
}
