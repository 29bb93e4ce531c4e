//! A folder through one flow: items, slices, rules, fragments, schema.

use super::{Context, Flow, Mapped, MappedRecord};
use crate::folder::finding::{Finding, Severity};
use crate::folder::{Folder, checks};
use crate::mapping::path::{PathRef, Scope, Slot};
use crate::mapping::step::StepInput;
use crate::mapping::value::{Value, iso_date};
use crate::mapping::write_xml::Writer;
use crate::personal::Personal;
use crate::rules::RuleScope;
use jiff::civil::Date;
use serde_json::Value as Json;
use std::collections::HashMap;

impl Flow {
    /// Maps and judges one folder. Content problems are findings; a record with
    /// a withholding one has no fragment.
    pub fn map(&self, folder: &Folder, context: &Context) -> Mapped {
        self.map_checked(folder, context, checks::check(folder.body.expose()))
    }

    /// As [`Flow::map`], with the findings of `folder::checks` already at hand.
    pub fn map_checked(&self, folder: &Folder, context: &Context, found: Vec<Finding>) -> Mapped {
        let body = folder.body.expose();
        let list = self.mapping.list.clone();
        let mut scope = self.mapping.names.scope(body);
        let mut work = Work {
            flow: self,
            context,
            mapped: Mapped::default(),
            places: Vec::new(),
            blocked: false,
            payload: Vec::new(),
        };
        let below_items = format!("{}/", self.mapping.names.pointer(&list, &scope));
        let (of_items, of_folder): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|finding| finding.folder_path.starts_with(&below_items));
        work.person(of_folder, &scope);
        work.mapped.complete = self.complete(body);
        if let Some(Json::Array(items)) = scope.json(&list) {
            for (index, item) in items.iter().enumerate() {
                let below = format!("{below_items}{index}/");
                let own = |finding: &&Finding| finding.folder_path.starts_with(&below);
                let own: Vec<Finding> = of_items.iter().filter(own).cloned().collect();
                work.item(item, index, own, &mut scope);
            }
        }
        work.duplicates(&below_items);
        work.mapped
    }

    /// Periods that the folder declares complete.
    fn complete(&self, body: &Json) -> Vec<(Date, Date)> {
        let name = self.mapping.document.record.complete.as_deref();
        let Some(Json::Array(list)) = name.and_then(|name| body.get(name)) else { return Vec::new() };
        let day = |item: &Json, name: &str| item.get(name).and_then(Json::as_str).and_then(iso_date);
        list.iter().filter_map(|item| Some((day(item, "dal")?, day(item, "al")?))).collect()
    }
}

/// One folder being mapped.
struct Work<'w> {
    flow: &'w Flow,
    context: &'w Context,
    mapped: Mapped,
    /// Index in the list of each of `mapped.named`.
    places: Vec<usize>,
    /// A finding about the person withholds every record.
    blocked: bool,
    /// Buffer of the nominal payload, reused.
    payload: Vec<u8>,
}

