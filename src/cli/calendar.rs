//! `calendar`: reports that start by themselves.

use std::path::Path;

use serde_json::Value;

use super::Outcome;
use super::alerts::print_forecast;
use super::link::Link;
use super::runs::print_balances;
use super::show::{cell, table};
use super::speech::said;

/// `raccordo calendar`. Exit 1 when the last firing was missed or could not start.
pub fn run(config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let link = Link::open(config)?;
    let shown = link.get("/calendar")?;
    let entries = shown["calendar"].as_array().map(Vec::as_slice).unwrap_or_default();
    let lost = |entry: &Value| list(&entry["last"]["enti"]).any(|row| row["what"] != "started");
    let outcome = if entries.iter().any(lost) { Outcome::Findings } else { Outcome::Fine };
    if json {
        println!("{shown}");
    } else if entries.is_empty() {
        println!("{}", said("No report starts by itself: add a [[calendar]] table to the configuration."));
    } else {
        overview(entries);
        entries.iter().for_each(details);
        print_forecast(&link, None)?;
    }
    Ok(outcome)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn overview(entries: &[Value]) {
    let head = ["calendar", "enti", "next", "period", "deadline", "slack", "last", "came to"];
    let row = |entry: &Value| {
        let (next, last) = (&entry["next"], &entry["last"]);
        let enti: Vec<String> = list(&entry["enti"]).map(cell).collect();
        let mut words: Vec<String> = list(&last["enti"]).map(|row| said(&cell(&row["what"]))).collect();
        words.sort();
        words.dedup();
        let came_to = if words.is_empty() { "–".to_owned() } else { words.join(", ") };
        vec![
            cell(&entry["id"]),
            enti.join(" "),
            cell(&next["at"]),
            cell(&next["period"]),
            cell(&next["deadline"]),
            days(&next["slack_days"]),
            cell(&last["at"]),
            came_to,
        ]
    };
    table(&head, &entries.iter().map(row).collect::<Vec<_>>());
}

fn days(slack: &Value) -> String {
    match slack.as_i64() {
        None => "–".into(),
        Some(days @ 0..) => said(&format!("{days} days")),
        Some(days) => said(&format!("over by {} days", -days)),
    }
}

fn details(entry: &Value) {
    let id = cell(&entry["id"]);
    let last = &entry["last"];
    let runs: Vec<Value> = list(&last["runs"]).cloned().collect();
    if !runs.is_empty() {
        let (period, slack) = (cell(&last["period"]), days(&last["slack_days"]));
        println!("\n{}", said(&format!("{id}, last, {period}: deadline {slack}")));
        print_balances(&runs);
    }
    for row in list(&entry["missed"]).take(10) {
        let why = row["why"].as_str().unwrap_or("its window was over when this installation came back");
        let (ente, period, what) = (cell(&row["ente"]), cell(&row["period"]), cell(&row["what"]));
        let flow = cell(&entry["flow"]);
        let line = format!(
            "{id}: {period} of {flow} for {ente} {what}: {why}; `raccordo report --ente {ente} --flow {flow} \
             --period {period}` starts it by hand"
        );
        println!("{}", said(&line));
    }
}
