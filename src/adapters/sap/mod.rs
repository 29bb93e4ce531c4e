//! The labour side's personal file (Scheda Anagrafico Professionale, SAP) over SOAP.
//!
//! `soap` writes and reads envelopes, `client` is one call per operation of `servizicoap`; `tree`
//! and `document` read what it gives. `order` reads a parcel, `merge` makes what is sent, `rounds`
//! fetch, merge, send and look back, `doubts` remember what may come late, `courier` tells it all in
//! the gateway's words.

pub mod client;
mod courier;
mod document;
mod doubts;
mod inquirer;
mod merge;
mod order;
mod rounds;
mod service;
pub mod soap;
pub mod tree;
#[cfg(test)]
mod interleaving_tests;

pub use courier::{SapCourier, courier};
pub use inquirer::inquirer;
pub use service::Pace;
