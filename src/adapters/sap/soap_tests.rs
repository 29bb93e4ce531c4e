//! Vectors of escaping and of answers, as senders are known to write them.

use super::*;

const DOCUMENT: &str = "<lavoratore><descrizione>D'Àrco &amp; figli &lt;srl&gt;</descrizione></lavoratore>";

/// An answer whose `SAP` is written as given.
fn answer(sap: &str) -> Vec<u8> {
    let body =
        format!("<r:risposta_richiestaSAP xmlns:r=\"urn:r\"><r:SAP>{sap}</r:SAP></r:risposta_richiestaSAP>");
    let envelope =
        format!("<s:Envelope xmlns:s=\"{ENVELOPE}\"><s:Header/><s:Body>{body}</s:Body></s:Envelope>");
    envelope.into_bytes()
}

fn escaped(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

fn document(body: &[u8]) -> Result<Option<String>, Unreadable> {
    match read(body, "richiestaSAP")? {
        Message::Answer(answer) => answer.document("SAP").map(|text| text.map(Personal::into_exposed)),
        Message::Fault(_) => panic!("a fault"),
    }
}

#[test]
fn a_document_is_read_escaped_not_at_all_once_or_twice() {
    let once = escaped(DOCUMENT);
    let forms = [
        DOCUMENT.to_owned(),
        once.clone(),
        format!("<![CDATA[{DOCUMENT}]]>"),
        escaped(&once),
        format!("<![CDATA[{once}]]>"),
        format!("\n  {once}\n  "),
        once.replace('&', "&#38;"),
        format!("&#xFEFF;{once}"),
    ];
    for form in forms {
        assert_eq!(document(&answer(&form)).unwrap().as_deref(), Some(DOCUMENT), "{form}");
    }
}

#[test]
fn what_is_escaped_three_times_or_is_no_document_is_not_guessed() {
    let thrice = escaped(&escaped(&escaped(DOCUMENT)));
    for wrong in [thrice.as_str(), "nessuna SAP", "X", "&amp;lt", "&amp;unknown;"] {
        assert_eq!(document(&answer(wrong)), Err(Unreadable::NotADocument), "{wrong}");
    }
    for empty in ["", "  \n"] {
        assert_eq!(document(&answer(empty)), Ok(None));
    }
}

#[test]
fn one_level_is_written_and_a_reader_gets_the_very_text() {
    let text = "<IDSAP><IdentificativoSap>AA&amp;\"'\r\n\t]]></IdentificativoSap></IDSAP>";
    let body = envelope(&Names::default(), "richiestaSAP", "CodiceSAP", text).unwrap();
    let written = String::from_utf8(body.clone()).unwrap();
    assert!(
        written.contains("<typ:CodiceSAP>&lt;IDSAP&gt;&lt;IdentificativoSap&gt;AA&amp;amp;"),
        "{written}"
    );
    let root = tree::read(&written).unwrap();
    let operation = &root.child("Body").unwrap().children[0];
    assert_eq!(operation.name, "typ:richiestaSAP");
    assert_eq!(operation.child("CodiceSAP").unwrap().text, text);
    assert!(envelope(&Names::default(), "richiestaSAP", "CodiceSAP", "a\u{1}").is_none());
}

#[test]
fn small_documents_carry_their_value_escaped_for_themselves() {
    assert_eq!(person("A&B"), "<VerificaSAP><codiceFiscale>A&amp;B</codiceFiscale></VerificaSAP>");
    assert_eq!(sap_id("AA1"), "<IDSAP><IdentificativoSap>AA1</IdentificativoSap></IDSAP>");
}

#[test]
fn an_answer_is_the_one_to_this_operation() {
    let fits = |body: &str| read(body.as_bytes(), "invioSAP").map(|_| ());
    let of = |inside: &str| format!("<Envelope><Body>{inside}</Body></Envelope>");
    assert_eq!(fits(&of("<risposta_invioSAP/>")), Ok(()));
    let others = ["<risposta_annullaSAP/>", "<invioSAP/>", "", "testo", "<risposta_invioSAP_N00/>"];
    for other in others {
        assert_eq!(fits(&of(other)), Err(Unreadable::NotTheAnswer), "{other}");
    }
    assert_eq!(fits("<html><body/></html>"), Err(Unreadable::NotTheAnswer));
    assert_eq!(fits("<!DOCTYPE x><a/>"), Err(Unreadable::Tree(TreeError::Dtd)));
    assert_eq!(fits("\u{0}"), Err(Unreadable::Tree(TreeError::NotWellFormed)));
    assert!(read(&[0xff, 0xfe], "invioSAP").is_err());
}

#[test]
fn a_fault_says_its_code_and_keeps_its_text_to_itself() {
    let of = |code: &str| {
        let fault =
            format!("<s:Fault><faultcode>{code}</faultcode><faultstring> non va </faultstring></s:Fault>");
        let body = format!("<s:Envelope xmlns:s=\"{ENVELOPE}\"><s:Body>{fault}</s:Body></s:Envelope>");
        match read(body.as_bytes(), "invioSAP") {
            Ok(Message::Fault(fault)) => (fault.code, fault.text.map(Personal::into_exposed)),
            _ => panic!("no fault"),
        }
    };
    assert_eq!(of("s:Server"), ("Server", Some("non va".to_owned())));
    assert_eq!(of("Client.Authentication"), ("Client", Some("non va".to_owned())));
    assert_eq!(of("RSSMRA").0, "Fault");
}
