//! Structure and facets: is this document what its schema says?
//!
//! XML Schema 1.0 and JSON Schema 2020-12 behind one trait. Business rules do
//! not belong here (see `rules`), nor does anything that names a flow. What a
//! document holds never appears in a problem: only the place and the rule.

pub mod shape;
pub mod json;
pub mod mutants;
pub mod pattern;
pub mod plan;
pub mod shape_json;
pub mod shape_xsd;
pub mod xml;
mod plan_scan;
mod plan_value;
mod xml_message;
mod xml_watch;
mod xsd_model;
mod xsd_read;
mod xsd_simple;
mod xsd_tree;
#[cfg(test)]
mod xml_tests;

pub use json::JsonSchema;
pub use xml::{XmlSchema, XmlValidator};

/// One way in which a document departs from its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaProblem {
    /// `cvc-…` (XML Schema 1.0 part 1, appendix C), a JSON Schema keyword, or
    /// `not-well-formed`, `not-json`, `dtd-refused`, `encoding-refused`, `limit-exceeded`,
    /// `surrounding-blanks`.
    pub code: String,
    /// Place in the payload: `Flusso/Beneficiario[1]/@CodiceFiscale` (positions
    /// among siblings of one name, 1-based), or a JSON pointer.
    pub path: String,
    /// English sentence with the schema's own limits, never the document's values.
    pub message: String,
    /// 1-based line of the element's start, where known.
    pub line: Option<u32>,
    /// 1-based column, in bytes, of the element's start, where known.
    pub column: Option<u32>,
}

/// Judges documents against one schema.
pub trait Validator {
    /// All problems of `document` (at most [`MOST_PROBLEMS`]); empty = valid.
    fn validate(&mut self, document: &[u8]) -> Vec<SchemaProblem>;
}

/// Problems reported for one document; further ones are dropped, so that a
/// hostile document cannot make the report larger than itself.
pub const MOST_PROBLEMS: usize = 1_000;

/// Why a schema cannot be used. Always about the schema, never about a document.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    #[error("the schema cannot be read: {0}")]
    Unreadable(String),
    #[error("the schema carries a DTD, which is never processed")]
    Dtd,
    #[error("the schema refers to another document (`{0}`); put everything in one file")]
    OtherDocument(String),
    #[error("type or element `{0}` is not declared in the schema")]
    Unresolved(String),
    #[error("`{what}` at `{place}` is outside the subset of schemas understood here")]
    NotUnderstood { what: String, place: String },
    #[error("the schema does not compile: {0}")]
    Refused(String),
}

impl SchemaError {
    pub(crate) fn not_understood(what: impl Into<String>, place: impl Into<String>) -> Self {
        Self::NotUnderstood { what: what.into(), place: place.into() }
    }
}
