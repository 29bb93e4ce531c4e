//! The API that INPS polls, over the wire: its contract, its doors, its receipts.

mod contract;
mod flussi;
mod receipts;
mod vouchers;
