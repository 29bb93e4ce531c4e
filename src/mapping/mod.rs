//! The room `mapping`.
