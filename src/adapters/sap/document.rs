//! The SAP as the service gives it: section 0 and section 6, item by item, each with its bytes.
//!
//! What is not understood is kept; what would make a merge a guess (two lists, prefixes, another
//! person's document) is not read at all.

use std::ops::Range;

use aws_lc_rs::digest::{SHA256, digest};

use super::tree::{self, Node};
use crate::personal::Personal;

/// Promoter of items whose promoter nobody knows.
pub(super) const UNKNOWN_PROMOTER: &str = "00000000000";

const LIST: &str = "politiche_attive_lst";
const ITEM: &str = "politiche_attive";

/// Whose an item is and which: promoter and identifier.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub promoter: String,
    pub id: String,
}

impl Key {
    /// `None` for what is no policy, has no identifier, or is of an unknown promoter.
    pub fn of(node: &Node) -> Option<Self> {
        let promoter = node.value("codice_ente_promotore").filter(|code| *code != UNKNOWN_PROMOTER)?;
        let id = node.value("identificativo_politica")?;
        (node.local() == ITEM).then(|| Self { promoter: promoter.to_owned(), id: id.to_owned() })
    }
}

/// One child of section 6.
#[derive(Clone)]
pub(super) struct Item {
    /// As it was written, byte by byte.
    pub text: String,
    pub key: Option<Key>,
    pub node: Node,
}

impl Item {
    pub fn new(text: String, node: Node) -> Self {
        Self { text, key: Key::of(&node), node }
    }
}

/// Why a document is not merged with anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unfit(pub &'static str);

/// A SAP, as far as it matters to us.
#[derive(Clone)]
pub(super) struct Sap {
    /// The start tag of `lavoratore`, with what it declares.
    pub root: String,
    /// Children of section 0 by name, as written, in order.
    pub header: Vec<(String, String)>,
    /// The start tag of the list.
    pub list: String,
    pub items: Vec<Item>,
}

impl Sap {
    /// A document with nothing in it.
    pub fn empty() -> Self {
        let [root, list] = ["<lavoratore>", "<politiche_attive_lst>"].map(str::to_owned);
        Self { root, header: Vec::new(), list, items: Vec::new() }
    }

    /// Reads what `richiestaSAP` gave for an identifier; it must be this person's.
    pub fn read(source: &str, code: &str, codice_fiscale: &str) -> Result<Self, Unfit> {
        let root = tree::read(source).map_err(|_| Unfit("the SAP is not readable XML"))?;
        if root.name != "lavoratore" {
            return Err(Unfit("the SAP is no lavoratore document"));
        }
        let one = |name: &str| {
            let mut found = root.children.iter().filter(|child| child.local() == name);
            match (found.next(), found.next()) {
                (Some(node), None) if node.name == name => Ok(Some(node)),
                (None, _) => Ok(None),
                _ => Err(Unfit("a section of the SAP stands twice or under another name")),
            }
        };
        let (header, list) = (one("datiinvio")?, one(LIST)?);
        let told = header.and_then(|header| header.value("identificativosap"));
        let person = root.child("datianagrafici").and_then(|section| section.child("datipersonali"));
        let owner = person.and_then(|person| person.value("codicefiscale"));
        if told.is_some_and(|told| told != code)
            || owner.is_some_and(|owner| !owner.eq_ignore_ascii_case(codice_fiscale))
        {
            return Err(Unfit("the SAP given is not the one asked for"));
        }
        let written = |range: &Range<usize>| source[range.clone()].to_owned();
        let header = header.map(|header| &header.children).into_iter().flatten();
        let items = list.map(|list| &list.children).into_iter().flatten();
        let sap = Self {
            root: opening(&written(&root.open)),
            header: header.map(|child| (child.local().to_owned(), written(&child.whole))).collect(),
            list: list
                .map_or_else(|| "<politiche_attive_lst>".to_owned(), |list| opening(&written(&list.open))),
            items: items.map(|child| Item::new(written(&child.whole), child.clone())).collect(),
        };
        let stray = list.is_some_and(|list| !list.text.trim().is_empty());
        if stray { Err(Unfit("section 6 holds text between its items")) } else { Ok(sap) }
    }

    /// What section 6 says, whatever its blanks: equal if and only if it says the same.
    pub fn state(&self) -> State {
        let mut text = String::new();
        self.items.iter().for_each(|item| canonical(&item.node, &mut text));
        State::of(&text)
    }
}

/// A start tag that does not close itself.
fn opening(tag: &str) -> String {
    match tag.strip_suffix("/>") {
        Some(open) => format!("{}>", open.trim_end()),
        None => tag.to_owned(),
    }
}

/// The hash of a section 6.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct State([u8; 32]);

impl State {
    fn of(text: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        Self(hash)
    }

    /// Six hexadecimal digits, to tell states apart in a trace.
    pub fn short(self) -> String {
        self.0[..3].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Writes an element so that two that say the same are written the same.
fn canonical(node: &Node, out: &mut String) {
    // Lengths before texts, so that no text can look like structure.
    let mut put = |text: &str| out.push_str(&format!("{}:{text}", text.len()));
    put(&node.name);
    for (name, value) in &node.attributes {
        put(name);
        put(value);
    }
    put(node.text.trim());
    out.push_str(&format!("({}", node.children.len()));
    node.children.iter().for_each(|child| canonical(child, out));
    out.push(')');
}

/// Whether what stands says everything that was wanted, perhaps more. Decimals may be written anew.
pub(super) fn says(stands: &Node, wanted: &Node) -> bool {
    let child_says = |child: &Node| stands.child(child.local()).is_some_and(|there| says(there, child));
    let (there, here) = (stands.text.trim(), wanted.text.trim());
    (there == here || decimals(here).is_some_and(|wanted| decimals(there) == Some(wanted)))
        && wanted.children.iter().all(child_says)
}

/// Digits before and after a decimal point, without superfluous zeros.
fn decimals(text: &str) -> Option<(&str, &str)> {
    let (whole, fraction) = text.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(whole) && digits(fraction))
        .then(|| (whole.trim_start_matches('0'), fraction.trim_end_matches('0')))
}

/// A document to be sent.
pub(super) struct Written {
    pub text: Personal<String>,
    pub sap: Sap,
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
