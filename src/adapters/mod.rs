//! Protocol families: only what a mapping's table cannot say.
//!
//! One file per family, one line of registration each.

pub mod fhir;
pub mod gaf;
pub mod sap;
pub mod siad;
pub mod siuss;
pub mod waas;

use crate::channel::courier::{AnswerCheck, Courier, CourierError, Destination};
use crate::channel::inquiry::Inquirer;
use crate::mapping::step::Step;

/// The named steps of every family; a mapping calls them by name.
pub fn steps() -> Vec<&'static dyn Step> {
    [siad::STEPS, siuss::STEPS].concat()
}

type MakeCourier = fn(&Destination, Option<AnswerCheck>) -> Result<Box<dyn Courier>, CourierError>;

/// The families that push, by the name that a route's `protocol` gives.
const COURIERS: &[(&str, MakeCourier)] =
    &[("fhir", fhir::courier), ("gaf", gaf::courier), ("sap", sap::courier)];

/// The courier of a destination. Fails on a protocol that no family registered, an address or
/// certificates that can't be used.
pub fn courier(destination: &Destination) -> Result<Box<dyn Courier>, CourierError> {
    checked_courier(destination, None)
}

/// The courier of a destination, which takes an answer for one only if it passes the check too.
pub fn checked_courier(
    destination: &Destination,
    check: Option<AnswerCheck>,
) -> Result<Box<dyn Courier>, CourierError> {
    match COURIERS.iter().find(|(protocol, _)| *protocol == destination.protocol) {
        Some((_, make)) => make(destination, check),
        None => Err(CourierError::UnknownProtocol {
            protocol: destination.protocol.clone(),
            known: protocols().join(", "),
        }),
    }
}

/// The protocols that a route may push by.
pub fn protocols() -> Vec<&'static str> {
    COURIERS.iter().map(|(protocol, _)| *protocol).collect()
}

type MakeInquirer = fn(&Destination) -> Result<Box<dyn Inquirer>, CourierError>;

/// The families that ask about persons, by the name that a route's `protocol` gives.
const INQUIRERS: &[(&str, MakeInquirer)] = &[("sap", sap::inquirer)];

/// The inquirer of a destination. Fails as [`courier`] does.
pub fn inquirer(destination: &Destination) -> Result<Box<dyn Inquirer>, CourierError> {
    match INQUIRERS.iter().find(|(protocol, _)| *protocol == destination.protocol) {
        Some((_, make)) => make(destination),
        None => {
            let known: Vec<_> = INQUIRERS.iter().map(|(protocol, _)| *protocol).collect();
            let (protocol, known) = (destination.protocol.clone(), known.join(", "));
            Err(CourierError::UnknownProtocol { protocol, known })
        }
    }
}
