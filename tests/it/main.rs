//! One integration binary; each module is a seam where users would notice.

mod chaos;
mod model;
mod official;
mod planted;
mod tidy;
