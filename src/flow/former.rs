//! Containers that a former system sent: read back into records in our own form, so that
//! what a register already holds can become the acknowledged side.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{Flow, OperationKind};
use crate::mapping::write_xml::push_escaped;
use crate::personal::Personal;

/// One operation of a former container.
pub struct FormerRecord {
    pub kind: OperationKind,
    /// As [`super::MappedRecord::register_key`] writes it.
    pub register_key: Personal<String>,
    /// As our writer would have written it, in insert form.
    pub fragment: Personal<Vec<u8>>,
}

/// A container that could not be read back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormerError {
    #[error("the file is not well-formed XML (byte {0})")]
    NotWellFormed(u64),
    #[error("the root element is not `{0}`: is it a file of another tracciato or version?")]
    OtherRoot(String),
    #[error("the file does not pass the flow's schema: {0}")]
    Schema(String),
}

struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    text: String,
}

impl Flow {
    /// Reads a former container: its name, and one operation per record that it carried.
    ///
    /// # Errors
    /// [`FormerError`] with the place; nothing of the file's content is repeated.
    pub fn read_former(&self, payload: &[u8]) -> Result<(String, Vec<FormerRecord>), FormerError> {
        let root = parse(payload)?;
        let container = &self.mapping.document.container;
        if root.name != container.root {
            return Err(FormerError::OtherRoot(container.root.clone()));
        }
        let name =
            root.children.iter().find_map(|child| child.attribute("Nome")).cloned().unwrap_or_default();
        let element = self.mapping.document.record.element.rsplit('/').next().unwrap_or_default();
        let mut records = Vec::new();
        for whole in root.children.iter().filter(|child| child.name == element) {
            self.split(whole, &mut records)?;
        }
        Ok((name, records))
    }

    /// A record's element may carry several operations: each becomes a record of its own.
    fn split(&self, whole: &Element, records: &mut Vec<FormerRecord>) -> Result<(), FormerError> {
        let operation = self.mapping.document.operation.as_ref();
        let (carrier, attribute) =
            operation.and_then(|table| table.target.rsplit_once("/@")).unwrap_or_default();
        let count = whole.children.iter().filter(|child| child.name == carrier).count().max(1);
        for number in 0..count {
            let mut seen = 0;
            let chosen = |child: &&Element| {
                if child.name != carrier {
                    return true;
                }
                seen += 1;
                seen == number + 1
            };
            let children: Vec<&Element> = whole.children.iter().filter(chosen).collect();
            let said =
                children.iter().find(|child| child.name == carrier).and_then(|c| c.attribute(attribute));
            let kind = match (operation, said) {
                (Some(table), Some(value)) if *value == table.cancel => OperationKind::Cancel,
                _ => OperationKind::Insert,
            };
            let insert = operation.map_or("", |table| table.insert.as_str());
            records.push(self.record(whole, &children, kind, (carrier, attribute, insert))?);
        }
        Ok(())
    }

    fn record(
        &self,
        whole: &Element,
        children: &[&Element],
        kind: OperationKind,
        operation: (&str, &str, &str),
    ) -> Result<FormerRecord, FormerError> {
        let mut writer = Canonical { flow: self, operation, out: String::new(), key: BTreeMap::new() };
        writer.element(whole, &self.mapping.document.record.element, Some(children));
        let fragment = writer.out.into_bytes();
        let problems = self.validate(&self.nominal_payload(&fragment));
        if let Some(problem) = problems.first() {
            return Err(FormerError::Schema(format!("{} at {}", problem.code, problem.path)));
        }
        let register_key = writer.key.into_values().collect();
        Ok(FormerRecord {
            kind,
            register_key: Personal::new(register_key),
            fragment: Personal::new(fragment),
        })
    }
}

/// Writes an element as our writer does: attributes in the schema's order, insert form.
struct Canonical<'f> {
    flow: &'f Flow,
    /// Element, attribute and insert value of the operation.
    operation: (&'f str, &'f str, &'f str),
    out: String,
    /// Parts of the register key by their order in the document.
    key: BTreeMap<usize, String>,
}

