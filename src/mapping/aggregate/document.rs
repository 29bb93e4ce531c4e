//! `mapping.toml` of an aggregate flow as written: nothing resolved yet.

use crate::folder::finding::Text;
use crate::mapping::document::{LookupTable, SettingTable};
use crate::mapping::document_record::Parts;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AggregateDocument {
    pub flow: AggregateFlowTable,
    pub record: AggregateRecord,
    #[serde(default)]
    pub value: Vec<Spanned<TextTable>>,
    #[serde(default)]
    pub lookup: Vec<Spanned<LookupTable>>,
    #[serde(default)]
    pub dimension: Vec<Spanned<DimensionTable>>,
    #[serde(default)]
    pub list: Vec<Spanned<ListTable>>,
    #[serde(default)]
    pub indicator: Vec<Spanned<IndicatorTable>>,
}

/// What the flow is. It has no register: nothing of it is sent by us.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AggregateFlowTable {
    pub title: Text,
    pub purpose: Text,
    pub legal_basis: String,
    /// JSON Schema of what is given out, below `schemas/<flow>/<version>/`.
    pub schema: String,
    /// First and last day (ISO) on which this version computes.
    pub valid_from: String,
    pub valid_to: Option<String>,
    #[serde(default)]
    pub settings: BTreeMap<String, SettingTable>,
}

/// One record is one ente and one period.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AggregateRecord {
    pub scope: AggregateScope,
    /// The setting with the fewest persons that a published cell may have.
    pub threshold: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AggregateScope {
    Aggregate,
}

/// A text made of each item.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextTable {
    pub name: String,
    /// One template, or several of which the first with all its paths is taken.
    pub template: Parts,
}

/// A way to group: closed, so that a group without anybody is told as zero.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DimensionTable {
    pub name: String,
    pub title: Text,
    pub from: String,
    /// `table` or `table.column` that turns the value into a group.
    pub codes: Option<String>,
    /// Path of the day by which the table is read.
    pub codes_at: Option<String>,
    /// Code table of the groups: `id`, `it`, `en`, `order`.
    pub values: String,
    /// The group of what has no other.
    pub other: String,
}

/// A list of the folder whose items are counted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListTable {
    pub name: String,
    pub title: Text,
    pub each: String,
    #[serde(rename = "as")]
    pub item: String,
    /// Property by which the records of person flows name the item.
    pub id: Option<String>,
    /// Each item belongs to the first part that holds; the last one asks nothing.
    pub part: Vec<Spanned<PartTable>>,
}

/// A part of a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartTable {
    pub name: String,
    pub title: Text,
    pub when: Option<String>,
    /// Its items belong to the period: they are looked up at the registers.
    #[serde(default)]
    pub in_period: bool,
}

/// One table of numbers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndicatorTable {
    pub id: String,
    pub title: Text,
    pub list: String,
    pub parts: Vec<String>,
    /// Names of dimensions; at most two.
    #[serde(default)]
    pub by: Vec<String>,
    pub measure: MeasureName,
    /// Of a sum: the first amount that is there is taken.
    #[serde(default)]
    pub amount: Vec<AmountTable>,
    /// Of a sum: what it is made of, on the same basis as the amount.
    #[serde(default)]
    pub share: Vec<ShareTable>,
    /// Of a sum with shares: what none of them bears.
    pub rest: Option<RestTable>,
    /// The two days of `days`; of a sum, the span of its monthly amounts.
    pub from: Option<String>,
    pub to: Option<String>,
    pub unit: Text,
    /// Clause or choice from which the indicator comes.
    pub source: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MeasureName {
    /// Items.
    Count,
    /// Folders with such an item, each once.
    Persons,
    /// Money.
    Sum,
    /// Days between two dates: mean, median, quartiles.
    Days,
}

/// One of several ways in which an amount is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmountTable {
    pub of: String,
    #[serde(default)]
    pub basis: Basis,
}

/// How much of an amount falls into the period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// All of it.
    #[default]
    Once,
    /// Once for each calendar month touched.
    Month,
    /// Its part, divided over the months touched between `from` and `to`.
    Whole,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShareTable {
    pub name: String,
    pub title: Text,
    pub of: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestTable {
    pub name: String,
    pub title: Text,
}
