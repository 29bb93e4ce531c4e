//! The room `channel`.

pub mod push;
pub mod offer;
