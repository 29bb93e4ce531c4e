//! The service's own reading and writing of SOAP.

use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::Event;

use super::script::{Escaping, Operation};

/// An operation and its one parameter, unescaped once.
pub(super) struct Call {
    pub operation: Operation,
    pub text: String,
}

/// Reads a call; the error is for a fault.
pub(super) fn read(body: &[u8]) -> Result<Call, &'static str> {
    let body = std::str::from_utf8(body).map_err(|_| "non è UTF-8")?;
    let mut reader = Reader::from_str(body);
    let (mut depth, mut operation, mut text) = (0, None, String::new());
    loop {
        match reader.read_event().map_err(|_| "non è XML")? {
            Event::Start(start) => {
                depth += 1;
                let local = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
                if depth == 3 && operation.is_none() {
                    operation = Some(Operation::named(&local).ok_or("operazione sconosciuta")?);
                }
                if depth > 4 {
                    return Err("il parametro non è una stringa");
                }
            }
            Event::End(_) => depth -= 1,
            Event::Text(piece) if depth == 4 => text.push_str(&piece.decode().map_err(|_| "testo")?),
            Event::GeneralRef(reference) if depth == 4 => {
                let raw = format!("&{};", String::from_utf8_lossy(&reference));
                text.push_str(&quick_xml::escape::unescape(&raw).map_err(|_| "entità")?);
            }
            Event::DocType(_) => return Err("DTD"),
            Event::Eof => break,
            _ => {}
        }
    }
    let operation = operation.ok_or("nessuna operazione")?;
    // One level of escaping: no less, no more.
    if !text.starts_with('<') || !text.ends_with('>') {
        return Err("il parametro non è un documento");
    }
    Ok(Call { operation, text })
}

/// An envelope around a body.
pub(super) fn envelope(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\">\
         <soap:Body>{body}</soap:Body></soap:Envelope>"
    )
}

/// The answer to an operation: its fields, already as they are to be written.
pub(super) fn answer(operation: Operation, fields: &[(&str, String)]) -> String {
    let fields: String = fields.iter().map(|(name, text)| format!("<ns:{name}>{text}</ns:{name}>")).collect();
    let name = operation.name();
    envelope(&format!(
        "<ns:risposta_{name} xmlns:ns=\"http://servizi.lavoro.gov.it/servizicoap/types\">{fields}</ns:risposta_{name}>"
    ))
}

/// A document as the script escapes it.
pub(super) fn document(text: &str, escaping: Escaping) -> String {
    match escaping {
        Escaping::None => text.to_owned(),
        Escaping::Once => escape(text).into_owned(),
        Escaping::Twice => escape(escape(text)).into_owned(),
    }
}

/// A fault.
pub(super) fn fault(code: &str, text: &str) -> String {
    let text = escape(text);
    envelope(&format!(
        "<soap:Fault><faultcode>soap:{code}</faultcode><faultstring>{text}</faultstring></soap:Fault>"
    ))
}
