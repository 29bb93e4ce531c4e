//! The tracciato as a table, applied.
//!
//! `document` is the file as written, `compile` turns it once into a
//! [`Mapping`] in which every path, code table and condition is resolved, and
//! `write_xml` or `write_json` walks that plan for each record. Pure: no clock, no files.

pub mod aggregate;
pub mod codes;
pub mod compile;
mod compile_records;
mod compile_rows;
pub mod condition;
pub mod condition_parse;
pub mod defect;
pub mod document;
pub mod document_record;
pub mod function;
pub mod inbound;
pub mod inbound_tree;
pub mod keyed;
pub mod lookup;
pub mod path;
pub mod plan;
pub mod read_xml;
pub mod record;
pub mod step;
pub mod template;
pub mod transform;
pub mod value;
pub mod write;
pub mod write_json;
pub mod write_xml;

pub use compile::Mapping;
pub use defect::Defect;
