//! Facts that no primary source confirms: `ORIGIN.toml` of a flow marks them, and a
//! production configuration must accept the flow expressly.

use serde::Deserialize;

use crate::flow::files::Files;
use crate::gateway::Settings;
use crate::gateway::settings::Environment;

#[derive(Deserialize)]
struct Origin {
    #[serde(default)]
    facts: Vec<Fact>,
}

#[derive(Deserialize)]
struct Fact {
    what: String,
    status: String,
}

/// The unverified facts of a flow, in words.
pub fn unverified(files: &dyn Files, flow: &str) -> Vec<String> {
    let text = files.text(&format!("schemas/{flow}/ORIGIN.toml")).unwrap_or_default();
    let origin: Result<Origin, _> = toml::from_str(&text);
    let facts = origin.map(|origin| origin.facts).unwrap_or_default();
    facts.into_iter().filter(|fact| fact.status != "verified").map(|fact| fact.what).collect()
}

/// What a production configuration has not accepted yet: flow and fact.
pub fn not_accepted<'f>(
    settings: &Settings,
    files: &dyn Files,
    flows: impl Iterator<Item = &'f str>,
) -> Vec<String> {
    if settings.environment == Environment::Test {
        return Vec::new();
    }
    let open = flows.filter(|flow| !settings.accept_unverified.iter().any(|accepted| accepted == flow));
    open.flat_map(|flow| unverified(files, flow).into_iter().map(move |what| format!("{flow}: {what}")))
        .collect()
}
