//! Rows against both shapes.
use super::Flow;
use super::files::Files;
use crate::mapping::Defect;

pub(super) fn rows(_flow: &Flow, _files: &dyn Files) -> Vec<Defect> {
    Vec::new()
}
