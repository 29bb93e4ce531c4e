//! `adopt`: a former system's XML files and receipts become the acknowledged side.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use super::Outcome;
use super::link::Link;
use super::show::objects;

/// Take over what was sent before.
#[derive(Args)]
pub struct Adopt {
    #[arg(long)]
    ente: String,
    #[arg(long)]
    flow: String,
    /// Receipts as INPS posted them (JSON with `elenco_esiti`): only containers with `OK` are adopted.
    #[arg(long)]
    receipts: Vec<PathBuf>,
    /// The XML files, oldest first.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// `raccordo adopt`.
pub fn run(adopt: &Adopt, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let codes = codes(&adopt.receipts)?;
    let link = Link::open(config)?;
    let path = format!("/adopt?ente={}&flow={}", adopt.ente, adopt.flow);
    let mut rows = Vec::new();
    for file in &adopt.files {
        let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
        let code = name_of(&bytes).and_then(|name| codes.get(&name).cloned());
        if !codes.is_empty() && code.as_deref() != Some("OK") {
            let why = code.unwrap_or_else(|| "no receipt".into());
            rows.push(json!({ "file": file, "skipped": why }));
            continue;
        }
        let answer = link.post_bytes(&path, bytes, "application/xml").with_context(|| file.display().to_string())?;
        let mut row: Value = serde_json::from_slice(&answer)?;
        row["file"] = json!(file);
        rows.push(row);
    }
    let open = rows.iter().any(|row| row["unmatched"].as_u64() > Some(0) || !row["skipped"].is_null());
    if json {
        println!("{}", Value::Array(rows));
    } else {
        objects(
            &Value::Array(rows),
            &["file", "records", "same", "different", "cancelled", "unmatched", "skipped"],
        );
    }
    Ok(if open { Outcome::Findings } else { Outcome::Fine })
}

fn codes(files: &[PathBuf]) -> anyhow::Result<BTreeMap<String, String>> {
    let mut codes = BTreeMap::new();
    for file in files {
        let text = std::fs::read(file).with_context(|| file.display().to_string())?;
        let body: Value = serde_json::from_slice(&text).with_context(|| file.display().to_string())?;
        for esito in body["elenco_esiti"].as_array().into_iter().flatten() {
            if let (Some(name), Some(code)) = (esito["id_flusso"].as_str(), esito["codice_esito"].as_str()) {
                codes.insert(name.to_owned(), code.to_owned());
            }
        }
    }
    Ok(codes)
}

/// The container's name, read without looking at anything else.
fn name_of(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (_, rest) = text.split_once(" Nome=\"")?;
    rest.split_once('"').map(|(name, _)| name.to_owned())
}
