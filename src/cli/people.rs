//! `lineage`, `erase`: what registers know of one person, and the end of what is kept here.

use std::path::Path;

use clap::Args;
use serde_json::{Value, json};

use super::Outcome;
use super::explain::encoded;
use super::link::Link;
use super::show::{cell, table};
use super::speech::{language, said};

/// Whose history.
#[derive(Args)]
#[command(after_help = "Example:\n  raccordo lineage CS-0000001 --reason 'access request 12/2026'")]
pub struct Lineage {
    /// The CSI product's id of the folder.
    folder: String,
    /// The ente, where several have a folder of this id.
    #[arg(long)]
    ente: Option<String>,
    /// One register; all when left out.
    #[arg(long)]
    register: Option<String>,
    /// Why you look: 3 to 200 characters, without names; it stays in the audit journal.
    #[arg(long)]
    reason: Option<String>,
}

/// Whom to erase.
#[derive(Args)]
#[command(after_help = "Example:\n  raccordo erase CS-0000001 --reason 'retention over, act 7/2026'")]
pub struct Erase {
    /// The CSI product's id of the folder.
    folder: String,
    /// The ente, where several have a folder of this id.
    #[arg(long)]
    ente: Option<String>,
    /// Why: 3 to 200 characters, without names; it stays in the audit journal.
    #[arg(long)]
    reason: Option<String>,
    /// Also where a register holds records that it would take back: afterwards no cancel can be made.
    #[arg(long)]
    knowingly: bool,
}

/// The query of a request about one folder.
fn query(given: &[(&str, Option<&String>)]) -> String {
    let given = given.iter().filter_map(|(name, value)| Some((name, (*value)?)));
    let pairs: Vec<_> = given.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

/// `raccordo lineage`: an audited act.
pub fn lineage(asked: &Lineage, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let query = query(&[
        ("ente", asked.ente.as_ref()),
        ("register", asked.register.as_ref()),
        ("reason", asked.reason.as_ref()),
    ]);
    let told = Link::open(config)?.get(&format!("/folders/{}/lineage{query}", encoded(&asked.folder)))?;
    if json {
        println!("{told}");
        return Ok(Outcome::Fine);
    }
    let records = told["records"].as_array().map(Vec::as_slice).unwrap_or_default();
    if records.is_empty() {
        println!("{}", said("No register knows anything of this folder."));
    }
    records.iter().for_each(known);
    Ok(Outcome::Fine)
}

/// One record: what the register knows, why, from which fields, and how it came there.
fn known(record: &Value) {
    let held = if record["held"] == true { "held by the register" } else { "not held by the register" };
    println!("{}  {}  {}", cell(&record["register"]), cell(&record["record"]), said(held));
    let code = language().code();
    println!("  {}: {}", said("purpose"), cell(&record["purpose"][code]));
    println!("  {}: {}", said("legal basis"), cell(&record["legal_basis"]));
    let list = |name: &str| record[name].as_array().cloned().unwrap_or_default();
    let sources = |field: &Value| {
        let all = field["sources"].as_array().cloned().unwrap_or_default();
        all.iter().map(cell).collect::<Vec<_>>().join(", ")
    };
    let fields: Vec<_> =
        list("fields").iter().map(|field| vec![cell(&field["target"]), sources(field)]).collect();
    table(&["field at the register", "from the folder"], &fields);
    let done = |done: &Value| {
        let word = |name: &str| said(&cell(&done[name]));
        vec![word("kind"), word("state"), cell(&done["submission"]), cell(&done["receipt"])]
    };
    let history: Vec<_> = list("history").iter().map(done).collect();
    table(&["kind", "state", "submission", "receipt"], &history);
    println!();
}

/// `raccordo erase`. Exit 1 while it waits.
pub fn erase(asked: &Erase, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let query = query(&[("ente", asked.ente.as_ref()), ("reason", asked.reason.as_ref())]);
    let path = format!("/folders/{}/erase{query}", encoded(&asked.folder));
    let told = Link::open(config)?.post(&path, &json!({ "knowingly": asked.knowingly }))?;
    let is_done = told["state"] == "erased";
    if json {
        println!("{told}");
    } else if is_done {
        println!("{}", said("The person is erased: nothing that was kept of them can be read any more."));
    } else {
        let (under_way, revocable) = (cell(&told["under_way"]), cell(&told["revocable"]));
        println!(
            "{}",
            said(&format!(
                "It waits: {under_way} operations are under way, {revocable} records could still be cancelled. It is \
                 done by itself afterwards; --knowingly gives the cancels up."
            ))
        );
    }
    Ok(if is_done { Outcome::Fine } else { Outcome::Findings })
}
