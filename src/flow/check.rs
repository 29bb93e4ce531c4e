//! The static check of a loaded flow: against the folder's shape, the target's
//! shape and its own tables.

use super::Flow;
use super::files::Files;
use crate::mapping::Defect;

/// All defects of one flow.
pub fn flow(flow: &Flow, files: &dyn Files) -> Vec<Defect> {
    let mut defects = super::check_rows::rows(flow, files);
    defects.extend(fixtures(flow, files));
    defects
}

/// A flow without a tested case is not trusted; the binary carries no fixtures.
fn fixtures(flow: &Flow, files: &dyn Files) -> Vec<Defect> {
    if files.list("fixtures").is_empty() {
        return Vec::new();
    }
    let folder = format!("fixtures/{}", flow.id());
    let cases = files.list(&folder).into_iter().filter(|path| path.ends_with("/folder.json")).count();
    if cases > 0 {
        return Vec::new();
    }
    vec![Defect {
        file: folder,
        line: None,
        place: String::new(),
        message: "the flow has no fixture".to_owned(),
        mend: "add <case>/folder.json, then `raccordo test --bless`".to_owned(),
    }]
}
