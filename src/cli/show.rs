//! `readiness`, `submissions`, `audit verify`: what the books say, as tables.

use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::Outcome;
use super::link::Link;
use super::speech::{language, said};

/// Prints rows under a head, columns aligned; numbers to the right.
pub fn table(head: &[&str], rows: &[Vec<String>]) {
    let head: Vec<String> = head.iter().map(|word| said(word)).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| {
            let right = cell.parse::<f64>().is_ok();
            if right { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        println!("{}", padded.collect::<Vec<_>>().join("  ").trim_end());
    };
    line(head.iter().map(String::as_str).collect());
    for row in rows {
        line(row.iter().map(String::as_str).collect());
    }
}

/// A JSON value as a table's cell.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null => "–".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Prints a list of objects with the named fields.
pub fn objects(list: &Value, fields: &[&str]) {
    let rows: Vec<Vec<String>> = list
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| fields.iter().map(|field| cell(&row[*field])).collect())
        .collect();
    table(fields, &rows);
}

/// `raccordo readiness`.
pub fn readiness(config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let link = Link::open(config)?;
    let (standing, findings) = (link.get("/readiness")?, link.get("/findings?limit=10")?);
    let withheld = standing["readiness"].as_array().into_iter().flatten().any(|row| row["set_aside"] != 0);
    let unmatched = standing["unmatched"].as_array().is_some_and(|rows| !rows.is_empty());
    if json {
        println!(
            "{}",
            serde_json::json!({
                "readiness": standing["readiness"], "unmatched": standing["unmatched"],
                "findings": findings["findings"],
            })
        );
    } else {
        standings(&standing["readiness"]);
        for row in standing["unmatched"].as_array().into_iter().flatten() {
            let (ente, register, records) =
                (cell(&row["ente"]), cell(&row["register"]), cell(&row["records"]));
            let line =
                format!("{ente}: {register} holds {records} records of adopted files that no folder maps to");
            println!("{}", said(&line));
        }
        println!();
        frequent(&findings["findings"]);
    }
    Ok(if withheld || unmatched { Outcome::Findings } else { Outcome::Fine })
}

/// Readiness as a table. What is held stands at the register; in a run it awaits approval.
fn standings(list: &Value) {
    let columns = [
        ("ente", "ente"),
        ("flow", "flow"),
        ("records", "records"),
        ("ready", "ready"),
        ("set_aside", "set aside"),
        ("vanished", "vanished"),
        ("held", "at the register"),
        ("differing", "differing"),
        ("absent", "absent"),
        ("undecided", "undecided"),
    ];
    let row = |standing: &Value| columns.iter().map(|(field, _)| cell(&standing[*field])).collect();
    let rows: Vec<Vec<String>> = list.as_array().into_iter().flatten().map(row).collect();
    table(&columns.map(|(_, head)| head), &rows);
}

/// The most frequent findings, in words.
pub fn frequent(findings: &Value) {
    for finding in findings.as_array().into_iter().flatten() {
        let code = language().code();
        println!("{:>6} × {}", cell(&finding["count"]), cell(&finding["message"][code]));
        println!("         {}", cell(&finding["hint"][code]));
    }
}

/// Which containers or operations to show.
#[derive(Args)]
pub struct Submissions {
    /// One container by its name.
    name: Option<String>,
    /// Operations in a state: queued, waiting, uncertain, parked, accepted, refused, superseded.
    #[arg(long)]
    state: Option<String>,
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

/// `raccordo submissions`.
pub fn submissions(which: &Submissions, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let link = Link::open(config)?;
    if let Some(name) = &which.name {
        let shown = link.get(&format!("/submissions/{name}"))?;
        println!("{}", if json { shown.to_string() } else { serde_json::to_string_pretty(&shown)? });
        return Ok(Outcome::Fine);
    }
    let state = which.state.as_ref().map(|state| format!("&state={state}")).unwrap_or_default();
    let shown = link.get(&format!("/operations?limit={}{state}", which.limit))?;
    if json {
        println!("{shown}");
    } else {
        let fields = [
            "operation",
            "ente",
            "folder_id",
            "record",
            "kind",
            "generation",
            "state",
            "route",
            "submission",
        ];
        objects(&shown["operations"], &fields);
    }
    Ok(Outcome::Fine)
}

/// The audit chain.
#[derive(Subcommand)]
pub enum Audit {
    /// Recompute the whole chain; says where it breaks.
    Verify,
}

/// `raccordo audit verify`.
pub fn audit(_: &Audit, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let verdict = Link::open(config)?.get("/audit/verify")?;
    let intact = verdict["intact"] == true;
    if json {
        println!("{verdict}");
    } else if intact {
        let (events, head) = (cell(&verdict["events"]), cell(&verdict["head"]));
        println!("{}", said(&format!("The chain is intact: {events} events, head {head}.")));
    } else {
        println!("{}", said(&format!("The chain is broken: {}.", cell(&verdict["why"]))));
    }
    Ok(if intact { Outcome::Fine } else { Outcome::Findings })
}
