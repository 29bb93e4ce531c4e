//! One integration binary; each module is a seam where users would notice.

mod api;
mod calendar;
mod cancel;
mod chaos;
mod chaos_push;
mod cli;
mod console;
mod delivery;
mod exchange;
mod fhir;
mod model;
mod official;
mod planted;
mod pushed;
mod python;
mod queue;
mod r4;
mod r4_map;
mod replay;
mod serving;
mod speech;
mod tidy;
mod waas;
