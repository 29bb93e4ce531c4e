//! Indicators of an ente and a period as a table (`[record] scope = "aggregate"`), applied.
//!
//! `document` is the file as written, `compile` turns it into a [`Plan`], and `fold` takes one
//! folder after the other into a [`Tally`] of cells, never of folders. Pure.

mod amount;
pub mod compile;
mod compile_indicators;
pub mod document;
pub mod fold;
pub mod histogram;
pub mod plan;
pub mod table;

pub use fold::{Folded, Outcome, Span, Tally};
pub use histogram::Histogram;
pub use plan::Plan;
pub use table::{Cell, Counter, Table};
