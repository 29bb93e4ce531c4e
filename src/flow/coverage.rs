//! Field coverage: what a flow does with each field of the folder, and what of it folders fill.
//!
//! A field is **sent** when a row writes it, **read** when only a rule, a condition, a lookup, a step
//! or the record's own definition looks at it, else **not needed**. It is **needed** when it feeds a target
//! that every record must have: mandatory in the payload's schema, with every element above it up to
//! the record. Such a target is served in a folder when, for one of its rows, every field of the row
//! is filled somewhere in the folder; where none is, the empty fields of its rows are *lacking*. A
//! field that is lacking, and that none of the folders looked at fills, is **missing**. What a single
//! intervention lacks is the rules' affair, not this list's.
//!
//! A field is sent **without need** when each target it goes to may be left out of its element, is
//! no part of the key by which the register recognises the record, and no rule asks for it: its stated
//! purpose alone justifies it, and somebody should look (GDPR, art. 5 par. 1 lett. c). A field without
//! any purpose never leaves: the static check refuses its row.

use super::Flow;
use super::lineage::conditions_below;
use crate::folder::finding::Text;
use crate::folder::{Labels, Lang};
use crate::mapping::compile::RowInfo;
use crate::mapping::lookup::Choice;
use crate::mapping::path::PathRef;
use crate::schema::shape::{Kind, Shape, without_labels};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a flow does with the folder's fields.
#[derive(Clone, Debug, Serialize)]
pub struct Coverage {
    /// `family/version`.
    pub flow: String,
    pub register: String,
    /// The declared purpose, which every field sent must serve.
    pub purpose: Text,
    pub legal_basis: String,
    /// Folders looked at.
    pub folders: u64,
    pub fields: Vec<FieldCoverage>,
}

/// One field of the folder in one flow.
#[derive(Clone, Debug, Serialize)]
pub struct FieldCoverage {
    /// Place in the folder's shape, e.g. `interventi[].importo`.
    pub path: String,
    pub label: Text,
    pub state: State,
    pub needed: bool,
    pub without_need: bool,
    pub sent: Vec<Sent>,
    pub read: Vec<Read>,
    /// Of the folders looked at: how many fill it, and in how many it is lacking.
    pub filled: u64,
    pub lacking: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Missing,
    Sent,
    Read,
    NotNeeded,
}

/// Where a field goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sent {
    pub target: String,
    pub purpose: String,
    /// The schema wants it where its element is written.
    pub mandatory: bool,
    /// Every record has it.
    pub always: bool,
}

/// Who looks at a field without sending it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Read {
    /// `rule`, `lookup`, `condition`, `step` or `record`.
    pub what: &'static str,
    pub name: String,
}

/// What a set of folders fills. Holds counts only, however many folders there are.
pub struct Tally<'f> {
    flows: Vec<(&'f Flow, Vec<Need>)>,
    pub folders: u64,
    filled: BTreeMap<String, u64>,
    /// By flow, then by field.
    lacking: Vec<BTreeMap<String, u64>>,
}

/// A target that every record of a kind has.
struct Need {
    /// The place without which the folder makes no such record.
    item: String,
    /// Fields of each row that can write it; one must be filled whole.
    alternatives: Vec<Vec<String>>,
}

impl<'f> Tally<'f> {
    pub fn new(flows: impl IntoIterator<Item = &'f Flow>) -> Self {
        let flows: Vec<_> = flows.into_iter().map(|flow| (flow, needs(flow))).collect();
        let lacking = vec![BTreeMap::new(); flows.len()];
        Self { flows, folders: 0, filled: BTreeMap::new(), lacking }
    }

