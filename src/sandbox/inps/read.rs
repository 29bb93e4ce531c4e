//! INPS's own reading of a flow: a flat list of (element, attribute, value).

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// What INPS understands of one XML.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    pub name: String,
    pub persons: usize,
    pub services: usize,
    pub addresses: usize,
    /// SINBA: children, their benefit codes, members of their families.
    pub children: usize,
    pub codes: Vec<String>,
    pub relatives: usize,
    /// Attributes of the (first) prestazione, beneficiario and anagrafica; keys like `Anagrafica/@Nome`.
    values: BTreeMap<String, String>,
    /// The attributes of each address.
    pub homes: Vec<BTreeMap<String, String>>,
    /// Hash of everything but operation and header: what is held.
    pub content: String,
}

impl Flow {
    /// An attribute of `PrestazioniSociali`.
    pub fn service(&self, attribute: &str) -> Option<&str> {
        self.value("PrestazioniSociali", attribute)
    }

    /// An attribute of an element.
    pub fn value(&self, element: &str, attribute: &str) -> Option<&str> {
        self.values.get(&format!("{element}/@{attribute}")).map(String::as_str)
    }

    /// The attributes of an element, by name.
    pub fn of<'f>(&'f self, element: &str) -> impl Iterator<Item = (&'f str, &'f str)> {
        let head = format!("{element}/@");
        self.values.iter().filter_map(move |(key, value)| Some((key.strip_prefix(&head)?, value.as_str())))
    }

    /// INPS's key, hashed: of a prestazione person, code, protocol, dates; of a child pseudonym,
    /// codes and first report.
    pub fn key(&self) -> String {
        if self.children > 0 {
            let mut codes = self.codes.clone();
            codes.sort();
            let of_child = |name| self.value("SINBA", name).unwrap_or("");
            let parts = [of_child("IDBeneficiario"), &codes.join("+"), of_child("DataPrimaSegnalazione")];
            return hash(&parts.join("|"));
        }
        let parts = [
            self.value("Beneficiario", "CodiceFiscale"),
            self.service("CodicePrestazione"),
            self.service("ProtocolloDomanda"),
            self.service("DataInizioPrestazione"),
            self.service("DataFinePrestazione"),
            self.service("DataErogazionePrestazione"),
        ];
        hash(&parts.map(|part| part.unwrap_or("")).join("|"))
    }
}

/// Hexadecimal SHA-256, so that no file of the sandbox holds a personal value.
pub fn hash(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a flow; `None` when it is no XML of the casellario.
pub fn read(xml: &[u8]) -> Option<Flow> {
    let mut reader = Reader::from_reader(xml);
    let mut flow = Flow::default();
    let (mut content, mut inside) = (String::new(), String::new());
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) | Event::Empty(start) => {
                inside = element(&start, &mut flow, &mut content)?;
            }
            Event::Text(text) => {
                let text = text.decode().ok()?.trim().to_owned();
                content.push_str(&text);
                told(&inside, text, &mut flow);
            }
            Event::DocType(_) => return None,
            Event::Eof => break,
            _ => {}
        }
    }
    flow.content = hash(&content);
    Some(flow)
}

/// A text inside an element of SINBA.
fn told(element: &str, text: String, flow: &mut Flow) {
    match element {
        _ if text.is_empty() || flow.children == 0 => {}
        "CodicePrestazione" => flow.codes.push(text),
        "ComposizioneFamiglia" if matches!(text.as_str(), "1" | "2" | "3" | "4" | "5" | "6") => {
            flow.relatives += 1
        }
        _ => {}
    }
}

/// Takes in an element's attributes; returns its name.
fn element(start: &BytesStart<'_>, flow: &mut Flow, content: &mut String) -> Option<String> {
    let name = String::from_utf8(start.local_name().as_ref().to_vec()).ok()?;
    let header = matches!(name.as_str(), "Flusso" | "IdentificazioneFlusso" | "Ente");
    if !header {
        content.push_str(&format!("<{name}"));
    }
    match name.as_str() {
        "Beneficiario" => flow.persons += 1,
        "PrestazioniSociali" => flow.services += 1,
        "Indirizzo" => flow.addresses += 1,
        "SINBA" => flow.children += 1,
        _ => {}
    }
    let mut home = BTreeMap::new();
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        let key = String::from_utf8(attribute.key.as_ref().to_vec()).ok()?;
        let raw = std::str::from_utf8(&attribute.value).ok()?;
        let value = quick_xml::escape::unescape(raw).ok()?.into_owned();
        if name == "IdentificazioneFlusso" && key == "Nome" {
            flow.name.clone_from(&value);
        }
        if !header && key != "TipoOperazione" {
            content.push_str(&format!(" {key}={value}"));
        }
        if name == "Indirizzo" {
            home.insert(key, value);
        } else {
            flow.values.entry(format!("{name}/@{key}")).or_insert(value);
        }
    }
    if name == "Indirizzo" {
        flow.homes.push(home);
    }
    Some(name)
}
