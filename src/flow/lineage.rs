//! Which field of the folder became which field of the payload.

use super::{Flow, MappedRecord};
use crate::mapping::compile::RowInfo;
use crate::mapping::path::PathRef;
use crate::mapping::plan::ElementPlan;
use std::collections::BTreeSet;

/// One field's way, as a row says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldLineage {
    /// Row of `mapping.toml`, counted from 0 in the order of the bitmap.
    pub row: usize,
    /// Place in the payload.
    pub target: String,
    /// Places in the folder's shape, e.g. `interventi[].importo`.
    pub sources: Vec<String>,
    /// Why it is sent.
    pub purpose: String,
}

impl Flow {
    /// All rows, in the order of the bitmap.
    pub fn rows(&self) -> &[RowInfo] {
        &self.mapping.rows
    }

    /// The rows that fired for a record.
    pub fn lineage(&self, record: &MappedRecord) -> Vec<FieldLineage> {
        self.lineage_of(&record.rows)
    }

    /// The rows of a stored bitmap.
    pub fn lineage_of(&self, bitmap: &[u8]) -> Vec<FieldLineage> {
        let fired = |index: &usize| bitmap.get(index / 8).is_some_and(|byte| byte & (1 << (index % 8)) != 0);
        (0..self.rows().len())
            .filter(fired)
            .map(|row| {
                let info = &self.rows()[row];
                FieldLineage {
                    row,
                    target: info.target.clone(),
                    sources: info.sources.clone(),
                    purpose: info.row.purpose.clone().unwrap_or_default(),
                }
            })
            .collect()
    }

    /// Every place of the folder that leaves in a payload.
    pub fn fields_sent(&self) -> Vec<String> {
        let sources = self.rows().iter().flat_map(|row| row.sources.iter().cloned());
        sources.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Every place of the folder that the flow reads: sent, looked at by a
    /// condition or a rule, or used to choose, split and name records.
    pub fn fields_read(&self) -> Vec<String> {
        let rules = self.rules.iter().flat_map(|rule| rule.paths());
        let mut found: BTreeSet<String> = self.fields_of_record().into_iter().collect();
        found.extend(rules.flat_map(|path| self.mapping.names.sources(path)));
        found.into_iter().collect()
    }

    /// As [`Flow::fields_read`], without what only rules look at.
    pub(super) fn fields_of_record(&self) -> BTreeSet<String> {
        let mapping = &self.mapping;
        let mut paths = Vec::new();
        for record in &mapping.records {
            paths.extend(record.paths());
            conditions_below(&record.element, &mut paths);
        }
        let mut found: BTreeSet<String> = self.fields_sent().into_iter().collect();
        found.extend(paths.into_iter().flat_map(|path| mapping.names.sources(path)));
        found.extend(self.lookup_fields());
        found
    }

    fn lookup_fields(&self) -> Vec<String> {
        let field = |list: &str, name: &str| format!("{list}[].{name}");
        let tables = self.mapping.document.lookup.iter().map(|table| table.get_ref());
        tables
            .flat_map(|table| {
                let by = Some(table.by.as_str()).filter(|by| !by.is_empty());
                let only = table.only.keys().map(String::as_str);
                let names = by.into_iter().chain(table.until.as_deref()).chain(only);
                names.map(|name| field(&table.list, name)).collect::<Vec<_>>()
            })
            .collect()
    }
}

/// Paths read by the conditions of an element, of its rows and of all below it.
pub(super) fn conditions_below<'p>(plan: &'p ElementPlan, paths: &mut Vec<&'p PathRef>) {
    let rows = plan.attributes.iter().chain(&plan.text).flat_map(|field| &field.rows);
    for row in rows {
        paths.extend(&row.codes_day);
        if let Some(when) = &row.when {
            when.paths(paths);
        }
    }
    if let Some(when) = &plan.when {
        when.paths(paths);
    }
    paths.extend(plan.each.iter().map(|each| &each.list));
    for child in &plan.children {
        conditions_below(child, paths);
    }
}
