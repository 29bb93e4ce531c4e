//! The static check of values: lengths, enumerations, patterns, code tables.

use super::Flow;
use super::check_rows::Fault;
use super::pattern_length::{self, Lengths};
use crate::mapping::codes::CodeTable;
use crate::mapping::compile::RowInfo;
use crate::mapping::condition_parse::find_table;
use crate::mapping::path::Root;
use crate::mapping::transform::Transform;
use crate::schema::shape::{Kind, Node};

/// What a value may be, at the source or after the transform.
#[derive(Clone, Debug)]
pub(super) struct Facets {
    pub kind: Kind,
    pub enumeration: Vec<String>,
    pub pattern: Option<String>,
    pub lengths: Lengths,
}

impl Facets {
    pub fn of_kind(kind: Kind) -> Self {
        let lengths = if kind == Kind::Date { (10, Some(10)) } else { (0, None) };
        Self { kind, enumeration: Vec::new(), pattern: None, lengths }
    }

    pub fn of_node(node: &Node) -> Self {
        let lengths = |word: &String| word.chars().count();
        let by_pattern = match node.enumeration.iter().map(lengths).min() {
            Some(fewest) => (fewest, node.enumeration.iter().map(lengths).max()),
            None => node.pattern.as_deref().and_then(pattern_length::of).unwrap_or((0, None)),
        };
        let (fewest, most) = if node.kind == Kind::Date { (10, Some(10)) } else { by_pattern };
        let lengths = (
            node.min_length.unwrap_or(fewest).max(fewest),
            match (node.max_length, most) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
        );
        Self {
            kind: node.kind,
            enumeration: node.enumeration.clone(),
            pattern: node.pattern.clone(),
            lengths,
        }
    }

    pub fn after(mut self, transform: Transform) -> Self {
        let source = self.kind;
        self.kind = transform.makes(source);
        match transform {
            Transform::Text | Transform::Upper | Transform::Date => {}
            Transform::Year | Transform::Quarter => self.lengths = (4, Some(4)),
            Transform::Month => self.lengths = (7, Some(7)),
            Transform::Prefix(length) => self.lengths = (self.lengths.0.min(length), Some(length)),
            Transform::Digest(length) => self.lengths = (length, Some(length)),
            Transform::Uuid => self.lengths = (45, Some(45)),
            Transform::Midnight => self.lengths = (25, Some(25)),
            Transform::Percent => self.lengths = (self.lengths.0, None),
            Transform::Money
            | Transform::Integer
            | Transform::HoursMinutes
            | Transform::Boolean
            | Transform::Decimal => self.lengths = (1, None),
        }
        if transform != Transform::Text {
            self.pattern = None;
            self.enumeration.clear();
        }
        self
    }
}

/// Compares what a row can write with what its target takes.
pub(super) fn row(flow: &Flow, info: &RowInfo, source: &Facets, target: &Node, faults: &mut Vec<Fault>) {
    let guarded = !info.row.guard.is_empty();
    let facets = source.clone().after(info.transform);
    if let Some(name) = &info.row.codes {
        if let Ok((table, column)) = find_table(&flow.mapping.codes, name) {
            if table.is_dated() && info.row.codes_at.is_none() {
                let message = format!("lines of codes/{name}.csv are dated, the row names no day");
                faults.push((message, "name the event's day in `codes_at`".to_owned()));
            }
            codes(name, &table, column, &facets, target, guarded, faults);
        }
        return;
    }
    if info.sources.is_empty() {
        return; // The container's header is validated when it is built.
    }
    kinds(&facets, target, faults);
    // What a template or a hash gives is judged by the schema, record by record.
    let names = &flow.mapping.names;
    let composed = info.row.template.is_some()
        || matches!(info.transform, Transform::Uuid | Transform::Digest(_))
        || info.paths.iter().any(|path| matches!(names.root(path.slot), Root::Value { .. }));
    if guarded || composed {
        return;
    }
    enumerations(&facets, target, faults);
    lengths(info.row.truncate, &facets, target, faults);
    patterns(&facets, target, faults);
}

