//! What the service hides in its own fields, and what each status means, without a network.

use super::*;

const NOW: Millis = 1_790_000_000_000;

fn response(status: u16, body: String) -> Response {
    Response { status, headers: Vec::new(), body: Personal::new(body.into_bytes()) }
}

fn answer(operation: &str, fields: &[(&str, &str)]) -> Response {
    let fields: String = fields.iter().map(|(name, text)| format!("<{name}>{text}</{name}>")).collect();
    let body = format!("<risposta_{operation}>{fields}</risposta_{operation}>");
    response(200, format!("<Envelope><Body>{body}</Body></Envelope>"))
}

fn answered(operation: &str, fields: &[(&str, &str)]) -> Answered {
    let Ok(answered) = understood(&answer(operation, fields), operation, NOW) else {
        panic!("not understood")
    };
    answered
}

#[test]
fn the_call_limit_is_never_an_identifier() {
    for text in ["X001", "X001 superato il limite", "X00112345678"] {
        let given = answered("verificaEsistenzaSAP", &[("CodiceSAP", text)]);
        let error = identifier(given.text("CodiceSAP").expose(), &given).err().unwrap();
        assert_eq!((error.failure, error.code.as_str()), (Failure::Limit, "X001"), "{text}");
        let given = answered("richiestaSAP", &[("SAP", text)]);
        assert_eq!(document(&given, "SAP").err().unwrap().failure, Failure::Limit, "{text}");
        assert!(!is_identifier(text));
    }
}

#[test]
fn an_identifier_is_a_word_of_its_size() {
    for (text, fits) in [
        ("AA12345678H", true),
        ("1", false),
        ("AA 345", false),
        ("Errore interno", false),
        ("AAAAAAAAAAAAAAAAAAAAA", false),
    ] {
        assert_eq!(is_identifier(text), fits, "{text}");
    }
}

#[test]
fn the_wish_of_a_limit_is_kept() {
    let mut response = answer("verificaEsistenzaSAP", &[("CodiceSAP", "X001")]);
    response.headers.push(("retry-after".to_owned(), "90".to_owned()));
    let Ok(given) = understood(&response, "verificaEsistenzaSAP", NOW) else { panic!("not understood") };
    let error = identifier(given.text("CodiceSAP").expose(), &given).err().unwrap();
    assert_eq!(error.not_before, Some(NOW + 90_000));
}

#[test]
fn each_status_says_whether_anything_was_done() {
    let failure = |status: u16, body: &str| {
        let Err(error) = understood(&response(status, body.to_owned()), "invioSAP", NOW) else { panic!() };
        error.failure
    };
    let fault = |code: &str| {
        format!("<Envelope><Body><Fault><faultcode>{code}</faultcode></Fault></Body></Envelope>")
    };
    assert_eq!(failure(500, &fault("s:Client")), Failure::Refused);
    assert_eq!(failure(500, &fault("s:Server")), Failure::Uncertain);
    assert_eq!(failure(200, &fault("s:Client")), Failure::Refused);
    assert_eq!(failure(500, "<html/>"), Failure::Uncertain);
    assert_eq!(failure(200, "<html/>"), Failure::Uncertain, "a page of a proxy says nothing");
    assert_eq!(failure(200, ""), Failure::Uncertain);
    for (status, expected) in [
        (429, Failure::Unavailable),
        (503, Failure::Unavailable),
        (401, Failure::Unavailable),
        (404, Failure::Unavailable),
        (413, Failure::Refused),
        (502, Failure::Uncertain),
        (504, Failure::Uncertain),
        (202, Failure::Uncertain),
    ] {
        assert_eq!(failure(status, ""), expected, "{status}");
    }
}
