//! The room `channel`.

pub mod push;
