//! An XML document as a tree, read plainly: local names, no DTD, no entities of its own,
//! bounded depth.

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// An element with what it holds.
#[derive(Clone, Default)]
pub struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    /// Its own text without the blanks around it.
    pub text: String,
    pub children: Vec<Element>,
}

/// Why a document cannot be read; never what stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// Near this byte.
    NotWellFormed(u64),
    TooDeep,
}

/// The root of a document.
///
/// # Errors
/// If it is not well-formed, carries a DTD, or is nested deeper than `deepest`.
pub fn read(payload: &[u8], deepest: usize) -> Result<Element, ReadError> {
    let mut reader = Reader::from_reader(payload);
    let broken = |reader: &Reader<&[u8]>| ReadError::NotWellFormed(reader.error_position());
    let mut open = vec![Element::default()];
    loop {
        let event = reader.read_event().map_err(|_| broken(&reader))?;
        match event {
            Event::Start(start) => open.push(opened(&start).ok_or_else(|| broken(&reader))?),
            Event::Empty(start) => {
                open.push(opened(&start).ok_or_else(|| broken(&reader))?);
                close(&mut open).ok_or_else(|| broken(&reader))?;
            }
            Event::End(_) => close(&mut open).ok_or_else(|| broken(&reader))?,
            Event::DocType(_) => return Err(broken(&reader)),
            Event::Eof => break,
            other => add_text(&mut open, &other).ok_or_else(|| broken(&reader))?,
        }
        if open.len() > deepest {
            return Err(ReadError::TooDeep);
        }
    }
    let root = open.pop().filter(|_| open.is_empty()).and_then(|mut document| document.children.pop());
    root.ok_or_else(|| broken(&reader))
}

/// Adds what an event says in words to the element at hand; `None` if it can't be read.
fn add_text(open: &mut [Element], event: &Event<'_>) -> Option<()> {
    let here = open.last_mut()?;
    match event {
        Event::Text(text) => here.text.push_str(&text.xml10_content().ok()?),
        Event::CData(text) => here.text.push_str(std::str::from_utf8(text).ok()?),
        Event::GeneralRef(reference) => here.text.push(resolved(reference)?),
        _ => {}
    }
    Some(())
}

/// The character of `&amp;` or `&#233;`; no document defines entities of its own.
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

fn close(open: &mut Vec<Element>) -> Option<()> {
    let mut done = open.pop()?;
    done.text = done.text.trim().to_owned();
    open.last_mut()?.children.push(done);
    Some(())
}

/// Name and attributes without prefixes and namespace declarations.
fn opened(start: &BytesStart<'_>) -> Option<Element> {
    let local = |name: &[u8]| String::from_utf8(name.to_vec()).ok();
    let mut element = Element { name: local(start.local_name().as_ref())?, ..Element::default() };
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        let key = attribute.key.as_ref();
        if key == b"xmlns" || key.contains(&b':') {
            continue;
        }
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
        element.attributes.push((local(key)?, value.into_owned()));
    }
    Some(element)
}
