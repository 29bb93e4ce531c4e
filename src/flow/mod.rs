//! The catalog of flows: finds, loads and cross-checks mapping, schema, rules
//! and code tables, and applies them to a folder.

pub mod adopt;
pub mod aggregate;
mod apply;
pub mod catalog;
pub mod check;
mod check_needs;
mod check_rows;
mod check_targets;
mod check_values;
mod check_versions;
mod container;
pub mod coverage;
pub mod difference;
pub mod files;
pub mod explain;
mod fixtures_aggregate;
mod frame;
pub mod fixtures;
pub mod inbound;
mod inbound_check;
#[cfg(test)]
mod inbound_check_tests;
mod inbound_findings;
mod inbound_fixtures;
mod inbound_load;
mod inbound_propose;
mod incident;
mod lineage;
pub mod location;
mod operation;
mod pattern_length;
pub mod refusals;
pub mod scaffold;
mod target;
pub mod trace;
pub mod upgrade;

pub use catalog::{Catalog, Flow};
pub use container::{Container, Header, Part};
pub use inbound::{Came, Heard, InboundFlow, Proposal};
pub use lineage::FieldLineage;

use crate::folder::finding::Finding;
use crate::mapping::keyed::Keys;
use crate::personal::Personal;

/// What a mapping may know besides the folder. Pure: the caller brings the day.
#[derive(Clone, Debug)]
pub struct Context {
    /// Today's civil date in Europe/Rome.
    pub today: jiff::civil::Date,
    /// Settings of the ente that stand in containers (never part of a record).
    pub ente: EnteSettings,
}

/// The ente's sealed settings that a container needs.
#[derive(Clone, Debug, Default)]
pub struct EnteSettings {
    /// Code in container and ids, e.g. `H501`.
    pub code: String,
    pub name: String,
    /// Belfiore code of the legal seat (4 characters).
    pub seat: String,
    /// Codice fiscale of the operator in charge; personal, sealed in the configuration's secrets.
    pub operator: Option<String>,
    /// Settings of a flow by name, e.g. `count_months = "calendar"`.
    pub flow: std::collections::BTreeMap<String, String>,
    /// Keys by which flows make pseudonyms.
    pub keys: std::sync::Arc<Keys>,
}

/// What a folder maps to in one flow.
#[derive(Default)]
pub struct Mapped {
    pub records: Vec<MappedRecord>,
    /// Sources (e.g. intervention ids) that the folder says are annulled.
    pub annulled: Vec<String>,
    /// All sources the folder still names, annulled or not, mapped or withheld.
    pub named: Vec<String>,
    /// Sources named in the folder of which some record is withheld: never infer a cancel from these.
    pub withheld: Vec<String>,
    /// Periods the folder declares complete: (from, to), inclusive.
    pub complete: Vec<(jiff::civil::Date, jiff::civil::Date)>,
    /// When the same folder could map to something else because the calendar moved.
    pub look_again: Option<jiff::civil::Date>,
    /// The pseudonyms by which the register knows whom the records are about.
    pub pseudonyms: Vec<Personal<String>>,
    /// Findings that belong to no single record (e.g. a person who cannot be sent).
    pub findings: Vec<Finding>,
}

/// One record of a flow: the smallest thing its register accepts or refuses.
pub struct MappedRecord {
    /// Local and stable, e.g. `INT-7/2026`.
    pub key: String,
    /// The folder's part it comes from, e.g. the intervention's id `INT-7`.
    pub source: String,
    /// First and last day it speaks of (`to` = `from` for a single event).
    pub from: jiff::civil::Date,
    pub to: jiff::civil::Date,
    /// The record of the same folder that must be held before this one.
    pub needs: Option<Needed>,
    /// Whose container it may share with other people's records: no personal data.
    pub group: Option<String>,
    /// The register's own key (coarser than ours): all attributes by which it would match a cancel.
    pub register_key: Personal<String>,
    /// The payload of this record alone, in its insert form; `None` when a finding withholds it.
    pub fragment: Option<Personal<Vec<u8>>>,
    /// Bitmap of the mapping rows that fired, row 0 = lowest bit of byte 0.
    pub rows: Vec<u8>,
    pub findings: Vec<Finding>,
}

/// A record of the same folder that a register must hold before another one goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    /// The register that must hold it; `None` is the dependent record's own.
    pub register: Option<String>,
    pub key: String,
}

impl Needed {
    /// Whether a record of `register` and `key` is meant, where the dependent one is in `own`.
    pub fn means(&self, own: &str, register: &str, key: &str) -> bool {
        self.key == key && self.register.as_deref().unwrap_or(own) == register
    }
}

/// What is asked of a register for one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OperationKind {
    Insert,
    Replace,
    Cancel,
}

/// What a register lets us do with what it holds, as the flow's mapping says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Powers {
    /// It takes a changed record in one operation.
    pub replace: bool,
    /// It takes a record back.
    pub cancel: bool,
}

impl Powers {
    /// Insert and cancel: a correction is both.
    pub const CANCEL: Self = Self { replace: false, cancel: true };
    pub const ALL: Self = Self { replace: true, cancel: true };
}
