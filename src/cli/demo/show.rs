//! What the demo shows: in words that an official understands.

use std::path::Path;

use serde_json::{Value, json};

use super::registers::{Family, OTHERS};
use super::{ENTI, Stage};
use crate::cli::runs::print_balances;
use crate::cli::show::{frequent, table};
use crate::cli::speech::said;
use crate::exchange::Bucket;
use crate::gateway::{Gateway, ImportSummary};
use crate::ledger::RunHead;
use crate::ledger::books::HeldFlow;

/// What an import came to.
pub fn imported(summary: &ImportSummary, json: bool) {
    if !json {
        tell(&format!(
            "{} folders saved, {} with findings, {} not saved; {} records, {} of them withheld",
            summary.saved, summary.with_findings, summary.not_saved, summary.records, summary.withheld
        ));
    }
}

fn tell(sentence: &str) {
    println!("   {}", said(sentence));
}

/// How ready the enti are.
pub fn readiness(gateway: &Gateway, json: bool) -> anyhow::Result<()> {
    if json {
        return Ok(());
    }
    let rows: Vec<Vec<String>> = gateway
        .books
        .standings()?
        .into_iter()
        .map(|s| vec![s.ente, s.flow, s.records.to_string(), s.ready.to_string(), s.set_aside.to_string()])
        .collect();
    table(&["ente", "flow", "records", "ready", "set aside"], &rows);
    Ok(())
}

/// Records of a run that need nothing more.
pub fn settled(run: &RunHead) -> u64 {
    let moving = [Bucket::Queued, Bucket::Sending, Bucket::Retrying, Bucket::Waiting];
    let open: u64 = moving.into_iter().map(|bucket| run.balance.count(bucket)).sum();
    run.balance.selected.saturating_sub(open)
}

/// The balance per ente.
pub fn balances(runs: &[RunHead], json: bool) {
    let shown: Vec<Value> = runs.iter().map(crate::web::run_json).collect();
    if json {
        println!("{}", json!({ "runs": shown }));
    } else {
        print_balances(&shown);
    }
}

/// Whether the balances close and the books agree; says so.
pub fn verdict(stage: &Stage, runs: &[RunHead]) -> anyhow::Result<bool> {
    let json = stage.json;
    let closes = runs.iter().all(|run| run.balance.closes());
    let mut rows = Vec::new();
    for (ente, poller) in &stage.sandbox.pollers {
        let ours = held(stage, Some(ente), Family::Inps)?.into_iter().map(|held| held.submission);
        let (ours, book) = (ours.collect::<Vec<_>>(), poller.book());
        let whose = format!("{ente}, INPS");
        rows.push(row(
            whose,
            ours.len(),
            book.held().len(),
            book.compare(&ours).len(),
            book.anomalies().len(),
        ));
    }
    let ours: Vec<String> =
        held(stage, None, Family::Health)?.into_iter().map(|held| held.operation).collect();
    let book = stage.sandbox.health.book();
    let whose = said("all, health register");
    rows.push(row(whose, ours.len(), book.held().len(), book.compare(&ours).len(), book.anomalies().len()));
    drop(book);
    rows.extend(home_care(stage)?);
    rows.push(labour(stage)?);
    let agree = rows.iter().all(|row| row.differences == 0 && row.anomalies == 0);
    let chain = stage.gateway.verify_audit()?;
    if json {
        println!("{}", json!({ "closes": closes, "agree": agree, "audit_intact": chain.is_ok() }));
    } else {
        let rows: Vec<_> = rows.iter().map(Row::cells).collect();
        table(&["ente, register", "held by our books", "held by theirs", "differences", "anomalies"], &rows);
        tell(if closes { "the balances close" } else { "the balances DO NOT CLOSE" });
        tell(if agree { "the books agree" } else { "the books DO NOT AGREE" });
        match &chain {
            Ok(verified) => tell(&format!("the audit chain is intact ({} events)", verified.count)),
            Err(broken) => tell(&format!("THE AUDIT CHAIN IS BROKEN: {broken}")),
        }
    }
    Ok(closes && agree && chain.is_ok())
}

