//! From the document to the compiled mapping: names first, then rows.

use super::compile_rows::{RowCompiler, sort};
use super::condition::Condition;
use super::condition_parse::{self, Codes};
use super::defect::{Defect, Defects};
use super::document::{FlowTable, LookupTable, MappingDocument, RecordTable};
use super::lookup::{Choice, Lookup};
use super::path::{Names, PathRef, Root};
use super::plan::ElementPlan;
use super::step::Step;
use crate::schema::shape::Shape;

/// Fields of the root `ente`, in containers only.
pub const ENTE_FIELDS: &[&str] = &["code", "name", "seat", "operator"];
/// Fields of the root `invio`, in containers only.
pub const INVIO_FIELDS: &[&str] = &["nome", "data"];

/// A mapping with everything resolved.
pub struct Mapping {
    pub flow: FlowTable,
    pub document: MappingDocument,
    pub names: Names,
    pub codes: Codes,
    /// Slot of the current item and the list it comes from.
    pub item_slot: usize,
    pub list: PathRef,
    pub when: Option<Condition>,
    pub annulled: Option<Condition>,
    pub key: Vec<PathRef>,
    pub source: PathRef,
    pub from: PathRef,
    pub to: PathRef,
    /// Steps with their slot.
    pub steps: Vec<(usize, &'static dyn Step)>,
    pub lookups: Vec<Lookup>,
    /// The record's element.
    pub record: ElementPlan,
    /// Rows of the record, then rows of the container.
    pub rows: Vec<RowInfo>,
    /// Names of the container's own rows.
    pub header_names: Names,
    /// The container around the record's element.
    pub container: ElementPlan,
    /// Rows by target, for lineage: the targets of the register key.
    pub register_key: Vec<usize>,
}

/// What a row says, for documentation, lineage and checks.
#[derive(Clone, Debug)]
pub struct RowInfo {
    /// Absolute path of the target, e.g. `Flusso/Beneficiario/@CodiceFiscale`.
    pub target: String,
    /// Places of the folder that it reads for its value.
    pub sources: Vec<String>,
    /// The row's own path (`None` for a constant).
    pub path: Option<PathRef>,
    pub transform: super::transform::Transform,
    /// Byte offset of the row in the file.
    pub offset: usize,
    pub row: super::document::RowTable,
}

/// Compiles one `mapping.toml`. All defects are returned at once.
pub fn compile(
    file: &str,
    text: &str,
    codes: Codes,
    steps: &[&'static dyn Step],
    target: &Shape,
) -> Result<Mapping, Vec<Defect>> {
    let mut defects = Defects::new(file, text);
    let document: MappingDocument = match toml::from_str(text) {
        Ok(document) => document,
        Err(error) => {
            let offset = error.span().map_or(0, |span| span.start);
            defects.add(offset, "", error.message(), "see mappings/README.md");
            return Err(defects.found);
        }
    };
    let mapping = Compiler { document: &document, codes: &codes, names: Names::default() }.run(
        steps,
        target,
        &mut defects,
    );
    match mapping {
        Some(parts) if defects.found.is_empty() => Ok(parts.finish(document, codes)),
        _ => Err(defects.found),
    }
}

struct Compiler<'c> {
    document: &'c MappingDocument,
    codes: &'c Codes,
    names: Names,
}

/// Everything that is compiled, before it is joined with the document.
struct Parts {
    names: Names,
    header_names: Names,
    item_slot: usize,
    list: PathRef,
    when: Option<Condition>,
    annulled: Option<Condition>,
    key: Vec<PathRef>,
    source: PathRef,
    from: PathRef,
    to: PathRef,
    steps: Vec<(usize, &'static dyn Step)>,
    lookups: Vec<Lookup>,
    record: ElementPlan,
    rows: Vec<RowInfo>,
    container: ElementPlan,
    register_key: Vec<usize>,
}

impl Parts {
    fn finish(self, document: MappingDocument, codes: Codes) -> Mapping {
        Mapping {
            flow: document.flow.clone(),
            document,
            codes,
            names: self.names,
            header_names: self.header_names,
            item_slot: self.item_slot,
            list: self.list,
            when: self.when,
            annulled: self.annulled,
            key: self.key,
            source: self.source,
            from: self.from,
            to: self.to,
            steps: self.steps,
            lookups: self.lookups,
            record: self.record,
            rows: self.rows,
            container: self.container,
            register_key: self.register_key,
        }
    }
}

impl Compiler<'_> {
    fn run(
        mut self,
        steps: &[&'static dyn Step],
        target: &Shape,
        defects: &mut Defects<'_>,
    ) -> Option<Parts> {
        let table = &self.document.record;
        let list = noted(defects, 0, "record.each", self.names.path(&table.each))?;
        let item =
            Root::Item { list: format!("{}[]", table.each), parent: None, property: table.each.clone() };
        let item_slot = noted(defects, 0, "record.as", self.names.declare(&table.name, item))?;
        let steps = self.steps(steps, defects);
        let lookups = self.lookups(defects);
        let record_paths = self.record_paths(table, defects)?;
        let (when, annulled) = (
            self.condition(table.when.as_deref(), "record.when", defects),
            self.condition(table.annulled.as_deref(), "record.annulled", defects),
        );
        let mut header_names = Names::default();
        let _ = header_names.declare("ente", Root::Made { fields: ENTE_FIELDS.to_vec(), reads: Vec::new() });
        let _ =
            header_names.declare("invio", Root::Made { fields: INVIO_FIELDS.to_vec(), reads: Vec::new() });
        let mut rows = RowCompiler { codes: self.codes, target, rows: Vec::new() };
        let mut record = rows.record(self.document, &mut self.names, defects);
        let mut container = rows.container(self.document, &mut header_names, defects);
        sort(&mut record, target, &table.element);
        sort(&mut container, target, &self.document.container.root);
        let register_key = register_key(table, &rows.rows, defects);
        let (key, source, from, to) = record_paths;
        Some(Parts {
            names: self.names,
            header_names,
            item_slot,
            list,
            when,
            annulled,
            key,
            source,
            from,
            to,
            steps,
            lookups,
            record,
            rows: rows.rows,
            container,
            register_key,
        })
    }

    fn condition(&mut self, text: Option<&str>, place: &str, defects: &mut Defects<'_>) -> Option<Condition> {
        let compiled = condition_parse::compile(text?, &mut self.names, self.codes);
        noted(defects, 0, place, compiled)
    }

    fn record_paths(
        &mut self,
        table: &RecordTable,
        defects: &mut Defects<'_>,
    ) -> Option<(Vec<PathRef>, PathRef, PathRef, PathRef)> {
        let mut path = |text: &str, place: &str| noted(defects, 0, place, self.names.path(text));
        let key = table.key.iter().map(|part| path(part, "record.key")).collect::<Option<Vec<_>>>()?;
        let source = path(&table.source, "record.source")?;
        let from = path(&table.period.from, "record.period")?;
        Some((key, source, from, path(&table.period.to, "record.period")?))
    }

    fn steps(
        &mut self,
        known: &[&'static dyn Step],
        defects: &mut Defects<'_>,
    ) -> Vec<(usize, &'static dyn Step)> {
        let list = format!("{}[]", self.document.record.each);
        let mut found = Vec::new();
        for table in &self.document.step {
            let (offset, table) = (table.span().start, table.get_ref());
            let Some(step) = known.iter().find(|step| step.name() == table.name) else {
                let names: Vec<_> = known.iter().map(|step| step.name()).collect();
                let mend = format!("registered steps: {}", names.join(", "));
                defects.add(offset, &table.name, "no adapter registers this step", mend);
                continue;
            };
            let root = Root::Made {
                fields: step.fields().iter().map(|field| field.name).collect(),
                reads: step.reads().iter().map(|name| format!("{list}.{name}")).collect(),
            };
            if let Some(slot) = noted(defects, offset, &table.name, self.names.declare(&table.values, root)) {
                found.push((slot, *step));
            }
        }
        if found.iter().filter(|(_, step)| step.splits()).count() > 1 {
            defects.add(0, "step", "only one step may split an item", "join the two in the adapter");
        }
        found
    }

    fn lookups(&mut self, defects: &mut Defects<'_>) -> Vec<Lookup> {
        let tables = &self.document.lookup;
        tables
            .iter()
            .filter_map(|table| {
                let compiled = self.lookup(table.get_ref());
                noted(defects, table.span().start, &table.get_ref().name, compiled)
            })
            .collect()
    }

    fn lookup(&mut self, table: &LookupTable) -> Result<Lookup, String> {
        let root =
            Root::Item { list: format!("{}[]", table.list), parent: None, property: table.list.clone() };
        let slot = self.names.declare(&table.name, root)?;
        let by = Box::from(table.by.as_str());
        let choice = match (&table.equals, &table.at) {
            (Some(value), None) => Choice::Equals { by, value: self.names.path(value)? },
            (None, Some(at)) => Choice::Dated {
                by,
                at: self.names.path(at)?,
                until: table.until.as_deref().map(Box::from),
                since: table.since.as_deref().map(|since| self.names.path(since)).transpose()?,
            },
            _ => return Err("a lookup has either `equals` or `at`".to_owned()),
        };
        Ok(Lookup { slot, list: self.names.path(&table.list)?, choice })
    }
}

/// Indices of the rows that write the targets of the register key.
fn register_key(table: &RecordTable, rows: &[RowInfo], defects: &mut Defects<'_>) -> Vec<usize> {
    let mut found = Vec::new();
    for target in &table.register_key {
        let absolute = format!("{}/{target}", table.element);
        let before = found.len();
        found.extend(
            rows.iter().enumerate().filter(|(_, row)| row.target == absolute).map(|(index, _)| index),
        );
        if found.len() == before {
            defects.add(0, "record.register_key", format!("no row writes `{target}`"), "add the row");
        }
    }
    found
}

/// Turns an `Err` into a defect.
pub(super) fn noted<T>(
    defects: &mut Defects<'_>,
    offset: usize,
    place: &str,
    result: Result<T, String>,
) -> Option<T> {
    result.map_err(|message| defects.add(offset, place, message, "see mappings/README.md")).ok()
}