    /// Counts one folder.
    pub fn add(&mut self, body: &Value) {
        let mut places = BTreeSet::new();
        gather(body, "", &mut places);
        self.folders += 1;
        for ((_, needs), lacking) in self.flows.iter().zip(&mut self.lacking) {
            let mut fields = BTreeSet::new();
            for need in needs.iter().filter(|need| places.contains(&need.item)) {
                let there = |field: &String| places.contains(field);
                if !need.alternatives.iter().any(|fields| fields.iter().all(there)) {
                    fields.extend(need.alternatives.iter().flatten().filter(|field| !there(field)));
                }
            }
            for field in fields {
                *lacking.entry(field.clone()).or_default() += 1;
            }
        }
        for place in places {
            *self.filled.entry(place).or_default() += 1;
        }
    }

    /// The coverage of each flow, in their order.
    pub fn coverages(&self, labels: &Labels) -> Vec<Coverage> {
        let both = self.flows.iter().zip(&self.lacking);
        both.map(|((flow, needs), lacking)| self.coverage(flow, needs, lacking, labels)).collect()
    }

    fn coverage(
        &self,
        flow: &Flow,
        needs: &[Need],
        lacking: &BTreeMap<String, u64>,
        labels: &Labels,
    ) -> Coverage {
        let (sent, read) = (sent(flow), read(flow));
        let needed: BTreeSet<&String> =
            needs.iter().flat_map(|need| need.alternatives.iter().flatten()).collect();
        let leaves = flow.folder_shape.nodes.iter().filter(|(_, node)| node.kind != Kind::Object);
        let fields = leaves.map(|(path, _)| {
            let (sent, read) = (sent.get(path).cloned().unwrap_or_default(), read.get(path));
            let read: Vec<Read> = read.into_iter().flatten().cloned().collect();
            let count = |of: &BTreeMap<String, u64>| of.get(path).copied().unwrap_or(0);
            let (filled, lacking) = (count(&self.filled), count(lacking));
            let state = match (filled, lacking) {
                (0, 1..) => State::Missing,
                _ if !sent.is_empty() => State::Sent,
                _ if !read.is_empty() => State::Read,
                _ => State::NotNeeded,
            };
            FieldCoverage {
                label: label(labels, path),
                without_need: without_need(flow, path, &sent, &read),
                needed: needed.contains(path),
                path: path.clone(),
                state,
                sent,
                read,
                filled,
                lacking,
            }
        });
        let table = &flow.mapping.flow;
        Coverage {
            flow: flow.id().to_owned(),
            register: table.register.clone(),
            purpose: table.purpose.clone(),
            legal_basis: table.legal_basis.clone(),
            folders: self.folders,
            fields: fields.collect(),
        }
    }
}

/// Every place that holds something; lists and objects too.
fn gather(value: &Value, path: &str, places: &mut BTreeSet<String>) {
    match value {
        Value::Null => {}
        Value::Array(items) if items.is_empty() => {}
        Value::Array(items) => items.iter().for_each(|item| gather(item, &format!("{path}[]"), places)),
        Value::Object(fields) => {
            places.insert(path.to_owned());
            for (name, value) in fields {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                gather(value, &below, places);
            }
        }
        _ => drop(places.insert(path.to_owned())),
    }
}

/// The label of a field, without numbers: "Interventi › Quota utente".
pub fn label(labels: &Labels, path: &str) -> Text {
    let pointer: String = path.split('.').map(|word| format!("/{}", word.trim_end_matches("[]"))).collect();
    Text::new(labels.label(&pointer, Lang::It), labels.label(&pointer, Lang::En))
}

/// Where each field goes.
fn sent(flow: &Flow) -> BTreeMap<String, Vec<Sent>> {
    let mut found: BTreeMap<String, Vec<Sent>> = BTreeMap::new();
    for row in flow.rows() {
        let sent = Sent {
            target: row.target.clone(),
            purpose: row.row.purpose.clone().unwrap_or_default(),
            mandatory: flow.targets.of(row.record).place(&row.target).is_some_and(|node| node.min_occurs > 0),
            always: is_always_there(flow, row),
        };
        for field in &row.sources {
            let known = found.entry(leaf(&flow.folder_shape, field)).or_default();
            if !known.contains(&sent) {
                known.push(sent.clone());
            }
        }
    }
    found
}

