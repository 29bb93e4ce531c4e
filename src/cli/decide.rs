//! `decide`, `outcome`: what only a person can know.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Value, json};

use super::Outcome as Exit;
use super::link::Link;
use super::speech::said;

/// Decide an operation whose outcome is unknown.
#[derive(Args)]
pub struct Decide {
    /// Number of the operation, as `raccordo submissions --state uncertain` shows it.
    operation: i64,
    /// The register holds the record's content.
    #[arg(long, group = "decision")]
    holds: bool,
    /// The register does not hold the record.
    #[arg(long, group = "decision")]
    does_not_hold: bool,
    /// It was refused: let the next run or sync send it again as it is.
    #[arg(long, group = "decision")]
    try_again: bool,
    /// It is queued: stop it before it leaves.
    #[arg(long, group = "decision")]
    park: bool,
    /// It was parked before it left: let it go on.
    #[arg(long, group = "decision")]
    unpark: bool,
}

/// `raccordo decide`.
pub fn decide(decide: &Decide, config: Option<&Path>, json: bool) -> anyhow::Result<Exit> {
    let (operation, link) = (decide.operation, Link::open(config)?);
    let post = |what: &str, body: Value| link.post(&format!("/operations/{operation}/{what}"), &body);
    let (answer, told) = if decide.try_again {
        post("try-again", json!({}))?;
        let goes = format!("Operation {operation} goes again with the next report or sync.");
        (json!({ "operation": operation, "again": true }), goes)
    } else if decide.park {
        post("park", json!({}))?;
        (json!({ "operation": operation, "state": "parked" }), is_now(operation, "parked"))
    } else if decide.holds || decide.does_not_hold || decide.unpark {
        let answer = match decide.unpark {
            true => post("unpark", json!({}))?,
            false => post("decision", json!({ "register_holds": decide.holds }))?,
        };
        let told = is_now(operation, answer["state"].as_str().unwrap_or("?"));
        (answer, told)
    } else {
        bail!(
            "say what you found out: --holds, --does-not-hold, or --try-again for a refused one; or --park, --unpark"
        )
    };
    if json {
        println!("{answer}")
    } else {
        println!("{}", said(&told))
    }
    Ok(Exit::Fine)
}

fn is_now(operation: i64, state: &str) -> String {
    format!("Operation {operation} is now {state}.")
}

/// What a portal said of an uploaded file.
#[derive(Args)]
pub struct Outcome {
    /// Name of the container, e.g. `H501.PS.20261123.0000001`.
    name: String,
    /// One outcome for all of it: accepted, refused, not_found, failed.
    #[arg(long, conflicts_with = "csv", required_unless_present = "csv")]
    all: Option<String>,
    /// A CSV of ours with the head `record,outcome,text` (unverified: no portal format is public).
    #[arg(long)]
    csv: Option<PathBuf>,
}

/// `raccordo outcome`.
pub fn outcome(outcome: &Outcome, config: Option<&Path>, json: bool) -> anyhow::Result<Exit> {
    let rows = match (&outcome.all, &outcome.csv) {
        (Some(all), _) => json!([{ "outcome": all }]),
        (None, Some(csv)) => rows(&std::fs::read_to_string(csv).with_context(|| csv.display().to_string())?)?,
        (None, None) => bail!("give --all or --csv"),
    };
    let answer = Link::open(config)?.post(&format!("/submissions/{}/outcome", outcome.name), &rows)?;
    if json {
        println!("{answer}");
    } else {
        println!("{}", said(&format!("Recorded for {} operations.", answer["operations"])));
    }
    Ok(Exit::Fine)
}

fn rows(text: &str) -> anyhow::Result<Value> {
    let mut lines = text.lines().enumerate();
    if lines.next().map(|(_, head)| head.trim()) != Some("record,outcome,text") {
        bail!("line 1 must be `record,outcome,text`");
    }
    let mut rows = Vec::new();
    for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let mut cells = line.splitn(3, ',');
        let (record, outcome) = (cells.next().unwrap_or_default(), cells.next());
        let Some(outcome) = outcome else {
            bail!("line {}: a comma and the outcome are missing", number + 1)
        };
        let text = cells.next().filter(|text| !text.is_empty());
        rows.push(json!({ "record": record, "outcome": outcome, "text": text }));
    }
    Ok(Value::Array(rows))
}