impl Canonical<'_> {
    fn element(&mut self, element: &Element, path: &str, only: Option<&[&Element]>) {
        self.out.push('<');
        self.out.push_str(&element.name);
        self.attributes(element, path);
        let all: Vec<&Element> = element.children.iter().collect();
        let children = only.unwrap_or(&all);
        if children.is_empty() && element.text.is_empty() {
            self.out.push_str("/>");
            return;
        }
        self.out.push('>');
        push_escaped(&element.text, &mut self.out);
        for child in children {
            self.element(child, &format!("{path}/{}", child.name), None);
        }
        self.out.push_str("</");
        self.out.push_str(&element.name);
        self.out.push('>');
    }

    fn attributes(&mut self, element: &Element, path: &str) {
        let order = |name: &str| {
            let node = self.flow.target_shape().nodes.get(&format!("{path}/@{name}"));
            node.map_or(usize::MAX, |node| node.order)
        };
        let (carrier, attribute, insert) = self.operation;
        let mut attributes: Vec<(usize, &str, &str)> = element
            .attributes
            .iter()
            .map(|(name, value)| (order(name), name.as_str(), value.as_str()))
            .collect();
        if element.name == carrier {
            attributes.retain(|(_, name, _)| *name != attribute);
            attributes.push((order(attribute), attribute, insert));
        }
        attributes.sort_unstable();
        for (position, name, value) in attributes {
            let open = format!(" {name}=\"");
            if self.is_key(path, name) {
                self.key.insert(position, format!("{open}{value}\""));
            }
            self.out.push_str(&open);
            push_escaped(value, &mut self.out);
            self.out.push('"');
        }
    }

    fn is_key(&self, path: &str, name: &str) -> bool {
        let base = &self.flow.mapping.document.record.element;
        let below = path.strip_prefix(base.as_str()).unwrap_or("").trim_start_matches('/');
        let target = if below.is_empty() { format!("@{name}") } else { format!("{below}/@{name}") };
        self.flow.mapping.document.record.register_key.contains(&target)
    }
}

impl Element {
    fn attribute(&self, name: &str) -> Option<&String> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

fn parse(payload: &[u8]) -> Result<Element, FormerError> {
    let mut reader = Reader::from_reader(payload);
    let mut open = vec![Element {
        name: String::new(),
        attributes: Vec::new(),
        children: Vec::new(),
        text: String::new(),
    }];
    loop {
        let at = reader.buffer_position();
        let broken = || FormerError::NotWellFormed(at);
        match reader.read_event().map_err(|_| broken())? {
            Event::Start(start) if open.len() < 32 => open.push(begin(&start).ok_or_else(broken)?),
            Event::Empty(start) => {
                let element = begin(&start).ok_or_else(broken)?;
                open.last_mut().ok_or_else(broken)?.children.push(element);
            }
            Event::End(_) => {
                let element = open.pop().ok_or_else(broken)?;
                open.last_mut().ok_or_else(broken)?.children.push(element);
            }
            Event::Text(text) => {
                let text = text.decode().map_err(|_| broken())?;
                open.last_mut().ok_or_else(broken)?.text.push_str(text.trim());
            }
            Event::Eof => break,
            Event::Decl(_) | Event::Comment(_) => {}
            _ => return Err(broken()),
        }
    }
    let broken = || FormerError::NotWellFormed(payload.len() as u64);
    let mut document = open.pop().filter(|_| open.is_empty()).ok_or_else(broken)?;
    document.children.pop().filter(|_| document.children.is_empty()).ok_or_else(broken)
}

fn begin(start: &BytesStart<'_>) -> Option<Element> {
    let local = |name: &[u8]| String::from_utf8(name.to_vec()).ok();
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        let name = local(attribute.key.as_ref())?;
        if name == "xmlns" || name.contains(':') {
            continue;
        }
        let raw = std::str::from_utf8(&attribute.value).ok()?;
        attributes.push((name, quick_xml::escape::unescape(raw).ok()?.into_owned()));
    }
    let name = local(start.local_name().as_ref())?;
    Some(Element { name, attributes, children: Vec::new(), text: String::new() })
}
