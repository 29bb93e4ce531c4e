//! `sync`, `report`, `runs`: bringing records up to date, and the balances.

use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Outcome;
use super::alerts::print_forecast;
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
    /// `2026`, `2026-T3`, `2026-07` or `to-2026-11-23`: every differing record that begins by its end.
    #[arg(long)]
    period: String,
    /// One ente; all that are configured when left out.
    #[arg(long)]
    ente: Option<String>,
    /// A route other than the ente's first to the register.
    #[arg(long)]
    route: Option<String>,
    /// How long to follow the runs until nothing of them moves: `60s`; else they go on by themselves.
    #[arg(long, default_value = "0s", value_parser = duration)]
    wait: Duration,
}

/// Runs and their balances.
#[derive(Subcommand)]
pub enum Runs {
    /// Newest first.
    List {
        #[arg(long, default_value_t = 20)]
        limit: usize,
        /// Only this ente's.
        #[arg(long)]
        ente: Option<String>,
    },
    /// One run.
    Show { id: i64 },
    /// Let the cancels go that a run held.
    Approve { id: i64 },
    /// Withdraw what has not left and is wanted by no other run.
    Cancel { id: i64 },
}

/// A span of time as commands take it: `5s`, `500ms`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
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
    let mut link = Link::open(config)?;
    if wait_ms > 0 {
        link.deliver()?;
    }
    let answer = link.post(&path, &json!({"to": sync.to, "wait_ms": wait_ms}))?;
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

/// `raccordo report`. Each ente's run stands for itself: one that can't start stops no other.
/// Exit 1 when something of a run waits for a person, 2 when a run could not start.
pub fn report(report: &Report, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let enti = match &report.ente {
        Some(ente) => vec![ente.clone()],
        None => enti_of(&report.flow, config)?,
    };
    if enti.is_empty() {
        bail!("no ente is configured: add an [[ente]] table to the configuration");
    }
    let link = Link::open(config)?;
    let (mut runs, mut failed) = (Vec::new(), Vec::new());
    for ente in enti {
        let mut asked = json!({"ente": ente, "flow": report.flow, "period": report.period});
        if let Some(route) = &report.route {
            asked["route"] = Value::from(route.as_str());
        }
        match link.post("/runs", &asked) {
            Ok(run) => runs.push(run),
            Err(error) => failed.push(json!({ "ente": ente, "why": format!("{error:#}") })),
        }
    }
    if !runs.is_empty() {
        wait_for(&link, &mut runs, report.wait, !json)?;
    }
    if json {
        println!("{}", json!({ "runs": runs, "failed": failed }));
    } else if !runs.is_empty() {
        print_balances(&runs);
        print_held(&runs);
    }
    if !failed.is_empty() {
        let why = |row: &Value| format!("ente {}: {}", cell(&row["ente"]), cell(&row["why"]));
        bail!("{}", failed.iter().map(why).collect::<Vec<_>>().join("; "));
    }
    let waits = runs.iter().any(|run| FOR_A_PERSON.iter().any(|word| run["balance"]["terms"][*word] != 0));
    Ok(if waits { Outcome::Findings } else { Outcome::Fine })
}

/// The enti that report by a flow: those with a route to its register; all of them where the flow
/// is not known, so that it is said.
fn enti_of(flow: &str, config: Option<&Path>) -> anyhow::Result<Vec<String>> {
    let settings = crate::node::config::load(config)?;
    let catalog = crate::node::load_catalog()?;
    let register = catalog.find(flow).map(crate::flow::Flow::register);
    let serves = |code: &str| register.is_some_and(|register| settings.serves(code, register));
    let all: Vec<String> = settings.ente.iter().map(|ente| ente.code.clone()).collect();
    let some: Vec<String> = all.iter().filter(|code| serves(code)).cloned().collect();
    Ok(if some.is_empty() { all } else { some })
}

/// Terms of a balance that a person must look at.
const FOR_A_PERSON: [&str; 5] = ["set_aside", "held", "uncertain", "parked", "refused"];
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Follows runs until nothing of them moves any more, or the time is over.
fn wait_for(link: &Link, runs: &mut [Value], wait: Duration, show: bool) -> anyhow::Result<()> {
    let mut left = wait.as_millis() / LOOK_EVERY.as_millis();
    let bar =
        if show && left > 0 { indicatif::ProgressBar::new(0) } else { indicatif::ProgressBar::hidden() };
    loop {
        let sum = |of: fn(&Value) -> u64| runs.iter().map(of).sum::<u64>();
        bar.set_length(sum(|run| run["balance"]["selected"].as_u64().unwrap_or(0)));
        bar.set_position(sum(done));
        if left == 0 || runs.iter().all(|run| run["balance"]["settled"] == true) {
            bar.finish_and_clear();
            return Ok(());
        }
        left -= 1;
        link.pause(LOOK_EVERY);
        for run in runs.iter_mut() {
            *run = link.get(&format!("/runs/{}", run["id"]))?;
        }
    }
}

/// Records of a run that no longer move by themselves.
fn done(run: &Value) -> u64 {
    let moving = ["queued", "sending", "retrying", "waiting"];
    let moving = moving.iter().filter_map(|word| run["balance"]["terms"][*word].as_u64()).sum::<u64>();
    run["balance"]["selected"].as_u64().unwrap_or(0).saturating_sub(moving)
}

/// `raccordo runs`.
pub fn runs(runs: &Runs, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let link = Link::open(config)?;
    let answer = match runs {
        Runs::List { limit, ente } => {
            let whose = ente.as_ref().map(|ente| format!("&ente={ente}")).unwrap_or_default();
            link.get(&format!("/runs?limit={limit}{whose}"))?
        }
        Runs::Show { id } => json!({ "runs": [link.get(&format!("/runs/{id}"))?] }),
        Runs::Approve { id } => link.post(&format!("/runs/{id}/approve"), &json!({}))?,
        Runs::Cancel { id } => json!({ "runs": [link.post(&format!("/runs/{id}/cancel"), &json!({}))?] }),
    };
    match (runs, answer["runs"].as_array()) {
        (which, Some(runs)) if !json => {
            print_balances(runs);
            print_held(runs);
            if let Runs::Show { id } = which {
                print_forecast(&link, Some(*id))?;
            }
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
    let mut head = vec!["run", "kind", "ente", "period", "selected"];
    head.extend(&words);
    head.push("closes");
    let row = |run: &Value| {
        let balance = &run["balance"];
        let cancelled = !run["cancelled_at"].is_null();
        let kind = cell(&run["kind"]) + if cancelled { " (cancelled)" } else { "" };
        let (id, ente, period) = (cell(&run["id"]), cell(&run["ente"]), cell(&run["period"]));
        let mut row = vec![id, kind, ente, period, cell(&balance["selected"])];
        row.extend(words.iter().map(|word| cell(&balance["terms"][*word])));
        row.push(if balance["closes"] == true { said("yes") } else { "NO".into() });
        row
    };
    table(&head, &runs.iter().map(row).collect::<Vec<_>>());
}
