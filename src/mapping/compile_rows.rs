//! Rows and elements to the plan's tree; the order comes from the schema.

use super::compile::{RowInfo, item_root, noted, parse_transform};
use super::condition_parse::{self, Codes, find_table};
use super::defect::Defects;
use super::document::{ElementTable, MappingDocument, RowTable};
use super::document_record::RecordTable;
use super::path::Names;
use super::plan::{EachPlan, ElementPlan, FieldPlan, RowPlan, Source};
use super::template::Template;
use crate::schema::shape::Shape;

/// Compiles rows one after the other; a row's index is its place among all.
pub(super) struct RowCompiler<'r> {
    pub codes: &'r Codes,
    pub json: bool,
    /// The kind of record at hand and where it may write.
    pub record: Option<usize>,
    pub target: &'r Shape,
    pub rows: Vec<RowInfo>,
}

impl RowCompiler<'_> {
    /// The element of one kind of record with all `[[element]]` and `[[row]]` below it.
    pub fn record(
        &mut self,
        document: &MappingDocument,
        table: &RecordTable,
        names: &mut Names,
        defects: &mut Defects<'_>,
    ) -> ElementPlan {
        let base = &table.element;
        let mut root = self.empty_element(base.rsplit('/').next().unwrap_or(base));
        for element in document.element.iter().chain(&table.object) {
            let (offset, element) = (element.span().start, element.get_ref());
            let done = self.element(&mut root, element, names);
            noted(defects, offset, &element.target, done);
        }
        if let Some(operation) = document.operation.as_ref().filter(|operation| !operation.target.is_empty())
        {
            let row = RowTable {
                target: operation.target.clone(),
                value: Some(operation.insert.clone()),
                ..RowTable::default()
            };
            let done = self.row(&mut root, base, &row, 0, names);
            noted(defects, 0, "operation", done);
        }
        // A kind's own rows come first: they stand before those of every kind.
        for row in table.row.iter().chain(&document.row) {
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
        let mut root = self.empty_element(base);
        for row in &document.container.row {
            let (offset, row) = (row.span().start, row.get_ref());
            let done = self.row(&mut root, base, row, offset, names);
            noted(defects, offset, &row.target, done);
        }
        root
    }

    fn element(&self, root: &mut ElementPlan, table: &ElementTable, names: &mut Names) -> Result<(), String> {
        let place = self.find_or_add(root, &table.target)?;
        if let Some(each) = &table.each {
            let name = table.name.as_deref().ok_or("`each` needs `as`, the name of the current element")?;
            let list = names.path(each)?;
            if self.json && !place.is_array {
                return Err("`each` repeats an element of an array: the target ends in `[]`".to_owned());
            }
            let root = item_root(names, &list, each)?;
            let slot = names.declare(name, root)?;
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
            Some((elements, attribute)) if !self.json => (elements.trim_end_matches('/'), Some(attribute)),
            _ => (row.target.as_str(), None),
        };
        let absolute = if base.is_empty() { row.target.clone() } else { format!("{base}/{}", row.target) };
        let node = self.target.place(&absolute);
        let (order, bare) = node.map_or((usize::MAX, false), |node| (node.order, node.bare));
        let plan = self.compile_row(row, names)?;
        let paths = plan.source.paths();
        let mut sources: Vec<String> = paths.iter().flat_map(|path| names.sources(path)).collect();
        sources.sort();
        sources.dedup();
        let (record, transform) = (self.record, plan.transform);
        let info = RowInfo { record, target: absolute, sources, paths, transform, offset, row: row.clone() };
        self.rows.push(info);
        let place = self.find_or_add(root, elements)?;
        if self.json && !place.children.is_empty() {
            return Err("the target has members of its own".to_owned());
        }
        let field = match attribute {
            None => {
                let open = if self.json { format!("{}=\"", row.target) } else { String::new() };
                place.text.get_or_insert_with(|| FieldPlan { open, rows: Vec::new(), order, bare })
            }
            Some(name) => {
                let open = format!(" {name}=\"");
                let at = place.attributes.iter().position(|known| known.open == open).unwrap_or_else(|| {
                    place.attributes.push(FieldPlan { open, rows: Vec::new(), order, bare });
                    place.attributes.len() - 1
                });
                &mut place.attributes[at]
            }
        };
        field.rows.push(plan);
        Ok(())
    }

    fn compile_row(&self, row: &RowTable, names: &mut Names) -> Result<RowPlan, String> {
        let source = match (&row.from, &row.value, &row.template) {
            (Some(from), None, None) => Source::Path(names.path(from)?),
            (None, Some(value), None) => Source::Constant(value.clone()),
            (None, None, Some(template)) => Source::Template(Template::parse(template, names)?),
            _ => return Err("a row has either `from`, `value` or `template`".to_owned()),
        };
        let transform = parse_transform(row.transform.as_deref())?;
        let codes = row.codes.as_deref().map(|table| find_table(self.codes, table)).transpose()?;
        let codes_day = row.codes_at.as_deref().map(|path| names.path(path)).transpose()?;
        let when =
            row.when.as_deref().map(|text| condition_parse::compile(text, names, self.codes)).transpose()?;
        let index = self.rows.len();
        Ok(RowPlan { index, source, transform, codes, codes_day, when, truncate: row.truncate })
    }

    fn empty_element(&self, name: &str) -> ElementPlan {
        let (word, label) = name.split_once('[').unwrap_or((name, ""));
        let (open, close) = if self.json {
            (format!("\"{word}\":"), String::new())
        } else {
            (format!("<{name}"), format!("</{name}>"))
        };
        ElementPlan {
            name: word.to_owned(),
            label: label.trim_end_matches(']').to_owned(),
            is_array: name.ends_with(']'),
            open,
            close,
            ..ElementPlan::default()
        }
    }

    /// The element at a relative path, made on the way if needed.
    fn find_or_add<'p>(&self, root: &'p mut ElementPlan, path: &str) -> Result<&'p mut ElementPlan, String> {
        let mut here = root;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let wanted = self.empty_element(name);
            if here.text.is_some() && self.json {
                return Err(format!("`{}` already has a value, it cannot have members", here.name));
            }
            if here
                .children
                .iter()
                .any(|child| child.name == wanted.name && child.is_array != wanted.is_array)
            {
                return Err(format!("`{}` is an array in one row and none in another", wanted.name));
            }
            let same = |child: &ElementPlan| child.name == wanted.name && child.label == wanted.label;
            let at = here.children.iter().position(same).unwrap_or_else(|| {
                here.children.push(wanted);
                here.children.len() - 1
            });
            here = &mut here.children[at];
        }
        Ok(here)
    }
}

/// Puts attributes and children into the order of the target schema.
pub(super) fn sort(plan: &mut ElementPlan, target: &Shape, path: &str, json: bool) {
    let below = |child: &ElementPlan| {
        let name = if child.is_array { format!("{}[]", child.name) } else { child.name.clone() };
        if path.is_empty() { name } else { format!("{path}/{name}") }
    };
    plan.attributes.sort_by_key(|field| field.order);
    // The elements of one array stay together even where the schema does not know it (the static
    // check then refuses it); those of XML keep their order.
    let key = |child: &ElementPlan| {
        let order = target.nodes.get(&below(child)).map_or(usize::MAX, |node| node.order);
        (order, if json { child.name.clone() } else { String::new() })
    };
    plan.children.sort_by_key(key);
    let places: Vec<String> = plan.children.iter().map(below).collect();
    for (child, place) in plan.children.iter_mut().zip(places) {
        sort(child, target, &place, json);
    }
}
