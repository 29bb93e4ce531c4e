//! An aggregate mapping with everything resolved.

use super::document::{AggregateFlowTable, Basis};
use crate::folder::finding::Text;
use crate::mapping::codes::CodeTable;
use crate::mapping::condition::Condition;
use crate::mapping::lookup::Lookup;
use crate::mapping::path::{Names, PathRef, Scope};
use crate::mapping::template::Template;
use std::sync::Arc;

/// Fields of the root `periodo`; `riferimento` is its last day, or today if that is still to come.
pub const PERIOD_FIELDS: &[&str] = &["dal", "al", "riferimento"];
/// The root of the period that is counted.
pub const PERIOD_ROOT: &str = "periodo";

/// What is counted, and how it is grouped.
pub struct Plan {
    pub flow: AggregateFlowTable,
    /// Name of the setting with the smallest cell that is published.
    pub threshold: String,
    pub names: Names,
    /// Slot of `periodo`.
    pub period: usize,
    pub values: Vec<TextPlan>,
    pub lookups: Vec<Lookup>,
    pub dimensions: Vec<Dimension>,
    pub lists: Vec<ListPlan>,
    /// Each set of parts that some indicator speaks of, or that makes up the period.
    pub populations: Vec<Population>,
    pub indicators: Vec<Indicator>,
    /// Every path with the place of the file that names it, for the static check.
    pub read: Vec<Read>,
}

/// A path that the mapping reads.
pub struct Read {
    pub offset: usize,
    pub place: String,
    pub path: PathRef,
}

/// A `[[value]]`, compiled.
pub struct TextPlan {
    pub slot: usize,
    pub templates: Vec<Template>,
}

/// A way to group.
pub struct Dimension {
    pub name: String,
    pub title: Text,
    pub from: PathRef,
    pub codes: Option<Translation>,
    pub groups: Vec<Group>,
    /// Index of the group of what has no other.
    pub other: usize,
    pub offset: usize,
}

/// A code table from the folder's values to groups.
pub struct Translation {
    pub table: Arc<CodeTable>,
    pub column: usize,
    pub day: Option<PathRef>,
}

/// One group of a dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub id: String,
    pub title: Text,
}

/// A list of the folder.
pub struct ListPlan {
    pub name: String,
    pub title: Text,
    /// The property, as the file names it.
    pub each: String,
    pub list: PathRef,
    pub slot: usize,
    pub id: Option<String>,
    pub parts: Vec<Part>,
    pub offset: usize,
}

/// A part of a list.
pub struct Part {
    pub name: String,
    pub title: Text,
    pub when: Option<Condition>,
    pub in_period: bool,
}

/// Parts of one list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Population {
    pub list: usize,
    /// Indices, rising.
    pub parts: Vec<usize>,
}

/// One table of numbers.
pub struct Indicator {
    pub id: String,
    pub title: Text,
    pub unit: Text,
    pub source: String,
    pub population: usize,
    /// Indices of dimensions.
    pub by: Vec<usize>,
    pub measure: Measure,
    pub offset: usize,
}

/// What is measured.
pub enum Measure {
    Count,
    Persons,
    Sum(SumPlan),
    Days { from: PathRef, to: PathRef },
}

/// Money.
pub struct SumPlan {
    pub amounts: Vec<(PathRef, Basis)>,
    pub from: Option<PathRef>,
    pub to: Option<PathRef>,
    pub shares: Vec<PathRef>,
    /// The shares and, last, the rest; empty where a sum is not divided.
    pub share_groups: Vec<Group>,
}

impl Plan {
    /// The population of all parts of a list that belong to the period.
    pub fn in_period(&self, list: usize) -> Option<usize> {
        let parts = self.lists[list].parts.iter().enumerate();
        let parts: Vec<usize> = parts.filter(|(_, part)| part.in_period).map(|(index, _)| index).collect();
        self.population(&Population { list, parts })
    }

    /// The index of a population.
    pub fn population(&self, wanted: &Population) -> Option<usize> {
        self.populations.iter().position(|known| known == wanted)
    }

    /// Number of groups of each of an indicator's axes: its dimensions, and the shares of a sum.
    pub fn sizes(&self, indicator: &Indicator) -> Vec<usize> {
        let by = indicator.by.iter().map(|dimension| self.dimensions[*dimension].groups.len());
        let shares = indicator.shares().len();
        by.chain((shares > 0).then_some(shares)).collect()
    }
}

impl Indicator {
    /// What a sum is divided into.
    pub fn shares(&self) -> &[Group] {
        match &self.measure {
            Measure::Sum(sum) => &sum.share_groups,
            _ => &[],
        }
    }

    /// Whether it counts items or persons: then its total is its population's.
    pub const fn counts(&self) -> bool {
        matches!(self.measure, Measure::Count | Measure::Persons)
    }
}

impl Dimension {
    /// The group of the item at hand.
    pub fn group(&self, scope: &Scope<'_>) -> usize {
        let value = scope.value(&self.from);
        let Some(text) = value.text() else { return self.other };
        let found = match &self.codes {
            None => Some(text),
            Some(codes) => {
                let day = codes.day.as_ref().and_then(|day| scope.value(day).date());
                codes.table.cell(text, codes.column, day)
            }
        };
        let known = found.and_then(|id| self.groups.iter().position(|group| group.id == id));
        known.unwrap_or(self.other)
    }
}
