//! An inbound mapping: the table from the places of an answer to the fields of the folder,
//! as written and compiled. `from` is a path of the answer, `target` one of the folder.

use super::codes::CodeTable;
use super::compile::{item_root, noted, parse_transform};
use super::condition::Condition;
use super::condition_parse::{self, Codes, find_table};
use super::defect::{Defect, Defects};
use super::document::{Direction, FlowTable};
use super::document_record::Parts;
use super::path::{Names, PathRef};
use super::transform::Transform;
use serde::Deserialize;
use std::sync::Arc;
use toml::Spanned;

/// `mapping.toml` with `direction = "inbound"`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InboundDocument {
    pub flow: FlowTable,
    pub answer: AnswerTable,
    #[serde(default)]
    pub list: Vec<Spanned<ListTable>>,
    #[serde(default)]
    pub row: Vec<Spanned<InboundRow>>,
}

/// What an answer is made of.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerTable {
    /// Where each of its documents names the codice fiscale of the person it speaks of.
    pub person: Vec<String>,
    /// How often a document may have been escaped.
    #[serde(default)]
    pub escaped: u8,
    /// Texts that are no document: nothing is known of the person.
    #[serde(default)]
    pub none: Vec<String>,
    /// Beginnings of texts that are no document: the limit of questions is exceeded.
    #[serde(default)]
    pub limit: Vec<String>,
}

/// A list of the folder that is filled from lists of the answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListTable {
    /// The folder's list.
    pub target: String,
    /// The answer's lists or single elements; what was met before is not met again.
    pub each: Parts,
    /// Name of the current element.
    #[serde(rename = "as")]
    pub name: String,
    /// Fields of the folder's element by which it is found again.
    pub key: Parts,
    pub when: Option<String>,
    pub row: Vec<Spanned<InboundRow>>,
}

/// One field of the folder.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InboundRow {
    /// A field of the folder; in a list, of its element.
    pub target: String,
    pub from: Option<String>,
    /// A constant instead of `from`.
    pub value: Option<String>,
    #[serde(rename = "as")]
    pub transform: Option<String>,
    pub codes: Option<String>,
    /// Path of the day by which the code table is read.
    pub codes_at: Option<String>,
    pub when: Option<String>,
    /// The source may hold more than the folder takes: what does not fit is told, and proposes nothing.
    #[serde(default)]
    pub checked: bool,
    /// Why the field is received.
    pub purpose: Option<String>,
    /// By which law, where it is not the flow's.
    pub legal_basis: Option<String>,
}

/// An inbound mapping with everything resolved.
pub struct Inbound {
    pub flow: FlowTable,
    pub answer: AnswerTable,
    pub names: Names,
    pub codes: Codes,
    pub person: Vec<PathRef>,
    pub rows: Vec<RowPlan>,
    pub lists: Vec<ListPlan>,
}

/// A list, compiled.
pub struct ListPlan {
    pub table: ListTable,
    pub each: Vec<PathRef>,
    /// Slot of the current element.
    pub slot: usize,
    pub when: Option<Condition>,
    pub rows: Vec<RowPlan>,
    pub offset: usize,
}

/// A row, compiled.
pub struct RowPlan {
    pub table: InboundRow,
    /// The target in the folder's shape: `lavoro.politiche_attive[].tipo`.
    pub target: String,
    /// `None` for a constant.
    pub from: Option<PathRef>,
    pub transform: Transform,
    pub codes: Option<(Arc<CodeTable>, usize)>,
    pub codes_day: Option<PathRef>,
    pub when: Option<Condition>,
    pub offset: usize,
}

/// Whether a `mapping.toml` is an inbound one; false also where it can't be read.
pub fn is_inbound(text: &str) -> bool {
    let table: Option<toml::Table> = text.parse().ok();
    let direction = table.as_ref().and_then(|table| table.get("flow")?.get("direction")?.as_str());
    direction == Some("inbound")
}

