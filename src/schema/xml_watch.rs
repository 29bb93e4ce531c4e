//! What is watched while `xsd-schema` reads a document: its findings, where
//! the open elements began, and three house rules that it does not apply.
//!
//! 1. A DTD is refused, and a declaration of anything but XML 1.0 in UTF-8:
//!    the bytes are read as UTF-8, whatever another reader may make of them.
//! 2. Only XML's own white space may stand between elements (XML 1.0, 2.3), and
//!    no CDATA section; xsd-schema 0.3.0 lets any Unicode space pass there, and
//!    libxml2 refuses even a blank CDATA section.
//! 3. Dates, numbers and booleans stand without surrounding blanks. XSD 1.0
//!    collapses them, libxml2 does not before a restricted date: what one
//!    common processor refuses must not leave.

use std::cell::RefCell;
use std::rc::Rc;

use xsd_schema::validation::{
    AttributeView, DoctypeView, ElementStartView, EndElementInfo, TextKind, ValidationError,
    ValidationEventHandler, ValidationSink, ValidationWarning,
};
use xsd_schema::xml::XmlDeclaration;

use super::MOST_PROBLEMS;
use super::shape::{Kind, Shape};
use super::xml::RawProblem;
use super::xml_message;

/// What a run gathers; shared by the hooks of reading and of reporting.
#[derive(Default)]
pub(super) struct Found {
    pub problems: Vec<RawProblem>,
    /// Byte offsets of the elements now open.
    open: Vec<usize>,
}

/// Receives the validator's findings.
pub(super) struct Sink(pub Rc<RefCell<Found>>);

impl ValidationSink for Sink {
    fn on_error(&mut self, error: ValidationError) {
        let mut found = self.0.borrow_mut();
        if found.problems.len() < MOST_PROBLEMS {
            let offset = found.open.last().copied();
            found.problems.push(xml_message::found(&error, offset));
        }
    }

    fn on_warning(&mut self, _warning: ValidationWarning) {}
}

/// Why the reading was stopped, as the problem's code.
pub(super) struct Stopped(pub &'static str);

/// Receives the reader's events.
pub(super) struct Watcher<'s> {
    pub found: Rc<RefCell<Found>>,
    /// Local names of the open elements.
    pub path: Vec<String>,
    pub shape: &'s Shape,
}

impl Watcher<'_> {
    fn report(&self, code: &str, attribute: Option<&str>) {
        let mut found = self.found.borrow_mut();
        if found.problems.len() < MOST_PROBLEMS {
            let offset = found.open.last().copied();
            let path = self.place(attribute);
            found.problems.push(RawProblem { code: code.into(), path, missing: None, offset });
        }
    }

    fn place(&self, attribute: Option<&str>) -> String {
        let path = self.path.join("/");
        attribute.map_or(path.clone(), |name| format!("{path}/@{name}"))
    }

    fn holds_elements(&self) -> bool {
        self.shape.nodes.get(&self.place(None)).is_some_and(|node| node.kind == Kind::Object)
    }

    /// House rule 3.
    fn blanks(&self, value: &str, attribute: Option<&str>) {
        if value.trim_matches(xml_space).len() == value.len() {
            return;
        }
        let node = self.shape.nodes.get(&self.place(attribute));
        if node.is_some_and(|node| !matches!(node.kind, Kind::Text | Kind::Object)) {
            self.report("surrounding-blanks", attribute);
        }
    }
}

fn xml_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

impl ValidationEventHandler for Watcher<'_> {
    type Error = Stopped;

    fn on_doctype(&mut self, _doctype: DoctypeView<'_>) -> Result<(), Stopped> {
        Err(Stopped("dtd-refused"))
    }

    fn on_xml_declaration(&mut self, declaration: &XmlDeclaration) -> Result<(), Stopped> {
        let utf8 = declaration.encoding.as_ref().is_none_or(|name| name.eq_ignore_ascii_case("utf-8"));
        let first = declaration.version == "1.0";
        if utf8 && first { Ok(()) } else { Err(Stopped("encoding-refused")) }
    }

    fn on_element_start_offset(&mut self, offset: usize) -> Result<(), Stopped> {
        self.found.borrow_mut().open.push(offset);
        Ok(())
    }

    fn before_element(&mut self, view: ElementStartView<'_>) -> Result<(), Stopped> {
        self.path.push(view.local_name.to_owned());
        Ok(())
    }

    fn before_attribute(&mut self, view: AttributeView<'_>) -> Result<(), Stopped> {
        if view.namespace_uri.is_empty() {
            self.blanks(view.value, Some(view.local_name));
        }
        Ok(())
    }

    fn on_text(&mut self, kind: TextKind, text: &str) -> Result<(), Stopped> {
        match kind {
            TextKind::Whitespace if !text.chars().all(xml_space) => self.report("cvc-complex-type.2.3", None),
            TextKind::CData if self.holds_elements() => self.report("cvc-complex-type.2.3", None),
            _ => self.blanks(text, None),
        }
        Ok(())
    }

    fn after_end_element(&mut self, _info: &EndElementInfo, _depth: usize) -> Result<(), Stopped> {
        self.path.pop();
        Ok(())
    }

    fn on_element_end_offset(&mut self, _offset: usize) -> Result<(), Stopped> {
        self.found.borrow_mut().open.pop();
        Ok(())
    }
}
