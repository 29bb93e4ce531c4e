//! The operations of `servizicoap`, each one call: what was asked, what came back, and the errors
//! that the service hides in its own fields (`X001`, `0`, `KO`).
//!
//! ```ignore
//! let client = SapClient::new(&destination)?;
//! let code = client.find(&codice_fiscale, now).await?;            // verificaEsistenzaSAP
//! let sap = client.fetch(&code, now).await?;                      // richiestaSAP
//! let did = client.fetch_did(&codice_fiscale, now).await?;        // richiestaSAP_N00_A02
//! let sent = client.send(&document, now).await?;                  // invioSAP
//! ```
//! No call is ever repeated here.

use super::soap::{self, Answer, Fault, Message, Names, Unreadable};
use crate::channel::courier::{AnswerCheck, CourierError, Destination};
use crate::channel::limits;
use crate::channel::push::{HttpClient, Request, Response, SendErrorKind};
use crate::exchange::Millis;
use crate::personal::Personal;

/// The text with which the service says that too many calls were made.
const CALL_LIMIT: &str = "X001";
/// The longest identifier that is believed; the known ones have 11 characters.
const LONGEST_ID: usize = 20;

/// What a call that brought no answer came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The call limit (`X001`): nothing was done; later it may be.
    Limit,
    /// Nothing was done, for a reason that may pass.
    Unavailable,
    /// Nothing was done, and the same request will not fare better.
    Refused,
    /// It may have been done.
    Uncertain,
}

/// Why there is no answer.
pub struct CallError {
    pub failure: Failure,
    /// What happened, without personal data, e.g. `X001` or `no answer in time`.
    pub code: String,
    /// What the service says; it may hold personal values.
    pub text: Option<Personal<String>>,
    /// When it wants to be called again, if it says so.
    pub not_before: Option<Millis>,
}

impl CallError {
    fn new(failure: Failure, code: impl Into<String>) -> Self {
        Self { failure, code: code.into(), text: None, not_before: None }
    }
}

/// What `invioSAP` answered.
pub enum Sent {
    /// `OK`, with the identifier of the SAP if it gave one.
    Done { code: Option<Personal<String>> },
    /// `KO`, with `MessaggioErrore`.
    Refused { text: Option<Personal<String>> },
}

/// Calls one service.
pub struct SapClient {
    http: HttpClient,
    url: String,
    token: Option<Personal<String>>,
    names: Names,
    check: Option<AnswerCheck>,
}

impl SapClient {
    /// A client with a pool of connections of its own; fails on an address or certificates that
    /// can't be used.
    pub fn new(destination: &Destination) -> Result<Self, CourierError> {
        let url = destination.url.trim();
        let is_address = url.starts_with("https://") || url.starts_with("http://");
        if !is_address || url.contains(['?', '#', ' ']) {
            return Err(CourierError::Url);
        }
        let http = HttpClient::new(&destination.http)?;
        let (url, token) = (url.to_owned(), destination.token.clone());
        Ok(Self { http, url, token, names: Names::default(), check: None })
    }

    /// The same client, which believes an answer to a sending only if its fields, as JSON, fit.
    pub fn with_check(self, check: Option<AnswerCheck>) -> Self {
        Self { check, ..self }
    }

    /// The same client for a service with other namespaces.
    pub fn with_names(self, names: Names) -> Self {
        Self { names, ..self }
    }

    /// `verificaEsistenzaSAP`: the identifier of a person's SAP, if there is one.
    pub async fn find(
        &self,
        codice_fiscale: &Personal<String>,
        now: Millis,
    ) -> Result<Option<Personal<String>>, CallError> {
        let text = Personal::new(soap::person(codice_fiscale.expose()));
        let answer = self.call("verificaEsistenzaSAP", "CodiceFiscale", &text, now).await?;
        let code = answer.text("CodiceSAP");
        match code.expose().as_str() {
            "" | "0" => Ok(None),
            text => identifier(text, &answer).map(Some),
        }
    }

    /// `richiestaSAP`: the document of a SAP; `None` if the service has none under this identifier.
    pub async fn fetch(
        &self,
        code: &Personal<String>,
        now: Millis,
    ) -> Result<Option<Personal<String>>, CallError> {
        let text = Personal::new(soap::sap_id(code.expose()));
        let answer = self.call("richiestaSAP", "CodiceSAP", &text, now).await?;
        document(&answer, "SAP")
    }

    /// `richiestaSAP_N00_A02`: the `ListaDID` of a person; `None` if there is none.
    pub async fn fetch_did(
        &self,
        codice_fiscale: &Personal<String>,
        now: Millis,
    ) -> Result<Option<Personal<String>>, CallError> {
        let text = Personal::new(soap::person(codice_fiscale.expose()));
        let answer = self.call("richiestaSAP_N00_A02", "CodiceFiscale", &text, now).await?;
        document(&answer, "DID")
    }

    /// `invioSAP`: sends a document.
    pub async fn send(&self, document: &Personal<String>, now: Millis) -> Result<Sent, CallError> {
        let answer = self.call("invioSAP", "SAP", document, now).await?;
        let (esito, text) = (answer.text("Esito"), answer.text("MessaggioErrore"));
        if let Some(fits) = &self.check
            && !fits(&fields(&answer))
        {
            return Err(CallError::new(Failure::Uncertain, "the answer does not fit its schema"));
        }
        match esito.expose().as_str() {
            "OK" => {
                let code = answer.text("CodiceSAP");
                // What it is called is only a help: the next look asks for it anyway.
                Ok(Sent::Done { code: Some(code).filter(|code| is_identifier(code.expose())) })
            }
            "KO" => Ok(Sent::Refused { text: Some(text).filter(|text| !text.expose().is_empty()) }),
            esito if esito.starts_with(CALL_LIMIT) => Err(limit(&answer)),
            _ => Err(CallError::new(Failure::Uncertain, "an Esito that is neither OK nor KO")),
        }
    }

