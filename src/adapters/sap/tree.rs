//! XML as a tree that remembers its bytes: what is not ours is passed on as it was written.
//!
//! Bounded in size, depth and number of elements; no DTD, no entities but XML's own five.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesRef, BytesStart, Event};
use thiserror::Error;

/// The largest document that is read, in bytes.
pub const MOST_BYTES: usize = 4 * 1024 * 1024;
/// The deepest nesting of elements.
pub const DEEPEST: usize = 64;
/// The largest number of elements.
pub const MOST_ELEMENTS: usize = 100_000;

/// Why a document is not read; never with any of its content.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum TreeError {
    #[error("not well-formed XML")]
    NotWellFormed,
    #[error("it carries a DTD")]
    Dtd,
    #[error("too large or too deep")]
    Limit,
}

/// An element, with its places in the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// As written, perhaps with a prefix.
    pub name: String,
    /// Attributes as written, in order, values unescaped.
    pub attributes: Vec<(String, String)>,
    /// Its own character data, unescaped, without that of its children.
    pub text: String,
    pub children: Vec<Node>,
    /// From `<` of the start tag to `>` of the end tag.
    pub whole: Range<usize>,
    /// The start tag.
    pub open: Range<usize>,
    /// Between the tags; empty for `<a/>`.
    pub inner: Range<usize>,
}

impl Node {
    /// The name without its prefix.
    pub fn local(&self) -> &str {
        self.name.rsplit_once(':').map_or(&self.name, |(_, local)| local)
    }

    /// The first child of this local name.
    pub fn child(&self, local: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.local() == local)
    }

    /// The trimmed text of the first child of this local name, if it has any.
    pub fn value(&self, local: &str) -> Option<&str> {
        self.child(local).map(|child| child.text.trim()).filter(|text| !text.is_empty())
    }

    /// An attribute's value.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a document's root element. Places are bytes of `source`.
pub fn read(source: &str) -> Result<Node, TreeError> {
    if source.len() > MOST_BYTES {
        return Err(TreeError::Limit);
    }
    // A byte order mark is no character of the document (XML 1.0 appendix F).
    let skipped = source.len() - source.trim_start_matches('\u{FEFF}').len();
    let mut growing = Growing { reader: Reader::from_str(&source[skipped..]), skipped, ..Growing::default() };
    while growing.step()? {}
    growing.root.filter(|_| growing.open.is_empty()).ok_or(TreeError::NotWellFormed)
}

struct Growing<'s> {
    reader: Reader<&'s [u8]>,
    skipped: usize,
    open: Vec<Node>,
    root: Option<Node>,
    elements: usize,
}

impl Default for Growing<'_> {
    fn default() -> Self {
        Self { reader: Reader::from_str(""), skipped: 0, open: Vec::new(), root: None, elements: 0 }
    }
}

