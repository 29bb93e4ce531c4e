//! Two versions of a family side by side: what of the table, the schema, the rules and the codes
//! was added, removed or changed. Mapping text only, nothing of any folder.

use super::Flow;
use crate::mapping::document::RowTable;
use crate::mapping::document_record::RecordTable;
use crate::rules::Rule;
use crate::schema::shape::Node;
use serde::Serialize;
use std::collections::BTreeMap;

/// What the newer version does differently.
#[derive(Clone, Debug, Serialize)]
pub struct Upgrade {
    pub from: String,
    pub to: String,
    /// First sending date of `to`, ISO.
    pub takes_effect: String,
    /// What a record is, lookups, steps, values, settings, operations, container.
    pub definition: Changes,
    /// Rows by their target; a second row of one target is `target (2)`.
    pub rows: Changes,
    /// Places of the payload's schema.
    pub targets: Changes,
    pub rules: Changes,
    /// Lines of code tables, `table: key`.
    pub codes: Changes,
}

/// Things by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub changed: Vec<Changed>,
}

/// One thing that is in both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    pub name: String,
    pub differences: Vec<Difference>,
}

/// One property of it, as written; empty = absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub property: String,
    pub before: String,
    pub after: String,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// Compares two versions.
pub fn compare(from: &Flow, to: &Flow) -> Upgrade {
    let changes = |of: fn(&Flow) -> Things| between(&of(from), &of(to));
    Upgrade {
        from: from.id().to_owned(),
        to: to.id().to_owned(),
        takes_effect: to.valid().0.to_string(),
        definition: changes(definition),
        rows: changes(rows),
        targets: changes(targets),
        rules: changes(rules),
        codes: changes(codes),
    }
}

