//! Identities and search parameters as the simulated server reads them: identifiers, tags, ids.

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::Query;
use axum::http::Uri;
use serde_json::Value;

/// Hexadecimal SHA-256.
pub(super) fn hash(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An identifier as the book keeps it: its system, and a hash of its value.
pub(super) type Hashed = (String, String);

/// The identifiers of a resource.
pub(super) fn identifiers(resource: &Value) -> Vec<Hashed> {
    let text = |one: &Value, field: &str| one[field].as_str().unwrap_or_default().to_owned();
    let of = |one: &Value| (text(one, "system"), hash(&text(one, "value")));
    let all = resource["identifier"].as_array();
    all.map(|all| all.iter().map(of).collect()).unwrap_or_default()
}

/// The tags of a resource: system and code.
pub(super) fn tags(resource: &Value) -> Vec<(String, String)> {
    let text = |tag: &Value, field: &str| tag[field].as_str().unwrap_or_default().to_owned();
    let all = resource["meta"]["tag"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().map(|tag| (text(tag, "system"), text(tag, "code"))).collect()
}

/// A tag in the form in which identifiers are found.
pub(super) fn hashed_tag((system, code): &(String, String)) -> Hashed {
    (system.clone(), format!("tag:{}", hash(code)))
}

/// One token of a search: `system|value`, `|value` (no system), or `value` (any system).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Token {
    pub system: Option<String>,
    /// In the book's form.
    pub value: String,
}

impl Token {
    /// Reads one token.
    pub fn parse(text: &str) -> Self {
        let (system, value) = match text.split_once('|') {
            Some((system, value)) => (Some(system.to_owned()), value),
            None => (None, text),
        };
        Self { system, value: hash(&value.replace('\\', "")) }
    }

    /// Reads the token of a `_tag`.
    pub fn of_tag(text: &str) -> Self {
        let Self { system, value } = Self::parse(text);
        Self { system, value: format!("tag:{value}") }
    }

    /// Whether an identifier or tag is meant.
    pub fn is(&self, (system, value): &Hashed) -> bool {
        *value == self.value && self.system.as_ref().is_none_or(|wanted| wanted == system)
    }
}

/// What is searched for: all of it must be so, of each list one.
#[derive(Default)]
pub(super) struct Wanted {
    pub names: Vec<Vec<Token>>,
    pub ids: Vec<String>,
    /// `_elements`, if given.
    pub elements: Vec<String>,
    /// Parameters that this server does not know.
    pub unknown: Vec<String>,
}

/// Decoded names and values of a query or form; `None` if it is none.
pub(super) fn pairs(query: &str) -> Option<Vec<(String, String)>> {
    let uri: Uri = format!("/?{query}").parse().ok()?;
    Some(Query::<Vec<(String, String)>>::try_from_uri(&uri).ok()?.0)
}

impl Wanted {
    /// Reads a query or form.
    pub fn parse(query: &str) -> Option<Self> {
        let mut wanted = Self::default();
        for (name, value) in pairs(query)? {
            match name.as_str() {
                "identifier" => wanted.names.push(value.split(',').map(Token::parse).collect()),
                "_tag" => wanted.names.push(value.split(',').map(Token::of_tag).collect()),
                "_id" => wanted.ids.push(value),
                "_elements" => wanted.elements.extend(value.split(',').map(str::to_owned)),
                "_count" | "_summary" | "_format" | "_total" | "_sort" => {}
                _ => wanted.unknown.push(name),
            }
        }
        Some(wanted)
    }
}
