//! The queue: who builds or sends which container now. It carries ids only; work is durable
//! in the ledger before it is here, and losing the queue loses nothing.

mod embedded;

pub use embedded::{EmbeddedQueue, Lease};
