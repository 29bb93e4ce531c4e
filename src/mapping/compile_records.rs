//! `[record]` and `[[record]]` to their plans.

use super::compile::{Targets, is_json, item_root, noted};
use super::compile_rows::{RowCompiler, sort};
use super::condition::Condition;
use super::condition_parse::{self, Codes};
use super::defect::Defects;
use super::document::MappingDocument;
use super::document_record::{Needs, Parts, RecordTable};
use super::path::{Names, Root};
use super::record::{ItemPlan, KeyPart, Need, RecordPlan};
use super::step::Step;
use super::template::Template;

/// The kinds of record, their lists and steps declared, the rest still to be compiled.
pub(super) struct RecordCompiler<'r> {
    document: &'r MappingDocument,
    codes: &'r Codes,
    declared: Vec<Option<Declared>>,
}

/// What other names may refer to: the current item and the values of steps.
struct Declared {
    item: Option<ItemPlan>,
    steps: Vec<(usize, &'static dyn Step)>,
}

impl<'r> RecordCompiler<'r> {
    /// Declares the current items of all kinds, and the values of their steps.
    pub fn declare(
        document: &'r MappingDocument,
        codes: &'r Codes,
        names: &mut Names,
        known: &[&'static dyn Step],
        defects: &mut Defects<'_>,
    ) -> Self {
        let mut declared = Vec::new();
        for (index, table) in document.record.tables.iter().enumerate() {
            let kind = name_of(table);
            if document.record.tables[..index].iter().any(|other| name_of(other) == kind) {
                defects.add(0, "record.kind", format!("`{kind}` names two kinds of record"), "rename one");
            }
            let item = noted(defects, 0, "record.as", item(table, names));
            declared.push(item.map(|item| {
                let steps = steps(document, table, names, known, defects);
                Declared { item, steps }
            }));
        }
        strays(document, defects);
        Self { document, codes, declared }
    }

    /// Compiles every kind with its rows; `None` if one could not be named.
    pub fn compile<'t>(
        &mut self,
        names: &mut Names,
        rows: &mut RowCompiler<'t>,
        targets: &'t Targets,
        defects: &mut Defects<'_>,
    ) -> Option<Vec<RecordPlan>> {
        let declared = std::mem::take(&mut self.declared);
        let mut plans = Vec::new();
        for (index, (table, declared)) in self.document.record.tables.iter().zip(declared).enumerate() {
            (rows.record, rows.target) = (Some(index), targets.of(Some(index)));
            let plan = declared.and_then(|declared| self.plan(table, declared, names, defects));
            let first = rows.rows.len();
            let mut element = rows.record(self.document, table, names, defects);
            sort(&mut element, targets.of(Some(index)), &table.element, is_json(self.document));
            plans.push(plan.map(|mut plan| {
                plan.register_key = register_key(table, rows, first, defects);
                plan.element = element;
                plan
            }));
        }
        plans.into_iter().collect()
    }

    fn plan(
        &self,
        table: &RecordTable,
        declared: Declared,
        names: &mut Names,
        defects: &mut Defects<'_>,
    ) -> Option<RecordPlan> {
        let key = noted(defects, 0, "record.key", key(&table.key, names))?;
        let source = noted(defects, 0, "record.source", key_of(&table.source, names))?;
        let from = noted(defects, 0, "record.period", names.path(&table.period.from))?;
        let to = table.period.to.as_deref().map(|to| noted(defects, 0, "record.period", names.path(to)));
        let part = table.part.as_deref();
        let part = part.and_then(|part| noted(defects, 0, "record.part", names.path(part)));
        let group = table
            .group
            .as_deref()
            .map(|text| noted(defects, 0, "record.group", Template::parse(text, names)));
        let mut condition = |text: Option<&str>, place: &str, names: &mut Names| {
            noted(defects, 0, place, condition_parse::compile(text?, names, self.codes))
        };
        Some(RecordPlan {
            kind: name_of(table).to_owned(),
            part,
            item: declared.item,
            when: condition(table.when.as_deref(), "record.when", names),
            annulled: condition(table.annulled.as_deref(), "record.annulled", names),
            needs: noted(defects, 0, "record.needs", self.needs(table, names))?,
            group: group.flatten(),
            key,
            source,
            from,
            to: to.flatten(),
            steps: declared.steps,
            base: table.element.clone(),
            element: super::plan::ElementPlan::default(),
            register_key: Vec::new(),
        })
    }

