//! The room `schema`.
pub mod shape;
