//! `coverage`: what each flow does with the folder's fields; with folders, how many fill them.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use super::Outcome;
use super::link::Link;
use super::show::{cell, table};
use super::speech::{language, said};
use crate::flow::coverage::Tally;
use crate::folder::FolderSchema;
use crate::gateway::{Clock, SystemClock, coverage_flows};
use crate::node;

/// Fields of the folder by flow.
#[derive(Args)]
#[command(after_help = "Examples:
  raccordo coverage                          what every flow in force sends, reads and leaves alone
  raccordo coverage --flow FLOW --folder folder.json
  raccordo coverage --stored --ente H501     how many stored folders fill each field

A field is sent without need (marked ?) when the register would accept the record without it and no
rule asks for it: look whether its purpose holds.")]
pub struct Coverage {
    /// A flow, with or without its version; those in force today when left out.
    #[arg(long)]
    flow: Option<String>,
    /// Count which fields these folders fill; can be repeated.
    #[arg(long)]
    folder: Vec<PathBuf>,
    /// Count which fields the stored folders fill.
    #[arg(long, conflicts_with = "folder")]
    stored: bool,
    /// Stored folders of this ente; of all when left out.
    #[arg(long, requires = "stored")]
    ente: Option<String>,
}

/// `raccordo coverage`. Exit 1 when a field that records need is missing in all folders looked at.
pub fn run(coverage: &Coverage, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let told = if coverage.stored { stored(coverage, config)? } else { of_files(coverage)? };
    let flows = told["flows"].as_array().map(Vec::as_slice).unwrap_or_default();
    if json {
        println!("{told}");
    } else {
        let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(100);
        flows.iter().for_each(|flow| print(flow, width));
    }
    let mut fields = flows.iter().filter_map(|flow| flow["fields"].as_array()).flatten();
    let missing = fields.any(|field| field["state"] == "missing");
    Ok(if missing { Outcome::Findings } else { Outcome::Fine })
}

fn stored(coverage: &Coverage, config: Option<&Path>) -> anyhow::Result<Value> {
    let asked = [("flow", &coverage.flow), ("ente", &coverage.ente)];
    let asked = asked.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?)));
    let query = asked.collect::<Vec<_>>().join("&");
    Link::open(config)?.get(&format!("/coverage?{query}"))
}

fn of_files(coverage: &Coverage) -> anyhow::Result<Value> {
    let catalog = node::load_catalog()?;
    let flows = coverage_flows(&catalog, coverage.flow.as_deref(), SystemClock.today());
    let flow = coverage.flow.as_deref().unwrap_or_default();
    let flows = flows
        .with_context(|| format!("there is no flow `{flow}`: `raccordo check` lists those that there are"))?;
    let schema = FolderSchema::embedded()?;
    let mut tally = Tally::new(flows);
    for path in &coverage.folder {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        match schema.parse(&bytes) {
            Ok(folder) => tally.add(folder.body.expose()),
            Err(findings) => {
                findings.iter().for_each(|finding| super::map::say(&schema, None, finding));
                anyhow::bail!("{} is no valid folder", path.display());
            }
        }
    }
    Ok(json!({ "flows": tally.coverages(schema.labels()) }))
}

/// One flow: what is sent and read as a table, the rest in a line.
fn print(flow: &Value, width: usize) {
    let fields = flow["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
    let (folders, code) = (flow["folders"].as_u64().unwrap_or(0), language().code());
    println!("{}: {}", cell(&flow["flow"]), cell(&flow["purpose"][code]));
    let mut counts = Vec::new();
    for state in ["missing", "sent", "read", "not_needed"] {
        let count = fields.iter().filter(|field| field["state"] == state).count();
        counts.push(format!("{count} {}", said(&state.replace('_', " "))));
    }
    println!("{}", counts.join(", "));
    let used = fields.iter().filter(|field| field["state"] != "not_needed");
    let rows: Vec<_> = used.map(|field| row(field, code, folders, width)).collect();
    if folders > 0 {
        table(&["", "field", "place", "filled", "lacking", "goes to, or is read by"], &rows);
    } else {
        table(&["", "field", "place", "goes to, or is read by"], &rows);
    }
    let idle = fields.iter().filter(|field| field["state"] == "not_needed").map(|field| cell(&field["path"]));
    println!("{}:", said("not needed"));
    println!("{}\n", wrapped(idle, width));
}

/// Words with commas, in lines of a width.
fn wrapped(words: impl Iterator<Item = String>, width: usize) -> String {
    let mut lines = vec![String::from("  ")];
    for word in words {
        let line = lines.len() - 1;
        if lines[line].chars().count() + word.chars().count() + 2 > width && lines[line].len() > 2 {
            lines.push(String::from("  "));
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(&word);
            line.push_str(", ");
        }
    }
    lines.join("\n").trim_end().trim_end_matches(',').to_owned()
}

fn row(field: &Value, code: &str, folders: u64, width: usize) -> Vec<String> {
    let mark = match field["state"].as_str() {
        Some("missing") => "✗",
        _ if field["without_need"] == true => "?",
        _ if field["needed"] == true => "!",
        _ => "",
    };
    let (label, place) = (cell(&field["label"][code]), cell(&field["path"]));
    let mut row = vec![mark.to_owned(), fit(&label, 30), fit(&place, 30)];
    if folders > 0 {
        row.extend([cell(&field["filled"]), cell(&field["lacking"])]);
    }
    let taken = if folders > 0 { 86 } else { 68 };
    row.push(fit(&whereto(field), width.saturating_sub(taken).max(24)));
    row
}

/// The first target and how many more there are, else who reads it.
fn whereto(field: &Value) -> String {
    let list = |name: &str| field[name].as_array().cloned().unwrap_or_default();
    let (sent, read) = (list("sent"), list("read"));
    let name = |value: &Value| cell(value).rsplit('/').next().unwrap_or_default().to_owned();
    let (first, more) = match (sent.first(), read.first()) {
        (Some(sent_to), _) => (format!("→ {}", name(&sent_to["target"])), sent.len()),
        (None, Some(reader)) => {
            (format!("{} {}", said(&cell(&reader["what"])), cell(&reader["name"])), read.len())
        }
        (None, None) => return String::new(),
    };
    if more > 1 { format!("{first} +{}", more - 1) } else { first }
}

/// Cut to a width, the end of a place being what tells it apart.
fn fit(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let end: String = text.chars().skip(length - width + 1).collect();
    format!("…{end}")
}
