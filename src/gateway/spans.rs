//! Spans: how long a request, an attempt, and the whole way from a queued operation to its receipt
//! took, each within its trace. What a span may say is closed: ids, names of the configuration,
//! words of ours. No personal value has a field to stand in.

use tokio::sync::mpsc;

use super::Gateway;
use crate::channel::trace;
use crate::exchange::{Ledger, LedgerError, Millis, TraceContext};
use crate::ledger::Tx;

/// What a span may say, by the names under which it is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The CSI product's id of the folder.
    Folder,
    /// `record.generation`.
    Operation,
    Operations,
    /// The container's name.
    Submission,
    Route,
    Attempt,
    /// A word of ours.
    Outcome,
    /// Method and path as declared, without what stands in their holes.
    Endpoint,
    Status,
}

impl Field {
    /// The exported name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Folder => "raccordo.folder",
            Self::Operation => "raccordo.operation",
            Self::Operations => "raccordo.operations",
            Self::Submission => "raccordo.submission",
            Self::Route => "raccordo.route",
            Self::Attempt => "raccordo.attempt",
            Self::Outcome => "raccordo.outcome",
            Self::Endpoint => "http.route",
            Self::Status => "http.response.status_code",
        }
    }
}

/// One span that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub name: &'static str,
    /// Its own ids.
    pub context: TraceContext,
    /// The span within which it was; none for the first of a trace.
    pub parent: Option<[u8; 8]>,
    pub began: Millis,
    pub ended: Millis,
    pub failed: bool,
    pub fields: Vec<(Field, String)>,
}

/// Where spans go; what does not fit in is dropped, work never waits for it.
pub type SpanSink = mpsc::Sender<Span>;

impl Gateway {
    /// Gives spans to whoever exports them. The first one stands.
    pub fn spans_to(&self, sink: SpanSink) {
        let _ = self.watch.spans.set(sink);
    }

    /// Whether anybody wants spans.
    pub fn is_traced(&self) -> bool {
        self.watch.spans.get().is_some()
    }

    /// A span is over.
    pub fn span(&self, span: Span) {
        let fields = || span.fields.iter().map(|(field, value)| format!("{}={value}", field.name()));
        tracing::debug!(
            span = span.name,
            trace = %span.context,
            ms = span.ended - span.began,
            fields = fields().collect::<Vec<_>>().join(" "),
            "a span is over"
        );
        if let Some(sink) = self.watch.spans.get().filter(|_| span.context.sampled) {
            // A full sink loses spans, never work.
            let _ = sink.try_send(span);
        }
    }
}

/// The way of an offered container, from its name to the receipt that is being stored.
pub(super) fn way_of(tx: &mut Tx<'_>, route: &str, name: &str) -> Result<Option<Span>, LedgerError> {
    let Some(container) = tx.submission_named(route, name)? else { return Ok(None) };
    let known: Option<TraceContext> =
        tx.trace_of_submission(container.id)?.and_then(|text| text.parse().ok());
    let fields = vec![(Field::Submission, container.name), (Field::Route, container.route)];
    Ok(Some(Span {
        name: "submission",
        context: known.map_or_else(trace::begin, trace::child),
        parent: known.map(|context| context.span_id),
        began: container.timestamp,
        ended: container.timestamp,
        failed: false,
        fields,
    }))
}
