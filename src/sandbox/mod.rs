//! Simulated recipients with scripted faults, for the demo, the tests and
//! whoever tries an exchange on a laptop. Nothing here serves production; it
//! binds to this machine only.

mod chance;
pub mod clock;
pub mod fhir;
mod front;
pub mod gaf;
pub mod inps;
pub mod people;
pub mod platform;
pub mod sap;
pub mod token_service;

/// The health side's register, by what it is to an ente.
pub mod health {
    pub use super::fhir::{
        Attribution, FLOW, Fault, FhirServer as Server, FhirServerConfig as Config, PATH, PROTOCOL, Script,
    };
}

/// The labour side's register, by what it is to an ente.
pub mod labour {
    pub use super::sap::{
        FLOW, Fault, Operation, PATH, PROTOCOL, SapServer as Server, SapServerConfig as Config, Script,
    };
}

/// The home care registers, by what they are to an ente.
pub mod home_care {
    pub use super::gaf::{
        FLOWS, Fault, GafServer as Server, GafServerConfig as Config, PATH, PROTOCOL, REGISTERS, Script,
    };
}
