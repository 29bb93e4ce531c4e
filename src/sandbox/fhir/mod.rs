//! A simulated FHIR R4 server: transactions and conditional operations as R4 has them, a book of
//! its own, and misbehaviour by script.
//!
//! It shares no code with the gateway's mapping, validation or planning: what it reads, it reads
//! with its own means, so that the two books are two witnesses.

mod book;
mod check;
mod front;
mod issue;
mod misbehave;
mod references;
mod routes;
mod script;
mod steps;
mod tls;
mod token;
mod transaction;
mod wire;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::clock::Clock;
pub use book::{Book, Held};
pub use script::{Attribution, Fault, Script};
pub use tls::TlsFiles;

/// The flow that it takes, and the protocol by which routes push to it.
pub const FLOW: &str = "fhir-social-care/r4-1";
pub const PROTOCOL: &str = "fhir";
/// Path of its base URL.
pub const PATH: &str = routes::BASE;

/// A simulated FHIR server.
pub struct FhirServerConfig {
    /// A loopback address; port 0 lets the system choose.
    pub bind: SocketAddr,
    pub script: Script,
    /// Where the book is kept; in memory when left out.
    pub book: Option<PathBuf>,
    /// The bearer token that every request must bring, if any.
    pub token: Option<String>,
    /// Speak https, with these.
    pub tls: Option<TlsFiles>,
}

impl FhirServerConfig {
    /// Plain http, no token.
    pub fn new(bind: SocketAddr, script: Script, book: Option<PathBuf>) -> Self {
        Self { bind, script, book, token: None, tls: None }
    }
}

/// Why the simulated server could not start.
#[derive(Debug, Error)]
pub enum FhirServerError {
    #[error("the simulated FHIR server binds to this machine only, not to {0}")]
    NotLoopback(SocketAddr),
    #[error("the simulated FHIR server could not listen or open its book: {0}")]
    Io(#[from] std::io::Error),
    #[error("the simulated FHIR server's certificates: {0}")]
    Tls(String),
}

/// The running server; it ends when dropped.
pub struct FhirServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// What the connections share.
struct Shared {
    base_url: String,
    token: Option<String>,
    clock: Clock,
    script: Mutex<Script>,
    book: Mutex<Book>,
    /// How often the same request came.
    seen: Mutex<HashMap<String, u64>>,
    requests: Mutex<Vec<(String, String)>>,
    /// Requests under way, whether or not their client still waits.
    busy: watch::Sender<usize>,
}

/// Requests whose methods and addresses are remembered.
const REMEMBERED: usize = 1000;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn script(&self) -> Script {
        lock(&self.script).clone()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }

    /// Whether a request waits, and what goes wrong with it.
    fn plan(&self, incoming: &wire::Incoming) -> (bool, Option<Fault>) {
        let mut requests = lock(&self.requests);
        if requests.len() < REMEMBERED {
            requests.push((incoming.method.clone(), incoming.target.clone()));
        }
        let script = lock(&self.script);
        let faults = if front::is_transaction(incoming) { &script.transaction } else { &script.search };
        if faults.is_empty() && script.delay <= 0.0 {
            return (false, None);
        }
        let body = String::from_utf8_lossy(&incoming.body);
        let request = token::hash(&format!("{} {} {body}", incoming.method, incoming.target));
        let mut seen = lock(&self.seen);
        let times = seen.entry(request.clone()).or_default();
        *times += 1;
        let name = format!("{request}|{times}");
        (script.happens(script.delay, "delay", &name), script.fault(faults, &name))
    }
}

impl FhirServer {
    /// Opens the book and listens.
    pub async fn start(config: FhirServerConfig, clock: Clock) -> Result<Self, FhirServerError> {
        if !config.bind.ip().is_loopback() {
            return Err(FhirServerError::NotLoopback(config.bind));
        }
        let tls = config.tls.as_ref().map(tls::acceptor).transpose()?;
        let book = Book::open(config.book.as_deref())?;
        let listener = TcpListener::bind(config.bind).await?;
        let address = listener.local_addr()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shared = Arc::new(Shared {
            base_url: format!("{scheme}://{address}{}", routes::BASE),
            token: config.token,
            clock,
            script: Mutex::new(config.script),
            book: Mutex::new(book),
            seen: Mutex::default(),
            requests: Mutex::default(),
            busy: watch::Sender::new(0),
        });
        let router = routes::router(Arc::clone(&shared));
        let task = tokio::spawn(front::accept(Arc::clone(&shared), listener, tls, router));
        Ok(Self { shared, address, task })
    }

    /// Base URL of the API, e.g. `http://127.0.0.1:8090/fhir`.
    pub fn base_url(&self) -> String {
        self.shared.base_url.clone()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The book as it stands. Transactions wait for whoever holds it.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.shared.book()
    }

    /// Changes the script, e.g. to a kind one for the end of a test.
    pub fn set_script(&self, script: Script) {
        *lock(&self.shared.script) = script;
    }

    /// Methods and addresses of the first requests, to see what stands in them.
    pub fn requests(&self) -> Vec<(String, String)> {
        lock(&self.shared.requests).clone()
    }

    /// Waits until no request is being worked on, also for clients that have left.
    pub async fn idle(&self) {
        // The sender lives as long as the server.
        let _ = self.shared.busy.subscribe().wait_for(|busy| *busy == 0).await;
    }

    /// Breaks every connection and stops listening; what was committed stays in the book.
    pub async fn stop(mut self) {
        self.task.abort();
        // It was aborted: that is the only way in which it ends.
        let _ = (&mut self.task).await;
    }
}

impl Drop for FhirServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