/// The table covers the source, and the target takes all that it gives.
pub(super) fn codes(
    name: &str,
    table: &CodeTable,
    column: usize,
    source: &Facets,
    target: &Node,
    guarded: bool,
    faults: &mut Vec<Fault>,
) {
    let missing: Vec<&str> =
        source.enumeration.iter().map(String::as_str).filter(|word| !table.contains(word, None)).collect();
    if !missing.is_empty() && !guarded {
        let message = format!("codes/{name}.csv does not translate {}", missing.join(", "));
        faults.push((message, "add the lines, or name the rule that stops them in `guard`".to_owned()));
    }
    let takes = |cell: &str| {
        (target.enumeration.is_empty() || target.enumeration.iter().any(|known| known == cell))
            && target.min_length.is_none_or(|fewest| cell.chars().count() >= fewest)
            && target.max_length.is_none_or(|most| cell.chars().count() <= most)
    };
    let mut refused: Vec<&str> =
        table.cells(column).filter(|(_, cell)| !takes(cell)).map(|(key, _)| key).collect();
    refused.sort_unstable();
    if !refused.is_empty() && !guarded {
        let message =
            format!("the target does not take what codes/{name}.csv gives for {}", refused.join(", "));
        faults.push((message, "correct the table, or name the rule that stops them in `guard`".to_owned()));
    }
}

pub(super) fn kinds(facets: &Facets, target: &Node, faults: &mut Vec<Fault>) {
    let fits = match target.kind {
        Kind::Text => true,
        Kind::Decimal => matches!(facets.kind, Kind::Decimal | Kind::Integer),
        kind => facets.kind == kind,
    };
    if !fits {
        let message = format!("the row writes {:?}, the target takes {:?}", facets.kind, target.kind);
        faults.push((message, "choose the transform in `as`".to_owned()));
    }
}

pub(super) fn enumerations(facets: &Facets, target: &Node, faults: &mut Vec<Fault>) {
    if target.enumeration.is_empty() {
        return;
    }
    let known = |word: &String| target.enumeration.contains(word);
    if facets.enumeration.is_empty() || !facets.enumeration.iter().all(known) {
        faults.push(("the target is enumerated, the source is not so".to_owned(), "add `codes`".to_owned()));
    }
}

pub(super) fn lengths(truncate: Option<usize>, facets: &Facets, target: &Node, faults: &mut Vec<Fault>) {
    let (fewest, most) = facets.lengths;
    if let Some(limit) = target.max_length {
        let cut = truncate.is_some_and(|longest| longest <= limit);
        if !cut && most.is_none_or(|most| most > limit) {
            faults.push((
                format!("the source may be longer than {limit} characters"),
                format!("`truncate = {limit}`, or name the rule that stops it in `guard`"),
            ));
        }
    }
    if target.min_length.is_some_and(|limit| fewest < limit) {
        faults.push((
            format!("the source may be shorter than {} characters", target.min_length.unwrap_or(0)),
            "name the rule that stops it in `guard`".to_owned(),
        ));
    }
}

pub(super) fn patterns(facets: &Facets, target: &Node, faults: &mut Vec<Fault>) {
    let Some(wanted) = &target.pattern else { return };
    if facets.kind != Kind::Text && target.kind != Kind::Text {
        return; // Decimal and date spellings are the transforms'.
    }
    if facets.kind == Kind::Integer && pattern_length::digits_only(wanted) {
        return;
    }
    let same = facets.pattern.as_deref().is_some_and(|given| bare(given) == bare(wanted));
    if !same {
        let message = format!("the target wants the pattern {wanted}, the source promises another");
        faults.push((message, "name the rule that stops the others in `guard`".to_owned()));
    }
}

/// A pattern without anchors and one pair of outer brackets.
fn bare(pattern: &str) -> String {
    let text = pattern.trim_start_matches('^').trim_end_matches('$').replace("\\d", "[0-9]");
    match text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        Some(inner) if !inner.contains('(') => inner.to_owned(),
        _ => text,
    }
}
