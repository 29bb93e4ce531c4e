//! A folder through one flow: kinds of record, items, slices, rules, fragments, schema.

use super::trace::Trace;
use super::{Context, Flow, Mapped, MappedRecord, Needed};
use crate::folder::finding::{Finding, Severity};
use crate::folder::{Folder, checks};
use crate::mapping::path::{Scope, Slot};
use crate::mapping::record::{RecordPlan, is_constant, joined};
use crate::mapping::step::StepInput;
use crate::mapping::value::{Value, iso_date};
use crate::mapping::write::Writer;
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
        self.work(folder, context, found, None).mapped
    }

    /// Maps as [`Flow::map`] to see where one record's payload comes from.
    pub(super) fn map_watching(&self, folder: &Folder, context: &Context, key: &str) -> Option<Trace> {
        self.work(folder, context, checks::check(folder.body.expose()), Some(key)).trace
    }

    fn work<'w>(
        &'w self,
        folder: &'w Folder,
        context: &'w Context,
        found: Vec<Finding>,
        watched: Option<&'w str>,
    ) -> Work<'w, 'w> {
        let body = folder.body.expose();
        let mapping = &self.mapping;
        let mut scope = mapping.names.scope(body);
        mapping.set_own_roots(&mut scope, context.today, &context.ente.flow, &context.ente.keys);
        mapping.fill(&mut scope);
        let mut work = Work {
            flow: self,
            context,
            body,
            mapped: Mapped::default(),
            places: Vec::new(),
            seen: Vec::new(),
            blocked: false,
            payload: Vec::new(),
            watched,
            trace: None,
        };
        let lists: Vec<String> = mapping.records.iter().map(|kind| self.below_items(kind, &scope)).collect();
        let is_of_item = |finding: &Finding| {
            lists.iter().any(|list| !list.is_empty() && finding.folder_path.starts_with(list))
        };
        let (of_items, of_folder): (Vec<_>, Vec<_>) = found.into_iter().partition(is_of_item);
        work.person(of_folder, &scope);
        work.mapped.complete = self.complete(body);
        for (kind, list) in lists.iter().enumerate() {
            work.kind(kind, list, &of_items, &mut scope);
        }
        work.duplicates();
        work.look_again(scope.look_again());
        work
    }

    /// `/interventi/`, below which the findings of a kind's items lie; empty without a list.
    fn below_items(&self, kind: &RecordPlan, scope: &Scope<'_>) -> String {
        let item = kind.item.as_ref();
        item.map_or_else(String::new, |item| format!("{}/", self.mapping.names.pointer(&item.list, scope)))
    }

    /// Periods that the folder declares complete.
    fn complete(&self, body: &Json) -> Vec<(Date, Date)> {
        let mut tables = self.mapping.document.record.tables.iter();
        let name = tables.find_map(|table| table.complete.as_deref());
        let Some(Json::Array(list)) = name.and_then(|name| body.get(name)) else { return Vec::new() };
        let day = |item: &Json, name: &str| item.get(name).and_then(Json::as_str).and_then(iso_date);
        list.iter().filter_map(|item| Some((day(item, "dal")?, day(item, "al")?))).collect()
    }
}

/// One folder being mapped.
struct Work<'w, 'b> {
    flow: &'w Flow,
    context: &'w Context,
    body: &'b Json,
    mapped: Mapped,
    /// The folder's place of each of `mapped.records`.
    places: Vec<String>,
    /// Kind and key of every item met.
    seen: Vec<(usize, String)>,
    /// A finding about the person withholds every record.
    blocked: bool,
    /// Buffer of the nominal payload, reused.
    payload: Vec<u8>,
    /// The key of the record whose way is wanted, and its way.
    watched: Option<&'w str>,
    trace: Option<Trace>,
}

/// The item at hand: what its records are made of.
struct Item<'i> {
    kind: usize,
    plan: &'i RecordPlan,
    source: String,
    place: String,
}

