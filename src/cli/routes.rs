//! `routes`: where they stand; suspend, resume, build the files that are due.

use std::path::Path;

use clap::Subcommand;
use serde_json::{Value, json};

use super::Outcome;
use super::link::Link;
use super::show::objects;
use super::speech::said;

/// Routes.
#[derive(Subcommand)]
pub enum Routes {
    /// Cursor, queue and suspension of each route.
    List,
    /// Stop a route: nothing new leaves, e.g. after restoring a backup.
    Suspend { route: String },
    /// Let a suspended route go on, once a person has looked.
    Resume { route: String },
    /// Build the bulk files that are due, now.
    Files { route: String },
}

/// `raccordo routes`.
pub fn run(routes: &Routes, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let link = Link::open(config)?;
    match routes {
        Routes::List => {
            let shown = link.get("/routes")?;
            if json {
                println!("{shown}");
            } else {
                let fields = [
                    "route",
                    "queued",
                    "out",
                    "retrying",
                    "uncertain",
                    "left_alone_until",
                    "last_polled",
                    "suspended",
                ];
                objects(&shown["routes"], &fields);
            }
        }
        Routes::Suspend { route } => {
            link.post(&format!("/routes/{route}/suspend"), &json!({}))?;
            let sentence = format!(
                "Route {route} is suspended: nothing new leaves until `raccordo routes resume {route}`."
            );
            tell(&sentence, json.then(|| json!({ "route": route, "suspended": true })));
        }
        Routes::Resume { route } => {
            link.post(&format!("/routes/{route}/resume"), &json!({}))?;
            let sentence = format!("Route {route} goes on.");
            tell(&sentence, json.then(|| json!({ "route": route, "suspended": false })));
        }
        Routes::Files { route } => {
            let written = link.post(&format!("/routes/{route}/files"), &json!({}))?;
            if json {
                println!("{written}");
                return Ok(Outcome::Fine);
            }
            for file in written["files"].as_array().into_iter().flatten() {
                println!("{}", file.as_str().unwrap_or_default());
            }
        }
    }
    Ok(Outcome::Fine)
}

/// A sentence for people, or what programs read.
fn tell(sentence: &str, document: Option<Value>) {
    match document {
        Some(document) => println!("{document}"),
        None => println!("{}", said(sentence)),
    }
}
