//! One integration binary; each module is a seam where users would notice.

mod api;
mod cli;
mod model;
mod planted;
mod serving;
mod tidy;
mod waas;
