//! The room `channel`.
