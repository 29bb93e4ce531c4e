//! The reading of a document by a plan: one pass over its bytes.
//!
//! Knows only the plainest XML: UTF-8, no DTD, comments, sections or
//! instructions, no prefixes, one namespace declared on the root, the five
//! predefined references. `None` anywhere means "not sure", never "invalid".

use std::borrow::Cow;

use super::plan::{Body, ChildPlan, ElementPlan, Plan};

/// Documents beyond this go to the full validator, which knows the limits.
const MOST_BYTES: usize = super::xml::MOST_DOCUMENT_BYTES;
const MOST_VALUE_BYTES: usize = super::xml::MOST_VALUE_BYTES;

const DECLARATIONS: [&[u8]; 3] = [
    b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
    b"<?xml version=\"1.0\" encoding=\"utf-8\"?>",
    b"<?xml version=\"1.0\"?>",
];

/// A document being read.
pub(super) struct Scan<'d> {
    text: &'d str,
    at: usize,
}

impl<'d> Scan<'d> {
    /// `None` if the bytes are not UTF-8, are too many, or hold a character
    /// that XML 1.0 has not.
    pub fn new(document: &'d [u8]) -> Option<Self> {
        (document.len() <= MOST_BYTES).then_some(())?;
        let text = std::str::from_utf8(document).ok()?;
        Some(Self { text, at: 0 })
    }

    fn bytes(&self) -> &'d [u8] {
        self.text.as_bytes()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    fn expect(&mut self, bytes: &[u8]) -> Option<()> {
        self.bytes()[self.at..].starts_with(bytes).then(|| self.at += bytes.len())
    }

    /// Skips white space, as much as one text may have; whether there was any.
    fn blanks(&mut self) -> bool {
        let from = self.at;
        while self.at - from < MOST_VALUE_BYTES && matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
        self.at > from
    }

    /// The whole document against `plan`.
    pub fn document(&mut self, plan: &Plan) -> Option<()> {
        if self.bytes().starts_with(b"<?") {
            DECLARATIONS.iter().find_map(|declaration| self.expect(declaration))?;
        }
        self.blanks();
        self.expect(b"<")?;
        self.expect(&plan.root.name)?;
        self.element(&plan.root, Some(&plan.namespace))?;
        self.blanks();
        (self.at == self.text.len()).then_some(())
    }

    /// An element, from behind its name in the start tag to its end.
    /// `namespace` is what the root must declare, if anything.
    fn element(&mut self, plan: &ElementPlan, namespace: Option<&[u8]>) -> Option<()> {
        let empty = self.attributes(plan, namespace)?;
        match (&plan.body, empty) {
            (Body::Sequence(children), true) => children.iter().all(|child| child.min == 0).then_some(()),
            (Body::Sequence(children), false) => self.children(children, &plan.name),
            (Body::Text(check), true) => check.surely_valid("").then_some(()),
            (Body::Text(check), false) => {
                let value = self.value(b'<')?;
                check.surely_valid(&value).then_some(())?;
                self.expect(b"</")?;
                self.end(&plan.name)
            }
            (Body::Unsure, _) => None,
        }
    }

    /// The rest of a start tag; whether it closes the element.
    fn attributes(&mut self, plan: &ElementPlan, namespace: Option<&[u8]>) -> Option<bool> {
        let mut seen = 0_u64;
        let mut declared = namespace.is_none_or(<[u8]>::is_empty);
        let mut hint = 0;
        loop {
            let blank = self.blanks();
            match self.peek()? {
                b'>' | b'/' => break,
                _ if !blank => return None,
                _ => {}
            }
            let (name, quote) = self.attribute_name()?;
            let value = self.value(quote)?;
            self.at += 1;
            if name == b"xmlns" {
                (!declared && namespace == Some(value.as_bytes())).then_some(())?;
                declared = true;
                continue;
            }
            let at = position(plan, hint, name)?;
            (seen >> at & 1 == 0).then_some(())?;
            plan.attributes[at].check.as_ref()?.surely_valid(&value).then_some(())?;
            seen |= 1 << at;
            hint = at + 1;
        }
        (declared && seen & plan.required == plan.required).then_some(())?;
        let empty = self.expect(b"/").is_some();
        self.expect(b">")?;
        Some(empty)
    }

    /// The name, `=` and the opening quote.
    fn attribute_name(&mut self) -> Option<(&'d [u8], u8)> {
        let name = self.name()?;
        self.expect(b"=")?;
        let quote = self.peek().filter(|byte| matches!(byte, b'"' | b'\''))?;
        self.at += 1;
        Some((name, quote))
    }

    /// Character data up to `until`, with the predefined references resolved.
    fn value(&mut self, until: u8) -> Option<Cow<'d, str>> {
        let from = self.at;
        let mut references = false;
        loop {
            match self.peek()? {
                byte if byte == until => break,
                b'&' => references = true,
                0..0x20 | b'<' | b'>' => return None,
                // U+FFFE and U+FFFF are no characters of XML; both begin EF BF.
                0xEF => (!self.bytes()[self.at..].starts_with(b"\xEF\xBF")).then_some(())?,
                _ => {}
            }
            self.at += 1;
        }
        (self.at - from <= MOST_VALUE_BYTES).then_some(())?;
        let raw = &self.text[from..self.at];
        if references { resolve(raw).map(Cow::Owned) } else { Some(Cow::Borrowed(raw)) }
    }

    /// The children of a sequence and the parent's end tag.
    fn children(&mut self, children: &[ChildPlan], parent: &[u8]) -> Option<()> {
        let (mut at, mut count) = (0, 0);
        loop {
            // Empty content allows not even white space (cvc-complex-type.2.1).
            if !children.is_empty() {
                self.blanks();
            }
            self.expect(b"<")?;
            if self.expect(b"/").is_some() {
                break;
            }
            let name = self.name()?;
            while *children.get(at)?.element.name != *name || count >= children[at].max {
                (count >= children[at].min).then_some(())?;
                (at, count) = (at + 1, 0);
            }
            count += 1;
            self.element(&children[at].element, None)?;
        }
        let complete = children.iter().enumerate().skip(at).all(|(index, child)| {
            let stood = if index == at { count } else { 0 };
            stood >= child.min
        });
        complete.then_some(())?;
        self.end(parent)
    }

    /// A name of plain letters, digits and `_`; the plan's names decide the rest.
    fn name(&mut self) -> Option<&'d [u8]> {
        let from = self.at;
        let length =
            self.bytes()[from..].iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')?;
        self.at += length;
        Some(&self.bytes()[from..self.at])
    }

    /// An end tag, from behind its `</`.
    fn end(&mut self, name: &[u8]) -> Option<()> {
        self.expect(name)?;
        self.blanks();
        self.expect(b">")
    }
}

/// The attribute's place in the plan; writers follow the schema's order.
fn position(plan: &ElementPlan, hint: usize, name: &[u8]) -> Option<usize> {
    let count = plan.attributes.len();
    (hint..count).chain(0..hint.min(count)).find(|at| *plan.attributes[*at].name == *name)
}

/// The five predefined references (XML 1.0, 4.6); others are not for a plan.
fn resolve(raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('&') {
        let (name, behind) = after.split_once(';')?;
        text.push_str(before);
        text.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => return None,
        });
        rest = behind;
    }
    text.push_str(rest);
    Some(text)
}
