//! The static check of an inbound flow: against the answer's schema, the folder's schema and
//! its own code tables, before it can load.

use super::check::{fixtures_of, places_of_rules};
use super::check_rows::Fault;
use super::check_values::{self, Facets};
use super::files::Files;
use super::inbound::InboundFlow;
use super::inbound_propose::matches;
use crate::mapping::Defect;
use crate::mapping::condition::Condition;
use crate::mapping::defect::Defects;
use crate::mapping::inbound::{ListPlan, RowPlan};
use crate::mapping::path::{PathRef, Root};
use crate::mapping::transform::Transform;
use crate::schema::pattern::Pattern;
use crate::schema::shape::{Kind, Node, Shape};

/// All defects of one inbound flow.
pub(super) fn flow(flow: &InboundFlow, files: &dyn Files) -> Vec<Defect> {
    let file = format!("mappings/{}/mapping.toml", flow.id());
    let text = files.text(&file).unwrap_or_default();
    let mut defects = Defects::new(&file, &text);
    persons(flow, &mut defects);
    for row in &flow.mapping.rows {
        tell(row, row_faults(flow, row, None), &mut defects);
    }
    for list in &flow.mapping.lists {
        for (message, mend) in list_faults(flow, list) {
            defects.add(list.offset, &list.table.target, message, mend);
        }
        for row in &list.rows {
            tell(row, row_faults(flow, row, Some(list)), &mut defects);
        }
    }
    let mut found = defects.found;
    let known = |path: &PathRef| exists(flow, path);
    found.extend(places_of_rules(flow.id(), &flow.rules, &flow.mapping.names, &known, files));
    found.extend(fixtures_of(flow.id(), files));
    found
}

fn tell(row: &RowPlan, faults: Vec<Fault>, defects: &mut Defects<'_>) {
    for (message, mend) in faults {
        defects.add(row.offset, &row.target, message, mend);
    }
}

/// Every document of an answer says of whom it speaks.
fn persons(flow: &InboundFlow, defects: &mut Defects<'_>) {
    let names = &flow.mapping.names;
    for path in flow.mapping.person.iter().filter(|path| !exists(flow, path)) {
        let place = names.shape_path(path).unwrap_or_default();
        defects.add(0, "answer", format!("`{place}` is not in the answer's schema"), "correct `person`");
    }
    for root in flow.schema.shape().nodes.keys().filter(|path| !path.contains('/')) {
        if !flow.mapping.person.iter().any(|path| names.name(path.slot) == root) {
            let message = format!("of whom `{root}` speaks is not known");
            defects.add(0, "answer", message, "add the place of its codice fiscale to `person`");
        }
    }
}

fn node<'f>(flow: &'f InboundFlow, path: &PathRef) -> Option<&'f Node> {
    flow.answer_shape.nodes.get(&flow.mapping.names.shape_path(path)?)
}

/// Whether a path, of which a list may be meant, is in the answer.
fn exists(flow: &InboundFlow, path: &PathRef) -> bool {
    let Some(place) = flow.mapping.names.shape_path(path) else { return path.made };
    // A single element may stand where a list's current element is meant.
    let places = [place.clone(), format!("{place}[]"), place.replacen("[]", "", 1)];
    places.iter().any(|place| flow.answer_shape.nodes.contains_key(place))
}

fn list_faults(flow: &InboundFlow, list: &ListPlan) -> Vec<Fault> {
    let (mut faults, shape) = (Vec::new(), &flow.folder_shape);
    let target = format!("{}[]", list.table.target);
    if shape.nodes.get(&target).is_none_or(|node| node.kind != Kind::Object) {
        faults.push(("the target is no list of objects of the folder".to_owned(), folder()));
        return faults;
    }
    for (path, text) in list.each.iter().zip(list.table.each.list()) {
        if element(flow, path).is_none() {
            faults.push((format!("`{text}` is no element of the answer"), "correct `each`".to_owned()));
        }
    }
    let filled = |name: &str| list.rows.iter().any(|row| row.target == format!("{target}.{name}"));
    for key in list.key().iter().filter(|key| !filled(key)) {
        faults.push((format!("no row fills the key `{key}`"), "add the row, or correct `key`".to_owned()));
    }
    let below = format!("{target}.");
    let required = shape.nodes.iter().filter(|(_, node)| node.min_occurs > 0);
    let required = required.filter_map(|(path, _)| path.strip_prefix(&below));
    for name in required.filter(|name| !name.contains('.') && !filled(name)) {
        faults.push((format!("the folder requires `{name}`, which no row fills"), "add the row".to_owned()));
    }
    conditions(flow, list.when.as_ref(), &mut faults);
    faults
}

/// The shape path of an element that `each` names: repeated, or single.
fn element(flow: &InboundFlow, path: &PathRef) -> Option<String> {
    let place = flow.mapping.names.shape_path(path)?;
    let object =
        |place: &String| flow.answer_shape.nodes.get(place).is_some_and(|node| node.kind == Kind::Object);
    [format!("{place}[]"), place].into_iter().find(object)
}

fn folder() -> String {
    "see schemas/folder/1".to_owned()
}

