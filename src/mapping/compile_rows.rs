//! Rows and elements to the plan's tree; the order comes from the schema.

use super::compile::{RowInfo, noted};
use super::condition_parse::{self, Codes, find_table};
use super::defect::Defects;
use super::document::{ElementTable, MappingDocument, RowTable};
use super::path::{Names, PathRef, Root};
use super::plan::{EachPlan, ElementPlan, FieldPlan, RowPlan, Source};
use super::transform::{self, Transform};
use crate::schema::shape::Shape;

/// Compiles rows one after the other; a row's index is its place among all.
pub(super) struct RowCompiler<'r> {
    pub codes: &'r Codes,
    pub target: &'r Shape,
    pub rows: Vec<RowInfo>,
}

impl RowCompiler<'_> {
    /// The record's element with all `[[element]]` and `[[row]]` below it.
    pub fn record(
        &mut self,
        document: &MappingDocument,
        names: &mut Names,
        defects: &mut Defects<'_>,
    ) -> ElementPlan {
        let base = &document.record.element;
        let mut root = element(base.rsplit('/').next().unwrap_or(base));
        for table in &document.element {
            let (offset, table) = (table.span().start, table.get_ref());
            let done = self.element(&mut root, table, names);
            noted(defects, offset, &table.target, done);
        }
        if let Some(operation) = &document.operation {
            let row = RowTable {
                target: operation.target.clone(),
                value: Some(operation.insert.clone()),
                ..empty_row()
            };
            let done = self.row(&mut root, base, &row, 0, names);
            noted(defects, 0, "operation", done);
        }
        for row in &document.row {
            let (offset, row) = (row.span().start, row.get_ref());
            let done = self.row(&mut root, base, row, offset, names);
            noted(defects, offset, &row.target, done);
        }
        root
    }

    /// The container's own element, without records.
    pub fn container(
        &mut self,
        document: &MappingDocument,
        names: &mut Names,
        defects: &mut Defects<'_>,
    ) -> ElementPlan {
        let base = &document.container.root;
        let mut root = element(base);
        for row in &document.container.row {
            let (offset, row) = (row.span().start, row.get_ref());
            let done = self.row(&mut root, base, row, offset, names);
            noted(defects, offset, &row.target, done);
        }
        root
    }

    fn element(&self, root: &mut ElementPlan, table: &ElementTable, names: &mut Names) -> Result<(), String> {
        let place = find_or_add(root, &table.target);
        if let Some(each) = &table.each {
            let name = table.name.as_deref().ok_or("`each` needs `as`, the name of the current element")?;
            let list = names.path(each)?;
            let shape = names.shape_path(&list).ok_or("`each` takes a list of the folder")?;
            let parent = (!list.segments.is_empty()).then_some(list.slot);
            let property = list.segments.last().map_or(each.as_str(), |last| last).to_owned();
            let slot = names.declare(name, Root::Item { list: format!("{shape}[]"), parent, property })?;
            place.each = Some(EachPlan { list, slot, unique: table.unique });
        }
        // After `each`, whose element the condition may name.
        if let Some(text) = &table.when {
            place.when = Some(condition_parse::compile(text, names, self.codes)?);
        }
        Ok(())
    }

    fn row(
        &mut self,
        root: &mut ElementPlan,
        base: &str,
        row: &RowTable,
        offset: usize,
        names: &mut Names,
    ) -> Result<(), String> {
        let (elements, attribute) = match row.target.rsplit_once('@') {
            Some((elements, attribute)) => (elements.trim_end_matches('/'), Some(attribute)),
            None => (row.target.as_str(), None),
        };
        let absolute = format!("{base}/{}", row.target);
        let order = self.target.nodes.get(&absolute).map_or(usize::MAX, |node| node.order);
        let (plan, path) = self.compile_row(row, names)?;
        let sources = path.as_ref().map(|path| names.sources(path)).unwrap_or_default();
        let info =
            RowInfo { target: absolute, sources, path, transform: plan.transform, offset, row: row.clone() };
        self.rows.push(info);
        let place = find_or_add(root, elements);
        let field = match attribute {
            None => place.text.get_or_insert_with(|| field(String::new(), order)),
            Some(name) => {
                let open = format!(" {name}=\"");
                let at = place.attributes.iter().position(|known| known.open == open).unwrap_or_else(|| {
                    place.attributes.push(field(open, order));
                    place.attributes.len() - 1
                });
                &mut place.attributes[at]
            }
        };
        field.rows.push(plan);
        Ok(())
    }

    fn compile_row(&self, row: &RowTable, names: &mut Names) -> Result<(RowPlan, Option<PathRef>), String> {
        let (source, path) = match (&row.from, &row.value) {
            (Some(from), None) => {
                let path = names.path(from)?;
                (Source::Path(path.clone()), Some(path))
            }
            (None, Some(value)) => (Source::Constant(value.clone()), None),
            _ => return Err("a row has either `from` or `value`".to_owned()),
        };
        let name = row.transform.as_deref().unwrap_or("text");
        let transform = Transform::parse(name)
            .ok_or_else(|| format!("`{name}` is no transform; the list: {}", transform::NAMES))?;
        let codes = row.codes.as_deref().map(|table| find_table(self.codes, table)).transpose()?;
        let codes_day = row.codes_at.as_deref().map(|path| names.path(path)).transpose()?;
        let when =
            row.when.as_deref().map(|text| condition_parse::compile(text, names, self.codes)).transpose()?;
        let index = self.rows.len();
        Ok((RowPlan { index, source, transform, codes, codes_day, when, truncate: row.truncate }, path))
    }
}

fn empty_row() -> RowTable {
    RowTable {
        target: String::new(),
        from: None,
        value: None,
        transform: None,
        codes: None,
        codes_at: None,
        when: None,
        truncate: None,
        guard: Vec::new(),
        purpose: None,
    }
}

fn field(open: String, order: usize) -> FieldPlan {
    FieldPlan { open, rows: Vec::new(), order }
}

fn element(name: &str) -> ElementPlan {
    ElementPlan {
        name: name.to_owned(),
        open: format!("<{name}"),
        close: format!("</{name}>"),
        ..ElementPlan::default()
    }
}

/// The element at a relative path, made on the way if needed.
fn find_or_add<'p>(root: &'p mut ElementPlan, path: &str) -> &'p mut ElementPlan {
    let mut here = root;
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let at = here.children.iter().position(|child| child.name == name).unwrap_or_else(|| {
            here.children.push(element(name));
            here.children.len() - 1
        });
        here = &mut here.children[at];
    }
    here
}

/// Puts attributes and children into the order of the target schema.
pub(super) fn sort(plan: &mut ElementPlan, target: &Shape, path: &str) {
    plan.attributes.sort_by_key(|field| field.order);
    let order =
        |name: &str| target.nodes.get(&format!("{path}/{name}")).map_or(usize::MAX, |node| node.order);
    plan.children.sort_by_key(|child| order(&child.name));
    for child in &mut plan.children {
        let below = format!("{path}/{}", child.name);
        sort(child, target, &below);
    }
}