/// Properties with their text.
type Properties = Vec<(&'static str, String)>;
type Things = BTreeMap<String, Properties>;

fn between(old: &Things, new: &Things) -> Changes {
    let lacking = |one: &Things, other: &Things| {
        one.keys().filter(|name| !other.contains_key(*name)).cloned().collect::<Vec<_>>()
    };
    let both = old.iter().filter_map(|(name, before)| Some((name, before, new.get(name)?)));
    let changed = both.map(|(name, before, after)| Changed {
        name: name.clone(),
        differences: before.iter().zip(after).filter(|(a, b)| a != b).map(difference).collect(),
    });
    Changes {
        added: lacking(new, old),
        removed: lacking(old, new),
        changed: changed.filter(|changed| !changed.differences.is_empty()).collect(),
    }
}

fn difference((before, after): (&(&str, String), &(&str, String))) -> Difference {
    let (before, after) = (before.clone(), after.clone());
    Difference { property: before.0.to_owned(), before: before.1, after: after.1 }
}

/// A name that is not taken yet: `x`, `x (2)`.
fn put(things: &mut Things, name: &str, properties: Properties) {
    let mut free = name.to_owned();
    let mut number = 1;
    while things.contains_key(&free) {
        number += 1;
        free = format!("{name} ({number})");
    }
    things.insert(free, properties);
}

fn optional(text: &Option<String>) -> String {
    text.clone().unwrap_or_default()
}

/// Any table as text; absent is empty.
fn debug(value: &impl std::fmt::Debug) -> String {
    match format!("{value:?}") {
        absent if absent == "None" => String::new(),
        text => text,
    }
}

fn rows(flow: &Flow) -> Things {
    let mut things = Things::new();
    for info in flow.rows() {
        let record = info.record.filter(|_| flow.mapping.document.record.several);
        let kind = record.and_then(|record| flow.mapping.records.get(record));
        let name = kind.map_or_else(|| info.target.clone(), |kind| format!("{}: {}", kind.kind, info.target));
        put(&mut things, &name, row(&info.row));
    }
    things
}

fn row(row: &RowTable) -> Properties {
    vec![
        ("from", optional(&row.from)),
        ("value", optional(&row.value)),
        ("template", optional(&row.template)),
        ("as", optional(&row.transform)),
        ("codes", optional(&row.codes)),
        ("codes_at", optional(&row.codes_at)),
        ("when", optional(&row.when)),
        ("truncate", debug(&row.truncate)),
        ("guard", row.guard.join(", ")),
        ("purpose", optional(&row.purpose)),
    ]
}

fn targets(flow: &Flow) -> Things {
    let mut things = Things::new();
    for (path, node) in &flow.targets.container.nodes {
        things.insert(path.clone(), node_of(node));
    }
    for (index, plan) in flow.mapping.records.iter().enumerate().filter(|_| flow.is_json()) {
        for (path, node) in &flow.targets.of(Some(index)).nodes {
            things.insert(format!("{}: {path}", plan.kind), node_of(node));
        }
    }
    things
}

fn node_of(node: &Node) -> Properties {
    let most = node.max_occurs.map_or_else(|| "*".to_owned(), |most| most.to_string());
    vec![
        ("kind", debug(&node.kind)),
        ("occurs", format!("{}..{most}", node.min_occurs)),
        ("least length", debug(&node.min_length)),
        ("most length", debug(&node.max_length)),
        ("least value", optional(&node.min_value)),
        ("most value", optional(&node.max_value)),
        ("values", node.enumeration.join(", ")),
        ("pattern", optional(&node.pattern)),
    ]
}

fn rules(flow: &Flow) -> Things {
    flow.rules.iter().map(|rule| (rule.table.id.clone(), rule_of(rule))).collect()
}

fn rule_of(rule: &Rule) -> Properties {
    let table = &rule.table;
    vec![
        ("severity", debug(&table.severity)),
        ("scope", debug(&table.scope)),
        ("record", optional(&table.record)),
        ("when", optional(&table.when)),
        ("check", table.check.clone()),
        ("at", table.at.join(", ")),
        ("payload", optional(&table.payload)),
        ("message", table.message.it.clone()),
        ("hint", table.hint.it.clone()),
        ("verdict", debug(&table.verdict)),
        ("source", table.source.clone()),
    ]
}

fn codes(flow: &Flow) -> Things {
    let mut things = Things::new();
    for (name, table) in &flow.mapping.codes {
        for (key, line) in table.sorted() {
            put(&mut things, &format!("{name}: {key}"), vec![("line", line.columns.join(","))]);
        }
    }
    things
}

fn definition(flow: &Flow) -> Things {
    let document = &flow.mapping.document;
    let mut things = Things::new();
    let table = &document.flow;
    let own: Properties = vec![
        ("register", table.register.clone()),
        ("purpose", table.purpose.it.clone()),
        ("legal_basis", table.legal_basis.clone()),
        ("format", debug(&table.format)),
    ];
    put(&mut things, "flow", own);
    for (plan, table) in flow.mapping.records.iter().zip(&document.record.tables) {
        put(&mut things, &format!("record {}", plan.kind), record(table));
    }
    let one = |text: String| vec![("table", text)];
    for table in document.lookup.iter().map(|table| table.get_ref()) {
        put(&mut things, &format!("lookup {}", table.name), one(debug(table)));
    }
    for table in document.value.iter().map(|table| table.get_ref()) {
        put(&mut things, &format!("value {}", table.name), one(debug(table)));
    }
    for table in document.step.iter().map(|table| table.get_ref()) {
        put(&mut things, &format!("step {}", table.name), vec![("as", table.values.clone())]);
    }
    for (name, table) in &document.flow.settings {
        let choice = vec![("default", table.default.clone()), ("values", table.values.join(", "))];
        put(&mut things, &format!("setting {name}"), choice);
    }
    for table in document.element.iter().chain(document.record.tables.iter().flat_map(|table| &table.object))
    {
        let table = table.get_ref();
        let when = vec![("when", optional(&table.when)), ("each", optional(&table.each))];
        put(&mut things, &format!("element {}", table.target), when);
    }
    put(&mut things, "operation", one(debug(&document.operation)));
    let container = &document.container;
    let container = vec![
        ("name", container.name.clone()),
        ("kind", container.kind.clone()),
        ("namespace", optional(&container.namespace)),
        ("single", debug(&container.single)),
        ("bulk", debug(&container.bulk)),
    ];
    put(&mut things, "container", container);
    things
}

fn record(table: &RecordTable) -> Properties {
    vec![
        ("each", optional(&table.each)),
        ("part", optional(&table.part)),
        ("when", optional(&table.when)),
        ("annulled", optional(&table.annulled)),
        ("key", table.key.list().join("/")),
        ("source", table.source.list().join("/")),
        ("from", table.period.from.clone()),
        ("to", optional(&table.period.to)),
        ("needs", debug(&table.needs)),
        ("register_key", table.register_key.join(", ")),
        ("element", table.element.clone()),
        ("complete", optional(&table.complete)),
    ]
}
