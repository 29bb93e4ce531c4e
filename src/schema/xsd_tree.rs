//! An XSD document as a plain tree of its own elements.
//!
//! Only what reading a schema needs: no DTD, prefixes declared on the root,
//! bounded depth. Instance documents never pass here.

use std::collections::BTreeMap;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::reader::NsReader;

use super::SchemaError;

pub(super) const XSD_NAMESPACE: &str = "http://www.w3.org/2001/XMLSchema";
const MOST_DEPTH: usize = 64;

/// One element of the XML Schema namespace.
#[derive(Clone, Debug, Default)]
pub(super) struct Tag {
    /// Local name, e.g. `complexType`.
    pub name: String,
    pub attributes: BTreeMap<String, String>,
    pub children: Vec<Tag>,
    pub text: String,
}

impl Tag {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// The children that are not annotations.
    pub fn parts(&self) -> impl Iterator<Item = &Tag> {
        self.children.iter().filter(|child| child.name != "annotation")
    }

    /// The text of the documentation in `language` (`it`, `en`), if any.
    pub fn documentation(&self, language: &str) -> Option<String> {
        self.children
            .iter()
            .filter(|child| child.name == "annotation")
            .flat_map(|annotation| &annotation.children)
            .find(|child| child.name == "documentation" && child.attribute("xml:lang") == Some(language))
            .map(|child| child.text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// `element Name`, for messages.
    pub fn label(&self) -> String {
        match self.attribute("name").or_else(|| self.attribute("ref")) {
            Some(name) => format!("{} {name}", self.name),
            None => self.name.clone(),
        }
    }
}

/// Reads `source` into its root tag (`schema`), with the namespace
/// declarations as attributes `xmlns`, `xmlns:p`.
pub(super) fn read(source: &str) -> Result<Tag, SchemaError> {
    let mut reader = NsReader::from_str(source);
    let mut open: Vec<Tag> = Vec::new();
    let mut root = None;
    loop {
        let (namespace, event) = reader.read_resolved_event().map_err(unreadable)?;
        match event {
            Event::Start(start) => open.push(open_tag(&namespace, &start, open.len())?),
            Event::Empty(start) => {
                let tag = open_tag(&namespace, &start, open.len())?;
                close_tag(tag, &mut open, &mut root);
            }
            Event::End(_) => {
                if let Some(tag) = open.pop() {
                    close_tag(tag, &mut open, &mut root);
                }
            }
            Event::Text(text) => {
                if let Some(tag) = open.last_mut() {
                    tag.text.push_str(&text.xml10_content().map_err(unreadable)?);
                }
            }
            Event::DocType(_) => return Err(SchemaError::Dtd),
            Event::Eof => break,
            _ => {}
        }
    }
    match root {
        Some(root) if root.name == "schema" && open.is_empty() => Ok(root),
        _ => Err(SchemaError::Unreadable("the root element is not xs:schema".into())),
    }
}

fn unreadable(error: impl std::fmt::Display) -> SchemaError {
    SchemaError::Unreadable(error.to_string())
}

fn open_tag(namespace: &ResolveResult<'_>, start: &BytesStart<'_>, depth: usize) -> Result<Tag, SchemaError> {
    let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
    if *namespace != ResolveResult::Bound(Namespace(XSD_NAMESPACE.as_bytes())) {
        return Err(SchemaError::not_understood(name, "an element outside the XML Schema namespace"));
    }
    if depth >= MOST_DEPTH {
        return Err(SchemaError::Unreadable("nested too deeply".into()));
    }
    let mut attributes = BTreeMap::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(unreadable)?;
        let key = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
        if depth > 0 && key.starts_with("xmlns") {
            return Err(SchemaError::not_understood(key, format!("{name}, below the root")));
        }
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(unreadable)?;
        attributes.insert(key, value.into_owned());
    }
    Ok(Tag { name, attributes, ..Tag::default() })
}

fn close_tag(tag: Tag, open: &mut [Tag], root: &mut Option<Tag>) {
    match open.last_mut() {
        Some(parent) => parent.children.push(tag),
        None => *root = Some(tag),
    }
}
