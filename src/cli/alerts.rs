//! `alerts`: what an operator was told of; and the forecast of open runs, for commands that show runs.

use std::path::Path;

use serde_json::Value;

use super::Outcome;
use super::link::Link;
use super::show::{cell, table};
use super::speech::{language, said};

/// `raccordo alerts`. Exit 1 while one is open.
pub fn run(config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let shown = Link::open(config)?.get("/alerts")?;
    let alerts = shown["alerts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let open = alerts.iter().any(|alert| alert["ended_at"].is_null());
    if json {
        println!("{shown}");
    } else if alerts.is_empty() {
        println!("{}", said("There is no alert."));
    } else {
        let row = |alert: &Value| {
            let field = |name: &str| cell(&alert[name]);
            vec![
                field("began_at"),
                field("ended_at"),
                said(&field("kind")),
                cell(&alert["text"][language().code()]),
            ]
        };
        table(&["began", "over", "alert", "what"], &alerts.iter().map(row).collect::<Vec<_>>());
    }
    Ok(if open { Outcome::Findings } else { Outcome::Fine })
}

/// When open runs will end, at their present pace; of one run, if it is named.
pub fn print_forecast(link: &Link, only: Option<i64>) -> anyhow::Result<()> {
    let told = link.get("/forecast")?;
    let open = told["forecast"].as_array().map(Vec::as_slice).unwrap_or_default();
    let wanted: Vec<&Value> =
        open.iter().filter(|run| only.is_none_or(|only| run["run"].as_i64() == Some(only))).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let row = |run: &&Value| {
        let field = |name: &str| cell(&run[name]);
        let pace = run["per_s"].as_f64().map_or_else(|| "–".to_owned(), |per_s| format!("{per_s:.2}"));
        let (waits, outlook) =
            (run["held"].as_u64().unwrap_or(0) + run["undecided"].as_u64().unwrap_or(0), field("outlook"));
        vec![
            field("run"),
            field("route"),
            field("left"),
            waits.to_string(),
            pace,
            field("ends_at"),
            field("deadline"),
            said(&outlook),
        ]
    };
    println!();
    let head = ["run", "route", "left", "for a person", "per second", "will end", "deadline", "outlook"];
    table(&head, &wanted.iter().map(row).collect::<Vec<_>>());
    for run in wanted {
        for reason in run["reasons"].as_array().into_iter().flatten() {
            println!("  {}: {}", cell(&run["run"]), cell(&reason[language().code()]));
        }
    }
    Ok(())
}
