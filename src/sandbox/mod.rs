//! Simulated recipients with scripted faults, for the demo, the tests and
//! whoever tries an exchange on a laptop. Nothing here serves production; it
//! binds to this machine only.

pub mod clock;
pub mod fhir;
pub mod inps;
pub mod people;
pub mod platform;
pub mod token_service;
