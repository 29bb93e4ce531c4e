//! What an XSD of ours says, resolved: elements, attributes, facets.
//!
//! The small subset that target schemas here are written in. The shape and the
//! validation plan are both compiled from it; verdicts are not its business.

/// How often a particle may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Occurs {
    pub min: u32,
    /// `None` = unbounded.
    pub max: Option<u32>,
}

impl Occurs {
    pub const ONCE: Self = Self { min: 1, max: Some(1) };
}

/// Italian and English title.
#[derive(Clone, Debug, Default)]
pub(super) struct Titles {
    pub it: Option<String>,
    pub en: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Element {
    pub name: String,
    pub occurs: Occurs,
    pub titles: Titles,
    pub content: Content,
    /// Fixed, default, nillable, substitutable…: valid or not is the runtime's to say.
    pub plain: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Simple(SimpleType),
    Complex(ComplexType),
}

#[derive(Clone, Debug, Default)]
pub(super) struct ComplexType {
    pub attributes: Vec<Attribute>,
    pub children: Vec<Element>,
    /// The text's type, for simple content.
    pub text: Option<SimpleType>,
    /// Whether `children` is one plain sequence; else a choice or a nesting of
    /// groups, flattened, and the plan does not judge it.
    pub sequence: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Attribute {
    pub name: String,
    pub required: bool,
    pub titles: Titles,
    pub value: SimpleType,
    /// Neither fixed nor default.
    pub plain: bool,
}

/// A built-in type and the restrictions upon it, innermost first.
#[derive(Clone, Debug)]
pub(super) struct SimpleType {
    /// Local name of the built-in, e.g. `decimal`.
    pub base: String,
    pub steps: Vec<Facets>,
    /// Titles of the enumerated values' types are not kept; only the values.
    pub understood: bool,
}

/// One restriction. Patterns of one step are alternatives; steps all hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Facets {
    pub patterns: Vec<String>,
    pub enumeration: Vec<String>,
    pub min_length: Option<usize>,
    pub max_length: Option<usize>,
    pub min_inclusive: Option<String>,
    pub max_inclusive: Option<String>,
    pub fraction_digits: Option<u32>,
    pub total_digits: Option<u32>,
    /// A facet other than these stands here.
    pub others: bool,
}

/// A whole schema: one root element of one namespace.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub namespace: String,
    /// Whether local elements are in the namespace too.
    pub qualified: bool,
    pub roots: Vec<Element>,
}
