//! Containers: a header of the ente around the fragments of records.
//!
//! A fragment is kept in its insert form; `operation` makes another of it, `frame` what
//! stands around. Container fields never belong to a record.

use super::frame::Frame;
use super::{EnteSettings, Flow, OperationKind, operation};
use crate::mapping::document::{LimitTable, NominalTable};
use crate::schema::SchemaProblem;
use jiff::civil::Date;

/// How many records travel together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    Single,
    Bulk,
}

/// What a container says about its sending.
pub struct Header<'h> {
    /// Name or id of the submission, e.g. `H501.PS.20260301.0000001`.
    pub name: &'h str,
    pub date: Date,
    pub ente: &'h EnteSettings,
}

/// One operation with the record's fragment in its insert form.
#[derive(Clone, Copy)]
pub struct Part<'p> {
    pub kind: OperationKind,
    pub fragment: &'p [u8],
    /// The operation's id, the same at each resend: `record.generation`. Formats that can carry it do.
    pub id: &'p str,
}

pub(super) fn nominal_ente(nominal: &NominalTable) -> EnteSettings {
    EnteSettings {
        code: nominal.code.clone(),
        name: nominal.name.clone(),
        seat: nominal.seat.clone(),
        operator: Some(nominal.operator.clone()),
        ..EnteSettings::default()
    }
}

impl Flow {
    /// The name of an ente's container by group, day (`AAAAMMGG`) and daily progressive.
    pub fn container_name(&self, ente: &str, group: &str, day: &str, progressive: u32) -> String {
        let name = self.mapping.document.container.name.replace("{ente}", ente).replace("{gruppo}", group);
        let name = name.replace("{giorno}", day);
        name.replace("{progressivo}", &format!("{progressive:07}"))
    }

    /// The kind by which the recipient sorts containers.
    pub fn container_kind(&self) -> &str {
        &self.mapping.document.container.kind
    }

    /// Whether many persons share a container where the flow is pushed: its records have groups.
    pub fn is_grouped(&self) -> bool {
        self.mapping.records.iter().any(|record| record.group.is_some())
    }

    /// Other registers that must hold records before those of this flow go.
    pub fn needs_registers(&self) -> impl Iterator<Item = &str> {
        let needs = self.mapping.records.iter().flat_map(|record| &record.needs);
        needs.filter_map(|need| need.register.as_deref())
    }

    /// When a container is full.
    pub fn limits(&self, container: Container) -> LimitTable {
        let table = &self.mapping.document.container;
        match container {
            Container::Single => table.single,
            Container::Bulk => table.bulk,
        }
    }

    /// Builds a container and validates it.
    ///
    /// # Errors
    /// Everything the schema refuses, and `container-limit` or
    /// `operation-not-possible` where the flow itself forbids it.
    pub fn assemble(
        &self,
        container: Container,
        header: &Header<'_>,
        parts: &[Part<'_>],
    ) -> Result<Vec<u8>, Vec<SchemaProblem>> {
        let payload = self.assemble_unchecked(header, parts)?;
        let limit = self.limits(container);
        if parts.is_empty() || parts.len() > limit.max_records || payload.len() > limit.max_bytes {
            let message =
                format!("a container holds 1 to {} records, {} bytes", limit.max_records, limit.max_bytes);
            return Err(vec![problem("container-limit", message)]);
        }
        let problems = self.validate(&payload);
        if problems.is_empty() { Ok(payload) } else { Err(problems) }
    }

    /// The ente of the nominal header, which is nobody's.
    pub fn nominal_ente(&self) -> EnteSettings {
        nominal_ente(&self.mapping.document.container.nominal)
    }

    /// A single container as it would be sent, with the nominal header.
    pub fn nominal_payload(&self, fragment: &[u8]) -> Vec<u8> {
        [self.frame.before.as_bytes(), fragment, self.frame.after.as_bytes()].concat()
    }

    fn assemble_unchecked(
        &self,
        header: &Header<'_>,
        parts: &[Part<'_>],
    ) -> Result<Vec<u8>, Vec<SchemaProblem>> {
        let frame = Frame::build(&self.mapping, &self.targets.container, header);
        let size: usize = parts.iter().map(|part| part.fragment.len()).sum();
        let mut payload = Vec::with_capacity(size + frame.before.len() + frame.after.len());
        payload.extend_from_slice(frame.before.as_bytes());
        for (index, part) in parts.iter().enumerate() {
            if index > 0 && self.is_json() {
                payload.push(b',');
            }
            let changed = operation::append(&self.mapping, part, &mut payload);
            changed.map_err(|message| vec![problem("operation-not-possible", message)])?;
        }
        payload.extend_from_slice(frame.after.as_bytes());
        Ok(payload)
    }
}

fn problem(code: &str, message: impl Into<String>) -> SchemaProblem {
    SchemaProblem {
        code: code.to_owned(),
        path: String::new(),
        message: message.into(),
        line: None,
        column: None,
    }
}
