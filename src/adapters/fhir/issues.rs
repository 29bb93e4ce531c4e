//! `OperationOutcome`: what is wrong, and with which entry. Only errors refuse; warnings and
//! information don't.

use serde::Deserialize;
use serde_json::Value;

use super::sent::Sent;
use crate::channel::courier::PartAnswer;
use crate::exchange::Answer;
use crate::personal::Personal;

#[derive(Deserialize)]
struct OperationOutcome {
    #[serde(rename = "resourceType")]
    resource_type: String,
    #[serde(default)]
    issue: Vec<Issue>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Issue {
    severity: String,
    code: String,
    diagnostics: Option<String>,
    details: Details,
    expression: Vec<String>,
    location: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    text: Option<String>,
    coding: Vec<Coding>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Coding {
    display: Option<String>,
}

/// The errors of an `OperationOutcome`.
pub(super) struct Errors(Vec<Issue>);

/// Reads an `OperationOutcome`; `None` if it is something else.
pub(super) fn errors(body: &Value) -> Option<Errors> {
    let outcome = OperationOutcome::deserialize(body).ok()?;
    let is_error = |issue: &Issue| !matches!(issue.severity.as_str(), "warning" | "information" | "success");
    (outcome.resource_type == "OperationOutcome")
        .then(|| Errors(outcome.issue.into_iter().filter(is_error).collect()))
}

impl Errors {
    /// Whether every error is one that passes by itself (R4, issue-type: below `transient`).
    pub fn may_pass(&self) -> bool {
        let passing =
            ["transient", "lock-error", "conflict", "exception", "timeout", "incomplete", "throttled"];
        self.0.iter().all(|issue| passing.contains(&issue.code.as_str()))
    }

    /// One refusal for each entry that an error points at, in the order of the entries.
    pub fn culprits(&self, sent: &[Sent], status: u16) -> Vec<PartAnswer> {
        let blamed: Vec<_> = self.0.iter().filter_map(|issue| Some((issue.entry(sent)?, issue))).collect();
        let culprit = |part: usize| {
            let issues: Vec<_> =
                blamed.iter().filter(|(index, _)| *index == part).map(|(_, issue)| *issue).collect();
            (!issues.is_empty()).then(|| PartAnswer {
                part,
                answer: Answer::Refused,
                code: code(status, &issues),
                text: text(&issues),
                acquired_as: None,
            })
        };
        (0..sent.len()).filter_map(culprit).collect()
    }

    /// Status and issue codes, e.g. `422 invalid, required`.
    pub fn code(&self, status: u16) -> String {
        code(status, &self.0.iter().collect::<Vec<_>>())
    }

    /// The texts of all errors.
    pub fn text(&self) -> Option<Personal<String>> {
        text(&self.0.iter().collect::<Vec<_>>())
    }
}

fn code(status: u16, issues: &[&Issue]) -> String {
    // A code is a word of R4's list; anything else could be a value.
    let is_word = |code: &&str| {
        (1..=32).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    };
    let mut words: Vec<&str> = Vec::new();
    for word in issues.iter().map(|issue| issue.code.as_str()).filter(is_word) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    format!("{status} {}", words.join(", ")).trim_end().to_owned()
}

fn text(issues: &[&Issue]) -> Option<Personal<String>> {
    let texts: Vec<_> = issues.iter().filter_map(|issue| issue.line()).collect();
    (!texts.is_empty()).then(|| Personal::new(texts.join("\n")))
}

impl Issue {
    /// One line: code, text and the places it is about, as an explanation reads them.
    fn line(&self) -> Option<String> {
        let places: Vec<&str> = self.expression.iter().chain(&self.location).map(String::as_str).collect();
        let places = if places.is_empty() { String::new() } else { format!("({})", places.join(" ")) };
        let text = self.text().unwrap_or_default();
        let said = [text.as_str(), &places].join(" ");
        let said: Vec<&str> = said.split_whitespace().collect();
        (!said.is_empty()).then(|| format!("{}: {}", self.code, said.join(" ")))
    }

    fn text(&self) -> Option<String> {
        let coded = || self.details.coding.iter().find_map(|coding| coding.display.clone());
        let details = self.details.text.clone().or_else(coded);
        let mut texts: Vec<_> = [details, self.diagnostics.clone()].into_iter().flatten().collect();
        texts.dedup();
        (!texts.is_empty()).then(|| texts.join(": "))
    }

    /// The entry that this issue points at: by place, else by an entry's name in its text.
    fn entry(&self, sent: &[Sent]) -> Option<usize> {
        let places = || self.expression.iter().chain(&self.location);
        let by_index = places().filter_map(|place| entry_index(place)).find(|index| *index < sent.len());
        by_index.or_else(|| {
            let texts: Vec<&String> = places().chain(&self.diagnostics).collect();
            let named = |sent: &Sent| {
                // A person is named by what refers to them too: that would blame the wrong entry.
                let names = sent.names.iter().filter(|_| !sent.is_person());
                names.map(Personal::expose).any(|name| texts.iter().any(|text| text.contains(name.as_str())))
            };
            let mut found = sent.iter().enumerate().filter(|(_, sent)| named(sent)).map(|(index, _)| index);
            found.next().filter(|_| found.next().is_none())
        })
    }
}

/// The entry, from 0: `Bundle.entry[2].resource.status` (FHIRPath, from 0), or
/// `/f:Bundle/f:entry[3]/f:resource` and `Bundle/entry[3]` (XPath, from 1).
fn entry_index(place: &str) -> Option<usize> {
    let at = place.find("entry[")?;
    let (before, rest) = (&place[..at], &place[at + "entry[".len()..]);
    let index: usize = rest[..rest.find(']')?].trim().parse().ok()?;
    match before.ends_with("f:") || before.ends_with('/') {
        true => index.checked_sub(1),
        false => Some(index),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_counted_as_each_language_counts() {
        let cases = [
            ("Bundle.entry[2].resource.status", Some(2)),
            ("Bundle.entry[2]", Some(2)),
            ("Bundle.entry[2]/*Patient/null*/.resource/*Patient/null*/.name", Some(2)),
            ("Bundle.entry[0].resource.ofType(CarePlan).status", Some(0)),
            ("entry[1].request", Some(1)),
            ("/f:Bundle/f:entry[3]/f:resource/f:CarePlan", Some(2)),
            ("f:entry[3]", Some(2)),
            ("/Bundle/entry[1]", Some(0)),
            ("/f:Bundle/f:entry[0]", None),
            ("Bundle.entry[x]", None),
            ("Bundle.entry[99999999999999999999]", None),
            ("Bundle.entry[1", None),
            ("Patient.name[0]", None),
            ("", None),
        ];
        for (place, expected) in cases {
            assert_eq!(entry_index(place), expected, "{place}");
        }
    }
}
