//! SOAP 1.1, document/literal, as `servizicoap` speaks it: an operation with one string in, a
//! few strings out. Documents travel inside those strings.
//!
//! Exactly one level of escaping is written. Read are none (the document as elements, or in a
//! CDATA section), one, and two, which one known exporter writes. No DTD, bounded in size and depth.

use quick_xml::escape::unescape;

use super::tree::{self, Node, TreeError};
use crate::mapping::write_xml::push_escaped;
use crate::personal::Personal;

/// The namespace of SOAP 1.1 envelopes.
const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";

/// The namespaces of the service. Regional services have others: what we read is told apart by
/// local names, what we write carries these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Of the operations' elements and their children (elementFormDefault qualified).
    pub types: String,
}

impl Default for Names {
    fn default() -> Self {
        Self { types: "http://servizi.lavoro.gov.it/servizicoap/types".to_owned() }
    }
}

/// Writes the envelope of an operation with its one string parameter, escaped once.
/// `None` if the text holds a character that XML cannot carry.
pub fn envelope(names: &Names, operation: &str, parameter: &str, text: &str) -> Option<Vec<u8>> {
    let mut escaped = String::with_capacity(text.len() + text.len() / 4);
    if !push_escaped(text, &mut escaped) {
        return None;
    }
    let types = &names.types;
    Some(
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
             <soapenv:Envelope xmlns:soapenv=\"{ENVELOPE}\" xmlns:typ=\"{types}\"><soapenv:Body>\
             <typ:{operation}><typ:{parameter}>{escaped}</typ:{parameter}></typ:{operation}>\
             </soapenv:Body></soapenv:Envelope>"
        )
        .into_bytes(),
    )
}

/// The small document that a parameter carries for a person: `<VerificaSAP><codiceFiscale>…`.
pub fn person(codice_fiscale: &str) -> String {
    wrapped("VerificaSAP", "codiceFiscale", codice_fiscale)
}

/// The small document that a parameter carries for a SAP: `<IDSAP><IdentificativoSap>…`.
pub fn sap_id(code: &str) -> String {
    wrapped("IDSAP", "IdentificativoSap", code)
}

fn wrapped(root: &str, child: &str, text: &str) -> String {
    let mut escaped = String::new();
    push_escaped(text, &mut escaped);
    format!("<{root}><{child}>{escaped}</{child}></{root}>")
}

/// Why an answer is not the answer to an operation; never with any of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Not XML, or beyond the limits.
    Tree(TreeError),
    /// No SOAP envelope with the operation's answer.
    NotTheAnswer,
    /// A string that should hold a document holds something else.
    NotADocument,
}

impl Unreadable {
    /// In words, for the code of an attempt.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Tree(TreeError::NotWellFormed) => "the answer is not XML",
            Self::Tree(TreeError::Dtd) => "the answer carries a DTD",
            Self::Tree(TreeError::Limit) => "the answer is too large or too deep",
            Self::NotTheAnswer => "not an answer to this operation",
            Self::NotADocument => "the answer holds no document",
        }
    }
}

/// A SOAP fault.
pub struct Fault {
    /// Local part of the fault code, e.g. `Server`; `Fault` if it says none of SOAP's four.
    pub code: &'static str,
    /// Its text; it may hold personal values.
    pub text: Option<Personal<String>>,
}

/// What an envelope holds.
pub enum Message {
    /// The operation's answer.
    Answer(Answer),
    Fault(Fault),
}

/// The children of `risposta_<operation>`.
pub struct Answer {
    source: Personal<String>,
    node: Personal<Node>,
}

/// Reads the envelope of an answer to `operation`.
pub fn read(body: &[u8], operation: &str) -> Result<Message, Unreadable> {
    let source = std::str::from_utf8(body).map_err(|_| Unreadable::Tree(TreeError::NotWellFormed))?;
    let mut root = tree::read(source).map_err(Unreadable::Tree)?;
    let body = root.children.iter_mut().find(|child| child.local() == "Body");
    let content = body.map(|body| std::mem::take(&mut body.children)).unwrap_or_default();
    let Some(node) = content.into_iter().next().filter(|_| root.local() == "Envelope") else {
        return Err(Unreadable::NotTheAnswer);
    };
    match node.local() {
        "Fault" => Ok(Message::Fault(fault(&node))),
        local if local.strip_prefix("risposta_") == Some(operation) => Ok(Message::Answer(Answer {
            source: Personal::new(source.to_owned()),
            node: Personal::new(node),
        })),
        _ => Err(Unreadable::NotTheAnswer),
    }
}

fn fault(node: &Node) -> Fault {
    let code = node.value("faultcode").unwrap_or_default();
    let local = code.rsplit_once(':').map_or(code, |(_, local)| local);
    let known = ["VersionMismatch", "MustUnderstand", "Client", "Server"];
    let code = known.into_iter().find(|known| local.split('.').next() == Some(*known)).unwrap_or("Fault");
    Fault { code, text: node.value("faultstring").map(|text| Personal::new(text.to_owned())) }
}

impl Answer {
    /// The trimmed text of a child; empty if there is none.
    pub fn text(&self, name: &str) -> Personal<String> {
        Personal::new(self.node.expose().value(name).unwrap_or_default().to_owned())
    }

    /// The document in a child, whatever its escaping; `None` if the child is empty.
    pub fn document(&self, name: &str) -> Result<Option<Personal<String>>, Unreadable> {
        let Some(child) = self.node.expose().child(name) else { return Ok(None) };
        if !child.children.is_empty() {
            let inner = self.source.expose()[child.inner.clone()].trim();
            return Ok(Some(Personal::new(inner.to_owned())));
        }
        unwrapped(&child.text).map(|text| text.map(Personal::new))
    }
}

/// The document in a string that XML has unescaped once; empty = none.
fn unwrapped(text: &str) -> Result<Option<String>, Unreadable> {
    let text = text.trim().trim_start_matches('\u{FEFF}').trim_start();
    if text.is_empty() {
        return Ok(None);
    }
    if text.starts_with('<') {
        return Ok(Some(text.to_owned()));
    }
    // Escaped once more than it should be. Inside, entities of the document stand one deeper too.
    let once = unescape(text).map_err(|_| Unreadable::NotADocument)?;
    let once = once.trim();
    if once.starts_with('<') { Ok(Some(once.to_owned())) } else { Err(Unreadable::NotADocument) }
}

#[cfg(test)]
#[path = "soap_tests.rs"]
mod tests;
