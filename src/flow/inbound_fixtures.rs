//! Cases of inbound flows: `folder.json`, the answer (`answer.xml`, or several documents
//! `answer-1.xml`, `answer-2.xml`, …), perhaps `context.toml` with `today`; expected are the
//! proposals (`expected.json`) and `findings.txt`.

use super::fixtures::{TODAY, lines};
use super::inbound::{Heard, InboundFlow, Proposal};
use crate::folder::FolderSchema;
use crate::mapping::value::iso_date;
use crate::personal::Personal;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What a case makes today, by file name.
pub(super) fn actual(
    flow: &InboundFlow,
    schema: &FolderSchema,
    folder: &Path,
) -> Result<BTreeMap<String, String>, String> {
    let bytes = std::fs::read(folder.join("folder.json")).map_err(|error| error.to_string())?;
    let answers = answers(folder)?;
    let today = today(&folder.join("context.toml"))?;
    let heard = match schema.parse(&bytes) {
        Ok(parsed) => flow.hear(&answers, &parsed, today),
        Err(_) => return Err("folder.json is no valid folder".to_owned()),
    };
    let mut files = BTreeMap::new();
    if !heard.proposals.is_empty() {
        files.insert("expected.json".to_owned(), proposals(&heard)?);
    }
    let findings = lines(heard.findings.iter());
    if !findings.is_empty() {
        files.insert("findings.txt".to_owned(), findings);
    }
    Ok(files)
}

/// The documents of the answer, by the names of their files.
fn answers(folder: &Path) -> Result<Vec<Personal<Vec<u8>>>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.starts_with("answer") && name.ends_with(".xml")
    });
    paths.sort();
    if paths.is_empty() {
        return Err("the case has no answer.xml".to_owned());
    }
    let read = |path: &std::path::PathBuf| std::fs::read(path).map(Personal::new);
    paths.iter().map(read).collect::<Result<_, _>>().map_err(|error| error.to_string())
}

fn today(path: &Path) -> Result<jiff::civil::Date, String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let table: toml::Table = text.parse().map_err(|error| format!("context.toml: {error}"))?;
    match table.get("today") {
        None => Ok(TODAY),
        Some(day) => {
            day.as_str().and_then(iso_date).ok_or_else(|| "context.toml: today is not AAAA-MM-GG".to_owned())
        }
    }
}

fn proposals(heard: &Heard) -> Result<String, String> {
    let all: Vec<Json> = heard.proposals.iter().map(shown).collect();
    serde_json::to_string_pretty(&all).map(|text| text + "\n").map_err(|error| error.to_string())
}

fn shown(proposal: &Proposal) -> Json {
    let mut shown = json!({"field": proposal.field});
    if let Some(key) = &proposal.key {
        shown["key"] = key.expose().as_str().into();
    }
    if let Some(old) = &proposal.old {
        shown["old"] = old.expose().clone();
    }
    shown["new"] = proposal.new.expose().clone();
    shown["from"] = proposal.from.as_str().into();
    shown
}
