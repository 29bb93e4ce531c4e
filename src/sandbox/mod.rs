//! The room `sandbox`.

pub mod people;
