//! Traces: from the request that wanted a run to the recipient that is written to, and nothing of
//! a person in what a span may say.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use raccordo::channel::push::{HttpClient, HttpSettings, Request};
use raccordo::channel::trace;
use raccordo::exchange::TraceContext;
use raccordo::gateway::{Field, Span};
use serde_json::json;

use crate::serving::{ALL, FLOW, Site, request};
use crate::tidy::source::sources;

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn a_container_belongs_to_the_trace_of_the_request_that_wanted_it() {
    let site = Site::open();
    site.fill(3);
    let (sink, mut spans) = tokio::sync::mpsc::channel(1_000);
    site.gateway.spans_to(sink);
    let token = format!("Bearer {ALL}");
    let headers =
        [("authorization", token.as_str()), ("traceparent", CALLER), ("content-type", "application/json")];
    let body = json!({"ente": "H501", "flow": FLOW}).to_string();
    let run = request(site.api, "POST", "/api/v1/runs", &headers, body.as_bytes()).good(201);
    let caller: TraceContext = CALLER.parse().unwrap();
    let id = run["id"].as_i64().unwrap();
    let stored = site.gateway.books.look(|tx| tx.trace_of_run(id)).unwrap().unwrap();
    assert_eq!(stored.parse::<TraceContext>().unwrap().trace_id, caller.trace_id);
    let told =
        std::iter::from_fn(|| spans.try_recv().ok()).find(|span| span.context.trace_id == caller.trace_id);
    let told = told.expect("the request's span");
    assert_eq!((told.name, told.parent), ("request", Some(caller.span_id)));
    assert!(told.fields.contains(&(Field::Endpoint, "POST /api/v1/runs".to_owned())), "{told:?}");
    // Hours later the receipt comes, and its span is of the same trace.
    let page = site.flussi("since=0&limit=2");
    let esiti: Vec<_> = page
        .iter()
        .map(|flusso| {
            json!({
                "id_flusso": flusso["id_flusso"], "tipo": flusso["tipo"], "ts_flusso": flusso["ts_flusso"],
                "ts_acquisizione": flusso["ts_flusso"], "codice_esito": "OK",
            })
        })
        .collect();
    let answered = site.esiti(json!({ "elenco_esiti": esiti }).to_string().as_bytes());
    assert_eq!(answered.status, 204, "{}", answered.text());
    let whole: Vec<Span> =
        std::iter::from_fn(|| spans.try_recv().ok()).filter(|span| span.name == "submission").collect();
    assert_eq!(whole.len(), 2);
    for span in whole {
        assert_eq!(span.context.trace_id, caller.trace_id, "the newest run that wants the record");
        assert!(span.ended >= span.began);
        assert!(span.fields.iter().any(|(field, _)| *field == Field::Submission));
    }
}

#[test]
fn a_recipient_is_told_the_trace_only_where_its_route_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let heads = std::thread::spawn(move || {
        let head = |stream: std::io::Result<std::net::TcpStream>| {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
            head.into_iter().find(|line| line.to_ascii_lowercase().starts_with("traceparent:"))
        };
        listener.incoming().take(3).map(head).collect::<Vec<_>>()
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let context: TraceContext = CALLER.parse().unwrap();
    runtime.block_on(async {
        let client =
            |send_trace| HttpClient::new(&HttpSettings { send_trace, ..HttpSettings::default() }).unwrap();
        let get = || Request::get(url.clone());
        trace::scope(context, client(true).send(get())).await.unwrap();
        trace::scope(context, client(false).send(get())).await.unwrap();
        client(true).send(get()).await.unwrap();
    });
    assert_eq!(heads.join().unwrap(), [Some(format!("traceparent: {CALLER}")), None, None]);
}

/// Spans are made in one place, whose fields are a closed list; whatever else opens a span of the
/// logging library is named here, with what it may say.
#[test]
fn no_span_can_say_a_person() {
    const SPANS: &[(&str, &str)] = &[("src/web/request_id.rs", "the request's id")];
    let mut violations = Vec::new();
    for source in sources().iter().filter(|source| source.path.starts_with("src/") && !source.is_test) {
        let live = source.live(&source.bare);
        for word in ["span!(", "#[instrument", "tracing::instrument"] {
            if live.contains(word) && !SPANS.iter().any(|(path, _)| *path == source.path) {
                violations.push(format!("{}: `{word}`", source.path));
            }
        }
    }
    assert!(violations.is_empty(), "a span outside of gateway/spans.rs: {violations:?}");
    let names = [
        Field::Folder,
        Field::Operation,
        Field::Operations,
        Field::Submission,
        Field::Route,
        Field::Attempt,
        Field::Outcome,
        Field::Endpoint,
        Field::Status,
    ];
    let known = names.map(Field::name);
    assert!(known.iter().all(|name| name.starts_with("raccordo.") || name.starts_with("http.")), "{known:?}");
}
