//! One integration binary; each module is a seam where users would notice.

mod api;
mod chaos;
mod cli;
mod exchange;
mod model;
mod official;
mod planted;
mod python;
mod r4;
mod serving;
mod tidy;
mod waas;
