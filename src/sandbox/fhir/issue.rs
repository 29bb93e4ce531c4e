//! What the simulated server says is wrong: an `OperationOutcome`, with as much about the place
//! as the script lets it tell.

use serde_json::{Value, json};

use super::script::Attribution;

/// One thing that is wrong.
pub(super) struct Issue {
    /// A code of R4's issue-type.
    pub code: &'static str,
    pub text: String,
    /// The entry, from 0, and the elements below it, e.g. `resource.status`.
    pub place: Option<(usize, String)>,
}

impl Issue {
    /// Something wrong with an entry.
    pub fn at(entry: usize, path: &str, code: &'static str, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), place: Some((entry, path.to_owned())) }
    }

    fn render(&self, attribution: Attribution) -> Value {
        let mut issue = json!({ "severity": "error", "code": self.code, "diagnostics": self.text });
        let Some((entry, path)) = &self.place else { return issue };
        match attribution {
            Attribution::Expression => issue["expression"] = json!([format!("Bundle.entry[{entry}].{path}")]),
            Attribution::Location => {
                let below = path.replace('.', "/f:");
                issue["location"] = json!([format!("/f:Bundle/f:entry[{}]/f:{below}", entry + 1)]);
            }
            Attribution::None => {}
        }
        issue
    }
}

/// Why a request is not done: a status, and everything that is wrong at once.
pub(super) struct Problem {
    pub status: u16,
    pub issues: Vec<Issue>,
}

impl Problem {
    /// A problem with the request as a whole.
    pub fn new(status: u16, code: &'static str, text: impl Into<String>) -> Self {
        Self { status, issues: vec![Issue { code, text: text.into(), place: None }] }
    }

    /// A problem with one entry.
    pub fn at(status: u16, entry: usize, path: &str, code: &'static str, text: impl Into<String>) -> Self {
        Self { status, issues: vec![Issue::at(entry, path, code, text)] }
    }

    /// The `OperationOutcome`.
    pub fn render(&self, attribution: Attribution) -> Value {
        let issues: Vec<_> = self.issues.iter().map(|issue| issue.render(attribution)).collect();
        json!({ "resourceType": "OperationOutcome", "issue": issues })
    }
}
