//! The compiled plan of a record: elements and attributes (XML), or objects and members
//! (JSON), in the schema's order.

use super::codes::CodeTable;
use super::condition::Condition;
use super::path::PathRef;
use super::template::Template;
use super::transform::Transform;
use std::sync::Arc;

/// One element of the target with everything below it.
#[derive(Clone, Debug, Default)]
pub struct ElementPlan {
    pub name: String,
    /// JSON: tells apart the elements of one array.
    pub label: String,
    /// JSON: an element of the array `name`; those of one array stand one after the other.
    pub is_array: bool,
    /// `<Name` and `</Name>`, or `"name":`, ready to be written.
    pub open: String,
    pub close: String,
    pub attributes: Vec<FieldPlan>,
    /// Element text, or a JSON scalar.
    pub text: Option<FieldPlan>,
    pub children: Vec<ElementPlan>,
    /// Written only if this holds.
    pub when: Option<Condition>,
    /// Repeated for each item of a list.
    pub each: Option<EachPlan>,
}

/// Repetition of an element over a list of the folder.
#[derive(Clone, Debug)]
pub struct EachPlan {
    pub list: PathRef,
    pub slot: usize,
    /// Two equal elements are written once.
    pub unique: bool,
}

/// One target field: the first of its rows that fires is written.
#[derive(Clone, Debug)]
pub struct FieldPlan {
    /// ` Name="` for an attribute, empty for element text.
    pub open: String,
    pub rows: Vec<RowPlan>,
    /// Position of the target in the schema.
    pub order: usize,
    /// JSON: a number or a boolean.
    pub bare: bool,
}

/// One row of the table.
#[derive(Clone, Debug)]
pub struct RowPlan {
    /// Index among the rows of the mapping (its bit in the bitmap).
    pub index: usize,
    pub source: Source,
    pub transform: Transform,
    pub codes: Option<(Arc<CodeTable>, usize)>,
    pub codes_day: Option<PathRef>,
    pub when: Option<Condition>,
    pub truncate: Option<usize>,
}

/// Where a row's value comes from.
#[derive(Clone, Debug)]
pub enum Source {
    Path(PathRef),
    Constant(String),
    Template(Template),
}

impl Source {
    /// The paths that the value is made of.
    pub fn paths(&self) -> Vec<PathRef> {
        match self {
            Self::Path(path) => vec![path.clone()],
            Self::Constant(_) => Vec::new(),
            Self::Template(template) => template.paths().cloned().collect(),
        }
    }
}
