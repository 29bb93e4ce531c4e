//! `indicators`: aggregated, anonymous numbers of an ente and a period, to a file or to the terminal.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::Outcome;
use super::link::Link;
use super::show::{cell, table};
use super::speech::{language, said};
use crate::flow::aggregate::csv::csv;

/// Count indicators.
#[derive(Args)]
#[command(after_help = "Examples:
  raccordo indicators --ente H501 --period 2025                              JSON, for publication
  raccordo indicators --ente H501 --period 2025 --format csv --out 2025.csv  for a spreadsheet
  raccordo indicators --ente H501 --period 2025 --exact                      how they add up, for the ente only

Few persons are never told, nor what would give them away. Publish one kind of period: months, quarters
and years of the same ente together can tell what each of them keeps.")]
pub struct Indicators {
    /// The ente whose folders are counted.
    #[arg(long)]
    ente: String,
    /// `2025`, `2025-T3`, `2025-07`.
    #[arg(long)]
    period: String,
    /// A flow of indicators; may be left out where there is but one.
    #[arg(long)]
    flow: Option<String>,
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// A file that only its owner reads, written whole or not at all.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Instead of the indicators: the exact reconciliation with the ledger. Never publish it.
    #[arg(long, conflicts_with_all = ["out", "format"])]
    exact: bool,
}

/// How they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Csv,
}

/// `raccordo indicators`. Exit 1 when folders or items are left out.
pub fn run(asked: &Indicators, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let flow = asked.flow.as_ref().map(|flow| format!("&flow={}", in_query(flow))).unwrap_or_default();
    let (ente, period) = (in_query(&asked.ente), in_query(&asked.period));
    let told =
        Link::open(config)?.get(&format!("/indicators?ente={ente}&period={period}{flow}&exact=true"))?;
    let text = match asked.format {
        Format::Json => serde_json::to_string_pretty(&told["document"])? + "\n",
        Format::Csv => csv(&told["document"]),
    };
    match &asked.out {
        Some(path) => {
            write_whole(path, text.as_bytes()).with_context(|| path.display().to_string())?;
            if !json {
                println!("{}", said(&format!("Written to {}.", path.display())));
                println!();
                reconciliation(&told["exact"]);
            }
        }
        None if asked.exact && json => println!("{}", told["exact"]),
        None if asked.exact => reconciliation(&told["exact"]),
        None => print!("{text}"),
    }
    let left_out = lines(&told["exact"]).any(|line| {
        let terms = line["terms"].as_array().into_iter().flatten();
        let mut open = terms.filter(|term| matches!(term["id"].as_str(), Some("left_out" | "unreadable")));
        open.any(|term| term["count"] != 0)
    });
    Ok(if left_out { Outcome::Findings } else { Outcome::Fine })
}

fn lines(exact: &Value) -> impl Iterator<Item = &Value> {
    exact.as_array().into_iter().flatten()
}

/// Every line with its terms: what must add up, as a person would check it.
fn reconciliation(exact: &Value) {
    let code = language().code();
    let mut rows = Vec::new();
    for line in lines(exact) {
        rows.push(vec![cell(&line["title"][code]), cell(&line["total"])]);
        for term in line["terms"].as_array().into_iter().flatten().filter(|term| term["count"] != 0) {
            rows.push(vec![format!("    {}", cell(&term["title"][code])), cell(&term["count"])]);
        }
    }
    table(&["what, and what it is made of", "count"], &rows);
    println!(
        "\n{}",
        said("Every line adds up. These numbers are exact: for the ente only, never to be published.")
    );
}

/// A word inside a query: letters, digits and what needs no encoding (RFC 3986, 2.3).
fn in_query(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Beside its place first, under a name of this process, then moved there.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let name = path.file_name().ok_or(std::io::ErrorKind::InvalidFilename)?.to_string_lossy();
    let directory =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let temporary = directory.join(format!(".{name}.{}.part", std::process::id()));
    let written = write_to(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // Whatever kept it from being written is told; what is left of it helps nobody.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    File::open(directory)?.sync_all()
}

fn write_to(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
