//! `generate`: NDJSON of people who do not exist, with known defects if asked.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Outcome;
use crate::gateway::{Clock, SystemClock};
use crate::sandbox::people;

/// Generate folders.
#[derive(Args)]
pub struct Generate {
    #[arg(long, default_value_t = 100)]
    folders: u64,
    /// The same seed makes the same people.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Share of folders with one planted defect, 0 to 1.
    #[arg(long, default_value_t = 0.0)]
    faulty: f64,
    /// Codes of the enti that hold them.
    #[arg(long, value_delimiter = ',', default_value = "H501")]
    enti: Vec<String>,
    /// The day on which they are generated; today when left out.
    #[arg(long)]
    today: Option<jiff::civil::Date>,
    /// Where the planted defects are told, as NDJSON.
    #[arg(long)]
    planted: Option<PathBuf>,
}

/// `raccordo generate`.
pub fn run(generate: &Generate) -> anyhow::Result<Outcome> {
    let today = generate.today.unwrap_or_else(|| SystemClock.today());
    let enti: Vec<&str> = generate.enti.iter().map(String::as_str).collect();
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut planted = generate.planted.as_ref().map(std::fs::File::create).transpose()?.map(BufWriter::new);
    for made in people::generate(generate.folders, generate.seed, generate.faulty, &enti, today) {
        writeln!(out, "{}", made.folder)?;
        if let Some(planted) = &mut planted {
            for defect in &made.planted {
                let line = json!({
                    "id": made.folder["id"], "ente": made.folder["ente"], "rule": defect.rule, "path": defect.path,
                });
                writeln!(planted, "{line}")?;
            }
        }
    }
    out.flush()?;
    Ok(Outcome::Fine)
}
