//! `mapping.toml` as written: the shape of the file, nothing resolved yet.

use crate::folder::finding::Text;
use serde::Deserialize;
use toml::Spanned;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappingDocument {
    pub flow: FlowTable,
    pub record: RecordTable,
    #[serde(default)]
    pub step: Vec<Spanned<StepTable>>,
    #[serde(default)]
    pub lookup: Vec<Spanned<LookupTable>>,
    pub container: ContainerTable,
    pub operation: Option<OperationTable>,
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
    /// First sending date (ISO) for which this version is used.
    pub valid_from: String,
    /// Last sending date (ISO), if superseded.
    pub valid_to: Option<String>,
    /// Settings of the ente that the flow understands, with their default.
    #[serde(default)]
    pub settings: std::collections::BTreeMap<String, SettingTable>,
}

/// A setting of the ente that changes how records are made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingTable {
    pub default: String,
    pub values: Vec<String>,
    pub about: Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    Outbound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Xml,
}

/// What makes one record.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordTable {
    /// List of the folder, and the name of its current element.
    pub each: String,
    #[serde(rename = "as")]
    pub name: String,
    /// Items for which it does not hold make no record.
    pub when: Option<String>,
    /// Items for which it holds are annulled: their records are to be cancelled.
    pub annulled: Option<String>,
    /// Parts of the record's key, joined by `/`; absent parts are left out.
    pub key: Vec<String>,
    pub source: String,
    pub period: PeriodTable,
    /// Targets by which the register itself would recognise the record.
    pub register_key: Vec<String>,
    pub scope: RecordScope,
    /// The element that holds one record; row targets are relative to it.
    pub element: String,
    /// The folder's list of periods declared complete, with `dal` and `al`.
    pub complete: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeriodTable {
    pub from: String,
    pub to: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordScope {
    Person,
    Aggregate,
}

/// A named step of an adapter.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepTable {
    pub name: String,
    #[serde(rename = "as")]
    pub values: String,
    /// Why the table cannot say it.
    pub about: Option<String>,
}

/// The element of a list that the record means; see `lookup::Choice`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookupTable {
    pub name: String,
    pub list: String,
    pub by: String,
    pub equals: Option<String>,
    pub at: Option<String>,
    pub until: Option<String>,
    pub since: Option<String>,
}

/// What stands around records when they are sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerTable {
    /// Root element.
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
}

/// How insert and cancel of one record differ.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationTable {
    /// An attribute, relative to the record's element.
    pub target: String,
    pub insert: String,
    pub cancel: String,
    pub replace: Option<String>,
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
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowTable {
    pub target: String,
    pub from: Option<String>,
    /// A constant instead of `from`.
    pub value: Option<String>,
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
