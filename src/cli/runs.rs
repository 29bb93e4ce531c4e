//! `sync`, `report`, `runs`: bringing records up to date, and the balances.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Outcome;
use super::link::Link;
use super::show::{cell, table};
use super::speech::said;

/// One citizen, one register, now.
#[derive(Args)]
pub struct Sync {
    /// The CSI product's id of the folder.
    folder: String,
    /// The register to bring up to date, e.g. `siuss`.
    #[arg(long)]
    to: String,
    /// The ente, where several have a folder of this id.
    #[arg(long)]
    ente: Option<String>,
    /// How long to wait for the recipient: `5s`, `500ms`.
    #[arg(long, default_value = "0s", value_parser = duration)]
    wait: Duration,
}

/// A scheduled report, started by hand.
#[derive(Args)]
pub struct Report {
    #[arg(long)]
    flow: String,
    /// `2026`, `2026-T3` or `2026-07`: every differing record that begins by its end.
    #[arg(long)]
    period: String,
    /// One ente; all that are configured when left out.
    #[arg(long)]
    ente: Option<String>,
    /// A route other than the ente's first to the register.
    #[arg(long)]
    route: Option<String>,
}

/// Runs and their balances.
#[derive(Subcommand)]
pub enum Runs {
    /// Newest first.
    List {
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// One run.
    Show { id: i64 },
    /// Let the cancels go that a run held.
    Approve { id: i64 },
}

fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (text.strip_suffix('s').unwrap_or(text), 1000),
    };
    let number: u64 = number.parse().map_err(|_| "write a number of seconds or milliseconds: 5s, 500ms")?;
    Ok(Duration::from_millis(number * unit))
}

/// `raccordo sync`.
pub fn sync(sync: &Sync, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let whose = sync.ente.as_ref().map(|ente| format!("?ente={ente}")).unwrap_or_default();
    let wait_ms = u64::try_from(sync.wait.as_millis())?;
    let path = format!("/folders/{}/sync{whose}", sync.folder);
    let answer = Link::open(config)?.post(&path, &json!({"to": sync.to, "wait_ms": wait_ms}))?;
    if json {
        println!("{answer}");
    } else {
        for run in answer["runs"].as_array().into_iter().flatten() {
            print_balances(std::slice::from_ref(run));
            print_held(std::slice::from_ref(run));
        }
    }
    Ok(Outcome::Fine)
}

/// `raccordo report`.
pub fn report(report: &Report, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let enti = match &report.ente {
        Some(ente) => vec![ente.clone()],
        None => crate::node::config::load(config)?.ente.into_iter().map(|ente| ente.code).collect(),
    };
    if enti.is_empty() {
        bail!("no ente is configured: add an [[ente]] table to the configuration");
    }
    let link = Link::open(config)?;
    let mut runs = Vec::new();
    for ente in enti {
        let mut asked = json!({"ente": ente, "flow": report.flow, "period": report.period});
        if let Some(route) = &report.route {
            asked["route"] = Value::from(route.as_str());
        }
        runs.push(link.post("/runs", &asked).with_context(|| format!("ente {ente}"))?);
    }
    if json {
        println!("{}", json!({ "runs": runs }));
    } else {
        print_balances(&runs);
        print_held(&runs);
    }
    let held = runs.iter().any(|run| run["balance"]["terms"]["held"] != 0);
    Ok(if held { Outcome::Findings } else { Outcome::Fine })
}

/// `raccordo runs`.
pub fn runs(runs: &Runs, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let link = Link::open(config)?;
    let answer = match runs {
        Runs::List { limit } => link.get(&format!("/runs?limit={limit}"))?,
        Runs::Show { id } => json!({ "runs": [link.get(&format!("/runs/{id}"))?] }),
        Runs::Approve { id } => link.post(&format!("/runs/{id}/approve"), &json!({}))?,
    };
    match (runs, answer["runs"].as_array()) {
        (_, Some(runs)) if !json => {
            print_balances(runs);
            print_held(runs);
        }
        (Runs::Approve { id }, _) if !json => {
            let count = &answer["approved"];
            println!("{}", said(&format!("{count} records of run {id} were approved and are queued.")));
        }
        _ => println!("{answer}"),
    }
    Ok(Outcome::Fine)
}

/// Says which runs wait for a person, and what to do.
pub fn print_held(runs: &[Value]) {
    for run in runs {
        let (held, run) = (&run["balance"]["terms"]["held"], &run["id"]);
        if held.as_u64() > Some(0) {
            let what =
                format!("{held} cancels wait in run {run}: look at them, then `raccordo runs approve {run}`");
            println!("{}", said(&what));
        }
    }
}

/// Balances as a table: a column for each term that is anywhere not zero.
pub fn print_balances(runs: &[Value]) {
    let first = &runs.first().unwrap_or(&Value::Null)["balance"]["terms"];
    let words: Vec<&str> = first
        .as_object()
        .into_iter()
        .flatten()
        .map(|(word, _)| word.as_str())
        .filter(|word| runs.iter().any(|run| run["balance"]["terms"][*word] != 0))
        .collect();
    let mut head = vec!["run", "ente", "period", "selected"];
    head.extend(&words);
    head.push("closes");
    let row = |run: &Value| {
        let balance = &run["balance"];
        let mut row =
            vec![cell(&run["id"]), cell(&run["ente"]), cell(&run["period"]), cell(&balance["selected"])];
        row.extend(words.iter().map(|word| cell(&balance["terms"][*word])));
        row.push(if balance["closes"] == true { said("yes") } else { "NO".into() });
        row
    };
    table(&head, &runs.iter().map(row).collect::<Vec<_>>());
}
