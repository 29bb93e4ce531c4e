//! The entries of a transaction Bundle, read into steps; everything wrong with their form is
//! told at once, and nothing is done before.

use serde_json::Value;

use super::check;
use super::issue::{Issue, Problem};
use super::script::Script;
use super::token::{Token, hashed_tag, identifiers, pairs, tags};

/// The condition of a conditional request; this server takes identifiers and tags.
#[derive(Clone)]
pub(super) struct Condition {
    pub query: String,
    pub token: Token,
}

/// Whom a step means.
#[derive(Clone)]
pub(super) enum By {
    Id(String),
    Condition(Condition),
}

/// What a step does, in the order in which R4 does it.
#[derive(Clone)]
pub(super) enum Deed {
    Delete(By),
    Create(Option<Condition>),
    Update { by: By, if_match: Option<u64> },
    Read(String),
}

/// One entry.
pub(super) struct Step {
    pub index: usize,
    pub deed: Deed,
    pub resource_type: String,
    pub full_url: Option<String>,
    pub resource: Value,
}

impl Step {
    /// DELETE, POST, PUT, GET (R4 §3.1.0.11.2).
    pub fn rank(&self) -> u8 {
        match self.deed {
            Deed::Delete(_) => 0,
            Deed::Create(_) => 1,
            Deed::Update { .. } => 2,
            Deed::Read(_) => 3,
        }
    }

    /// The condition that the step depends on, for writing.
    fn condition(&self) -> Option<&Condition> {
        match &self.deed {
            Deed::Create(condition) => condition.as_ref(),
            Deed::Update { by: By::Condition(condition), .. } => Some(condition),
            _ => None,
        }
    }
}

/// The steps of a Bundle, in the order of its entries.
pub(super) fn read(bundle: &Value, script: &Script) -> Result<Vec<Step>, Problem> {
    if bundle["resourceType"] != "Bundle" {
        return Err(Problem::new(400, "invalid", "a Bundle is expected at the base"));
    }
    if bundle["type"] != "transaction" {
        return Err(Problem::new(400, "not-supported", "only transactions are taken here"));
    }
    let entries = bundle["entry"].as_array().map(Vec::as_slice).unwrap_or_default();
    if script.most_entries > 0 && entries.len() > script.most_entries {
        return Err(Problem::new(413, "too-long", "too many entries"));
    }
    let (mut steps, mut wrong) = (Vec::new(), Vec::new());
    for (index, entry) in entries.iter().enumerate() {
        match step(index, entry) {
            Ok(step) => steps.push(step),
            Err(issue) => wrong.push(issue),
        }
    }
    wrong.extend(repeated(&steps));
    if !wrong.is_empty() {
        return Err(Problem { status: 400, issues: wrong });
    }
    let content: Vec<_> = steps
        .iter()
        .filter(|step| matches!(step.rank(), 1 | 2))
        .flat_map(|step| check::check(step.index, &step.resource, script))
        .collect();
    if content.is_empty() { Ok(steps) } else { Err(Problem { status: 422, issues: content }) }
}

fn step(index: usize, entry: &Value) -> Result<Step, Issue> {
    let wrong = |path: &str, code, text: &str| Issue::at(index, path, code, text);
    let request = &entry["request"];
    let url = request["url"].as_str().ok_or_else(|| wrong("request", "required", "bdl-3: no request"))?;
    let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
    let (resource_type, id) = path.split_once('/').map_or((path, None), |(kind, id)| (kind, Some(id)));
    if check::required(resource_type).is_none() {
        return Err(wrong("request.url", "not-supported", "unknown resource type in the request's url"));
    }
    let by = || match (id, query) {
        (Some(id), None) if is_id(id) => Ok(By::Id(id.to_owned())),
        (None, Some(query)) => condition(query).map(By::Condition),
        _ => None.ok_or(()),
    };
    let by = || {
        by().map_err(|()| wrong("request.url", "invalid", "neither an id nor an identifier or tag is meant"))
    };
    let if_match = || match request["ifMatch"].as_str() {
        None => Ok(None),
        Some(etag) => etag
            .trim_start_matches("W/")
            .trim_matches('"')
            .parse()
            .map(Some)
            .map_err(|_| wrong("request.ifMatch", "invalid", "not a version of this server")),
    };
    let deed = match request["method"].as_str() {
        Some("DELETE") => Deed::Delete(by()?),
        Some("POST") => match request["ifNoneExist"].as_str().map(condition) {
            None => Deed::Create(None),
            Some(Ok(condition)) => Deed::Create(Some(condition)),
            Some(Err(())) => {
                return Err(wrong(
                    "request.ifNoneExist",
                    "invalid",
                    "a condition is an identifier or a tag here",
                ));
            }
        },
        Some("PUT") => Deed::Update { by: by()?, if_match: if_match()? },
        Some("GET") => match by()? {
            By::Id(id) => Deed::Read(id),
            By::Condition(_) => {
                return Err(wrong("request.url", "not-supported", "no searches in transactions"));
            }
        },
        _ => return Err(wrong("request.method", "not-supported", "unknown method")),
    };
    let step = Step {
        index,
        deed,
        resource_type: resource_type.to_owned(),
        full_url: entry["fullUrl"].as_str().map(str::to_owned),
        resource: entry["resource"].clone(),
    };
    fits(&step).map_or(Ok(step), Err)
}

/// What is wrong between a step's request and its resource.
fn fits(step: &Step) -> Option<Issue> {
    let writes = matches!(step.rank(), 1 | 2);
    let wrong = |path: &str, text: &str| Some(Issue::at(step.index, path, "invalid", text));
    if !writes {
        return (!step.resource.is_null()).then(|| wrong("resource", "no resource belongs here")).flatten();
    }
    if step.resource["resourceType"] != step.resource_type.as_str() {
        return wrong("resource", "the resource is of another type than the request's url");
    }
    let condition = step.condition()?;
    let tags = tags(&step.resource);
    let names = identifiers(&step.resource).into_iter().chain(tags.iter().map(hashed_tag));
    if names.into_iter().any(|name| condition.token.is(&name)) {
        return None;
    }
    wrong("resource.identifier", "the resource does not satisfy its own condition")
}

/// Identities that occur twice: by condition, or by fullUrl (bdl-7).
fn repeated(steps: &[Step]) -> Vec<Issue> {
    let mut seen = std::collections::BTreeSet::new();
    let mut issues = Vec::new();
    for step in steps {
        let by_condition =
            step.condition().map(|condition| format!("{}?{:?}", step.resource_type, condition.token));
        for identity in by_condition.into_iter().chain(step.full_url.clone()) {
            if !seen.insert(identity) {
                let text = "this identity occurs twice in the transaction";
                issues.push(Issue::at(step.index, "request", "duplicate", text));
            }
        }
    }
    issues
}

/// Reads a condition: exactly one identifier, or one tag.
pub(super) fn condition(query: &str) -> Result<Condition, ()> {
    let pairs = pairs(query).ok_or(())?;
    match pairs.as_slice() {
        [(name, value)] if name == "identifier" && !value.is_empty() => {
            Ok(Condition { query: query.to_owned(), token: Token::parse(value) })
        }
        [(name, value)] if name == "_tag" && !value.is_empty() => {
            Ok(Condition { query: query.to_owned(), token: Token::of_tag(value) })
        }
        _ => Err(()),
    }
}

/// R4's form of an id.
pub(super) fn is_id(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    (1..=64).contains(&text.len()) && text.bytes().all(letter)
}
