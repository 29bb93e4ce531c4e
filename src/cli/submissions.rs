//! `submissions`: operations by what is known of them, and a container with its receipts and attempts.

use std::io::BufRead;
use std::path::Path;

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use super::Outcome;
use super::explain::encoded;
use super::link::Link;
use super::speech::said;
use super::table::{cell, field_cell, objects, width};

/// States of an operation.
const STATES: [&str; 9] =
    ["queued", "sending", "retrying", "waiting", "uncertain", "parked", "accepted", "refused", "superseded"];

/// Which containers or operations to show.
#[derive(Args)]
#[command(after_help = "Examples:
  raccordo submissions                                newest operations
  raccordo submissions --state uncertain              what a person must look at
  raccordo submissions H501.PS.20261123.0000001       one container: operations, receipts, attempts
  raccordo submissions 'H501.PS.20261123.*'           all containers of a day
  raccordo submissions --rule RULE --from 2026-11-01  records of which a rule speaks
  echo CODICE_FISCALE | raccordo submissions --person - --reason 'application 12/2026'")]
pub struct Submissions {
    /// One container by its name; several, with `*` at the end of a beginning.
    name: Option<String>,
    /// Operations in a state.
    #[arg(long, value_parser = STATES)]
    state: Option<String>,
    #[command(flatten)]
    search: Search,
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

/// What is searched for; all of it holds for what is shown.
#[derive(Args)]
struct Search {
    /// Of this folder.
    #[arg(long)]
    folder: Option<String>,
    /// Of this record, by its key.
    #[arg(long)]
    record: Option<String>,
    /// Of records of which a finding of this rule speaks.
    #[arg(long)]
    rule: Option<String>,
    /// With this code of the recipient.
    #[arg(long)]
    code: Option<String>,
    #[arg(long)]
    route: Option<String>,
    #[arg(long)]
    ente: Option<String>,
    #[arg(long)]
    register: Option<String>,
    /// Queued from this day or moment on: `2026-11-23`.
    #[arg(long)]
    from: Option<String>,
    /// Queued before this day or moment.
    #[arg(long)]
    to: Option<String>,
    /// Of one person: `-`, and the codice fiscale on standard input, where no other user of the machine sees it.
    #[arg(long, value_parser = ["-"], conflicts_with_all = ["folder", "record", "rule", "code"])]
    person: Option<String>,
    /// Why you look at a person; it is audited.
    #[arg(long, requires = "person")]
    reason: Option<String>,
    /// `next` of the page before.
    #[arg(long)]
    after: Option<i64>,
}

impl Search {
    /// What is given, by the names of the API.
    fn given(&self) -> Vec<(&'static str, String)> {
        let words = [
            ("folder", &self.folder),
            ("record", &self.record),
            ("rule", &self.rule),
            ("code", &self.code),
            ("route", &self.route),
            ("ente", &self.ente),
            ("register", &self.register),
            ("from", &self.from),
            ("to", &self.to),
        ];
        let mut given: Vec<_> =
            words.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect();
        given.extend(self.after.map(|after| ("after", after.to_string())));
        given
    }
}

const OPERATION: &[&str] =
    &["operation", "ente", "folder_id", "record", "kind", "generation", "state", "route", "submission"];
/// Where there is less room; ente and route can be told from the submission's name.
const OPERATION_BRIEFLY: &[&str] = &["operation", "folder_id", "record", "kind", "state", "submission"];
const ROOM_FOR_ALL: usize = 120;

/// `raccordo submissions`.
pub fn run(which: &Submissions, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let link = Link::open(config)?;
    let begins = which.name.as_deref().is_some_and(|name| name.ends_with('*'));
    if let Some(name) = which.name.as_ref().filter(|_| !begins) {
        let shown = link.get(&format!("/submissions/{}", encoded(name)))?;
        if json {
            println!("{shown}");
        } else {
            container(&shown);
        }
        return Ok(Outcome::Fine);
    }
    let shown = found(which, &link)?;
    if json {
        println!("{shown}");
    } else {
        let briefly = width().is_some_and(|width| width < ROOM_FOR_ALL);
        objects(&shown["operations"], if briefly { OPERATION_BRIEFLY } else { OPERATION });
        if let Some(next) = shown["next"].as_i64() {
            println!("{}", said(&format!("There is more: the same with `--after {next}`.")));
        }
    }
    Ok(Outcome::Fine)
}

/// The operations that are asked for: by state alone, else by the search.
fn found(which: &Submissions, link: &Link) -> anyhow::Result<Value> {
    let mut given = which.search.given();
    given.extend(which.state.clone().map(|state| ("state", state)));
    given.push(("limit", which.limit.to_string()));
    if which.search.person.is_some() {
        return of_person(which, &given, link);
    }
    let query = |given: &[(&str, String)]| {
        let pairs = given.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
        pairs.collect::<Vec<_>>().join("&")
    };
    let alone = given.iter().all(|(name, _)| ["state", "limit"].contains(name));
    if alone && which.name.is_none() {
        return link.get(&format!("/operations?{}", query(&given)));
    }
    given.extend(which.name.clone().map(|name| ("submission", name)));
    Ok(as_operations(&link.get(&format!("/submissions?{}", query(&given)))?))
}

/// By the keyed hash of an identifier, which is read where no list of processes shows it.
fn of_person(which: &Submissions, given: &[(&str, String)], link: &Link) -> anyhow::Result<Value> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("no person on standard input")?;
    let mut asked = json!({ "person": line.trim() });
    for (name, value) in given {
        let number = value.parse::<i64>().ok().filter(|_| ["limit", "after"].contains(name));
        asked[*name] = number.map_or_else(|| Value::from(value.as_str()), Value::from);
    }
    let why = which.search.reason.as_deref().map(|why| format!("?reason={}", encoded(why)));
    let told = link.post(&format!("/submissions/search{}", why.unwrap_or_default()), &asked)?;
    Ok(as_operations(&told))
}

/// A page of hits, under the name that lists of operations have.
fn as_operations(told: &Value) -> Value {
    json!({ "operations": told["submissions"], "next": told["next"] })
}

/// A container: what it is, what it carries, what was tried, what came back.
fn container(shown: &Value) {
    let text = |field: &str| field_cell(field, &shown[field]);
    println!(
        "{}  {}  {}  {}\n",
        text("name"),
        said(&cell(&shown["state"])),
        text("route"),
        text("timestamp")
    );
    objects(&shown["operations"], &["operation", "folder_id", "record", "kind", "generation", "state"]);
    let lists: [(&str, &[&str]); 2] = [
        ("attempts", &["number", "what", "began_at", "ended_at", "outcome", "code"]),
        ("receipts", &["at", "name", "code", "what", "acquired_as"]),
    ];
    for (list, fields) in lists {
        if shown[list].as_array().is_some_and(|rows| !rows.is_empty()) {
            println!("\n{}", said(list));
            objects(&shown[list], fields);
        }
    }
    let refused = |row: &Value| row["state"] == "refused";
    if shown["operations"].as_array().is_some_and(|rows| rows.iter().any(refused)) {
        println!("\n{}", said(&format!("What the refusals mean: `raccordo explain {}`", text("name"))));
    }
}
