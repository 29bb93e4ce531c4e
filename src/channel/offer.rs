//! The offer: a channel in which the recipient polls us and brings its receipts.
//!
//! Here stands what an adapter's HTTP face needs of the gateway, whatever the protocol.

use std::future::Future;
use std::pin::Pin;

use crate::exchange::{LedgerError, Millis, Receipt, Settled};
use crate::personal::Personal;

/// A future that an object-safe trait can return.
pub type Soon<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One container as served: the same bytes whenever it is asked for again.
pub struct Served {
    /// Code of the ente whose record it carries, and its name.
    pub ente: String,
    pub ente_name: String,
    /// The container's name, e.g. `H501.PS.20261123.0000001`.
    pub name: String,
    /// The kind by which the recipient sorts containers, as the mapping names it.
    pub kind: String,
    pub timestamp: Millis,
    pub bytes: Personal<Vec<u8>>,
}

/// What an adapter asks of the gateway.
pub trait OfferDesk: Send + Sync {
    /// What is still out after `since`, then what is queued, at most `limit`.
    fn page(&self, route: &str, since: Millis, limit: usize) -> Soon<'_, Result<Vec<Served>, LedgerError>>;

    /// Stores receipts; with `Ok` they are on disk. One answer per receipt, in order.
    fn settle(&self, route: &str, receipts: Vec<Receipt>) -> Soon<'_, Result<Vec<Settled>, LedgerError>>;

    /// Whether the gateway can answer at all.
    fn healthy(&self) -> bool;
}
