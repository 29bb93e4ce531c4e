//! What another system sent before: a payload back into records, so that the
//! ledger can know them as acknowledged.
//!
//! A record comes out in our own spelling (the schema's order, insert form), with
//! the same register key that mapping gives; the caller has validated the payload.

use super::{Flow, OperationKind};
use crate::mapping::document::OperationForm;
use crate::mapping::read_xml::{self, Element, ReadError};
use crate::mapping::record::RecordPlan;
use crate::mapping::write_xml::push_escaped;
use crate::personal::Personal;

/// One record of a payload that is not ours.
pub struct AdoptedRecord {
    pub operation: OperationKind,
    /// As [`super::MappedRecord::register_key`].
    pub register_key: Personal<String>,
    /// As [`super::MappedRecord::fragment`].
    pub fragment: Personal<Vec<u8>>,
}

/// Why a payload cannot be split into records.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The reader's own message names no value.
    #[error("the payload is not well-formed XML near byte {0}")]
    NotWellFormed(u64),
    #[error("the payload is nested deeper than {DEEPEST} elements")]
    TooDeep,
    /// What a register holds is asked of the register itself, by its identifiers.
    #[error("payloads of `{0}` cannot be adopted: its format is not read back")]
    NotForThisFormat(String),
}

const DEEPEST: usize = 32;

impl From<ReadError> for AdoptError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NotWellFormed(at) => Self::NotWellFormed(at),
            ReadError::TooDeep => Self::TooDeep,
        }
    }
}

impl Flow {
    /// The records of a payload in document order.
    ///
    /// # Errors
    /// If it is not well-formed; whether it is valid is asked of [`Flow::validate`].
    pub fn records_of(&self, payload: &[u8]) -> Result<Vec<AdoptedRecord>, AdoptError> {
        let record = match self.mapping.records.as_slice() {
            [only] if !self.is_json() => only,
            _ => return Err(AdoptError::NotForThisFormat(self.id().to_owned())),
        };
        let root = read_xml::read(payload, DEEPEST)?;
        let name = record.base.rsplit('/').next().unwrap_or(&record.base);
        let found = root.children.into_iter().filter(|child| child.name == name);
        Ok(found.flat_map(|found| self.split(found)).map(|found| self.adopted(record, &found)).collect())
    }

    /// One record for each element that carries an operation: others send several in one.
    fn split(&self, record: Element) -> Vec<Element> {
        let target = self.mapping.document.operation.as_ref().map_or("", |operation| &operation.target);
        let Some((repeated, _)) = target.split_once('/') else { return vec![record] };
        let (several, common): (Vec<_>, Vec<_>) =
            record.children.iter().cloned().partition(|child| child.name == repeated);
        let with = |one: Element| {
            let mut children = common.clone();
            children.push(one);
            Element { children, ..record.clone() }
        };
        several.into_iter().map(with).collect()
    }

    fn adopted(&self, plan: &RecordPlan, record: &Element) -> AdoptedRecord {
        let operation = self.mapping.document.operation.as_ref();
        let target = operation.map(|table| format!("{}/{}", plan.base, table.target));
        let mut writer = Rewriter {
            flow: self,
            plan,
            operation_target: target.as_deref().unwrap_or_default(),
            operation: OperationKind::Insert,
            out: String::new(),
            key: String::new(),
        };
        writer.element(record, &plan.base);
        AdoptedRecord {
            operation: writer.operation,
            register_key: Personal::new(writer.key),
            fragment: Personal::new(writer.out.into_bytes()),
        }
    }
}

/// Writes an element as the mapping would have.
struct Rewriter<'f> {
    flow: &'f Flow,
    plan: &'f RecordPlan,
    operation_target: &'f str,
    operation: OperationKind,
    out: String,
    key: String,
}

impl Rewriter<'_> {
    fn element(&mut self, element: &Element, path: &str) {
        self.out.push('<');
        self.out.push_str(&element.name);
        self.attributes(element, path);
        if element.children.is_empty() && element.text.is_empty() {
            self.out.push_str("/>");
            return;
        }
        self.out.push('>');
        push_escaped(&element.text, &mut self.out);
        let mut children: Vec<&Element> = element.children.iter().collect();
        children.sort_by_key(|child| self.order(&format!("{path}/{}", child.name)));
        for child in children {
            self.element(child, &format!("{path}/{}", child.name));
        }
        self.out.push_str("</");
        self.out.push_str(&element.name);
        self.out.push('>');
    }

    fn attributes(&mut self, element: &Element, path: &str) {
        let mut attributes: Vec<(String, &str, &str)> = element
            .attributes
            .iter()
            .map(|(name, value)| (format!("{path}/@{name}"), name.as_str(), value.as_str()))
            .collect();
        let operation = self.operation_target.to_owned();
        if let Some((parent, name)) = operation.rsplit_once("/@")
            && parent == path
        {
            attributes.retain(|(target, _, value)| target != &operation || !self.take_operation(value));
            let insert = self.flow.mapping.document.operation.as_ref().map_or("", |table| &table.insert);
            attributes.push((operation.clone(), name, insert));
        }
        attributes.sort_by_key(|(target, ..)| self.order(target));
        for (target, name, value) in attributes {
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            push_escaped(value, &mut self.out);
            self.out.push('"');
            if self.is_key(&target) {
                self.key.push(' ');
                self.key.push_str(name);
                self.key.push_str("=\"");
                self.key.push_str(value);
                self.key.push('"');
            }
        }
    }

    /// Notes which operation the record asked for; it is then written as an insert.
    fn take_operation(&mut self, value: &str) -> bool {
        if let Some(table) = &self.flow.mapping.document.operation {
            let is = |form: &Option<OperationForm>| matches!(form, Some(OperationForm::Value(known)) if known == value);
            if is(&table.cancel) {
                self.operation = OperationKind::Cancel;
            } else if is(&table.replace) {
                self.operation = OperationKind::Replace;
            }
        }
        true
    }

    fn order(&self, target: &str) -> usize {
        self.flow.target_shape().nodes.get(target).map_or(usize::MAX, |node| node.order)
    }

    fn is_key(&self, target: &str) -> bool {
        self.plan.register_key.iter().any(|row| self.flow.mapping.rows[*row].target == target)
    }
}
