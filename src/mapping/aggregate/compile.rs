//! From the document to the plan: names first, then dimensions, lists and indicators.

use super::compile_indicators::indicators;
use super::document::{AggregateDocument, DimensionTable, ListTable, TextTable};
use super::plan::{
    Dimension, Group, ListPlan, PERIOD_FIELDS, PERIOD_ROOT, Part, Plan, Read, TextPlan, Translation,
};
use crate::folder::finding::Text;
use crate::mapping::codes::CodeTable;
use crate::mapping::compile::{item_root, lookup, noted};
use crate::mapping::condition::Condition;
use crate::mapping::condition_parse::{self, Codes, find_table};
use crate::mapping::defect::{Defect, Defects};
use crate::mapping::lookup::{Choice, Lookup};
use crate::mapping::path::{Names, PathRef, Root};
use crate::mapping::template::Template;

/// The word for all groups of a dimension together, which no group may have.
pub const TOTAL: &str = "totale";

/// Whether a `mapping.toml` is of an aggregate flow.
pub fn is_aggregate(text: &str) -> bool {
    let table: Result<toml::Table, _> = text.parse();
    let scope = table.ok().and_then(|table| table.get("record")?.get("scope")?.as_str().map(str::to_owned));
    scope.as_deref() == Some("aggregate")
}

/// Reads one `mapping.toml` as it is written.
pub fn read(file: &str, text: &str) -> Result<AggregateDocument, Vec<Defect>> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let mut defects = Defects::new(file, text);
        let offset = error.span().map_or(0, |span| span.start);
        defects.add(offset, "", error.message(), "see mappings/README.md");
        defects.found
    })
}

/// What is compiled so far.
pub(super) struct Compiling<'c, 't> {
    pub codes: &'c Codes,
    pub names: Names,
    pub read: Vec<Read>,
    pub defects: Defects<'t>,
}

impl Compiling<'_, '_> {
    /// A path, noted for the static check.
    pub fn path(&mut self, offset: usize, place: &str, text: &str) -> Option<PathRef> {
        let made = self.names.path(text);
        let path = noted(&mut self.defects, offset, place, made)?;
        self.note(offset, place, &path);
        Some(path)
    }

    pub fn note(&mut self, offset: usize, place: &str, path: &PathRef) {
        self.read.push(Read { offset, place: place.to_owned(), path: path.clone() });
    }

    fn condition(&mut self, offset: usize, place: &str, text: &str) -> Option<Condition> {
        let made = condition_parse::compile(text, &mut self.names, self.codes);
        let condition = noted(&mut self.defects, offset, place, made)?;
        let mut paths = Vec::new();
        condition.paths(&mut paths);
        let paths: Vec<PathRef> = paths.into_iter().cloned().collect();
        paths.iter().for_each(|path| self.note(offset, place, path));
        Some(condition)
    }
}

/// Compiles one `mapping.toml`. All defects are returned at once.
pub fn compile(
    file: &str,
    text: &str,
    document: &AggregateDocument,
    codes: &Codes,
) -> Result<Plan, Vec<Defect>> {
    let mut work =
        Compiling { codes, names: Names::default(), read: Vec::new(), defects: Defects::new(file, text) };
    let fields = PERIOD_FIELDS.iter().map(|&field| field.to_owned()).collect();
    let declared = work.names.declare(PERIOD_ROOT, Root::Made { fields, reads: Vec::new() });
    let period = noted(&mut work.defects, 0, PERIOD_ROOT, declared).unwrap_or(0);
    let items = declare_items(&mut work, document);
    let values = values(&mut work, document);
    let lookups = lookups(&mut work, document);
    let dimensions: Vec<Dimension> = document
        .dimension
        .iter()
        .filter_map(|table| dimension(&mut work, table.get_ref(), table.span().start))
        .collect();
    let tables = document.list.iter().zip(items);
    let lists: Vec<ListPlan> = tables
        .filter_map(|(table, item)| Some(list(&mut work, table.get_ref(), table.span().start, item?)))
        .collect();
    let (indicators, populations) = indicators(&mut work, document, &dimensions, &lists);
    if !work.defects.found.is_empty() {
        return Err(work.defects.found);
    }
    Ok(Plan {
        flow: document.flow.clone(),
        threshold: document.record.threshold.clone(),
        names: work.names,
        period,
        values,
        lookups,
        dimensions,
        lists,
        populations,
        indicators,
        read: work.read,
    })
}

/// The lists and the slots of their current items: values and lookups may name them.
fn declare_items(
    work: &mut Compiling<'_, '_>,
    document: &AggregateDocument,
) -> Vec<Option<(PathRef, usize)>> {
    let tables = document.list.iter();
    tables
        .map(|table| {
            let (offset, table) = (table.span().start, table.get_ref());
            let list = work.path(offset, &table.name, &table.each)?;
            let declared = item_root(&work.names, &list, &table.each)
                .and_then(|root| work.names.declare(&table.item, root));
            Some((list, noted(&mut work.defects, offset, &table.name, declared)?))
        })
        .collect()
}

fn values(work: &mut Compiling<'_, '_>, document: &AggregateDocument) -> Vec<TextPlan> {
    let tables = document.value.iter();
    tables.filter_map(|table| value(work, table.get_ref(), table.span().start)).collect()
}