fn conditions(flow: &InboundFlow, when: Option<&Condition>, faults: &mut Vec<Fault>) {
    let mut paths = Vec::new();
    if let Some(when) = when {
        when.paths(&mut paths);
    }
    for path in paths.into_iter().filter(|path| !exists(flow, path)) {
        let place = flow.mapping.names.shape_path(path).unwrap_or_default();
        faults.push((format!("`{place}` is not in the answer's schema"), "correct `when`".to_owned()));
    }
}

fn row_faults(flow: &InboundFlow, row: &RowPlan, list: Option<&ListPlan>) -> Vec<Fault> {
    let mut faults = Vec::new();
    conditions(flow, row.when.as_ref(), &mut faults);
    let lists = row.table.target.contains("[]");
    let Some(target) = flow
        .folder_shape
        .nodes
        .get(&row.target)
        .filter(|node| node.kind != Kind::Object && !lists && single(&flow.folder_shape, row, list))
    else {
        faults.push(("the target is no field of the folder".to_owned(), folder()));
        return faults;
    };
    if row.table.purpose.is_none() {
        faults.push(("personal data are received without a purpose".to_owned(), "add `purpose`".to_owned()));
    }
    let basis = row.table.legal_basis.as_ref().unwrap_or(&flow.mapping.flow.legal_basis);
    if basis.trim().is_empty() {
        faults.push((
            "personal data are received without a legal basis".to_owned(),
            "add `legal_basis`, to the row or to [flow]".to_owned(),
        ));
    }
    match &target.pattern {
        Some(pattern) if !readable(pattern) => {
            faults.push((format!("the folder's pattern {pattern} can't be judged here"), folder()));
        }
        _ => {}
    }
    values(flow, row, list, target, &mut faults);
    faults
}

/// A field of a list's element is written by the list's own row only.
fn single(shape: &Shape, row: &RowPlan, list: Option<&ListPlan>) -> bool {
    let inside = list.map_or(0, |list| list.table.target.len() + 2);
    let below = row.target.get(inside..).unwrap_or_default();
    !below.contains("[]") && shape.nodes.get(&row.target).is_some_and(|node| node.max_occurs == Some(1))
}

fn readable(pattern: &str) -> bool {
    let inner = pattern.strip_prefix('^').and_then(|pattern| pattern.strip_suffix('$'));
    inner.and_then(Pattern::compile).is_some()
}

fn values(
    flow: &InboundFlow,
    row: &RowPlan,
    list: Option<&ListPlan>,
    target: &Node,
    faults: &mut Vec<Fault>,
) {
    let Some(from) = &row.from else {
        let text = row.table.value.as_deref().unwrap_or_default();
        constant(text, target, faults);
        return;
    };
    let Some(sources) = sources(flow, from, list) else {
        let place = flow.mapping.names.shape_path(from).unwrap_or_default();
        let message = format!("`{place}` is no field of the answer's schema");
        faults.push((message, format!("see schemas/{}", flow.id())));
        return;
    };
    for source in sources {
        source_faults(row, source, target, faults);
    }
    faults.dedup();
}

fn source_faults(row: &RowPlan, source: &Node, target: &Node, faults: &mut Vec<Fault>) {
    if !row.transform.takes(source.kind) {
        let message = format!("the transform does not take {:?}", source.kind);
        faults.push((message, "choose another `as`, see mappings/README.md".to_owned()));
        return;
    }
    let mut facets = Facets::of_node(source);
    // Empty text is absent.
    facets.lengths.0 = facets.lengths.0.max(1);
    let facets = facets.after(row.transform);
    if let (Some(name), Some((table, column))) = (&row.table.codes, &row.codes) {
        check_values::codes(name, table, *column, &facets, target, row.table.checked, faults);
        return;
    }
    check_values::kinds(&facets, target, faults);
    if row.table.checked || row.transform == Transform::Integer && target.kind == Kind::Text {
        return;
    }
    check_values::enumerations(&facets, target, faults);
    check_values::lengths(None, &facets, target, faults);
    check_values::patterns(&facets, target, faults);
}

/// The answer's places that a path means: one, or one for each list that the element is of.
fn sources<'f>(flow: &'f InboundFlow, from: &PathRef, list: Option<&ListPlan>) -> Option<Vec<&'f Node>> {
    let field = |node: &&Node| node.kind != Kind::Object;
    match (flow.mapping.names.root(from.slot), list) {
        (Root::Item { .. }, Some(list)) if list.slot == from.slot => {
            let below: String = from.segments.iter().map(|word| format!(".{word}")).collect();
            let of = |path: &PathRef| {
                flow.answer_shape.nodes.get(&format!("{}{below}", element(flow, path)?)).filter(field)
            };
            list.each.iter().map(of).collect()
        }
        _ => node(flow, from).filter(field).map(|node| vec![node]),
    }
}

fn constant(text: &str, target: &Node, faults: &mut Vec<Fault>) {
    let listed = target.enumeration.is_empty() || target.enumeration.iter().any(|known| known == text);
    let formed = target.pattern.as_deref().is_none_or(|pattern| matches(pattern, text));
    if !listed || !formed || target.kind != Kind::Text {
        faults.push((format!("the folder does not take `{text}` there"), folder()));
    }
}
