//! The labour side's personal file (Scheda Anagrafico Professionale, SAP) over SOAP.
//!
//! `soap` writes and reads envelopes, `client` is one call per operation of `servizicoap`.

pub mod client;
pub mod soap;
mod tree;
