//! The local model of a citizen's folder and its identifiers. Knows no external format.

pub mod benefits;
pub mod finding;
pub mod codice_fiscale;
pub mod compose;
pub mod identifier;
pub mod money;
mod json;
pub mod labels;
pub mod mask;
mod violation;
pub mod parse;
pub mod checks;
pub mod fields;
pub mod template;

pub use labels::{Labels, Lang};
pub use parse::FolderSchema;

use crate::personal::Personal;

/// A folder that passed `schemas/folder/1`.
pub struct Folder {
    /// Code of the responsible ente, e.g. `H501`.
    pub ente: String,
    /// The CSI product's id of the folder, unique within the ente.
    pub id: String,
    /// The CSI product's revision, if it numbers them.
    pub version: Option<u64>,
    /// The whole folder, as received.
    pub body: Personal<serde_json::Value>,
}
