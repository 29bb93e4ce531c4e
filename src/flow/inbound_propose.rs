//! What an answer proposes: each field of the folder that it would have otherwise, lists matched
//! by their keys. Equal values propose nothing, and what the answer leaves out takes nothing away.

use super::inbound::{InboundFlow, Proposal};
use super::inbound_findings as said;
use crate::folder::finding::Finding;
use crate::mapping::inbound::{ListPlan, RowPlan};
use crate::mapping::path::{PathRef, Scope, Slot};
use crate::mapping::value::iso_date;
use crate::personal::Personal;
use crate::rules::RuleScope;
use crate::schema::pattern::Pattern;
use crate::schema::shape::{Kind, Node, Shape};
use serde_json::{Map, Value as Json};

/// Proposals and findings of an answer's tree for a folder's body.
pub(super) fn propose(flow: &InboundFlow, tree: &Json, body: &Json) -> (Vec<Proposal>, Vec<Finding>) {
    let mut work = Work {
        flow,
        body,
        scope: flow.mapping.names.scope(tree),
        item: None,
        proposals: Vec::new(),
        findings: Vec::new(),
    };
    work.judge(RuleScope::Person, None);
    work.fields();
    for (number, list) in flow.mapping.lists.iter().enumerate() {
        work.list(number, list);
    }
    (work.proposals, work.findings)
}

struct Work<'w> {
    flow: &'w InboundFlow,
    body: &'w Json,
    scope: Scope<'w>,
    /// Where the current element stands, as the names say it and as it really is.
    item: Option<(String, String)>,
    proposals: Vec<Proposal>,
    findings: Vec<Finding>,
}

/// What a row finds.
enum Found {
    Absent,
    /// It was told; no other row stands in for it.
    Wrong,
    Value(Json, String),
}

/// An element of the answer: its key, its content, where each value came from.
struct Made {
    key: String,
    content: Json,
    from: Vec<(String, String)>,
    place: String,
}

impl<'w> Work<'w> {
    fn tell(&mut self, finding: Finding) {
        let same = |known: &Finding| {
            known.rule == finding.rule
                && known.payload_path == finding.payload_path
                && known.folder_path == finding.folder_path
        };
        if !self.findings.iter().any(same) {
            self.findings.push(finding);
        }
    }

    /// Asks the rules of a scope; true if one withholds.
    fn judge(&mut self, scope: RuleScope, list: Option<usize>) -> bool {
        let flow = self.flow;
        let mut withheld = false;
        for rule in &flow.rules {
            if rule.table.scope != scope || rule.record.is_some_and(|own| Some(own) != list) {
                continue;
            }
            let Some(mut finding) = rule.judge(&flow.mapping.names, &self.scope) else { continue };
            finding.payload_path = Some(self.placed(std::mem::take(&mut finding.folder_path)));
            // One element that is withheld must not withhold the answer.
            let of_element = scope == RuleScope::Record;
            withheld |= finding.severity == crate::folder::finding::Severity::Withhold;
            if of_element {
                finding.severity = crate::folder::finding::Severity::Warn;
            }
            self.tell(finding);
        }
        withheld
    }

    /// A place of the answer, as its reader finds it.
    fn placed(&self, pointer: String) -> String {
        let pointer = match &self.item {
            Some((nominal, real)) => match pointer.strip_prefix(nominal.as_str()) {
                Some(below) => format!("{real}{below}"),
                None => pointer,
            },
            None => pointer,
        };
        pointer.trim_start_matches('/').to_owned()
    }

    fn place_of(&self, path: &PathRef) -> String {
        self.placed(self.flow.mapping.names.pointer(path, &self.scope))
    }

    /// The folder's own fields: of several rows the first that finds anything.
    fn fields(&mut self) {
        let flow = self.flow;
        let mut done: Vec<&str> = Vec::new();
        for row in &flow.mapping.rows {
            if done.contains(&row.target.as_str()) {
                continue;
            }
            let found = self.found(row);
            if !matches!(found, Found::Absent) {
                done.push(&row.target);
            }
            if let Found::Value(new, from) = found {
                let old = at(self.body, row.target.split('.'));
                self.proposed(&row.target, None, old.cloned(), new, from);
            }
        }
    }

    fn proposed(&mut self, field: &str, key: Option<&str>, old: Option<Json>, new: Json, from: String) {
        if old.as_ref() == Some(&new) {
            return;
        }
        self.proposals.push(Proposal {
            field: field.to_owned(),
            key: key.map(|key| Personal::new(key.to_owned())),
            old: old.map(Personal::new),
            new: Personal::new(new),
            from,
        });
    }