/// Reads one inbound `mapping.toml` as it is written.
pub fn read(file: &str, text: &str) -> Result<InboundDocument, Vec<Defect>> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let mut defects = Defects::new(file, text);
        let offset = error.span().map_or(0, |span| span.start);
        defects.add(offset, "", error.message(), "see mappings/README.md");
        defects.found
    })
}

/// Compiles one inbound mapping. All defects are returned at once.
pub fn compile(
    file: &str,
    text: &str,
    document: InboundDocument,
    codes: Codes,
) -> Result<Inbound, Vec<Defect>> {
    let mut defects = Defects::new(file, text);
    if document.flow.direction != Direction::Inbound {
        defects.add(0, "flow", "the direction is not inbound", "direction = \"inbound\"");
    }
    let mut compiler = Compiler { names: Names::default(), codes: &codes };
    let person = document.answer.person.iter();
    let person =
        person.filter_map(|path| noted(&mut defects, 0, "answer", compiler.names.path(path))).collect();
    let rows = compiler.rows(&document.row, "", &mut defects);
    let lists = document.list.into_iter().filter_map(|table| compiler.list(table, &mut defects)).collect();
    let names = compiler.names;
    if !defects.found.is_empty() {
        return Err(defects.found);
    }
    Ok(Inbound { flow: document.flow, answer: document.answer, names, codes, person, rows, lists })
}

struct Compiler<'c> {
    names: Names,
    codes: &'c Codes,
}

impl Compiler<'_> {
    fn list(&mut self, table: Spanned<ListTable>, defects: &mut Defects<'_>) -> Option<ListPlan> {
        let offset = table.span().start;
        let table = table.into_inner();
        let opened = self.open_list(&table);
        let (each, slot, when) = noted(defects, offset, &table.target, opened)?;
        let rows = self.rows(&table.row, &format!("{}[].", table.target), defects);
        Some(ListPlan { table, each, slot, when, rows, offset })
    }

    fn open_list(&mut self, table: &ListTable) -> Result<(Vec<PathRef>, usize, Option<Condition>), String> {
        let each = table.each.list().iter().map(|path| self.names.path(path));
        let each: Vec<PathRef> = each.collect::<Result<_, _>>()?;
        let (first, text) = each.first().zip(table.each.list().first()).ok_or("`each` names no list")?;
        let root = item_root(&self.names, first, text)?;
        let slot = self.names.declare(&table.name, root)?;
        Ok((each, slot, self.condition(table.when.as_deref())?))
    }

    fn condition(&mut self, text: Option<&str>) -> Result<Option<Condition>, String> {
        text.map(|text| condition_parse::compile(text, &mut self.names, self.codes)).transpose()
    }

    fn rows(
        &mut self,
        tables: &[Spanned<InboundRow>],
        prefix: &str,
        defects: &mut Defects<'_>,
    ) -> Vec<RowPlan> {
        let rows = tables.iter().filter_map(|table| {
            let (offset, table) = (table.span().start, table.get_ref());
            noted(defects, offset, &table.target, self.row(table, prefix, offset))
        });
        rows.collect()
    }

    fn row(&mut self, table: &InboundRow, prefix: &str, offset: usize) -> Result<RowPlan, String> {
        let from = match (&table.from, &table.value) {
            (Some(from), None) => Some(self.names.path(from)?),
            (None, Some(_)) => None,
            _ => return Err("a row has either `from` or `value`".to_owned()),
        };
        Ok(RowPlan {
            target: format!("{prefix}{}", table.target),
            from,
            transform: parse_transform(table.transform.as_deref())?,
            codes: table.codes.as_deref().map(|name| find_table(self.codes, name)).transpose()?,
            codes_day: table.codes_at.as_deref().map(|path| self.names.path(path)).transpose()?,
            when: self.condition(table.when.as_deref())?,
            offset,
            table: table.clone(),
        })
    }
}

impl ListPlan {
    /// The fields of the folder's element that are its key.
    pub fn key(&self) -> &[String] {
        self.table.key.list()
    }

    /// A row's target below its element, word by word.
    pub fn below<'r>(&self, row: &'r RowPlan) -> impl Iterator<Item = &'r str> {
        row.table.target.split('.')
    }
}
