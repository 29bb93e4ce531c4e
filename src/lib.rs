//! raccordo: the interoperability gateway of the Cartella Sociale Informatizzata.
//!
//! The rooms stand in the order in which a folder walks through them; a room
//! imports only from rooms above it. `personal` to `exchange` are pure: no
//! clock, no network, no environment; time and ids are arguments.
#![forbid(unsafe_code)]

pub mod personal;
pub mod folder;
pub mod schema;
pub mod rules;
pub mod mapping;
pub mod flow;
pub mod exchange;
pub mod seal;
pub mod audit;
pub mod ledger;
pub mod queue;
pub mod trust;
pub mod channel;
pub mod adapters;
pub mod gateway;
pub mod sandbox;
pub mod web;
pub mod node;
pub mod cli;
