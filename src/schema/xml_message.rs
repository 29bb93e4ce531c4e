//! What a problem of an XML document is called.
//!
//! Sentences are ours, by the constraint's code and the schema's own limits:
//! the validator's texts quote values of the document, which may be personal.

use xsd_schema::validation::{PathStep, ValidationError};

use super::SchemaProblem;
use super::shape::{Node, Shape};
use super::xml::RawProblem;

/// Longest name of a document that is repeated in a path.
const MOST_NAME_CHARS: usize = 64;

/// Takes code and place of `error`, and leaves its text.
pub(super) fn found(error: &ValidationError, offset: Option<usize>) -> RawProblem {
    let steps = error.instance_path().map(|path| path.steps().map(step).collect::<Vec<_>>());
    RawProblem {
        code: error.constraint.to_owned(),
        path: steps.unwrap_or_default().join("/"),
        missing: (error.constraint == "cvc-complex-type.4").then(|| quoted(&error.message)).flatten(),
        offset,
    }
}

fn step(step: &PathStep) -> String {
    let name: String = step.name().local_name().chars().take(MOST_NAME_CHARS).collect();
    match step.position() {
        Some(position) => format!("{name}[{position}]"),
        None => format!("@{name}"),
    }
}

fn quoted(message: &str) -> Option<String> {
    let (_, rest) = message.split_once('\'')?;
    Some(rest.split_once('\'')?.0.to_owned())
}

/// The problems as they are told, in the document's order of discovery.
pub(super) fn told(found: Vec<RawProblem>, document: &[u8], shape: &Shape) -> Vec<SchemaProblem> {
    let mut lines = Lines { document, at: 0, line: 1, line_start: 0 };
    found.into_iter().map(|problem| tell(problem, &mut lines, shape)).collect()
}

fn tell(problem: RawProblem, lines: &mut Lines<'_>, shape: &Shape) -> SchemaProblem {
    let mut path = problem.path;
    let missing = problem.missing.map(|name| format!("{path}/@{name}"));
    if let Some(missing) = missing.filter(|missing| shape.nodes.contains_key(&bare(missing))) {
        path = missing;
    }
    let place = bare(&path);
    let message = sentence(&problem.code, &place, shape);
    let (line, column) = problem.offset.map(|offset| lines.of(offset)).unzip();
    SchemaProblem { code: problem.code, path: without_root_position(path), message, line, column }
}

/// The root stands once: `Flusso[1]/Ente[1]` is told as `Flusso/Ente[1]`.
fn without_root_position(path: String) -> String {
    path.replacen("[1]", "", usize::from(path.split('/').next().is_some_and(|root| root.ends_with("[1]"))))
}

/// A path of the document as a path of the schema: without positions.
fn bare(path: &str) -> String {
    let names = path.split('/').map(|step| step.split('[').next().unwrap_or_default());
    names.collect::<Vec<_>>().join("/")
}

fn sentence(code: &str, place: &str, shape: &Shape) -> String {
    let node = shape.nodes.get(place);
    let told = match code {
        "cvc-pattern-valid" => "the value does not have the required form",
        "cvc-enumeration-valid" => "the value is not one of those allowed",
        "cvc-minLength-valid" => "the value is too short",
        "cvc-maxLength-valid" => "the value is too long",
        "cvc-length-valid" => "the value does not have the required length",
        "cvc-minInclusive-valid" | "cvc-minExclusive-valid" => "the value is too small",
        "cvc-maxInclusive-valid" | "cvc-maxExclusive-valid" => "the value is too large",
        "cvc-totalDigits-valid" => "the number has too many digits",
        "cvc-fractionDigits-valid" => "the number has too many decimals",
        "cvc-complex-type.3.2.2" => "the schema has no such attribute here",
        "cvc-complex-type.4" => "the required attribute is missing",
        "cvc-complex-type.2.1" => "the element must be empty",
        "cvc-complex-type.2.3" => "the element must hold elements only, no text",
        "cvc-elt.1" => "the schema has no such element here",
        "surrounding-blanks" => "the value has blanks before or after it",
        "not-well-formed" => "the document is not well-formed XML",
        "dtd-refused" => "a document type declaration is refused",
        "encoding-refused" => "only XML 1.0 in UTF-8 is read",
        "limit-exceeded" => "the document exceeds the reader's limits",
        "unreadable" => "the document cannot be read",
        code if code.starts_with("cvc-complex-type.2.4") => return children(place, shape),
        code if code.starts_with("cvc-datatype-valid") || code == "cvc-simple-type" => {
            "the value is not of the required type"
        }
        code if code.starts_with("cvc-id") => "an identifier is not unique or not declared",
        _ => "the schema does not allow this here",
    };
    match node.and_then(|node| detail(code, node)) {
        Some(detail) => format!("{told}: {detail}"),
        None => told.to_owned(),
    }
}

/// The schema's own limit that was broken.
fn detail(code: &str, node: &Node) -> Option<String> {
    match code {
        "cvc-pattern-valid" => node.pattern.clone(),
        "cvc-enumeration-valid" => Some(node.enumeration.join(", ")),
        "cvc-minLength-valid" => node.min_length.map(|length| format!("at least {length} characters")),
        "cvc-maxLength-valid" => node.max_length.map(|length| format!("at most {length} characters")),
        "cvc-length-valid" => node.max_length.map(|length| format!("{length} characters")),
        "cvc-minInclusive-valid" => node.min_value.as_ref().map(|value| format!("at least {value}")),
        "cvc-maxInclusive-valid" => node.max_value.as_ref().map(|value| format!("at most {value}")),
        "cvc-datatype-valid" | "cvc-datatype-valid.1.2.1" | "cvc-simple-type" => {
            Some(format!("{:?}", node.kind).to_lowercase())
        }
        _ => None,
    }
}

fn children(place: &str, shape: &Shape) -> String {
    let told = "the child elements are not those expected, in their order";
    for place in [Some(place), place.rsplit_once('/').map(|(parent, _)| parent)].into_iter().flatten() {
        let mut names: Vec<_> = shape
            .nodes
            .iter()
            .filter_map(|(path, node)| Some((node.order, path.strip_prefix(place)?.strip_prefix('/')?)))
            .filter(|(_, name)| !name.contains(['/', '@']))
            .collect();
        names.sort_unstable();
        if !names.is_empty() {
            let names: Vec<_> = names.into_iter().map(|(_, name)| name).collect();
            return format!("{told}: {}", names.join(", "));
        }
    }
    told.to_owned()
}

/// Byte offsets to lines and columns, in one pass when they ascend.
struct Lines<'d> {
    document: &'d [u8],
    at: usize,
    line: u32,
    line_start: usize,
}

impl Lines<'_> {
    fn of(&mut self, offset: usize) -> (u32, u32) {
        if offset < self.at {
            (self.at, self.line, self.line_start) = (0, 1, 0);
        }
        let end = offset.min(self.document.len());
        for (index, byte) in self.document[self.at..end].iter().enumerate() {
            if *byte == b'\n' {
                self.line = self.line.saturating_add(1);
                self.line_start = self.at + index + 1;
            }
        }
        self.at = end;
        (self.line, u32::try_from(end - self.line_start + 1).unwrap_or(u32::MAX))
    }
}
