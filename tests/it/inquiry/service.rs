//! A loopback service that answers the three operations of the question, as the test says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::Uri;
use axum::routing::post;
use tokio::runtime::Runtime;

/// What it says and what it was asked.
#[derive(Default)]
pub struct Service {
    /// By operation: the text of the answer's one field.
    pub says: Mutex<BTreeMap<&'static str, String>>,
    /// Operations and addresses, in order.
    pub calls: Mutex<Vec<(&'static str, String)>>,
}

const OPERATIONS: [(&str, &str); 3] =
    [("richiestaSAP_N00_A02", "DID"), ("richiestaSAP", "SAP"), ("verificaEsistenzaSAP", "CodiceSAP")];

impl Service {
    /// Serves on a port of its own.
    pub fn start(runtime: &Runtime, says: &[(&'static str, &str)]) -> (Arc<Self>, SocketAddr) {
        let service = Arc::new(Self::default());
        for (operation, text) in says {
            service.says.lock().unwrap().insert(operation, (*text).to_owned());
        }
        let router = Router::new().route("/servizicoap", post(answer)).with_state(Arc::clone(&service));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let at = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, router).await });
        (service, at)
    }

    pub fn count(&self) -> usize {
        self.calls.lock().unwrap().len()
    }
}

async fn answer(
    State(service): State<Arc<Service>>,
    uri: Uri,
    body: Bytes,
) -> ([(&'static str, &'static str); 1], String) {
    let asked = String::from_utf8(body.to_vec()).unwrap();
    let (operation, field) = *OPERATIONS
        .iter()
        .find(|(operation, _)| {
            asked.contains(&format!(":{operation}>")) || asked.contains(&format!("<{operation}"))
        })
        .unwrap();
    service.calls.lock().unwrap().push((operation, uri.to_string()));
    let said = service.says.lock().unwrap().get(operation).cloned().unwrap_or_default();
    let said = quick_xml::escape::escape(&said).into_owned();
    let inside = format!("<risposta_{operation}><{field}>{said}</{field}></risposta_{operation}>");
    let envelope = format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{inside}</s:Body></s:Envelope>"
    );
    ([("content-type", "text/xml; charset=utf-8")], envelope)
}