/// `valutazioni[].bisogni` is the list `valutazioni[].bisogni[]`.
fn leaf(shape: &Shape, path: &str) -> String {
    let list = format!("{path}[]");
    if shape.nodes.contains_key(&list) { list } else { path.to_owned() }
}

/// Whether every record of the row's kind has its target.
fn is_always_there(flow: &Flow, row: &RowInfo) -> bool {
    let Some(record) = row.record.and_then(|index| flow.mapping.records.get(index)) else { return true };
    let shape = flow.targets.of(row.record);
    let target = without_labels(&row.target);
    let below = target.strip_prefix(&without_labels(&record.base)).unwrap_or(&target);
    let start = target.len() - below.len();
    let ends = below.match_indices('/').map(|(at, _)| start + at).chain([target.len()]);
    let places = ends.map(|end| &target[..end]).filter(|place| place.len() > start);
    let mut nodes = places.map(|place| shape.nodes.get(place));
    nodes.all(|node| node.is_some_and(|node| node.min_occurs > 0))
}

/// The targets that every record has, with the fields that can feed them.
fn needs(flow: &Flow) -> Vec<Need> {
    let mut by_target: BTreeMap<(Option<usize>, &str), Vec<&RowInfo>> = BTreeMap::new();
    for row in flow.rows().iter().filter(|row| row.record.is_some() && is_always_there(flow, row)) {
        by_target.entry((row.record, &row.target)).or_default().push(row);
    }
    let mut found = Vec::new();
    for ((kind, _), rows) in by_target {
        let Some(record) = kind.and_then(|kind| flow.mapping.records.get(kind)) else { continue };
        let fields =
            |row: &&RowInfo| row.sources.iter().map(|field| leaf(&flow.folder_shape, field)).collect();
        let place = match (&record.item, &record.part) {
            (Some(item), _) => flow.mapping.names.shape_path(&item.list).map(|list| format!("{list}[]")),
            (None, Some(part)) => flow.mapping.names.shape_path(part),
            (None, None) => None,
        };
        if let Some(item) = place {
            found.push(Need { item, alternatives: rows.iter().map(fields).collect() });
        }
    }
    found
}

/// Who looks at each field.
fn read(flow: &Flow) -> BTreeMap<String, BTreeSet<Read>> {
    let mapping = &flow.mapping;
    let mut found: BTreeMap<String, BTreeSet<Read>> = BTreeMap::new();
    let mut note = |field: String, what: &'static str, name: &str| {
        let field = leaf(&flow.folder_shape, &field);
        found.entry(field).or_default().insert(Read { what, name: name.to_owned() });
    };
    let mut note_all = |paths: Vec<&PathRef>, what: &'static str, name: &str| {
        let fields = paths.into_iter().flat_map(|path| mapping.names.sources(path));
        fields.for_each(|field| note(field, what, name));
    };
    for record in &mapping.records {
        note_all(record.paths(), "record", &record.kind);
        let mut paths = Vec::new();
        conditions_below(&record.element, &mut paths);
        note_all(paths, "condition", &record.kind);
    }
    for lookup in &mapping.lookups {
        let paths = match &lookup.choice {
            Choice::First => Vec::new(),
            Choice::Equals { value, .. } => vec![value],
            Choice::Dated { at, since, .. } => std::iter::once(at).chain(since).collect(),
        };
        note_all(paths, "lookup", mapping.names.name(lookup.slot));
    }
    for rule in &flow.rules {
        note_all(rule.paths(), "rule", &rule.table.id);
    }
    for table in mapping.document.lookup.iter().map(|table| table.get_ref()) {
        let by = Some(&table.by).filter(|by| !by.is_empty());
        for field in by.into_iter().chain(&table.until).chain(table.only.keys()) {
            note(format!("{}[].{field}", table.list), "lookup", &table.name);
        }
    }
    steps(flow, note);
    found
}

