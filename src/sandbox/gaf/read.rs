//! A file as the simulated service reads it: which tracciato, and what each record says.

use aws_lc_rs::digest::{SHA256, digest};
use quick_xml::Reader;
use quick_xml::events::Event;

/// A file that is well-formed and of a known kind.
pub(super) struct File {
    /// 1 or 2.
    pub tracciato: u8,
    pub records: Vec<Record>,
}

/// One `Assistenza`.
pub(super) struct Record {
    /// I, V or C.
    pub operation: char,
    pub id_rec: String,
    /// Day of the taking in charge.
    pub date: String,
    /// Who, as far as the file says it: the pseudonym.
    pub cuni: String,
    pub asl: String,
    /// Day of the end, in tracciato 2.
    pub ended: Option<String>,
    /// Hash of everything but the operation.
    pub content: String,
    /// An element that must be there and is not.
    pub lacks: Option<&'static str>,
}

/// What every record of a tracciato has.
const WHOLE: [&[&str]; 2] = [
    &[
        "Trasmissione",
        "CUNI",
        "AnnoNascita",
        "Residenza",
        "Conviventi",
        "CodiceASL",
        "PresaInCarico",
        "Id_Rec",
        "Patologia",
    ],
    &["Trasmissione", "CodiceRegione", "CodiceASL", "PresaInCarico", "Id_Rec"],
];

/// Reads a file; `None` if it is not conformant.
pub(super) fn file(bytes: &[u8]) -> Option<File> {
    let text = str::from_utf8(bytes).ok()?;
    let root = root_of(text)?;
    let tracciato = match root.as_str() {
        "FlsAssDom_1" => 1,
        "FlsAssDom_2" => 2,
        _ => return None,
    };
    let pieces = text.split("<Assistenza>").skip(1);
    let records: Option<Vec<Record>> =
        pieces.map(|piece| record(piece.split("</Assistenza>").next()?, tracciato)).collect();
    records.filter(|records| !records.is_empty()).map(|records| File { tracciato, records })
}

/// The name of the root of a well-formed document.
fn root_of(text: &str) -> Option<String> {
    let mut reader = Reader::from_str(text);
    let mut root = None;
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) if root.is_none() => {
                root = Some(String::from_utf8_lossy(tag.local_name().as_ref()).into_owned());
            }
            Event::Eof => return root,
            _ => {}
        }
    }
}

fn record(text: &str, tracciato: u8) -> Option<Record> {
    let operation = attribute(text, "Trasmissione", "tipo")?;
    let mut letters = operation.chars();
    let (letter, more) = (letters.next()?, letters.next());
    let wanted = WHOLE[usize::from(tracciato) - 1];
    let lacks = wanted.iter().find(|name| !text.contains(&format!("<{name}"))).copied();
    (matches!(letter, 'I' | 'V' | 'C') && more.is_none()).then_some(())?;
    Some(Record {
        operation: letter,
        id_rec: element(text, "Id_Rec").unwrap_or_default(),
        date: attribute(text, "PresaInCarico", "data").unwrap_or_default(),
        cuni: element(text, "CUNI").unwrap_or_default(),
        asl: element(text, "CodiceASL").unwrap_or_default(),
        ended: attribute(text, "Conclusione", "dataAD"),
        content: fingerprint(text),
        lacks,
    })
}

/// Hash of a record, whatever its operation: of the text of one `Assistenza`.
pub fn fingerprint(text: &str) -> String {
    let inner = text.split("<Assistenza>").last().unwrap_or(text);
    let inner = inner.split("</Assistenza>").next().unwrap_or(inner);
    let mut text = inner.to_owned();
    for letter in ["I", "V", "C"] {
        text = text.replacen(&format!(" tipo=\"{letter}\""), "", 1);
    }
    digest(&SHA256, text.as_bytes()).as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn element(text: &str, name: &str) -> Option<String> {
    let behind = text.split(&format!("<{name}>")).nth(1)?;
    Some(behind.split('<').next()?.trim().to_owned())
}

fn attribute(text: &str, element: &str, name: &str) -> Option<String> {
    let behind = text.split(&format!("<{element} ")).nth(1)?;
    let tag = behind.split('>').next()?;
    let value = tag.split(&format!("{name}=\"")).nth(1)?;
    Some(value.split('"').next()?.to_owned())
}