impl Work<'_> {
    fn person(&mut self, found: Vec<Finding>, scope: &Scope<'_>) {
        let names = &self.flow.mapping.names;
        let rules = self.flow.rules.iter().filter(|rule| rule.table.scope == RuleScope::Person);
        let judged: Vec<Finding> = rules.filter_map(|rule| rule.judge(names, scope)).collect();
        let about_person = |finding: &Finding| {
            finding.severity == Severity::Withhold && finding.folder_path.starts_with("/persona")
        };
        self.blocked = found.iter().any(about_person)
            || judged.iter().any(|finding| finding.severity == Severity::Withhold);
        self.mapped.findings = found;
        self.mapped.findings.extend(judged);
    }

    fn item<'a>(&mut self, item: &'a Json, index: usize, own: Vec<Finding>, scope: &mut Scope<'a>) {
        let mapping = &self.flow.mapping;
        scope.slots[mapping.item_slot] = Slot::Json(item, index);
        let source = text_of(scope, &mapping.source);
        if self.mapped.named.contains(&source) {
            // A second item of the same id has no key of its own: said, never mapped.
            self.mapped.findings.extend(own);
            self.withheld(&source);
            return;
        }
        self.mapped.named.push(source.clone());
        self.places.push(index);
        if mapping.annulled.as_ref().is_some_and(|annulled| annulled.holds(scope)) {
            self.mapped.annulled.push(source);
            return;
        }
        if mapping.when.as_ref().is_some_and(|when| !when.holds(scope)) {
            return;
        }
        let input = StepInput { item, today: self.context.today, settings: &self.context.ente.flow };
        let mut slices = None;
        for (slot, step) in &mapping.steps {
            let mut rows = step.run(&input);
            self.look_again(step.look_again(&input));
            if step.splits() {
                slices = Some((*slot, rows));
            } else {
                scope.slots[*slot] = rows.pop().map_or(Slot::Empty, Slot::Made);
            }
        }
        match slices {
            Some((slot, rows)) if !rows.is_empty() => {
                for row in rows {
                    scope.slots[slot] = Slot::Made(row);
                    self.record(&source, own.clone(), scope);
                }
            }
            // Nothing to split: say why, or stay silent if no rule objects.
            Some((slot, _)) => {
                scope.slots[slot] = Slot::Empty;
                self.unsplit(&source, own, scope);
            }
            None => self.record(&source, own, scope),
        }
    }

    fn look_again(&mut self, day: Option<Date>) {
        self.mapped.look_again = match (self.mapped.look_again, day) {
            (Some(known), Some(day)) => Some(known.min(day)),
            (known, day) => known.or(day),
        };
    }

    /// An item of which no record can be made yet.
    fn unsplit(&mut self, source: &str, mut findings: Vec<Finding>, scope: &mut Scope<'_>) {
        self.judge(&mut findings, scope);
        if withholds(&findings) {
            let record = self.shell(source, findings, scope);
            self.withheld(source);
            self.mapped.records.push(record);
        }
    }

    fn judge(&self, findings: &mut Vec<Finding>, scope: &mut Scope<'_>) {
        for lookup in &self.flow.mapping.lookups {
            lookup.fill(scope);
        }
        let names = &self.flow.mapping.names;
        let rules = self.flow.rules.iter().filter(|rule| rule.table.scope == RuleScope::Record);
        findings.extend(rules.filter_map(|rule| rule.judge(names, scope)));
    }

    fn record(&mut self, source: &str, mut findings: Vec<Finding>, scope: &mut Scope<'_>) {
        self.judge(&mut findings, scope);
        let mut record = self.shell(source, findings, scope);
        let mapping = &self.flow.mapping;
        let mut writer = Writer::new(&mapping.names, mapping.rows.len(), &mapping.register_key);
        // Written even if withheld: a cut or untranslatable value is said too, and
        // the register key tells two records that would cancel each other.
        writer.element(&mapping.record, scope);
        if !withholds(&record.findings) && !self.blocked {
            self.flow.incidents(&writer, &mut record.findings);
            if !withholds(&record.findings) {
                self.structure(&writer, scope, &mut record.findings);
            }
        }
        record.rows = std::mem::take(&mut writer.rows);
        record.register_key = Personal::new(std::mem::take(&mut writer.kept));
        if withholds(&record.findings) || self.blocked {
            self.withheld(source);
        } else {
            record.fragment = Some(Personal::new(writer.out.into_bytes()));
        }
        self.mapped.records.push(record);
    }

    /// The schema's judgement, in a nominal container.
    fn structure(&mut self, writer: &Writer<'_>, scope: &Scope<'_>, findings: &mut Vec<Finding>) {
        self.payload.clear();
        self.payload.extend_from_slice(self.flow.frame.before.as_bytes());
        self.payload.extend_from_slice(writer.out.as_bytes());
        self.payload.extend_from_slice(self.flow.frame.after.as_bytes());
        for problem in self.flow.validate(&self.payload) {
            findings.push(self.flow.traced(&problem, &writer.rows, scope));
        }
    }

    /// A record with everything but its fragment.
    fn shell(&self, source: &str, findings: Vec<Finding>, scope: &Scope<'_>) -> MappedRecord {
        let mapping = &self.flow.mapping;
        let mut key = String::with_capacity(source.len() + 5);
        for path in &mapping.key {
            let value = scope.value(path);
            if !value.is_absent() {
                if !key.is_empty() {
                    key.push('/');
                }
                value.append_to(&mut key);
            }
        }
        let from = scope.value(&mapping.from).date().unwrap_or(self.context.today);
        let to = scope.value(&mapping.to).date().unwrap_or(from);
        MappedRecord {
            key,
            source: source.to_owned(),
            from,
            to,
            needs: None,
            register_key: Personal::new(String::new()),
            fragment: None,
            rows: Vec::new(),
            findings,
        }
    }

    fn withheld(&mut self, source: &str) {
        if self.mapped.withheld.last().is_none_or(|last| last != source) {
            self.mapped.withheld.push(source.to_owned());
        }
    }

    /// Two records that the register could not tell apart are both set aside:
    /// cancelling one could remove the other.
    fn duplicates(&mut self, below_items: &str) {
        if self.mapped.records.len() < 2 {
            return;
        }
        let mut by_key: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, record) in self.mapped.records.iter().enumerate() {
            if record.fragment.is_some() {
                by_key.entry(record.register_key.expose()).or_default().push(index);
            }
        }
        let doubled: Vec<usize> = by_key.into_values().filter(|same| same.len() > 1).flatten().collect();
        for index in doubled {
            let source = self.mapped.records[index].source.clone();
            let named = self.mapped.named.iter().position(|name| *name == source);
            let place = named.map_or(0, |at| self.places[at]);
            let record = &mut self.mapped.records[index];
            record.fragment = None;
            record.findings.push(super::incident::duplicate(format!("{below_items}{place}")));
            if !self.mapped.withheld.contains(&source) {
                self.mapped.withheld.push(source);
            }
        }
    }
}

fn withholds(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Withhold)
}

fn text_of(scope: &Scope<'_>, path: &PathRef) -> String {
    let value = scope.value(path);
    let mut out = String::new();
    if let Value::Text(text) = &value {
        out.push_str(text);
    } else {
        value.append_to(&mut out);
    }
    out
}
