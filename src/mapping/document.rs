//! `mapping.toml` as written: the shape of the file, nothing resolved yet.

use super::document_record::{Parts, Records};
use crate::folder::finding::Text;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappingDocument {
    pub flow: FlowTable,
    /// `[record]`, or several `[[record]]`.
    pub record: Records,
    #[serde(default)]
    pub step: Vec<Spanned<StepTable>>,
    #[serde(default)]
    pub lookup: Vec<Spanned<LookupTable>>,
    #[serde(default)]
    pub value: Vec<Spanned<ValueTable>>,
    pub container: ContainerTable,
    pub operation: Option<OperationTable>,
    /// Elements and rows of every kind of record.
    #[serde(default)]
    pub element: Vec<Spanned<ElementTable>>,
    #[serde(default)]
    pub row: Vec<Spanned<RowTable>>,
}

/// What the flow is and to whom it goes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowTable {
    /// The register whose state the ledger tracks.
    pub register: String,
    pub title: Text,
    /// The declared purpose, which every field sent must serve.
    pub purpose: Text,
    pub legal_basis: String,
    pub direction: Direction,
    pub format: Format,
    /// File below `schemas/<flow>/<version>/`.
    pub schema: String,
    /// File beside it for what the recipient answers (JSON Schema), where answers come at once.
    pub answers: Option<String>,
    /// First sending date (ISO) for which this version is used.
    pub valid_from: String,
    /// Last sending date (ISO), if superseded.
    pub valid_to: Option<String>,
    /// Settings of the ente that the flow understands, with their default.
    #[serde(default)]
    pub settings: BTreeMap<String, SettingTable>,
    /// Keys of the ente by which the flow makes pseudonyms.
    #[serde(default)]
    pub keys: BTreeMap<String, KeyTable>,
}

/// A key of the ente; without it, or with another than before, the flow makes no record.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyTable {
    pub about: Text,
    /// It is needed only with these settings of the ente: name and value.
    #[serde(default)]
    pub when: BTreeMap<String, String>,
}

/// A setting of the ente that changes how records are made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingTable {
    pub default: String,
    /// The values to choose from; empty where `pattern` describes them.
    #[serde(default)]
    pub values: Vec<String>,
    /// The form of a free value, anchored at both ends.
    pub pattern: Option<String>,
    pub about: Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the folder to a register.
    Outbound,
    /// From a register's answer to proposals for the folder (`mapping::inbound`).
    Inbound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Xml,
    Json,
}

/// A named step of an adapter.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepTable {
    pub name: String,
    #[serde(rename = "as")]
    pub values: String,
    /// The kind of record whose items it takes, if there are several.
    pub record: Option<String>,
    /// Why the table cannot say it.
    pub about: Option<String>,
}

/// The element of a list that the record means; see `lookup::Choice`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookupTable {
    pub name: String,
    pub list: String,
    #[serde(default)]
    pub by: String,
    pub equals: Option<String>,
    pub at: Option<String>,
    pub until: Option<String>,
    pub since: Option<String>,
    /// Only elements with these texts: property and value.
    #[serde(default, rename = "where")]
    pub only: BTreeMap<String, String>,
}

/// A text made once and used by several rows, keys or other values.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueTable {
    pub name: String,
    /// One, or several of which the first with all its paths is taken.
    pub template: Parts,
    #[serde(rename = "as")]
    pub transform: Option<String>,
    /// The key by which `as` makes a pseudonym of it.
    pub key: Option<String>,
}

/// What stands around records when they are sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerTable {
    /// Root element; empty for JSON.
    #[serde(default)]
    pub root: String,
    pub namespace: Option<String>,
    /// How a container is named: `{ente}`, `{giorno}` (AAAAMMGG) and `{progressivo}` (7 digits) are filled in.
    pub name: String,
    /// The kind by which the recipient sorts containers.
    pub kind: String,
    pub single: LimitTable,
    pub bulk: LimitTable,
    /// Header values with which a record is validated before any container exists.
    pub nominal: NominalTable,
    /// Rows of the header; only `ente` and `invio` are known to them.
    #[serde(default)]
    pub row: Vec<Spanned<RowTable>>,
}

/// A header that satisfies the schema and belongs to nobody.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NominalTable {
    pub code: String,
    pub name: String,
    pub seat: String,
    pub operator: String,
    pub nome: String,
    pub data: String,
}

/// When a container is full.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitTable {
    pub max_records: usize,
    pub max_bytes: usize,
    /// Folders whose records may stand in one container; whoever fills it keeps to it.
    #[serde(default)]
    pub max_folders: Option<usize>,
}

/// How the operations over one record differ: an attribute (XML), or members (JSON).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationTable {
    /// XML: an attribute, relative to the record's element.
    #[serde(default)]
    pub target: String,
    #[serde(default)]
    pub insert: String,
    pub cancel: Option<OperationForm>,
    pub replace: Option<OperationForm>,
    /// A changed record is sent again in its insert form: the register takes it in place of the former.
    #[serde(default)]
    pub resend: bool,
    /// JSON: where the operation's id is written.
    pub id: Option<OperationId>,
}

/// What an operation changes in the insert form.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum OperationForm {
    /// XML: the attribute's value.
    Value(String),
    /// JSON: members set and removed.
    Members(MembersTable),
}

/// Members that an operation sets or removes, by their path below the record (`request/method`).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MembersTable {
    /// A template over members of the insert form, in braces; if one is absent, nothing is set.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    #[serde(default)]
    pub remove: Vec<String>,
}

/// The object that carries an operation's id.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationId {
    /// The array to which it is appended, e.g. `resource/meta/tag`; its parent must be there.
    pub append: String,
    /// Its members; `{operation}` stands for the id.
    pub object: BTreeMap<String, String>,
}

/// An element that is optional or repeated.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElementTable {
    pub target: String,
    pub when: Option<String>,
    pub each: Option<String>,
    #[serde(rename = "as")]
    pub name: Option<String>,
    #[serde(default)]
    pub unique: bool,
}

/// One target field.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowTable {
    pub target: String,
    pub from: Option<String>,
    /// A constant instead of `from`.
    pub value: Option<String>,
    /// A text with paths in braces instead of `from`.
    pub template: Option<String>,
    /// A transform of the closed list; `text` if absent.
    #[serde(rename = "as")]
    pub transform: Option<String>,
    /// `table` or `table.column`, applied after the transform.
    pub codes: Option<String>,
    /// Path of the day by which the code table is read.
    pub codes_at: Option<String>,
    pub when: Option<String>,
    /// Cut to this many characters, with a warning.
    pub truncate: Option<usize>,
    /// Names of the rules that keep a value which the target would refuse from
    /// reaching it; the static check then trusts them.
    #[serde(default)]
    pub guard: Vec<String>,
    /// Why the field is sent.
    pub purpose: Option<String>,
}
