//! `import`: folders from an NDJSON file, a result per line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::Outcome;
use super::explain::verdict;
use super::link::Link;
use super::show::cell;
use super::speech::{language, said};
use crate::gateway::new_import;

/// Lines that go to a running server in one request.
const BATCH: usize = 500;

/// Bytes after which a batch is closed, and the longest line that is kept whole.
const BATCH_BYTES: u64 = 8 * 1024 * 1024;

/// Import folders.
#[derive(Args)]
pub struct Import {
    /// NDJSON, one folder a line; `-` is standard input.
    file: PathBuf,
    /// Print a result for every line, not only for those with something to say.
    #[arg(long)]
    all: bool,
}

/// A progress bar on a terminal, nothing elsewhere.
pub fn bar(length: Option<u64>, what: &str) -> ProgressBar {
    let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let template = "{msg:24} {wide_bar} {pos}/{len} {per_sec}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(said(what));
    bar
}

/// `raccordo import`.
pub fn run(import: &Import, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let file: Box<dyn BufRead + Send> = match import.file.to_str() {
        Some("-") => Box::new(BufReader::new(std::io::stdin())),
        _ => Box::new(BufReader::new(
            File::open(&import.file).with_context(|| import.file.display().to_string())?,
        )),
    };
    let link = Link::open(config)?;
    let bar = bar(None, "importing");
    let mut wrong = false;
    let mut hear = |line: &Value| {
        bar.inc(1);
        let said = line["outcome"] != "saved";
        wrong |= said;
        if said || import.all {
            bar.suspend(|| print_line(line, json));
        }
    };
    let mark = new_import()?;
    let summary = match link.gateway() {
        Some(gateway) => {
            let summary = gateway
                .import(file, &mark, "local", |line| hear(&serde_json::to_value(line).unwrap_or_default()))?;
            serde_json::to_value(summary)?
        }
        None => through(&link, file, &mark, &mut hear)?,
    };
    bar.finish_and_clear();
    if json {
        println!("{}", serde_json::json!({ "summary": summary }));
    } else {
        let came_to = format!(
            "{} folders saved ({} with findings), {} not saved; {} records, {} of them withheld.",
            cell(&summary["saved"]),
            cell(&summary["with_findings"]),
            cell(&summary["not_saved"]),
            cell(&summary["records"]),
            cell(&summary["withheld"])
        );
        println!("{}", said(&came_to));
    }
    Ok(if wrong { Outcome::Findings } else { Outcome::Fine })
}

/// Through a running server, in batches; line numbers stay those of the file.
fn through(
    link: &Link,
    mut file: impl BufRead,
    mark: &str,
    hear: &mut impl FnMut(&Value),
) -> anyhow::Result<Value> {
    let path = format!("/import?import={mark}");
    let mut total = serde_json::json!({
        "lines": 0, "saved": 0, "with_findings": 0, "not_saved": 0, "records": 0, "withheld": 0,
    });
    let mut before = 0;
    loop {
        let mut batch = Vec::new();
        let mut lines = 0;
        while lines < BATCH && (batch.len() as u64) < BATCH_BYTES && read_line(&mut file, &mut batch)? {
            lines += 1;
        }
        if lines == 0 {
            return Ok(total);
        }
        let answer = link.post_bytes(&path, batch, "application/x-ndjson")?;
        for line in answer.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let mut line: Value = serde_json::from_slice(line)?;
            if let Some(summary) = line["summary"].as_object() {
                for (word, count) in summary {
                    total[word] =
                        Value::from(total[word].as_u64().unwrap_or(0) + count.as_u64().unwrap_or(0));
                }
            } else {
                line["line"] = Value::from(line["line"].as_u64().unwrap_or(0) + before);
                hear(&line);
            }
        }
        before += lines as u64;
    }
}

/// Appends the next line; what is longer than a batch is cut, so that the server refuses it by its size.
fn read_line(file: &mut impl BufRead, batch: &mut Vec<u8>) -> std::io::Result<bool> {
    let read = file.by_ref().take(BATCH_BYTES).read_until(b'\n', batch)?;
    if read as u64 == BATCH_BYTES && !batch.ends_with(b"\n") {
        file.skip_until(b'\n')?;
        batch.push(b'\n');
    }
    Ok(read > 0)
}

fn print_line(line: &Value, json: bool) {
    let mut out = std::io::stdout().lock();
    if json {
        let _ = writeln!(out, "{line}");
        return;
    }
    let (number, outcome) = (cell(&line["line"]), cell(&line["outcome"]));
    let head = said(&format!("line {number}, {}: {outcome}", cell(&line["id"])));
    let _ = writeln!(out, "{head} {}", said(line["why"].as_str().unwrap_or("")));
    for finding in line["findings"].as_array().into_iter().flatten() {
        let code = language().code();
        let seen = finding["value"].as_str().map(|value| format!(" = {value}")).unwrap_or_default();
        let place = format!("{} ({}){seen}", cell(&finding["label"][code]), cell(&finding["folder_path"]));
        let (message, rule) = (cell(&finding["message"][code]), cell(&finding["rule"]));
        let _ = writeln!(out, "    {place}: {message} [{rule}]");
        let verdict = said(verdict(finding["verdict"].as_str().unwrap_or_default()));
        let (hint, source) = (cell(&finding["hint"][code]), cell(&finding["source"]));
        let _ = writeln!(out, "      → {hint} ({verdict} · {source})");
    }
}