    fn needs(&self, table: &RecordTable, names: &mut Names) -> Result<Vec<Need>, String> {
        match &table.needs {
            None => Ok(Vec::new()),
            Some(Needs::Key(parts)) => {
                Ok(vec![Need { key: key_of(parts, names)?, when: None, register: None }])
            }
            Some(needs) => needs
                .list()
                .iter()
                .map(|need| {
                    let when = need.when.as_deref();
                    let when: Option<Condition> =
                        when.map(|text| condition_parse::compile(text, names, self.codes)).transpose()?;
                    Ok(Need { key: key_of(&need.key, names)?, when, register: need.register.clone() })
                })
                .collect(),
        }
    }
}

/// The kind's name; of an only kind the name of its element.
fn name_of(table: &RecordTable) -> &str {
    let element = table.element.rsplit('/').next().unwrap_or_default();
    if table.kind.is_empty() { element } else { &table.kind }
}

fn item(table: &RecordTable, names: &mut Names) -> Result<Option<ItemPlan>, String> {
    match (&table.each, &table.name) {
        (None, None) if table.part.is_none() => {
            Err("a record has either `each`, a list, or `part`, a property of the folder".to_owned())
        }
        (None, None) => Ok(None),
        (Some(each), Some(name)) if table.part.is_none() => {
            let list = names.path(each)?;
            let root = item_root(names, &list, each)?;
            Ok(Some(ItemPlan { slot: names.declare(name, root)?, list }))
        }
        _ => Err("`each` and `as` go together, and without `part`".to_owned()),
    }
}

fn key(parts: &Parts, names: &mut Names) -> Result<Vec<KeyPart>, String> {
    let key = key_of(parts, names)?;
    if key.is_empty() { Err("the key has no part".to_owned()) } else { Ok(key) }
}

/// Paths, and constants in single quotes.
fn key_of(parts: &Parts, names: &mut Names) -> Result<Vec<KeyPart>, String> {
    let part = |text: &String| match text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        Some(constant) => Ok(KeyPart::Constant(constant.into())),
        None => names.path(text).map(KeyPart::Path),
    };
    parts.list().iter().map(part).collect()
}

/// The steps of one kind; a step without `record` belongs to the only one.
fn steps(
    document: &MappingDocument,
    record: &RecordTable,
    names: &mut Names,
    known: &[&'static dyn Step],
    defects: &mut Defects<'_>,
) -> Vec<(usize, &'static dyn Step)> {
    let list = format!("{}[]", record.each.as_deref().unwrap_or_default());
    let mut found = Vec::new();
    for table in &document.step {
        let (offset, table) = (table.span().start, table.get_ref());
        if table.record.as_deref().is_some_and(|kind| kind != record.kind) {
            continue;
        }
        let Some(step) = known.iter().find(|step| step.name() == table.name) else {
            let names: Vec<_> = known.iter().map(|step| step.name()).collect();
            let mend = format!("registered steps: {}", names.join(", "));
            defects.add(offset, &table.name, "no adapter registers this step", mend);
            continue;
        };
        let root = Root::Made {
            fields: step.fields().iter().map(|field| field.name.to_owned()).collect(),
            reads: step.reads().iter().map(|name| format!("{list}.{name}")).collect(),
        };
        if let Some(slot) = noted(defects, offset, &table.name, names.declare(&table.values, root)) {
            found.push((slot, *step));
        }
    }
    if found.iter().filter(|(_, step)| step.splits()).count() > 1 {
        defects.add(0, "step", "only one step may split an item", "join the two in the adapter");
    }
    found
}

/// What several kinds need and an only one does not.
fn strays(document: &MappingDocument, defects: &mut Defects<'_>) {
    let tables = &document.record.tables;
    if document.record.several && tables.iter().any(|table| table.kind.is_empty()) {
        defects.add(0, "record", "a [[record]] has no `kind`", "name it, e.g. kind = \"persona\"");
    }
    for table in &document.step {
        let (offset, table) = (table.span().start, table.get_ref());
        let known = match &table.record {
            Some(kind) => tables.iter().any(|record| record.kind == *kind),
            None => tables.len() == 1,
        };
        if !known {
            defects.add(offset, &table.name, "the step names no kind of record", "correct `record`");
        }
    }
}

/// Indices of the rows that write the targets of the register key.
fn register_key(
    table: &RecordTable,
    rows: &RowCompiler<'_>,
    first: usize,
    defects: &mut Defects<'_>,
) -> Vec<usize> {
    let mut found = Vec::new();
    for target in &table.register_key {
        let absolute = format!("{}/{target}", table.element);
        let before = found.len();
        let own = rows.rows.iter().enumerate().skip(first);
        found.extend(own.filter(|(_, row)| row.target == absolute).map(|(index, _)| index));
        if found.len() == before {
            defects.add(0, "record.register_key", format!("no row writes `{target}`"), "add the row");
        }
    }
    found
}