/// Both home care books, compared by content.
fn home_care(stage: &Stage) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (number, flow) in (1..).zip(Family::HomeCare.flows()) {
        let held = held_of(stage, None, flow)?;
        let payloads = held
            .iter()
            .map(|held| Ok(stage.gateway.open_fragment(held.record, &held.content)?.into_exposed()))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let book = stage.sandbox.home_care.book();
        let differences = book.compare(number, payloads.iter().map(Vec::as_slice)).len();
        let anomalies = if number == 1 { book.anomalies().len() } else { 0 };
        let whose = said(&format!("all, home care {number}"));
        rows.push(row(whose, held.len(), book.count(number), differences, anomalies));
    }
    Ok(rows)
}

/// The labour side keeps policies by promoter: ours are counted, and no other's may be missing.
fn labour(stage: &Stage) -> anyhow::Result<Row> {
    let ours = held(stage, None, Family::Labour)?.len();
    let book = stage.sandbox.labour.book();
    let policies =
        book.entries().flat_map(|(_, entry)| entry.policies()).map(|policy| (policy.promoter, policy.id));
    let (foreign, all): (Vec<_>, Vec<_>) = policies.partition(|(promoter, _)| promoter == OTHERS);
    if !stage.json {
        tell(&format!("{} policies of others are still in the citizens' files", foreign.len()));
    }
    let once: std::collections::BTreeSet<_> = all.iter().collect();
    let (theirs, doubled) = (once.len(), all.len() - once.len());
    Ok(row(said("all, labour side"), ours, theirs, ours.abs_diff(theirs), doubled))
}

fn row(whose: String, ours: usize, theirs: usize, differences: usize, anomalies: usize) -> Row {
    Row { whose, ours, theirs, differences, anomalies }
}

/// Two books beside each other.
struct Row {
    whose: String,
    ours: usize,
    theirs: usize,
    differences: usize,
    anomalies: usize,
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let counts =
            [self.ours, self.theirs, self.differences, self.anomalies].map(|count| count.to_string());
        [vec![self.whose.clone()], counts.to_vec()].concat()
    }
}

/// What the registers of a family hold by our books, of one ente or of all.
fn held(stage: &Stage, ente: Option<&str>, family: Family) -> anyhow::Result<Vec<HeldFlow>> {
    let mut held = Vec::new();
    for flow in family.flows() {
        held.extend(held_of(stage, ente, flow)?);
    }
    Ok(held)
}

/// The same for one flow.
fn held_of(stage: &Stage, ente: Option<&str>, flow: &str) -> anyhow::Result<Vec<HeldFlow>> {
    let register = stage.gateway.catalog.find(flow).map(|flow| flow.register()).unwrap_or_default();
    let enti = ENTI.iter().map(|(code, _)| *code).filter(|code| ente.is_none_or(|ente| ente == *code));
    let held = enti.map(|ente| stage.gateway.books.held(ente, register));
    Ok(held.collect::<Result<Vec<_>, _>>()?.concat())
}

/// The most frequent findings, and where to look next.
pub fn where_next(gateway: &Gateway, chapter: usize, dir: &Path, config: &Path) -> anyhow::Result<()> {
    println!("\n{chapter}. {}", said("The findings that an official would see most often"));
    let rules = gateway.books.frequent_rules(None, 10)?;
    let shown: Vec<Value> = rules
        .into_iter()
        .map(|rule| {
            let example: Value = serde_json::from_str(&rule.example).unwrap_or_default();
            json!({ "count": rule.count, "message": example["message"], "hint": example["hint"] })
        })
        .collect();
    frequent(&Value::Array(shown));
    let config = config.display();
    println!("\n{}", said("Where to look next:"));
    println!("  raccordo --config {config} readiness");
    println!("  raccordo --config {config} submissions --state refused");
    println!("  raccordo --config {config} runs list");
    println!("  raccordo --config {config} audit verify");
    let beside = said("and beside it");
    println!("  raccordo --config {config} serve      {beside}: raccordo sandbox --gateway {config}");
    println!("  {}/inps-*.jsonl             {}", dir.display(), said("what the simulated INPS wrote down"));
    Ok(())
}
