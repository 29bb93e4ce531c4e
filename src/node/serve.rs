//! A serving process: the API, the offered routes, the local socket, the ticks; it stops
//! when told, after the requests at hand.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::delivery::wire;
use super::keys::doors;
use super::{ticks, watch as watcher};
use crate::adapters::waas::{self, Gate};
use crate::gateway::Gateway;
use crate::queue::RabbitQueue;
use crate::web::{self, Trust};

/// Name of the local socket in the data directory.
pub const SOCKET: &str = "raccordo.sock";

/// A listener that could not be opened, or keys that could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on {address}: {source}; is it taken by another process?")]
    Listen { address: String, source: std::io::Error },
    #[error("an offered route cannot be set up: {0}")]
    Offer(String),
    #[error("delivery cannot be set up: {0}")]
    Delivery(String),
}

/// A process at work.
pub struct Running {
    /// Where the API listens, if it does.
    pub api: Option<SocketAddr>,
    /// Where the offered routes listen, if there are any.
    pub offer: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    broker: Option<Arc<RabbitQueue>>,
}

impl Running {
    /// Stops after the requests at hand.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        for task in self.tasks {
            drop(task.await);
        }
        if let Some(broker) = self.broker {
            broker.stop().await;
        }
    }
}

/// Delivers what is queued, without listeners: for a command that waits for an outcome.
pub fn deliver(gateway: &Arc<Gateway>) -> Result<Running, ServeError> {
    let (stop, stopped) = watch::channel(false);
    let wired = wire(gateway).map_err(ServeError::Delivery)?;
    let mut tasks = wired.delivery.start(&stopped);
    tasks.extend(wired.inquiries.start(&stopped));
    Ok(Running { api: None, offer: None, stop, tasks, broker: wired.broker })
}

/// Opens the listeners and starts the ticks.
pub async fn start(gateway: Arc<Gateway>) -> Result<Running, ServeError> {
    let (stop, stopped) = watch::channel(false);
    let mut running = Running { api: None, offer: None, stop, tasks: Vec::new(), broker: None };
    let settings = &gateway.settings;
    if !settings.api.listen.is_empty() {
        let listener = listen(&settings.api.listen).await?;
        running.api = listener.local_addr().ok();
        let router = web::router(Arc::clone(&gateway), Trust::Tokens);
        running.tasks.push(tokio::spawn(serve_tcp(listener, router, stopped.clone())));
    }
    let doors = doors(settings).map_err(ServeError::Offer)?;
    if !doors.is_empty() {
        let clock = Arc::clone(&gateway);
        let gate =
            Gate::new(doors, &settings.offer.public_url, Box::new(move || clock.clock.now_ms() / 1000));
        let router = waas::router(Arc::new(Arc::clone(&gateway)), Arc::new(gate), &settings.offer.base_path);
        let listener = listen(&settings.offer.listen).await?;
        running.offer = listener.local_addr().ok();
        running.tasks.push(tokio::spawn(serve_tcp(listener, router, stopped.clone())));
    }
    let wired = wire(&gateway).map_err(ServeError::Delivery)?;
    running.tasks.extend(wired.delivery.start(&stopped));
    running.tasks.extend(wired.inquiries.start(&stopped));
    running.broker = wired.broker;
    export_spans(&gateway, &stopped, &mut running)?;
    running.tasks.push(serve_local(&gateway, stopped.clone())?);
    note_versions(&gateway).await;
    running.tasks.push(tokio::spawn(watcher::run(Arc::clone(&gateway), stopped.clone())));
    running.tasks.push(tokio::spawn(ticks::run(Arc::clone(&gateway), stopped)));
    Ok(running)
}

/// Exports spans where the configuration says so.
#[cfg(feature = "otlp")]
fn export_spans(
    gateway: &Gateway,
    stopped: &watch::Receiver<bool>,
    running: &mut Running,
) -> Result<(), ServeError> {
    if !gateway.settings.trace.otlp.is_empty() {
        let task = super::otlp::start(gateway, stopped.clone());
        running.tasks.push(task.map_err(ServeError::Delivery)?);
    }
    Ok(())
}

/// A configuration that asks for what this binary lacks is said, not passed over.
#[cfg(not(feature = "otlp"))]
fn export_spans(gateway: &Gateway, _: &watch::Receiver<bool>, _: &mut Running) -> Result<(), ServeError> {
    if gateway.settings.trace.otlp.is_empty() {
        return Ok(());
    }
    Err(ServeError::Delivery("trace.otlp needs a raccordo that was built with `--features otlp`".into()))
}

/// The first tick then maps again what another version made.
async fn note_versions(gateway: &Arc<Gateway>) {
    let at_work = Arc::clone(gateway);
    let noted = tokio::task::spawn_blocking(move || at_work.note_versions()).await;
    if let Ok(Err(error)) = noted {
        tracing::error!(%error, "versions of flows could not be noted; the next start tries again");
    }
}

async fn listen(address: &str) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ServeError::Listen { address: address.to_owned(), source })
}

/// The socket in the data directory: the CLI beside a running server goes through it.
fn serve_local(gateway: &Arc<Gateway>, stopped: watch::Receiver<bool>) -> Result<JoinHandle<()>, ServeError> {
    let path = Path::new(&gateway.settings.data).join(SOCKET);
    drop(std::fs::remove_file(&path));
    let failed = |source| ServeError::Listen { address: path.display().to_string(), source };
    let listener = UnixListener::bind(&path).map_err(failed)?;
    restrict(&path).map_err(failed)?;
    let router = web::router(Arc::clone(gateway), Trust::Local);
    Ok(tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(until(stopped)).await;
        if let Err(error) = served {
            tracing::error!(%error, "the local socket failed");
        }
        drop(std::fs::remove_file(&path));
    }))
}

fn restrict(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

async fn serve_tcp(listener: TcpListener, router: Router, stopped: watch::Receiver<bool>) {
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(until(stopped)).await {
        tracing::error!(%error, "a listener failed");
    }
}

async fn until(mut stopped: watch::Receiver<bool>) {
    drop(stopped.wait_for(|stopped| *stopped).await);
}
