//! One call: what goes wrong with it, its effect, its answer, and the other writer around it.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;

use super::book::{Book, inside};
use super::script::{Fault, Operation, Script};
use super::wire::{self, Call};
use super::{Moment, PATH, Shared, lock};

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new().route(PATH, post(serve)).with_state(shared)
}

async fn serve(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some(token) = &shared.token
        && given != Some(&format!("Bearer {token}"))
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let call = match wire::read(&body) {
        Ok(call) => call,
        Err(text) => return soap(500, wire::fault("Client", text)),
    };
    let script = lock(&shared.script).clone();
    if script.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(script.delay_ms)).await;
    }
    let fault = shared.fault(&script, &call);
    let answer = shared.work(&script, &call, fault);
    if matches!(fault, Some(Fault::SilentBefore | Fault::SilentAfter | Fault::Late)) {
        tokio::time::sleep(Duration::from_millis(script.silence_ms)).await;
    }
    match fault {
        None => soap(200, answer.unwrap_or_default()),
        Some(fault) => spoilt(&script, call.operation, fault),
    }
}

fn soap(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "text/xml; charset=utf-8")], body).into_response()
}

/// The answer of a fault.
fn spoilt(script: &Script, operation: Operation, fault: Fault) -> Response {
    match fault {
        Fault::Limit => {
            let field = if operation == Operation::Send { "Esito" } else { field(operation) };
            let empty = |name| (name, String::new());
            let mut fields = vec![(field, "X001".to_owned())];
            if operation == Operation::Send {
                fields.extend(["MessaggioErrore", "CodiceSAP"].map(empty));
            }
            let mut response = soap(200, wire::answer(operation, &fields));
            if let Some(seconds) = script.retry_after_s {
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            response
        }
        Fault::Refused if operation == Operation::Send => soap(200, refusal("richiesta non ammessa")),
        Fault::Refused | Fault::ClientFault => soap(500, wire::fault("Client", "richiesta non ammessa")),
        Fault::Unavailable => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Fault::ErrorAfter => soap(500, wire::fault("Server", "errore interno")),
        Fault::Garbage => soap(200, "<soap:Envelope".to_owned()),
        Fault::Page => soap(200, "<html><body>Simulato</body></html>".to_owned()),
        Fault::SilentBefore | Fault::SilentAfter | Fault::Late => StatusCode::GATEWAY_TIMEOUT.into_response(),
    }
}

const fn field(operation: Operation) -> &'static str {
    match operation {
        Operation::Find => "CodiceSAP",
        Operation::Fetch => "SAP",
        Operation::Did => "DID",
        Operation::Send => "Esito",
    }
}

fn refusal(text: &str) -> String {
    let text = wire::document(text, super::Escaping::Once);
    let fields = [("Esito", "KO".to_owned()), ("MessaggioErrore", text), ("CodiceSAP", String::new())];
    wire::answer(Operation::Send, &fields)
}

impl Shared {
    /// What goes wrong with a call.
    fn fault(&self, script: &Script, call: &Call) -> Option<Fault> {
        lock(&self.calls).push(call.operation);
        let mut next = lock(&self.next);
        if let Some(at) = next.iter().position(|(operation, _)| *operation == call.operation) {
            return next.remove(at).and_then(|(_, fault)| fault);
        }
        drop(next);
        if script.faults.is_empty() {
            return None;
        }
        let hash = digest(&SHA256, call.text.as_bytes());
        let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let mut seen = lock(&self.seen);
        let times = seen.entry(format!("{}|{hash}", call.operation.name())).or_default();
        *times += 1;
        script.fault(call.operation, &format!("{}|{hash}|{times}", call.operation.name()))
    }

    /// The call's effect and right answer, with the other writer before and after it.
    fn work(&self, script: &Script, call: &Call, fault: Option<Fault>) -> Option<String> {
        let mut book = lock(&self.book);
        self.moment(call.operation, false, &mut book);
        let works = fault.is_none_or(Fault::takes_effect);
        let answer = works.then(|| answered(script, call, &mut book));
        if fault == Some(Fault::Late) && call.operation == Operation::Send {
            lock(&self.late).push(call.text.clone());
        }
        self.moment(call.operation, true, &mut book);
        answer
    }

    fn moment(&self, operation: Operation, after: bool, book: &mut Book) {
        let mut writer = lock(&self.writer);
        let (calls, writer) = &mut *writer;
        *calls += usize::from(!after);
        if let Some(writer) = writer {
            writer(Moment { call: *calls, operation, after }, book);
        }
    }
}

/// The right answer.
fn answered(script: &Script, call: &Call, book: &mut Book) -> String {
    let value = |name: &str| inside(&call.text, name).unwrap_or_default().to_owned();
    let document = |text: String| wire::document(&text, script.escaping);
    match call.operation {
        Operation::Find => wire::answer(call.operation, &[("CodiceSAP", book.code(&value("codiceFiscale")))]),
        Operation::Fetch => {
            let sap = document(book.document(&value("IdentificativoSap")));
            wire::answer(call.operation, &[("SAP", sap)])
        }
        Operation::Did => {
            wire::answer(call.operation, &[("DID", document(book.did(&value("codiceFiscale"))))])
        }
        Operation::Send => match book.send(&call.text, &script.refuse_kinds) {
            Ok(code) => {
                let fields =
                    [("Esito", "OK".to_owned()), ("MessaggioErrore", String::new()), ("CodiceSAP", code)];
                wire::answer(call.operation, &fields)
            }
            Err(text) => refusal(&text),
        },
    }
}
