//! Each request within its trace: the caller's (`traceparent`), or one that begins here.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::channel::trace;
use crate::exchange::TraceContext;
use crate::gateway::{Field, Gateway, Span};

/// Runs a request within its trace, and tells the span of it when it is over.
pub async fn within(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    let given = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    let caller: Option<TraceContext> = given.and_then(|text| text.parse().ok());
    let context = caller.map_or_else(trace::begin, trace::child);
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let endpoint = format!("{} {path}", request.method());
    let began = gateway.clock.now_ms();
    let answer = trace::scope(context, next.run(request)).await;
    let status = answer.status();
    gateway.span(Span {
        name: "request",
        context,
        parent: caller.map(|caller| caller.span_id),
        began,
        ended: gateway.clock.now_ms(),
        failed: status.is_server_error(),
        fields: vec![(Field::Endpoint, endpoint), (Field::Status, status.as_u16().to_string())],
    });
    answer
}