impl<'b> Work<'_, 'b> {
    fn person(&mut self, found: Vec<Finding>, scope: &Scope<'_>) {
        let names = &self.flow.mapping.names;
        let rules = self.flow.rules.iter().filter(|rule| rule.table.scope == RuleScope::Person);
        let judged: Vec<Finding> = rules.filter_map(|rule| rule.judge(names, scope)).collect();
        let about_person = |finding: &Finding| {
            finding.severity == Severity::Withhold && finding.folder_path.starts_with("/persona")
        };
        self.blocked = found.iter().any(about_person) || withholds(&judged);
        let keyless = super::incident::keyless(&self.flow.mapping.flow, &self.context.ente);
        self.blocked |= !keyless.is_empty();
        self.mapped.findings = found;
        self.mapped.findings.extend(judged);
        self.mapped.findings.extend(keyless);
    }

    /// All records of one kind.
    fn kind(&mut self, kind: usize, list: &str, of_items: &[Finding], scope: &mut Scope<'b>) {
        let flow = self.flow;
        let plan = &flow.mapping.records[kind];
        let Some(item) = &plan.item else {
            if plan.part.as_ref().is_some_and(|part| scope.has(part)) {
                self.item(kind, plan, "", None, Vec::new(), scope);
            }
            return;
        };
        let Some(Json::Array(items)) = scope.json(&item.list) else { return };
        if is_constant(&plan.source) {
            // The list as a whole is the source: it says what there is, and what there is no more.
            self.named(&joined(&plan.source, scope));
        }
        for (index, value) in items.iter().enumerate() {
            let place = format!("{list}{index}");
            let below = format!("{place}/");
            let own = |finding: &&Finding| finding.folder_path.starts_with(&below);
            let own: Vec<Finding> = of_items.iter().filter(own).cloned().collect();
            scope.slots[item.slot] = Slot::Json(value, index);
            self.item(kind, plan, &place, Some(value), own, scope);
        }
        scope.slots[item.slot] = Slot::Empty;
    }

    fn item(
        &mut self,
        kind: usize,
        plan: &RecordPlan,
        place: &str,
        value: Option<&'b Json>,
        own: Vec<Finding>,
        scope: &mut Scope<'b>,
    ) {
        for (slot, _) in &plan.steps {
            scope.slots[*slot] = Slot::Empty;
        }
        self.flow.mapping.fill_values(scope);
        let item = Item { kind, plan, source: joined(&plan.source, scope), place: place.to_owned() };
        let identity = (kind, joined(&plan.key, scope));
        if self.seen.contains(&identity) {
            // A second item of the same id has no key of its own: said, never mapped.
            let told = if own.is_empty() { vec![super::incident::doubled(item.place)] } else { own };
            self.mapped.findings.extend(told);
            self.withheld(&item.source);
            return;
        }
        self.seen.push(identity);
        self.named(&item.source);
        if plan.annulled.as_ref().is_some_and(|annulled| annulled.holds(scope)) {
            self.mapped.annulled.push(item.source);
            return;
        }
        if plan.when.as_ref().is_some_and(|when| !when.holds(scope)) {
            return;
        }
        self.slices(&item, value, own, scope);
    }

    /// The records of one item: one, or one for each slice that a step makes.
    fn slices(&mut self, item: &Item<'_>, value: Option<&'b Json>, own: Vec<Finding>, scope: &mut Scope<'b>) {
        let mut slices = None;
        if let Some(value) = value {
            let input = StepInput {
                item: value,
                folder: self.body,
                today: self.context.today,
                settings: &self.context.ente.flow,
            };
            for (slot, step) in &item.plan.steps {
                let mut rows = step.run(&input);
                self.look_again(step.look_again(&input));
                if step.splits() {
                    slices = Some((*slot, rows));
                } else {
                    scope.slots[*slot] = rows.pop().map_or(Slot::Empty, Slot::Made);
                }
            }
        }
        match slices {
            Some((slot, rows)) if !rows.is_empty() => {
                for row in rows {
                    scope.slots[slot] = Slot::Made(row);
                    self.record(item, own.clone(), scope);
                }
            }
            // Nothing to split: say why, or stay silent if no rule objects.
            Some((slot, _)) => {
                scope.slots[slot] = Slot::Empty;
                self.unsplit(item, own, scope);
            }
            None => self.record(item, own, scope),
        }
    }

    fn look_again(&mut self, day: Option<Date>) {
        self.mapped.look_again = match (self.mapped.look_again, day) {
            (Some(known), Some(day)) => Some(known.min(day)),
            (known, day) => known.or(day),
        };
    }

    /// An item of which no record can be made yet.
    fn unsplit(&mut self, item: &Item<'_>, mut findings: Vec<Finding>, scope: &mut Scope<'_>) {
        self.judge(item, &mut findings, scope);
        if withholds(&findings) {
            let record = self.shell(item, findings, scope);
            self.watch(item, &record, scope);
            self.withheld(&item.source);
            self.keep(record, item);
        }
    }

    fn watch(&mut self, item: &Item<'_>, record: &MappedRecord, scope: &mut Scope<'_>) {
        if self.watched == Some(record.key.as_str()) && self.trace.is_none() {
            self.trace = Some(self.flow.traced_places(item.kind, &item.place, &record.rows, scope));
        }
    }

    fn judge(&self, item: &Item<'_>, findings: &mut Vec<Finding>, scope: &mut Scope<'_>) {
        self.flow.mapping.fill(scope);
        let names = &self.flow.mapping.names;
        let rules = self.flow.rules.iter().filter(|rule| {
            rule.table.scope == RuleScope::Record && rule.record.is_none_or(|kind| kind == item.kind)
        });
        findings.extend(rules.filter_map(|rule| rule.judge(names, scope)));
    }

    fn record(&mut self, item: &Item<'_>, mut findings: Vec<Finding>, scope: &mut Scope<'_>) {
        self.judge(item, &mut findings, scope);
        let mut record = self.shell(item, findings, scope);
        let mapping = &self.flow.mapping;
        for pseudonym in mapping.pseudonyms(scope) {
            if self.mapped.pseudonyms.iter().all(|known| known.expose() != pseudonym) {
                self.mapped.pseudonyms.push(Personal::new(pseudonym.to_owned()));
            }
        }
        let own = [record.key.clone(), item.plan.kind.clone()];
        scope.slots[mapping.roots.record] =
            Slot::Made(own.into_iter().map(|text| Value::Text(text.into())).collect());
        let mut writer = Writer::new(&mapping.names, mapping.rows.len(), &item.plan.register_key);
        // Written even if withheld: a cut or untranslatable value is said too, and
        // the register key tells two records that would cancel each other.
        self.flow.write(item.plan, &mut writer, scope);
        if !withholds(&record.findings) && !self.blocked {
            self.flow.incidents(&writer, &mut record.findings);
            if !withholds(&record.findings) {
                self.structure(item, &writer, scope, &mut record.findings);
            }
        }
        record.rows = std::mem::take(&mut writer.rows);
        record.register_key = Personal::new(std::mem::take(&mut writer.kept));
        self.watch(item, &record, scope);
        if withholds(&record.findings) || self.blocked {
            self.withheld(&item.source);
        } else {
            record.fragment = Some(Personal::new(writer.out.into_bytes()));
        }
        self.keep(record, item);
    }

    /// The schema's judgement, in a nominal container.
    fn structure(
        &mut self,
        item: &Item<'_>,
        writer: &Writer<'_>,
        scope: &mut Scope<'_>,
        findings: &mut Vec<Finding>,
    ) {
        self.payload.clear();
        self.payload.extend_from_slice(self.flow.frame.before.as_bytes());
        self.payload.extend_from_slice(writer.out.as_bytes());
        self.payload.extend_from_slice(self.flow.frame.after.as_bytes());
        let problems = self.flow.validate(&self.payload);
        if !problems.is_empty() {
            findings.extend(self.flow.traced(&problems, item.plan, &writer.rows, scope));
        }
    }

    /// A record with everything but its fragment.
    fn shell(&self, item: &Item<'_>, findings: Vec<Finding>, scope: &Scope<'_>) -> MappedRecord {
        let plan = item.plan;
        let from = scope.value(&plan.from).date().unwrap_or(self.context.today);
        let to = plan.to.as_ref().and_then(|to| scope.value(to).date()).unwrap_or(from);
        MappedRecord {
            key: joined(&plan.key, scope),
            source: item.source.clone(),
            from,
            to,
            needs: plan.needs(scope).map(|(register, key)| Needed { register, key }),
            group: plan.group.as_ref().and_then(|group| group.text(scope)).map(|text| label(&text)),
            register_key: Personal::new(String::new()),
            fragment: None,
            rows: Vec::new(),
            findings,
        }
    }

    fn keep(&mut self, record: MappedRecord, item: &Item<'_>) {
        self.mapped.records.push(record);
        self.places.push(item.place.clone());
    }

    fn named(&mut self, source: &str) {
        if !self.mapped.named.iter().any(|known| known == source) {
            self.mapped.named.push(source.to_owned());
        }
    }

    fn withheld(&mut self, source: &str) {
        if self.mapped.withheld.last().is_none_or(|last| last != source) {
            self.mapped.withheld.push(source.to_owned());
        }
    }

    /// Two records that the register could not tell apart are both set aside:
    /// cancelling one could remove the other.
    fn duplicates(&mut self) {
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
            let record = &mut self.mapped.records[index];
            record.fragment = None;
            record.findings.push(super::incident::duplicate(self.places[index].clone()));
            let source = record.source.clone();
            if !self.mapped.withheld.contains(&source) {
                self.mapped.withheld.push(source);
            }
        }
    }
}

impl Flow {
    /// Writes one record in the flow's format.
    pub(super) fn write(&self, plan: &RecordPlan, writer: &mut Writer<'_>, scope: &mut Scope<'_>) {
        if self.is_json() {
            writer.object(&plan.element, scope);
        } else {
            writer.element(&plan.element, scope);
        }
    }
}

/// A group as it may stand in the name of a file.
fn label(text: &str) -> String {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    text.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect()
}

fn withholds(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Withhold)
}
