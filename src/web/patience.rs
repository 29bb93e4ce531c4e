//! Bodies that come too slowly are broken off: a sender that falls silent, or trickles, must not hold a
//! connection and a worker for ever.

use std::future::Future;
use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use futures_core::Stream;
use tokio::time::{Instant, Sleep, sleep};

/// How long a body may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Longest silence between two pieces.
    pub silence: Duration,
    /// From then on it must have come at this pace, bytes per second.
    pub grace: Duration,
    pub least_bytes_per_s: u64,
}

/// Watches the body of a request.
pub async fn watch(State(patience): State<Patience>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = if body.is_end_stream() { body } else { Body::from_stream(Watched::new(body, patience)) };
    next.run(Request::from_parts(parts, body)).await
}

/// A body that fails once patience is at its end.
struct Watched {
    body: BodyDataStream,
    patience: Patience,
    began: Instant,
    received: u64,
    silence: Pin<Box<Sleep>>,
}

impl Watched {
    fn new(body: Body, patience: Patience) -> Self {
        Self {
            body: body.into_data_stream(),
            patience,
            began: Instant::now(),
            received: 0,
            silence: Box::pin(sleep(patience.silence)),
        }
    }

    /// Whether what came is less than the pace asks for.
    fn trickles(&self) -> bool {
        let took = self.began.elapsed();
        let paced = took.saturating_sub(self.patience.grace).as_secs();
        self.received < paced.saturating_mul(self.patience.least_bytes_per_s)
    }
}

impl Stream for Watched {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = match Pin::new(&mut self.body).poll_next(context) {
            Poll::Ready(piece) => piece,
            Poll::Pending => {
                ready!(self.silence.as_mut().poll(context));
                return Poll::Ready(Some(Err(slow())));
            }
        };
        let Some(piece) = piece else { return Poll::Ready(None) };
        let piece = piece.map_err(Error::other)?;
        self.received += piece.len() as u64;
        if self.trickles() {
            return Poll::Ready(Some(Err(slow())));
        }
        let until = Instant::now() + self.patience.silence;
        self.silence.as_mut().reset(until);
        Poll::Ready(Some(Ok(piece)))
    }
}

fn slow() -> Error {
    Error::new(ErrorKind::TimedOut, "the body came too slowly")
}

/// Whether an error comes from a body that was broken off for slowness.
pub fn was_slow(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<Error>();
        if io.is_some_and(|io| io.kind() == ErrorKind::TimedOut) {
            return true;
        }
        let inside = io.and_then(Error::get_ref).map(|inside| inside as &(dyn std::error::Error + 'static));
        cause = inside.or_else(|| error.source());
    }
    false
}