    /// The row's value as the folder would hold it.
    fn found(&mut self, row: &RowPlan) -> Found {
        if row.when.as_ref().is_some_and(|when| !when.holds(&self.scope)) {
            return Found::Absent;
        }
        let Some(path) = &row.from else {
            let text = row.table.value.clone().unwrap_or_default();
            return Found::Value(Json::String(text), String::new());
        };
        let value = self.scope.value(path);
        if value.is_absent() {
            return Found::Absent;
        }
        let place = self.place_of(path);
        let Some(text) = row.transform.apply(value) else {
            self.tell(said::misfit(place, &pointer(&row.target)));
            return Found::Wrong;
        };
        let text = match &row.codes {
            None => text.into_owned(),
            Some((table, column)) => {
                let day = row.codes_day.as_ref().and_then(|day| self.scope.value(day).date());
                match table.cell(&text, *column, day) {
                    Some(cell) => cell.to_owned(),
                    None => {
                        self.tell(said::unknown_code(place, &pointer(&row.target)));
                        return Found::Wrong;
                    }
                }
            }
        };
        match self.flow.folder_shape.nodes.get(&row.target).and_then(|node| fitting(node, text)) {
            Some(value) => Found::Value(value, place),
            None => {
                self.tell(said::misfit(place, &pointer(&row.target)));
                Found::Wrong
            }
        }
    }

    fn list(&mut self, number: usize, list: &ListPlan) {
        let held: Vec<(String, &Json)> = self.held(list);
        let mut met: Vec<(String, usize)> = Vec::new();
        for (turn, path) in list.each.iter().enumerate() {
            let base = self.flow.mapping.names.pointer(path, &self.scope);
            let (items, single): (Vec<&Json>, bool) = match self.scope.json(path) {
                Some(Json::Array(items)) => (items.iter().collect(), false),
                Some(one @ Json::Object(_)) => (vec![one], true),
                _ => continue,
            };
            for (index, item) in items.into_iter().enumerate() {
                self.scope.slots[list.slot] = Slot::Json(item, index);
                let own = PathRef { slot: list.slot, segments: Vec::new(), field: 0, made: false };
                let nominal = self.flow.mapping.names.pointer(&own, &self.scope);
                let real = if single { base.clone() } else { format!("{base}/{index}") };
                self.item = Some((nominal, real));
                if let Some(made) = self.made(number, list) {
                    self.meet(list, made, turn, &held, &mut met);
                }
            }
        }
        (self.scope.slots[list.slot], self.item) = (Slot::Empty, None);
        self.unconfirmed(list, &held, &met);
    }

    /// The folder's elements of a list with their keys.
    fn held(&self, list: &ListPlan) -> Vec<(String, &'w Json)> {
        let items = at(self.body, list.table.target.split('.')).and_then(Json::as_array);
        let keyed = |item: &'w Json| (key_of(list, item).unwrap_or_default(), item);
        items.into_iter().flatten().map(keyed).collect()
    }

    /// The element at hand as the folder would hold it; `None` if it was told what is wrong with it.
    fn made(&mut self, number: usize, list: &ListPlan) -> Option<Made> {
        if list.when.as_ref().is_some_and(|when| !when.holds(&self.scope)) {
            return None;
        }
        if self.judge(RuleScope::Record, Some(number)) {
            return None;
        }
        let place = self.placed(self.item.as_ref().map(|(nominal, _)| nominal.clone()).unwrap_or_default());
        let (mut content, mut from) = (Json::Object(Map::new()), Vec::new());
        let mut done: Vec<&str> = Vec::new();
        for row in &list.rows {
            if done.contains(&row.target.as_str()) {
                continue;
            }
            match self.found(row) {
                Found::Absent => continue,
                Found::Wrong => {}
                Found::Value(value, source) => {
                    set(&mut content, list.below(row), value);
                    from.push((row.target.clone(), source));
                }
            }
            done.push(&row.target);
        }
        match key_of(list, &content) {
            Some(key) => Some(Made { key, content, from, place }),
            None => {
                self.tell(said::keyless(place, &pointer(&list.table.target)));
                None
            }
        }
    }

