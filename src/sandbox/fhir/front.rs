//! The front of the simulated server: accepts connections, decides what goes wrong with each
//! request, and lets the routes do the work in between.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::Shared;
use super::issue::Problem;
use super::misbehave::{http_date, instead, perform, reply, spoil};
use super::routes::{BASE, BODY_MOST};
use super::script::Fault;
use super::wire::{Connection, Incoming, Reply, Socket};

/// Accepts until it is aborted; the connections end with it.
pub(super) async fn accept(
    shared: Arc<Shared>,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let (shared, tls, router) = (Arc::clone(&shared), tls.clone(), router.clone());
                connections.spawn(async move { open(&shared, stream, tls, &router).await });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// A connection that breaks is the client's affair.
async fn open(shared: &Shared, stream: TcpStream, tls: Option<TlsAcceptor>, router: &Router) {
    let _ = stream.set_nodelay(true);
    let _ = match tls {
        None => serve(shared, Connection::new(stream), router).await,
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => serve(shared, Connection::new(stream), router).await,
            Err(error) => Err(error),
        },
    };
}

/// Counts a request as under way while it lives.
struct Busy<'a>(&'a Shared);

impl<'a> Busy<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.busy.send_modify(|busy| *busy += 1);
        Self(shared)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.send_modify(|busy| *busy -= 1);
    }
}

async fn serve<S: Socket>(shared: &Shared, connection: Connection<S>, router: &Router) -> io::Result<()> {
    let mut connection = Some(connection);
    while let Some(mut open) = connection.take() {
        let Some(incoming) = open.read(BODY_MOST).await? else { break };
        let (delay, fault) = shared.plan(&incoming);
        let busy = Busy::new(shared);
        if delay {
            tokio::time::sleep(Duration::from_millis(shared.script().delay_ms)).await;
        }
        let works = fault.is_none_or(Fault::takes_effect);
        let right = match works {
            true => Some(work(shared, incoming, router).await?),
            false => None,
        };
        let mut answer = match (fault, right) {
            (None, Some(right)) => right,
            (Some(fault), Some(right)) => spoil(shared, fault, right),
            (fault, None) => fault.and_then(|fault| instead(shared, fault)).unwrap_or(Reply {
                status: 500,
                headers: Vec::new(),
                body: Vec::new(),
            }),
        };
        drop(busy);
        answer.headers.push(("date".to_owned(), http_date((shared.clock)())));
        connection = perform(shared, open, fault, answer).await?;
    }
    Ok(())
}

/// The right answer.
async fn work(shared: &Shared, incoming: Incoming, router: &Router) -> io::Result<Reply> {
    if let Some(token) = &shared.token
        && incoming.header("authorization") != Some(&format!("Bearer {token}"))
    {
        let problem = Problem::new(401, "login", "a token is needed");
        let mut answer = reply(401, &problem.render(shared.script().attribution));
        answer.headers.push(("www-authenticate".to_owned(), "Bearer".to_owned()));
        return Ok(answer);
    }
    let mut request = Request::builder().method(incoming.method.as_str()).uri(&incoming.target);
    for (name, value) in &incoming.headers {
        request = request.header(name, value);
    }
    let request = request.body(Body::from(incoming.body)).map_err(io::Error::other)?;
    let Ok(response) = router.clone().oneshot(request).await;
    let (parts, body) = response.into_parts();
    let text = |value: &axum::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let body = to_bytes(body, usize::MAX).await.map_err(io::Error::other)?.to_vec();
    Ok(Reply { status: parts.status.as_u16(), headers, body })
}

/// Whether a request is a transaction, rather than a look at what is there.
pub(super) fn is_transaction(incoming: &Incoming) -> bool {
    let path = incoming.target.split('?').next().unwrap_or_default();
    incoming.method == "POST" && path.trim_end_matches('/') == BASE
}