    async fn call(
        &self,
        operation: &str,
        parameter: &str,
        text: &Personal<String>,
        now: Millis,
    ) -> Result<Answered, CallError> {
        let body = soap::envelope(&self.names, operation, parameter, text.expose());
        let body =
            body.ok_or_else(|| CallError::new(Failure::Refused, "a character that XML cannot carry"))?;
        let mut request =
            Request::post(&self.url, "text/xml; charset=utf-8", body).header("accept", "text/xml");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {}", token.expose()));
        }
        match self.http.send(request).await {
            Ok(response) => understood(&response, operation, now),
            Err(error) if error.sent_maybe => Err(CallError::new(Failure::Uncertain, broken(error.kind))),
            Err(error) => Err(CallError::new(Failure::Unavailable, unreached(error.kind))),
        }
    }
}

/// The fields of an answer to a sending as JSON.
fn fields(answer: &Answered) -> Vec<u8> {
    let of = |name: &str| (name.to_owned(), answer.text(name).into_exposed().into());
    let fields: serde_json::Map<String, serde_json::Value> =
        ["Esito", "MessaggioErrore", "CodiceSAP"].map(of).into_iter().collect();
    serde_json::Value::Object(fields).to_string().into_bytes()
}

/// An answer, with the wish that came with it.
struct Answered {
    answer: Answer,
    not_before: Option<Millis>,
}

impl Answered {
    fn text(&self, name: &str) -> Personal<String> {
        self.answer.text(name)
    }
}

fn limit(answer: &Answered) -> CallError {
    CallError { not_before: answer.not_before, ..CallError::new(Failure::Limit, CALL_LIMIT) }
}

fn identifier(text: &str, answer: &Answered) -> Result<Personal<String>, CallError> {
    if text.starts_with(CALL_LIMIT) {
        return Err(limit(answer));
    }
    if !is_identifier(text) {
        return Err(CallError::new(Failure::Uncertain, "CodiceSAP is no identifier"));
    }
    Ok(Personal::new(text.to_owned()))
}

/// `AA########H` by what is known; anything of letters and digits is believed, up to a limit.
fn is_identifier(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (2..=LONGEST_ID).contains(&text.len()) && plain && !text.starts_with(CALL_LIMIT)
}

/// The document in a field, where the call limit may stand too.
fn document(answer: &Answered, name: &str) -> Result<Option<Personal<String>>, CallError> {
    match answer.text(name).expose().as_str() {
        text if text.starts_with(CALL_LIMIT) => return Err(limit(answer)),
        "0" => return Ok(None),
        _ => {}
    }
    answer.answer.document(name).map_err(|error| unreadable(error, answer.not_before))
}

fn unreadable(error: Unreadable, not_before: Option<Millis>) -> CallError {
    CallError { not_before, ..CallError::new(Failure::Uncertain, error.words()) }
}

/// What an HTTP answer of any status says.
fn understood(response: &Response, operation: &str, now: Millis) -> Result<Answered, CallError> {
    let not_before = limits::not_before(response, now);
    match (response.status, soap::read(response.body.expose(), operation)) {
        (200, Ok(Message::Answer(answer))) => Ok(Answered { answer, not_before }),
        // SOAP 1.1 §6.2 sends faults with 500; some send them with 200.
        (200 | 500, Ok(Message::Fault(fault))) => Err(faulty(fault, not_before)),
        (200, Err(error)) => Err(unreadable(error, not_before)),
        (status, _) => {
            let (failure, check) = verdict(status);
            let code = if check.is_empty() { status.to_string() } else { format!("{status}: {check}") };
            Err(CallError { not_before, ..CallError::new(failure, code) })
        }
    }
}

/// Whether a fault means that nothing was done (SOAP 1.1 §4.4.1).
fn faulty(fault: Fault, not_before: Option<Millis>) -> CallError {
    let failure = match fault.code {
        "Client" | "VersionMismatch" | "MustUnderstand" => Failure::Refused,
        _ => Failure::Uncertain,
    };
    let code = format!("fault {}", fault.code);
    CallError { text: fault.text, not_before, ..CallError::new(failure, code) }
}

/// What a status other than 200 means, and what to look at.
fn verdict(status: u16) -> (Failure, &'static str) {
    match status {
        429 | 503 => (Failure::Unavailable, ""),
        401 => (Failure::Unavailable, "not authorized, check token_file and identity_file"),
        403 => (Failure::Unavailable, "not permitted, check what the service lets this client do"),
        404 | 405 | 410 => (Failure::Unavailable, "no service at this address, check url"),
        406 | 415 => (Failure::Unavailable, "the service does not take text/xml, check url"),
        407 => (Failure::Unavailable, "a proxy stands between, check the network"),
        413 => (Failure::Refused, "too large"),
        400 => (Failure::Unavailable, "not a SOAP answer, check url and what stands between"),
        300..=399 => (Failure::Unavailable, "the service redirects, check url"),
        _ => (Failure::Uncertain, ""),
    }
}

fn unreached(kind: SendErrorKind) -> &'static str {
    match kind {
        SendErrorKind::Tls => {
            "no secure connection: check the certificates (authorities_file, identity_file) and url"
        }
        SendErrorKind::Timeout => "no connection in time: check url and the network",
        SendErrorKind::Broken => "the request cannot be written: check token_file",
        _ => "no connection: check url and the network",
    }
}

fn broken(kind: SendErrorKind) -> &'static str {
    match kind {
        SendErrorKind::Timeout => "no answer in time",
        SendErrorKind::TooLarge => "the answer is too large",
        _ => "the connection broke",
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