    /// An element of the answer meets those of the folder.
    fn meet(
        &mut self,
        list: &ListPlan,
        made: Made,
        turn: usize,
        held: &[(String, &Json)],
        met: &mut Vec<(String, usize)>,
    ) {
        if let Some((_, before)) = met.iter().find(|(key, _)| *key == made.key) {
            // The same in another list of the answer is one and the same.
            if *before == turn {
                self.tell(said::doubled(made.place, &pointer(&list.table.target)));
            }
            return;
        }
        met.push((made.key.clone(), turn));
        let whole = format!("{}[]", list.table.target);
        match held.iter().find(|(key, _)| *key == made.key) {
            None if lacks(&self.flow.folder_shape, &whole, &made.content) => {
                self.tell(said::incomplete(made.place, &pointer(&list.table.target)));
            }
            None => self.proposed(&whole, Some(&made.key), None, made.content, made.place),
            Some((_, item)) => {
                for (field, from) in made.from {
                    let words = || field[whole.len() + 1..].split('.');
                    let old = at(item, words()).cloned();
                    if let Some(new) = at(&made.content, words()).cloned() {
                        self.proposed(&field, Some(&made.key), old, new, from);
                    }
                }
            }
        }
    }

    /// Says which of the folder's elements the answer does not name, where it names the list.
    fn unconfirmed(&mut self, list: &ListPlan, held: &[(String, &Json)], met: &[(String, usize)]) {
        if !list.each.first().is_some_and(|first| self.scope.has(first)) {
            return;
        }
        let base = pointer(&list.table.target);
        for (index, (key, _)) in held.iter().enumerate() {
            if !met.iter().any(|(known, _)| known == key) {
                self.tell(said::unconfirmed(format!("{base}/{index}")));
            }
        }
    }
}

/// The key of a folder's element: its key fields, all of them.
fn key_of(list: &ListPlan, element: &Json) -> Option<String> {
    let part = |name: &String| match at(element, name.split('.'))? {
        Json::String(text) => Some(text.clone()),
        other if other.is_number() => Some(other.to_string()),
        _ => None,
    };
    let parts: Option<Vec<String>> = list.key().iter().map(part).collect();
    parts.map(|parts| parts.join("/"))
}

fn at<'j, 'p>(json: &'j Json, mut words: impl Iterator<Item = &'p str>) -> Option<&'j Json> {
    words.try_fold(json, |here, word| here.get(word))
}

fn set<'p>(json: &mut Json, words: impl Iterator<Item = &'p str>, value: Json) {
    let mut here = json;
    for word in words {
        if !here.is_object() {
            *here = Json::Object(Map::new());
        }
        here = &mut here[word];
    }
    *here = value;
}

/// `lavoro.politiche_attive[].tipo` as a place of the folder.
fn pointer(target: &str) -> String {
    format!("/{}", target.replace("[]", "").replace('.', "/"))
}

/// Whether an element lacks what the folder's schema wants of it, at any depth.
fn lacks(shape: &Shape, base: &str, content: &Json) -> bool {
    let below = format!("{base}.");
    let children =
        shape.nodes.iter().filter_map(|(path, node)| Some((path.strip_prefix(&below)?, path, node)));
    children.filter(|(name, ..)| !name.contains('.')).any(|(name, path, node)| {
        match content.get(name.trim_end_matches("[]")) {
            None => node.min_occurs > 0,
            Some(value) => node.kind == Kind::Object && lacks(shape, path, value),
        }
    })
}

/// The text as a value that a place of the folder takes; `None` if it does not.
fn fitting(node: &Node, text: String) -> Option<Json> {
    match node.kind {
        Kind::Object => None,
        Kind::Integer => {
            let number: i64 = text.parse().ok()?;
            let bound = |limit: &Option<String>| limit.as_deref().and_then(|limit| limit.parse::<i64>().ok());
            let inside = bound(&node.min_value).is_none_or(|least| least <= number)
                && bound(&node.max_value).is_none_or(|most| number <= most);
            inside.then(|| number.into())
        }
        Kind::Boolean => text.parse::<bool>().ok().map(Json::Bool),
        Kind::Date => iso_date(&text).map(|_| Json::String(text)),
        _ => takes(node, &text).then(|| Json::String(text)),
    }
}

fn takes(node: &Node, text: &str) -> bool {
    let length = text.chars().count();
    (node.enumeration.is_empty() || node.enumeration.iter().any(|known| known == text))
        && node.min_length.is_none_or(|fewest| fewest <= length)
        && node.max_length.is_none_or(|most| length <= most)
        && node.pattern.as_deref().is_none_or(|pattern| matches(pattern, text))
}

/// Whether a text certainly matches a pattern of the folder's schema.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let inner = pattern.strip_prefix('^').and_then(|pattern| pattern.strip_suffix('$'));
    let automaton = inner.and_then(Pattern::compile);
    automaton.is_some_and(|automaton| automaton.surely_matches(text.as_bytes()))
}
