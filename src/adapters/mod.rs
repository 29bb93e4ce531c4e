//! Protocol families: only what a mapping's table cannot say.
//!
//! One file per family, one line of registration each.

pub mod siuss;
pub mod waas;

use crate::mapping::step::Step;

/// The named steps of every family; a mapping calls them by name.
pub fn steps() -> Vec<&'static dyn Step> {
    [siuss::STEPS].concat()
}
