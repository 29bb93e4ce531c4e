//! A simulated upload service of the Ministry of Health, with SIAD's two books behind it: files go
//! in, outcomes are asked for, discards are fetched; misbehaviour by script.
//!
//! It shares no code with the gateway: what it reads, it reads with its own means. Discard codes
//! and the form of their file are its own, since the Ministry's are not public.

mod book;
mod read;
mod routes;
mod script;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::front::{Front, FrontError};

pub use book::{Book, Discard, Upload};
pub use read::fingerprint;
pub use script::{Fault, Script};

/// The flows that it takes with their registers, and the protocol by which routes push to it.
pub const FLOWS: [&str; 2] = ["siad-1/2024", "siad-2/2024"];
pub const REGISTERS: [&str; 2] = ["siad-1", "siad-2"];
pub const PROTOCOL: &str = "gaf";
/// Path of its base URL.
pub const PATH: &str = "/api/gaf";

/// A simulated upload service.
pub struct GafServerConfig {
    /// A loopback address; port 0 lets the system choose.
    pub bind: SocketAddr,
    pub script: Script,
    /// The bearer token that every request must bring, if any.
    pub token: Option<String>,
}

impl GafServerConfig {
    /// Without a token.
    pub fn new(bind: SocketAddr, script: Script) -> Self {
        Self { bind, script, token: None }
    }
}

/// The running service; it ends when dropped.
pub struct GafServer {
    shared: Arc<Shared>,
    front: Front,
}

/// What the connections share.
struct Shared {
    token: Option<String>,
    script: Mutex<Script>,
    book: Mutex<Book>,
    /// How often the same request came.
    seen: Mutex<HashMap<String, u64>>,
    /// Everything that stood in an address or a name, for whoever looks for personal data there.
    requests: Mutex<Vec<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl GafServer {
    /// Listens.
    pub async fn start(config: GafServerConfig) -> Result<Self, FrontError> {
        let shared = Arc::new(Shared {
            token: config.token,
            script: Mutex::new(config.script),
            book: Mutex::default(),
            seen: Mutex::default(),
            requests: Mutex::default(),
        });
        let front = Front::open(config.bind, routes::router(Arc::clone(&shared))).await?;
        Ok(Self { shared, front })
    }

    /// Base URL of the API, e.g. `http://127.0.0.1:8091/api/gaf`.
    pub fn base_url(&self) -> String {
        format!("http://{}{PATH}", self.front.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.front.address
    }

    /// The books as they stand. Uploads wait for whoever holds them.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.shared.book)
    }

    /// Changes the script, e.g. to a kind one for the end of a test.
    pub fn set_script(&self, script: Script) {
        *lock(&self.shared.script) = script;
    }

    /// Addresses of the requests and names of the files, in their order.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.shared.requests).clone()
    }
}