fn value(work: &mut Compiling<'_, '_>, table: &TextTable, offset: usize) -> Option<TextPlan> {
    let parsed: Result<Vec<_>, _> =
        table.template.list().iter().map(|text| Template::parse(text, &mut work.names)).collect();
    let templates = noted(&mut work.defects, offset, &table.name, parsed)?;
    let paths: Vec<PathRef> = templates.iter().flat_map(Template::paths).cloned().collect();
    paths.iter().for_each(|path| work.note(offset, &table.name, path));
    let reads = paths.iter().flat_map(|path| work.names.sources(path)).collect();
    let declared = work.names.declare(&table.name, Root::Value { reads });
    let slot = noted(&mut work.defects, offset, &table.name, declared)?;
    Some(TextPlan { slot, templates })
}

fn lookups(work: &mut Compiling<'_, '_>, document: &AggregateDocument) -> Vec<Lookup> {
    let mut lookups = Vec::new();
    for table in &document.lookup {
        let (offset, name) = (table.span().start, table.get_ref().name.clone());
        let compiled = lookup(table.get_ref(), &mut work.names);
        let Some(compiled) = noted(&mut work.defects, offset, &name, compiled) else { continue };
        work.note(offset, &name, &compiled.list);
        match &compiled.choice {
            Choice::First => {}
            Choice::Equals { value, .. } => work.note(offset, &name, value),
            Choice::Dated { at, since, .. } => {
                std::iter::once(at).chain(since).for_each(|path| work.note(offset, &name, path));
            }
        }
        lookups.push(compiled);
    }
    lookups
}

fn dimension(work: &mut Compiling<'_, '_>, table: &DimensionTable, offset: usize) -> Option<Dimension> {
    let name = table.name.as_str();
    let from = work.path(offset, name, &table.from)?;
    let codes = match &table.codes {
        None => None,
        Some(codes) => {
            let (codes, column) = noted(&mut work.defects, offset, name, find_table(work.codes, codes))?;
            let day = table.codes_at.as_ref().and_then(|day| work.path(offset, name, day));
            Some(Translation { table: codes, column, day })
        }
    };
    let values = find_table(work.codes, &table.values).map(|(values, _)| values);
    let values = noted(&mut work.defects, offset, name, values)?;
    let groups = noted(&mut work.defects, offset, name, groups(&values))?;
    let other = groups.iter().position(|group| group.id == table.other);
    let other = other.ok_or_else(|| format!("`{}` is no group of codes/{}.csv", table.other, table.values));
    let other = noted(&mut work.defects, offset, name, other)?;
    if let Some(codes) = &codes {
        untold(work, offset, name, codes, &groups);
    }
    Some(Dimension { name: name.to_owned(), title: table.title.clone(), from, codes, groups, other, offset })
}

/// The groups of a code table, in its own order.
fn groups(table: &CodeTable) -> Result<Vec<Group>, String> {
    let column =
        |name: &str| table.column(name).ok_or_else(|| format!("the table of groups has no column `{name}`"));
    let (it, en, order) = (column("it")?, column("en")?, column("order")?);
    let cell = |id: &str, column| table.cell(id, column, None).unwrap_or_default().to_owned();
    let mut found: Vec<(String, Group)> = table
        .keys()
        .map(|id| {
            let title = Text::new(cell(id, it), cell(id, en));
            (cell(id, order), Group { id: id.to_owned(), title })
        })
        .collect();
    found.sort_by(|a, b| (&a.0, &a.1.id).cmp(&(&b.0, &b.1.id)));
    if found.iter().any(|(_, group)| group.id == TOTAL) {
        return Err(format!("no group can be called `{TOTAL}`: that is all of them together"));
    }
    Ok(found.into_iter().map(|(_, group)| group).collect())
}

/// Codes that are translated to what is no group.
fn untold(work: &mut Compiling<'_, '_>, offset: usize, name: &str, codes: &Translation, groups: &[Group]) {
    let mut strays: Vec<&str> = codes
        .table
        .cells(codes.column)
        .filter(|(_, cell)| groups.iter().all(|group| group.id != **cell))
        .map(|(key, _)| key)
        .collect();
    strays.sort_unstable();
    if !strays.is_empty() {
        let message = format!("translated to no group of the dimension: {}", strays.join(", "));
        work.defects.add(offset, name, message, "add the group, or correct the code table");
    }
}

fn list(
    work: &mut Compiling<'_, '_>,
    table: &ListTable,
    offset: usize,
    (path, slot): (PathRef, usize),
) -> ListPlan {
    let mut parts: Vec<Part> = Vec::new();
    for part in &table.part {
        let (offset, part) = (part.span().start, part.get_ref());
        if parts.iter().any(|known| known.name == part.name) {
            work.defects.add(offset, &part.name, "the list has two parts of this name", "rename one");
        }
        let when = part.when.as_ref().and_then(|when| work.condition(offset, &part.name, when));
        let (name, title) = (part.name.clone(), part.title.clone());
        parts.push(Part { name, title, when, in_period: part.in_period });
    }
    let asks_nothing = |part: &toml::Spanned<super::document::PartTable>| part.get_ref().when.is_none();
    let last = table.part.last().is_some_and(asks_nothing);
    if !last || table.part.iter().filter(|part| asks_nothing(part)).count() > 1 {
        let message = "the parts do not take every item exactly once";
        work.defects.add(offset, &table.name, message, "the last part, and it alone, has no `when`");
    }
    if let Some(id) = &table.id {
        work.path(offset, &table.name, &format!("{}.{id}", table.item));
    }
    let (name, title, each) = (table.name.clone(), table.title.clone(), table.each.clone());
    ListPlan { name, title, each, list: path, slot, id: table.id.clone(), parts, offset }
}
