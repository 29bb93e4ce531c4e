//! `replay`: stored folders through today's mapping; a dry run unless told to start.

use std::path::Path;

use clap::Args;
use serde_json::{Value, json};

use super::Outcome;
use super::link::Link;
use super::runs::{print_balances, print_held};
use super::show::{cell, table};
use super::speech::said;

/// Map stored folders again.
#[derive(Args)]
#[command(after_help = "Examples:
  raccordo replay --flow FLOW --state refused               what today's mapping would change
  raccordo replay --flow FLOW --rule RULE --start           send what it mended
  raccordo replay --flow FLOW --folder F-1 --folder F-2 --start --also-unchanged")]
pub struct Replay {
    /// A flow, with or without its version; records of any version go by today's.
    #[arg(long)]
    flow: String,
    /// One ente; all that are configured when left out.
    #[arg(long)]
    ente: Option<String>,
    /// Only records that touch it: `2026`, `2026-T3`, `2026-07`.
    #[arg(long)]
    period: Option<String>,
    /// Only records of which a finding of this rule speaks.
    #[arg(long)]
    rule: Option<String>,
    /// Only records that stand so: refused, `set_aside`, vanished, accepted, queued, waiting, uncertain, parked.
    #[arg(long)]
    state: Option<String>,
    /// Only records whose newest operation has a receipt with this code.
    #[arg(long)]
    code: Option<String>,
    /// Only this folder; can be repeated.
    #[arg(long)]
    folder: Vec<String>,
    /// Send what changed. Without it nothing is written.
    #[arg(long)]
    start: bool,
    /// Send also what did not change, and what was refused just so.
    #[arg(long, requires = "start")]
    also_unchanged: bool,
    /// A route other than the ente's first to the register.
    #[arg(long)]
    route: Option<String>,
    /// Of a dry run: so many records in detail.
    #[arg(long, default_value_t = 20)]
    sample: usize,
}

/// `raccordo replay`. Exit 1 when something is withheld or refused after it.
pub fn run(replay: &Replay, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let mut asked = json!({
        "flow": replay.flow, "folders": replay.folder, "also_unchanged": replay.also_unchanged,
        "dry_run": !replay.start, "sample": replay.sample,
    });
    let given = [
        ("ente", &replay.ente),
        ("period", &replay.period),
        ("rule", &replay.rule),
        ("state", &replay.state),
        ("code", &replay.code),
        ("route", &replay.route),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            asked[name] = Value::from(value.as_str());
        }
    }
    let told = Link::open(config)?.post("/replay", &asked)?;
    let runs = told["runs"].as_array().cloned().unwrap_or_default();
    let counts: Vec<&Value> = match replay.start {
        true => runs.iter().map(|run| &run["changes"]).collect(),
        false => vec![&told["dry_run"]["changes"]],
    };
    if json {
        println!("{told}");
    } else if replay.start {
        changes(&counts);
        println!();
        print_balances(&runs);
        print_held(&runs);
    } else {
        dry_run(&told["dry_run"], &counts);
    }
    let open = ["newly_withheld", "still_withheld", "still_refused", "unreadable"];
    let left = counts.iter().any(|counts| open.iter().any(|word| counts[*word].as_u64() > Some(0)));
    Ok(if left { Outcome::Findings } else { Outcome::Fine })
}

/// The counts of all enti together, those that count something.
pub fn changes(counts: &[&Value]) {
    let mut sum: Vec<(String, u64)> = Vec::new();
    for (word, count) in counts.iter().filter_map(|counts| counts.as_object()).flatten() {
        let count = count.as_u64().unwrap_or(0);
        match sum.iter_mut().find(|(known, _)| known == word) {
            Some((_, known)) => *known += count,
            None => sum.push((word.clone(), count)),
        }
    }
    sum.retain(|(_, count)| *count > 0);
    let rows: Vec<_> = sum.into_iter().map(|(word, count)| vec![said(&word), count.to_string()]).collect();
    if rows.is_empty() {
        println!("{}", said("No stored record is selected."));
    } else {
        table(&["today's mapping", "records"], &rows);
    }
}

fn dry_run(told: &Value, counts: &[&Value]) {
    changes(counts);
    let fields = told["fields"].as_object().filter(|fields| !fields.is_empty());
    if let Some(fields) = fields {
        println!();
        let rows: Vec<_> = fields.iter().map(|(field, count)| vec![field.clone(), cell(count)]).collect();
        table(&["field that differs", "records"], &rows);
    }
    let sample = told["sample"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !sample.is_empty() {
        println!();
        let row = |record: &Value| {
            let both = [&record["fields"], &record["rules"]];
            let what: Vec<String> =
                both.into_iter().filter_map(Value::as_array).flatten().map(cell).collect();
            let mut row: Vec<String> =
                ["ente", "folder_id", "record", "change", "held"].map(|name| cell(&record[name])).into();
            row.push(what.join(" "));
            row
        };
        let head = ["ente", "folder", "record", "change", "register holds", "fields or rules"];
        table(&head, &sample.iter().map(row).collect::<Vec<_>>());
    }
    let told = said("Nothing was written. `--start` sends what is fixed, changed, new or gone.");
    println!("\n{told}");
}
