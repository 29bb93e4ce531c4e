//! Spans by OTLP over HTTP, as JSON (opentelemetry.io/docs/specs/otlp, 1.x: "JSON Protobuf
//! Encoding"), over the house's own HTTP client: a small, stable format needs no library of its own.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use crate::channel::push::{HttpClient, HttpSettings, Request};
use crate::exchange::Millis;
use crate::gateway::{Gateway, Span};

/// Spans that wait to be exported at most; more are lost.
const WAITING: usize = 4_096;
/// Spans in one request.
const BATCH: usize = 256;
const EVERY: Duration = Duration::from_secs(5);

/// Exports the spans of a gateway until told to stop; what waits then goes out first.
pub fn start(
    gateway: &Gateway,
    mut stopped: watch::Receiver<bool>,
) -> Result<tokio::task::JoinHandle<()>, String> {
    let settings = &gateway.settings.trace;
    let http = HttpSettings {
        total_timeout_ms: 10_000,
        allow_plain_http: settings.allow_plain_http,
        ..HttpSettings::default()
    };
    let client = HttpClient::new(&http).map_err(|error| error.to_string())?;
    let url = format!("{}/v1/traces", settings.otlp.trim_end_matches('/'));
    let (sink, mut spans) = mpsc::channel(WAITING);
    gateway.spans_to(sink);
    Ok(tokio::spawn(async move {
        let mut going_on = true;
        while going_on {
            going_on = tokio::time::timeout(EVERY, stopped.wait_for(|stopped| *stopped)).await.is_err();
            let mut batch = Vec::new();
            while let Ok(span) = spans.try_recv() {
                batch.push(span);
                if batch.len() == BATCH {
                    send(&client, &url, &std::mem::take(&mut batch)).await;
                }
            }
            send(&client, &url, &batch).await;
        }
    }))
}

/// Spans are no books: what the collector does not take is lost, and said.
async fn send(client: &HttpClient, url: &str, spans: &[Span]) {
    if spans.is_empty() {
        return;
    }
    let request = Request::post(url, "application/json", exported(spans).to_string().into_bytes());
    match client.send(request).await {
        Ok(answer) if answer.is_success() => {}
        Ok(answer) => tracing::warn!(status = answer.status, spans = spans.len(), "spans were not taken"),
        Err(error) => tracing::warn!(%error, spans = spans.len(), "spans were not taken"),
    }
}

/// An `ExportTraceServiceRequest`.
pub fn exported(spans: &[Span]) -> Value {
    let attribute = |name: &str, value: &str| json!({ "key": name, "value": { "stringValue": value } });
    let resource =
        [attribute("service.name", "raccordo"), attribute("service.version", env!("CARGO_PKG_VERSION"))];
    let spans: Vec<Value> = spans
        .iter()
        .map(|span| {
            let attributes: Vec<Value> =
                span.fields.iter().map(|(field, value)| attribute(field.name(), value)).collect();
            json!({
                "traceId": hex(&span.context.trace_id), "spanId": hex(&span.context.span_id),
                "parentSpanId": span.parent.map(|id| hex(&id)).unwrap_or_default(),
                "name": span.name, "kind": if span.name == "attempt" { 3 } else { 2 },
                "startTimeUnixNano": nanos(span.began), "endTimeUnixNano": nanos(span.ended),
                "attributes": attributes, "status": { "code": if span.failed { 2 } else { 1 } },
            })
        })
        .collect();
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{ "scope": { "name": "raccordo" }, "spans": spans }],
    }] })
}

/// 64-bit numbers are text in this encoding.
fn nanos(at: Millis) -> String {
    (i128::from(at) * 1_000_000).to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Field;

    #[test]
    fn spans_are_written_as_the_protocol_wants_them() {
        let context = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
        let fields = vec![(Field::Route, "r".to_owned())];
        let span =
            Span { name: "attempt", context, parent: Some([1; 8]), began: 1, ended: 2, failed: true, fields };
        let told = exported(&[span]);
        let span = &told["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!(span["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(
            (&span["parentSpanId"], &span["startTimeUnixNano"]),
            (&"0101010101010101".into(), &"1000000".into())
        );
        assert_eq!(
            span["attributes"][0],
            json!({ "key": "raccordo.route", "value": { "stringValue": "r" } })
        );
        assert_eq!(span["status"]["code"], 2);
    }
}