/// What named steps look at.
fn steps(flow: &Flow, mut note: impl FnMut(String, &'static str, &str)) {
    for record in &flow.mapping.records {
        let list = record.item.as_ref().and_then(|item| flow.mapping.names.shape_path(&item.list));
        for (_, step) in &record.steps {
            let fields =
                step.reads().iter().filter_map(|field| Some(format!("{}[].{field}", list.as_ref()?)));
            fields.for_each(|field| note(field, "step", step.name()));
        }
    }
}

/// See the head of this file.
fn without_need(flow: &Flow, path: &str, sent: &[Sent], read: &[Read]) -> bool {
    let rows = flow.rows().iter().enumerate();
    let mut rows =
        rows.filter(|(_, row)| row.sources.iter().any(|field| leaf(&flow.folder_shape, field) == path));
    let asked = rows.any(|(index, row)| {
        let record = row.record.and_then(|record| flow.mapping.records.get(record));
        !row.row.guard.is_empty() || record.is_some_and(|record| record.register_key.contains(&index))
    });
    !sent.is_empty()
        && !asked
        && sent.iter().all(|sent| !sent.mandatory)
        && read.iter().all(|read| read.what != "rule")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Catalog;
    use crate::flow::files::Embedded;
    use crate::folder::FolderSchema;
    use crate::folder::template::{FULL_TEXT, SMALLEST_TEXT};

    fn coverages(folders: &[&str]) -> Vec<Coverage> {
        let catalog = Catalog::load(&Embedded).map_err(|defects| format!("{defects:#?}")).unwrap();
        let mut tally = Tally::new(catalog.flows());
        folders.iter().for_each(|text| tally.add(&serde_json::from_str(text).unwrap()));
        tally.coverages(FolderSchema::embedded().unwrap().labels())
    }

    fn field<'c>(coverage: &'c Coverage, path: &str) -> &'c FieldCoverage {
        coverage.fields.iter().find(|field| field.path == path).unwrap_or_else(|| panic!("{path}"))
    }

    #[test]
    fn every_field_has_one_state_and_what_leaves_has_a_purpose() {
        for coverage in coverages(&[]) {
            for field in &coverage.fields {
                let right = match field.state {
                    State::Missing => false,
                    State::Sent => {
                        !field.sent.is_empty() && field.sent.iter().all(|sent| !sent.purpose.is_empty())
                    }
                    State::Read => field.sent.is_empty() && !field.read.is_empty(),
                    State::NotNeeded => field.sent.is_empty() && field.read.is_empty(),
                };
                assert!(right && !(field.needed && field.without_need), "{field:?}");
            }
        }
    }

    #[test]
    fn what_folders_fill_is_counted_and_what_a_record_needs_of_them_is_missing() {
        let mut bare: Value = serde_json::from_str(FULL_TEXT).unwrap();
        bare["persona"].as_object_mut().unwrap().remove("codice_fiscale");
        let bare = bare.to_string();
        let of = |folders: &[&str]| {
            let all = coverages(folders);
            all.into_iter()
                .find(|one| field(one, "persona.codice_fiscale").needed)
                .expect("a flow of persons")
        };
        let one = of(&[&bare, SMALLEST_TEXT]);
        let code = field(&one, "persona.codice_fiscale");
        assert_eq!((code.filled, code.lacking, code.state), (1, 1, State::Sent), "{code:?}");
        let none = of(&[&bare, &bare]);
        let code = field(&none, "persona.codice_fiscale");
        assert_eq!((code.filled, code.lacking, code.state), (0, 2, State::Missing), "{code:?}");
        let idle = of(&[SMALLEST_TEXT]);
        assert!(idle.fields.iter().all(|field| field.lacking == 0), "no intervention, no record, no need");
    }
}
