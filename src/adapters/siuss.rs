//! SIUSS (INPS): the steps behind `mappings/siuss-…`.
//!
//! A periodic benefit is split by calendar year, because DataFinePrestazione must
//! fall in the year of DataInizioPrestazione (SPEC §PrestazioniSociali); a total is
//! divided by its months, with the cents that the division leaves over allocated. A child's
//! case is split by the codes of its benefits.

mod amounts;
#[cfg(test)]
mod check_tests;
#[cfg(test)]
mod map_tests;
mod sinba;
mod years;

use crate::mapping::step::Step;

/// What this family registers.
pub const STEPS: &[&dyn Step] = &[&years::CalendarYears, &amounts::MonthlyAmounts, &sinba::SinbaCodes];
