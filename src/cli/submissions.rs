//! `submissions`: operations by state, and a container with its receipts and attempts.

use std::path::Path;

use clap::Args;
use serde_json::Value;

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
  raccordo explain H501.PS.20261123.0000001           what its refusals mean")]
pub struct Submissions {
    /// One container by its name.
    name: Option<String>,
    /// Operations in a state.
    #[arg(long, value_parser = STATES)]
    state: Option<String>,
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

const OPERATION: &[&str] =
    &["operation", "ente", "folder_id", "record", "kind", "generation", "state", "route", "submission"];
/// Where there is less room; ente and route can be told from the submission's name.
const OPERATION_BRIEFLY: &[&str] = &["operation", "folder_id", "record", "kind", "state", "submission"];
const ROOM_FOR_ALL: usize = 120;

/// `raccordo submissions`.
pub fn run(which: &Submissions, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let link = Link::open(config)?;
    if let Some(name) = &which.name {
        let shown = link.get(&format!("/submissions/{}", encoded(name)))?;
        if json {
            println!("{shown}");
        } else {
            container(&shown);
        }
        return Ok(Outcome::Fine);
    }
    let state = which.state.as_ref().map(|state| format!("&state={state}")).unwrap_or_default();
    let shown = link.get(&format!("/operations?limit={}{state}", which.limit))?;
    if json {
        println!("{shown}");
    } else {
        let briefly = width().is_some_and(|width| width < ROOM_FOR_ALL);
        objects(&shown["operations"], if briefly { OPERATION_BRIEFLY } else { OPERATION });
    }
    Ok(Outcome::Fine)
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
