//! The room `adapters`.

pub mod waas;
