//! The durable store of folders, records, operations, submissions, receipts and their history.
//!
//! It keeps rows and decides nothing: what happens to a row is decided in `exchange`.
//! Bodies and payloads arrive sealed; no column but a sealed one holds a personal value.

pub mod failpoint;
pub mod pulse;
pub mod rows;
pub mod sql;
pub mod books;

pub use books::{Books, Ticket, Turn, Tx};
pub use rows::{FindingRow, FolderRow, RunHead};
pub use sql::postgres::Place;
