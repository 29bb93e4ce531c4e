//! Containers: a header of the ente around the fragments of records.
//!
//! A fragment is kept in its insert form; another operation changes one
//! attribute of it. Container fields never belong to a record.

use super::{EnteSettings, Flow, OperationKind};
use crate::mapping::Mapping;
use crate::mapping::document::{LimitTable, NominalTable, OperationTable};
use crate::mapping::path::{Scope, Slot};
use crate::mapping::plan::ElementPlan;
use crate::mapping::value::{Value, iso_date};
use crate::mapping::write_xml::Writer;
use crate::schema::SchemaProblem;
use crate::schema::shape::Shape;
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

/// A container's bytes before and after its records.
#[derive(Clone, Debug)]
pub struct Frame {
    pub before: String,
    pub after: String,
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

impl Frame {
    /// The frame with the mapping's nominal header, for validating single records.
    ///
    /// # Errors
    /// Why the mapping's container cannot be built.
    pub fn nominal(mapping: &Mapping, shape: &Shape) -> Result<Self, String> {
        let nominal = &mapping.document.container.nominal;
        let ente = nominal_ente(nominal);
        let date = iso_date(&nominal.data).ok_or("container.nominal.data is not AAAA-MM-GG")?;
        let base = format!("{}/", mapping.document.container.root);
        if mapping.document.record.element.strip_prefix(&base).is_none_or(|name| name.contains('/')) {
            return Err("record.element must stand directly below container.root".to_owned());
        }
        Ok(Self::build(mapping, shape, &Header { name: &nominal.nome, date, ente: &ente }))
    }

    fn build(mapping: &Mapping, shape: &Shape, header: &Header<'_>) -> Self {
        let table = &mapping.document.container;
        let mut scope = Scope { slots: header_slots(header) };
        let mut writer = Writer::new(&mapping.header_names, mapping.rows.len(), &[]);
        let order = |path: &str| shape.nodes.get(path).map_or(usize::MAX, |node| node.order);
        let record = order(&mapping.document.record.element);
        let later = |child: &&ElementPlan| order(&format!("{}/{}", table.root, child.name)) > record;
        writer.out.push_str(DECLARATION);
        writer.out.push_str(&mapping.container.open);
        if let Some(namespace) = &table.namespace {
            writer.out.push_str(" xmlns=\"");
            writer.out.push_str(namespace);
            writer.out.push('"');
        }
        writer.attributes(&mapping.container, &scope);
        writer.out.push('>');
        for child in mapping.container.children.iter().filter(|child| !later(child)) {
            writer.element(child, &mut scope);
        }
        let before = std::mem::take(&mut writer.out);
        for child in mapping.container.children.iter().filter(later) {
            writer.element(child, &mut scope);
        }
        writer.out.push_str(&mapping.container.close);
        Self { before, after: writer.out }
    }
}

fn nominal_ente(nominal: &NominalTable) -> EnteSettings {
    EnteSettings {
        code: nominal.code.clone(),
        name: nominal.name.clone(),
        seat: nominal.seat.clone(),
        operator: Some(nominal.operator.clone()),
        ..EnteSettings::default()
    }
}

/// Values in the order of `ENTE_FIELDS` and `INVIO_FIELDS`.
fn header_slots<'a>(header: &Header<'a>) -> Vec<Slot<'a>> {
    let text = |text: &'a str| if text.is_empty() { Value::Absent } else { Value::Text(text.into()) };
    let ente = header.ente;
    let operator = ente.operator.as_deref().map_or(Value::Absent, text);
    vec![
        Slot::Made(vec![text(&ente.code), text(&ente.name), text(&ente.seat), operator]),
        Slot::Made(vec![text(header.name), Value::Date(header.date)]),
    ]
}

impl Flow {
    /// The name of an ente's container by day (`AAAAMMGG`) and daily progressive.
    pub fn container_name(&self, ente: &str, day: &str, progressive: u32) -> String {
        let name = self.mapping.document.container.name.replace("{ente}", ente).replace("{giorno}", day);
        name.replace("{progressivo}", &format!("{progressive:07}"))
    }

    /// The kind by which the recipient sorts containers.
    pub fn container_kind(&self) -> &str {
        &self.mapping.document.container.kind
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
        let frame = Frame::build(&self.mapping, self.schema.shape(), header);
        let size: usize = parts.iter().map(|part| part.fragment.len()).sum();
        let mut payload = Vec::with_capacity(size + frame.before.len() + frame.after.len());
        payload.extend_from_slice(frame.before.as_bytes());
        for part in parts {
            let table = self.mapping.document.operation.as_ref();
            let changed = with_operation(table, part.kind, part.fragment, &mut payload);
            changed.map_err(|message| vec![problem("operation-not-possible", message)])?;
        }
        payload.extend_from_slice(frame.after.as_bytes());
        Ok(payload)
    }
}

/// Appends a fragment with the operation's value in place of the insert's. The
/// insert's attribute cannot occur inside a value: quotes are escaped there.
fn with_operation(
    table: Option<&OperationTable>,
    kind: OperationKind,
    fragment: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let value = match (table, kind) {
        (_, OperationKind::Insert) => {
            out.extend_from_slice(fragment);
            return Ok(());
        }
        (Some(table), OperationKind::Cancel) => Some((table, &table.cancel)),
        (Some(table), OperationKind::Replace) => table.replace.as_ref().map(|value| (table, value)),
        (None, _) => None,
    };
    let (table, value) = value.ok_or("the flow has no such operation")?;
    let name = table.target.rsplit_once('@').map_or("", |(_, name)| name);
    let insert = format!(" {name}=\"{}\"", table.insert);
    let found = fragment.windows(insert.len()).position(|window| window == insert.as_bytes());
    let at = found.ok_or("the record carries no operation attribute")?;
    out.extend_from_slice(&fragment[..at]);
    out.extend_from_slice(format!(" {name}=\"{value}\"").as_bytes());
    out.extend_from_slice(&fragment[at + insert.len()..]);
    Ok(())
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
