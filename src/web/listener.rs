//! Serves a router over TCP: a connection that sends no whole head in time is closed, and a head has a
//! largest size. `axum::serve` knows neither.

use std::future::Future;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Largest head of a request, bytes.
const HEAD_MOST: usize = 64 * 1024;
/// How long requests at hand may take once the process is to stop.
const LAST: Duration = Duration::from_secs(30);
/// After an accept that failed for want of files or memory.
const BREATH: Duration = Duration::from_millis(100);

/// Told once no more requests are taken: what streams without an end ends then.
#[derive(Clone)]
pub struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Until the process is to stop.
    pub async fn wait(mut self) {
        drop(self.0.wait_for(|stopping| *stopping).await);
    }
}

/// Serves until `stopped`, then ends the requests at hand. `head` is the time for the head of a request,
/// and for a connection without one.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    head: Duration,
    stopped: impl Future<Output = ()> + Send,
) {
    let mut protocol = http1::Builder::new();
    protocol.timer(TokioTimer::new()).header_read_timeout(head).max_buf_size(HEAD_MOST);
    let connections = GracefulShutdown::new();
    let (stop, stopping) = watch::channel(false);
    let router = router.layer(Extension(Stopping(stopping)));
    let mut stopped = std::pin::pin!(stopped);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => open(stream, &protocol, &router, &connections),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(BREATH).await;
                }
            },
            () = &mut stopped => break,
        }
    }
    drop(listener);
    let _ = stop.send(true);
    if tokio::time::timeout(LAST, connections.shutdown()).await.is_err() {
        tracing::warn!("requests were still at hand when the process stopped");
    }
}

fn open(stream: TcpStream, protocol: &http1::Builder, router: &Router, connections: &GracefulShutdown) {
    // Answers are small and whole: waiting for more to send would only delay them.
    drop(stream.set_nodelay(true));
    let service = TowerToHyperService::new(router.clone());
    let served = connections.watch(protocol.serve_connection(TokioIo::new(stream), service));
    tokio::spawn(async move {
        // Whoever goes away, or keeps us waiting, is nobody's fault.
        if let Err(error) = served.await {
            tracing::debug!(%error, "a connection ended");
        }
    });
}