impl Growing<'_> {
    fn place(&self) -> usize {
        self.skipped + usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    /// Takes one event; false at the end.
    fn step(&mut self) -> Result<bool, TreeError> {
        let from = self.place();
        let event = self.reader.read_event().map_err(|_| TreeError::NotWellFormed)?;
        let to = self.place();
        match event {
            Event::Start(start) => self.opened(&start, from, to)?,
            Event::Empty(start) => {
                self.opened(&start, from, to)?;
                self.closed(to, to)?;
            }
            Event::End(_) => self.closed(from, to)?,
            Event::Text(text) => {
                let text = text.xml10_content().map_err(|_| TreeError::NotWellFormed)?;
                self.text(&text)?;
            }
            Event::CData(text) => {
                let text = text.xml10_content().map_err(|_| TreeError::NotWellFormed)?;
                self.text(&text)?;
            }
            Event::GeneralRef(reference) => {
                let letter = resolved(&reference).ok_or(TreeError::NotWellFormed)?;
                self.text(letter.encode_utf8(&mut [0; 4]))?;
            }
            Event::DocType(_) => return Err(TreeError::Dtd),
            Event::Eof => return Ok(false),
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
        }
        Ok(true)
    }

    fn opened(&mut self, start: &BytesStart<'_>, from: usize, to: usize) -> Result<(), TreeError> {
        self.elements += 1;
        if self.elements > MOST_ELEMENTS || self.open.len() >= DEEPEST {
            return Err(TreeError::Limit);
        }
        if self.open.is_empty() && self.root.is_some() {
            return Err(TreeError::NotWellFormed);
        }
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).ok();
        let mut node = Node { whole: from..to, open: from..to, inner: to..to, ..Node::default() };
        node.name = text(start.name().as_ref()).ok_or(TreeError::NotWellFormed)?;
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| TreeError::NotWellFormed)?;
            let value = std::str::from_utf8(&attribute.value).ok().and_then(|raw| unescape(raw).ok());
            let pair = text(attribute.key.as_ref()).zip(value);
            let (key, value) = pair.ok_or(TreeError::NotWellFormed)?;
            node.attributes.push((key, value.into_owned()));
        }
        self.open.push(node);
        Ok(())
    }

    fn closed(&mut self, from: usize, to: usize) -> Result<(), TreeError> {
        let mut node = self.open.pop().ok_or(TreeError::NotWellFormed)?;
        (node.whole.end, node.inner.end) = (to, from);
        match self.open.last_mut() {
            Some(parent) => parent.children.push(node),
            None => self.root = Some(node),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), TreeError> {
        match self.open.last_mut() {
            Some(node) => node.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(TreeError::NotWellFormed),
        }
        Ok(())
    }
}

/// The character of `&amp;` or `&#233;`; there are no entities of a document's own.
fn resolved(reference: &BytesRef<'_>) -> Option<char> {
    match reference.resolve_char_ref().ok()? {
        Some(letter) => Some(letter),
        None => match &**reference {
            b"amp" => Some('&'),
            b"lt" => Some('<'),
            b"gt" => Some('>'),
            b"quot" => Some('"'),
            b"apos" => Some('\''),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_knows_its_bytes() {
        let source = "\u{FEFF}<?xml version=\"1.0\"?>\n<a x='1&amp;2'><!-- c --><b:c>t&#233;<![CDATA[<&]]></b:c ><d/></a>\n";
        let root = read(source).unwrap();
        let written = |range: &Range<usize>| source[range.clone()].to_owned();
        assert_eq!(written(&root.open), "<a x='1&amp;2'>");
        assert_eq!(root.attribute("x"), Some("1&2"));
        let [first, second] = root.children.as_slice() else { panic!() };
        assert_eq!((first.local(), first.text.as_str()), ("c", "té<&"));
        assert_eq!(written(&first.whole), "<b:c>t&#233;<![CDATA[<&]]></b:c >");
        assert_eq!(written(&first.inner), "t&#233;<![CDATA[<&]]>");
        assert_eq!((written(&second.whole), written(&second.inner)), ("<d/>".to_owned(), String::new()));
    }

    #[test]
    fn what_is_not_one_document_is_refused() {
        let bombs = "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>";
        assert_eq!(read(bombs), Err(TreeError::Dtd));
        for wrong in
            ["", "text", "<a>", "<a></b>", "<a/><b/>", "<a>&b;</a>", "<a/>x", "<a b></a>", "<a b='1' b='2'/>"]
        {
            assert_eq!(read(wrong), Err(TreeError::NotWellFormed), "{wrong}");
        }
        assert_eq!(read(&"<a>".repeat(DEEPEST + 1)), Err(TreeError::Limit));
        assert_eq!(read(&" ".repeat(MOST_BYTES + 1)), Err(TreeError::Limit));
        let wide = format!("<a>{}</a>", "<b/>".repeat(MOST_ELEMENTS));
        assert_eq!(read(&wide), Err(TreeError::Limit));
    }
}
