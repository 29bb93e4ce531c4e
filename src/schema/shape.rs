//! The one small shape that JSON Schema and XSD compile to, so that a mapping
//! can be checked against its source and its target before it loads.

use std::collections::BTreeMap;

/// What a place holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Object,
    Text,
    Decimal,
    Integer,
    Boolean,
    Date,
    DateTime,
}

/// One place of a document and what it accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub kind: Kind,
    /// JSON: a number or a boolean, which stands without quotes.
    pub bare: bool,
    /// Fewest and most occurrences below its parent; `None` is unbounded.
    pub min_occurs: u32,
    pub max_occurs: Option<u32>,
    pub min_length: Option<usize>,
    pub max_length: Option<usize>,
    /// Inclusive numeric bounds, as decimal text.
    pub min_value: Option<String>,
    pub max_value: Option<String>,
    /// Allowed values; empty = not enumerated.
    pub enumeration: Vec<String>,
    /// The pattern facet, verbatim.
    pub pattern: Option<String>,
    /// Italian and English title, where the schema gives one.
    pub title_it: Option<String>,
    pub title_en: Option<String>,
    /// Position in document order, so that the writer follows the schema.
    pub order: usize,
}

/// All places of a schema by path.
///
/// JSON: `interventi[].quota_utente`. XML: `Flusso/Beneficiario/@CodiceFiscale`
/// (local names, root first, `@` before attributes; element text is the element's own path).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    pub nodes: BTreeMap<String, Node>,
}

impl Shape {
    /// The place of a target, in which the labels of array elements (`name[label]`) may stand.
    pub fn place(&self, target: &str) -> Option<&Node> {
        if !target.contains('[') {
            return self.nodes.get(target);
        }
        self.nodes.get(&without_labels(target))
    }
}

/// `a[x]/b[]` to `a[]/b[]`.
pub fn without_labels(target: &str) -> String {
    let mut out = String::with_capacity(target.len());
    let mut inside = false;
    for letter in target.chars() {
        inside &= letter != ']';
        if !inside {
            out.push(letter);
        }
        inside |= letter == '[';
    }
    out
}
