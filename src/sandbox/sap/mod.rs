//! A simulated `servizicoap`: SAPs of persons, answers by script, and another writer that a test
//! puts between any two steps.
//!
//! It shares no code with the gateway's courier: what it reads, it reads with its own means.

mod book;
mod script;
mod serve;
mod wire;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::front::{Front, FrontError};

pub use book::{Book, Entry, Policy};
pub use script::{Escaping, Fault, Operation, Script};

/// The flow that it takes, and the protocol by which routes push to it.
pub const FLOW: &str = "sap-politiche-attive/2";
pub const PROTOCOL: &str = "sap";
/// Path of its address.
pub const PATH: &str = "/servizicoap";

/// A simulated service.
pub struct SapServerConfig {
    /// A loopback address; port 0 lets the system choose.
    pub bind: SocketAddr,
    pub script: Script,
    /// The bearer token that every call must bring, if any.
    pub token: Option<String>,
}

impl SapServerConfig {
    /// No token.
    pub fn new(bind: SocketAddr, script: Script) -> Self {
        Self { bind, script, token: None }
    }
}

/// A moment between two steps: before or after the effect of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Calls since the writer was set, this one included.
    pub call: usize,
    pub operation: Operation,
    pub after: bool,
}

/// Another writer at the same book.
pub type Writer = Box<dyn FnMut(Moment, &mut Book) + Send>;

/// The running service; it ends when dropped.
pub struct SapServer {
    shared: Arc<Shared>,
    front: Front,
}

/// What the calls share.
struct Shared {
    token: Option<String>,
    script: Mutex<Script>,
    book: Mutex<Book>,
    writer: Mutex<(usize, Option<Writer>)>,
    /// Faults that meet the next calls of an operation.
    next: Mutex<VecDeque<(Operation, Option<Fault>)>>,
    /// How often the same call came.
    seen: Mutex<HashMap<String, u64>>,
    calls: Mutex<Vec<Operation>>,
    late: Mutex<Vec<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SapServer {
    /// Listens, with an empty book.
    pub async fn start(config: SapServerConfig) -> Result<Self, FrontError> {
        let shared = Arc::new(Shared {
            token: config.token,
            script: Mutex::new(config.script),
            book: Mutex::default(),
            writer: Mutex::default(),
            next: Mutex::default(),
            seen: Mutex::default(),
            calls: Mutex::default(),
            late: Mutex::default(),
        });
        let front = Front::open(config.bind, serve::router(Arc::clone(&shared))).await?;
        Ok(Self { shared, front })
    }

    /// The address of the service, e.g. `http://127.0.0.1:8090/servizicoap`.
    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.front.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.front.address
    }

    /// The book as it stands. Calls wait for whoever holds it.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.shared.book)
    }

    /// Changes the script, e.g. to a kind one for the end of a test.
    pub fn set_script(&self, script: Script) {
        *lock(&self.shared.script) = script;
    }

    /// What the next call of an operation meets that has none of these before it; `None` = no fault.
    pub fn next(&self, operation: Operation, fault: Option<Fault>) {
        lock(&self.shared.next).push_back((operation, fault));
    }

    /// Puts another writer between all steps from now on, or none.
    pub fn set_writer(&self, writer: Option<Writer>) {
        *lock(&self.shared.writer) = (0, writer);
    }

    /// The operations called so far.
    pub fn calls(&self) -> Vec<Operation> {
        lock(&self.shared.calls).clone()
    }

    /// Does now what was sent and left without an answer ([`Fault::Late`]); how many sends.
    pub fn commit_late(&self) -> usize {
        let late = std::mem::take(&mut *lock(&self.shared.late));
        let mut book = self.book();
        late.iter().filter(|document| book.send(document, &[]).is_ok()).count()
    }

    /// Stops listening; the book ends with it.
    pub async fn stop(self) {
        self.front.close().await;
    }
}
