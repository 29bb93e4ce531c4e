//! `readiness`, `audit verify`: what the books say, as tables.

use std::path::Path;

use clap::Subcommand;
use serde_json::Value;

use super::Outcome;
use super::link::Link;
use super::speech::{language, said};
pub use super::table::{cell, objects, table};

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

/// `raccordo nodes`: the processes that live, and what one of them at a time does.
pub fn nodes(config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let told = Link::open(config)?.get("/nodes")?;
    if json {
        println!("{told}");
        return Ok(Outcome::Fine);
    }
    if told["nodes"].as_array().is_none_or(Vec::is_empty) {
        println!("{}", said("No process serves this installation at the moment."));
        return Ok(Outcome::Fine);
    }
    objects(&told["nodes"], &["id", "roles", "version", "started_at", "seen_at"]);
    println!();
    objects(&told["duties"], &["name", "node", "fence"]);
    Ok(Outcome::Fine)
}
