//! `map` and `validate`: the same code as in production, and nothing is stored.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::json;

use super::Outcome;
use crate::flow::explain::Reader;
use crate::flow::{Catalog, Context, EnteSettings, Flow, Mapped};
use crate::folder::finding::{Finding, Severity};
use crate::folder::{FolderSchema, Lang};
use crate::gateway::{Clock, SystemClock};
use crate::node;

/// Map a folder.
#[derive(Args)]
pub struct Map {
    /// The flow, e.g. `siuss-ps-psa-sina/2018-12`.
    #[arg(long)]
    flow: String,
    /// The folder as JSON; `-` is standard input.
    folder: PathBuf,
    /// The day on which it is mapped; today when left out.
    #[arg(long)]
    today: Option<jiff::civil::Date>,
}

/// Validate a payload.
#[derive(Args)]
pub struct Validate {
    #[arg(long)]
    flow: String,
    /// The payload; `-` is standard input.
    payload: PathBuf,
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match path.to_str() {
        Some("-") => std::io::stdin().read_to_end(&mut bytes).map(drop)?,
        _ => bytes = std::fs::read(path).with_context(|| path.display().to_string())?,
    }
    Ok(bytes)
}

fn find<'c>(catalog: &'c Catalog, id: &str) -> anyhow::Result<&'c Flow> {
    let known: Vec<_> = catalog.flows().iter().map(Flow::id).collect();
    if catalog.is_aggregate(id) {
        bail!("`{id}` is counted, not sent: `raccordo indicators` makes it");
    }
    catalog.find(id).with_context(|| format!("there is no flow `{id}`; there are: {}", known.join(", ")))
}

/// `raccordo map`.
pub fn map(map: &Map, json: bool) -> anyhow::Result<Outcome> {
    let catalog = node::load_catalog()?;
    let flow = find(&catalog, &map.flow)?;
    let schema = FolderSchema::embedded()?;
    let folder = match schema.parse(&read(&map.folder)?) {
        Ok(folder) => folder,
        Err(findings) => {
            if json {
                println!("{}", json!({ "records": [], "findings": findings, "look_again": null }));
            } else {
                findings.iter().for_each(|finding| say(&schema, None, finding));
            }
            return Ok(Outcome::Findings);
        }
    };
    let today = map.today.unwrap_or_else(|| SystemClock.today());
    // Nothing leaves from here: pseudonyms are made with the key of nobody.
    let keys = std::sync::Arc::new(flow.test_keys());
    let mapped =
        flow.map(&folder, &Context { today, ente: EnteSettings { keys, ..EnteSettings::default() } });
    let findings: Vec<&Finding> =
        mapped.findings.iter().chain(mapped.records.iter().flat_map(|record| &record.findings)).collect();
    if json {
        println!("{}", as_json(&mapped, &findings));
    } else {
        let mut out = std::io::stdout().lock();
        for record in &mapped.records {
            if let Some(fragment) = &record.fragment {
                if !flow.is_json() {
                    writeln!(out, "<!-- {} -->", record.key)?;
                }
                out.write_all(fragment.expose())?;
                writeln!(out)?;
            }
        }
        let body = Some(folder.body.expose());
        findings.iter().for_each(|finding| say(&schema, body, finding));
    }
    let withheld = findings.iter().any(|finding| finding.severity == Severity::Withhold);
    Ok(if withheld { Outcome::Findings } else { Outcome::Fine })
}

fn as_json(mapped: &Mapped, findings: &[&Finding]) -> serde_json::Value {
    let record = |record: &crate::flow::MappedRecord| {
        let fragment =
            record.fragment.as_ref().map(|bytes| String::from_utf8_lossy(bytes.expose()).into_owned());
        json!({ "key": record.key, "from": record.from.to_string(), "to": record.to.to_string(), "payload": fragment })
    };
    json!({
        "records": mapped.records.iter().map(record).collect::<Vec<_>>(), "findings": findings,
        "look_again": mapped.look_again.map(|day| day.to_string()),
    })
}

/// A finding for a person: where, what, what to do.
pub fn say(schema: &FolderSchema, body: Option<&serde_json::Value>, finding: &Finding) {
    let seen = Reader::new(schema, body).shown(&finding.folder_path);
    let place = schema.labels().label(&finding.folder_path, Lang::It);
    let mark = if finding.severity == Severity::Withhold { "✗" } else { "!" };
    let seen = seen.map(|shown| format!(" = {}", shown.text)).unwrap_or_default();
    eprintln!("{mark} {place}{seen} [{}]\n  {}\n  → {}", finding.rule, finding.message.it, finding.hint.it);
    eprintln!("  ({})", finding.source);
}

/// `raccordo validate`.
pub fn validate(validate: &Validate, json: bool) -> anyhow::Result<Outcome> {
    let catalog = node::load_catalog()?;
    let flow = find(&catalog, &validate.flow)?;
    let bytes = read(&validate.payload)?;
    if bytes.is_empty() {
        bail!("the payload is empty");
    }
    let problems = flow.validate(&bytes);
    for problem in &problems {
        let (line, column) = (problem.line.unwrap_or(0), problem.column.unwrap_or(0));
        if json {
            println!(
                "{}",
                json!({"code": problem.code, "path": problem.path, "message": problem.message, "line": line, "column": column})
            );
        } else {
            println!("{line}:{column} {}: {} [{}]", problem.path, problem.message, problem.code);
        }
    }
    if problems.is_empty() && !json {
        println!("valid by the schema of {}", flow.id());
    }
    Ok(if problems.is_empty() { Outcome::Fine } else { Outcome::Findings })
}
