//! A serving process: what its roles ask for of listeners, workers and ticks; it stops when told,
//! within its grace time.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::delivery::wire;
use super::keys::doors;
use super::{heartbeat, ticks, watch as watcher};
use crate::adapters::waas::{self, Gate};
use crate::exchange::LedgerError;
use crate::gateway::{Gateway, Role};
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
    #[error("the process cannot join those that share its ledger: {0}")]
    Join(#[source] LedgerError),
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
    grace: Duration,
    /// The signs of life, which end last.
    heart: Option<(watch::Sender<bool>, JoinHandle<()>)>,
}

impl Running {
    fn new(gateway: &Gateway, stop: watch::Sender<bool>) -> Self {
        let grace = Duration::from_millis(gateway.settings.node.grace_ms);
        Self { api: None, offer: None, stop, tasks: Vec::new(), broker: None, grace, heart: None }
    }

    /// Stops: nothing new begins, what is under way ends within the grace time, and what does not is
    /// left to whoever takes over. False if something was left.
    pub async fn stop(self) -> bool {
        let _ = self.stop.send(true);
        let (until, mut drained) = (Instant::now() + self.grace, true);
        for mut task in self.tasks {
            if timeout_at(until, &mut task).await.is_err() {
                drained = false;
                task.abort();
                drop(task.await);
            }
        }
        if !drained {
            tracing::warn!("the grace time is over: what was under way is left to others, who ask first");
        }
        if let Some(broker) = self.broker {
            broker.stop().await;
        }
        if let Some((ended, heart)) = self.heart {
            let _ = ended.send(true);
            drop(heart.await);
        }
        drained
    }

    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.push(tokio::spawn(task));
    }

    /// From now on the process gives signs of life.
    async fn join(&mut self, gateway: &Arc<Gateway>) -> Result<(), ServeError> {
        heartbeat::beat(gateway).await.map_err(ServeError::Join)?;
        let (ended, at_end) = watch::channel(false);
        self.heart = Some((ended, tokio::spawn(heartbeat::run(Arc::clone(gateway), at_end))));
        Ok(())
    }

    fn work(&mut self, gateway: &Arc<Gateway>, stopped: &watch::Receiver<bool>) -> Result<(), ServeError> {
        let wired = wire(gateway).map_err(ServeError::Delivery)?;
        self.tasks.extend(wired.delivery.start(stopped));
        self.tasks.extend(wired.inquiries.start(stopped));
        self.broker = wired.broker;
        Ok(())
    }

    async fn listen(
        &mut self,
        gateway: &Arc<Gateway>,
        stopped: &watch::Receiver<bool>,
    ) -> Result<(), ServeError> {
        let settings = &gateway.settings;
        if !settings.api.listen.is_empty() {
            let listener = listen(&settings.api.listen).await?;
            self.api = listener.local_addr().ok();
            let router = web::router(Arc::clone(gateway), Trust::Tokens);
            let head = Duration::from_millis(settings.api.head_timeout_ms);
            self.spawn(web::serve(listener, router, head, until(stopped.clone())));
        }
        let doors = doors(settings).map_err(ServeError::Offer)?;
        if !doors.is_empty() {
            let clock = Arc::clone(gateway);
            let now_s = Box::new(move || clock.clock.now_ms() / 1000);
            let gate = Gate::new(doors, &settings.offer.public_url, now_s);
            let gate = gate.shared(Arc::new(Arc::clone(gateway)));
            let desk = Arc::new(Arc::clone(gateway));
            let router = waas::router(desk, Arc::new(gate), &settings.offer.base_path);
            let listener = listen(&settings.offer.listen).await?;
            self.offer = listener.local_addr().ok();
            self.spawn(serve_tcp(listener, router, stopped.clone()));
        }
        Ok(())
    }
}

/// Delivers what is queued, without listeners: for a command that waits for an outcome.
pub fn deliver(gateway: &Arc<Gateway>) -> Result<Running, ServeError> {
    let (stop, stopped) = watch::channel(false);
    let mut running = Running::new(gateway, stop);
    running.work(gateway, &stopped)?;
    Ok(running)
}

/// Starts what the roles of the process ask for.
pub async fn start(gateway: Arc<Gateway>) -> Result<Running, ServeError> {
    let (stop, stopped) = watch::channel(false);
    let mut running = Running::new(&gateway, stop);
    let roles = gateway.settings.node.roles.clone();
    gateway.plans_here(roles.has(Role::Planner));
    running.join(&gateway).await?;
    if roles.has(Role::Api) {
        running.listen(&gateway, &stopped).await?;
    }
    if roles.has(Role::Worker) {
        running.work(&gateway, &stopped)?;
    }
    let local = serve_local(&gateway, stopped.clone())?;
    running.tasks.push(local);
    export_spans(&gateway, &stopped, &mut running)?;
    running.spawn(watcher::run(Arc::clone(&gateway), roles.has(Role::Scheduler), stopped.clone()));
    if roles.has(Role::Planner) {
        running.spawn(ticks::plan(Arc::clone(&gateway), stopped.clone()));
    }
    if roles.has(Role::Scheduler) {
        running.spawn(ticks::schedule(Arc::clone(&gateway), stopped));
    }
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
