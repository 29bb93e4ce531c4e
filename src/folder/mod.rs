//! The local model of a citizen's folder and its identifiers. Knows no external format.

pub mod finding;

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
