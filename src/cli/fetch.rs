//! `fetch`, `proposals`: what a register knows of one person, and what is made of it.

use std::path::Path;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Outcome;
use super::link::Link;
use super::runs::duration;
use super::show::{cell, table};
use super::speech::said;

/// One person, one register, now.
#[derive(Args)]
pub struct Fetch {
    /// The CSI product's id of the folder.
    folder: String,
    /// The register to ask, e.g. `lavoro`.
    #[arg(long)]
    from: String,
    /// The ente, where several have a folder of this id.
    #[arg(long)]
    ente: Option<String>,
    /// How long to wait for the answer: `5s`, `500ms`.
    #[arg(long, default_value = "0s", value_parser = duration)]
    wait: Duration,
}

/// What registers propose for a folder.
#[derive(Subcommand)]
pub enum Proposals {
    /// What is proposed, with the values: an audited act.
    List {
        folder: String,
        #[arg(long)]
        ente: Option<String>,
        /// Also what is over.
        #[arg(long)]
        all: bool,
    },
    /// The CSI product shall take the value over.
    Accept {
        folder: String,
        number: i64,
        #[arg(long)]
        ente: Option<String>,
    },
    /// The folder stays as it is; the same value is not proposed again.
    Decline {
        folder: String,
        number: i64,
        #[arg(long)]
        ente: Option<String>,
    },
}

fn whose(ente: Option<&String>) -> String {
    ente.map(|ente| format!("?ente={ente}")).unwrap_or_default()
}

/// `raccordo fetch`. Exit 1 when the register's answer could not be used.
pub fn fetch(fetch: &Fetch, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let wait_ms = u64::try_from(fetch.wait.as_millis())?;
    let mut link = Link::open(config)?;
    if wait_ms > 0 {
        link.deliver()?;
    }
    let query = whose(fetch.ente.as_ref());
    let path = format!("/folders/{}/fetch{query}", fetch.folder);
    let answer = link.post(&path, &json!({ "from": fetch.from, "wait_ms": wait_ms }))?;
    let inquiry = &answer["inquiry"];
    let state = cell(&inquiry["state"]);
    if json {
        println!("{answer}");
    } else {
        say(&answer, &fetch.from, &state);
        if answer["open_proposals"].as_u64() > Some(0) {
            print(&link.get(&format!("/folders/{}/proposals{query}", fetch.folder))?);
        }
    }
    let usable = answer["settled"] == false || ["answered", "nothing_known"].contains(&state.as_str());
    Ok(if usable { Outcome::Fine } else { Outcome::Findings })
}

fn say(answer: &Value, register: &str, state: &str) {
    let inquiry = &answer["inquiry"];
    let (state, code) = (said(state), cell(&inquiry["code"]));
    if answer["settled"] == true {
        let count = &answer["open_proposals"];
        let line = format!("The register {register} was asked: {state}, {count} open proposals.");
        println!("{}", said(&line));
    } else {
        println!("{}", said(&format!("The register {register} has not answered yet: {state} ({code}).")));
    }
    let language = super::speech::language().code();
    for finding in inquiry["findings"].as_array().into_iter().flatten() {
        println!("  {}", cell(&finding["message"][language]));
        println!("    {}", cell(&finding["hint"][language]));
    }
}

/// `raccordo proposals`.
pub fn proposals(which: &Proposals, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let link = Link::open(config)?;
    let (folder, number, ente, word) = match which {
        Proposals::List { folder, ente, all } => {
            let query = format!("?all={all}{}", whose(ente.as_ref()).replacen('?', "&", 1));
            let shown = link.get(&format!("/folders/{folder}/proposals{query}"))?;
            if json {
                println!("{shown}");
            } else {
                print(&shown);
            }
            return Ok(Outcome::Fine);
        }
        Proposals::Accept { folder, number, ente } => (folder, number, ente, "accept"),
        Proposals::Decline { folder, number, ente } => (folder, number, ente, "decline"),
    };
    let path = format!("/folders/{folder}/proposals/{number}/{word}{}", whose(ente.as_ref()));
    let answer = link.post(&path, &json!({}))?;
    if json {
        println!("{answer}");
    } else {
        let state = said(&cell(&answer["state"]));
        println!("{}", said(&format!("Proposal {number} is now {state}.")));
    }
    Ok(Outcome::Fine)
}

/// Proposals as a table.
fn print(shown: &Value) {
    let list = shown["proposals"].as_array().map(Vec::as_slice).unwrap_or_default();
    if list.is_empty() {
        println!("{}", said("Nothing is proposed for this folder."));
        return;
    }
    let language = super::speech::language().code();
    let row = |one: &Value| {
        let key = one["key"].as_str().map(|key| format!(" [{key}]")).unwrap_or_default();
        let field = cell(&one["label"][language]) + &key;
        let state = said(&cell(&one["state"]));
        vec![cell(&one["number"]), field, cell(&one["old"]), cell(&one["new"]), state]
    };
    let rows: Vec<_> = list.iter().map(row).collect();
    table(&["proposal", "field", "in the folder", "proposes", "state"], &rows);
}
