//! Whom we believe, and how we are believed: PDND vouchers that callers show
//! us, and the assertions with which we ask for vouchers of our own.
//!
//! Pure: keys, time and the memory of used proofs are arguments. Fetching keys
//! and sending assertions belongs to the channels.

pub mod assertion;
pub mod certificate;
pub mod dpop;
pub mod jwks;
mod jws;
pub mod signing;
pub mod voucher;

#[cfg(test)]
mod voucher_tests;

/// The e-service that a token names, read before any check: it only chooses which policy judges it.
pub fn named_eservice(token: &str, max_bytes: usize) -> Option<String> {
    let compact = jws::Compact::parse(token, max_bytes).ok()?;
    compact.text("eserviceId").map(str::to_owned)
}
