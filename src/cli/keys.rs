//! `keys`: by which keys pseudonyms are made, and what to do where one was changed.

use std::path::Path;

use clap::Subcommand;
use serde_json::json;

use super::Outcome;
use super::link::Link;
use super::show::objects;
use super::speech::said;

/// Pseudonym keys.
#[derive(Subcommand)]
pub enum Keys {
    /// How the keys of each ente stand: ready, changed or missing.
    List,
    /// Make pseudonyms with the configured key from now on, although records were made with another: each
    /// person becomes another one to the registers.
    Accept {
        #[arg(long)]
        ente: String,
        /// Name of the key in the ente's `keys`.
        #[arg(long)]
        name: String,
        /// Fingerprint of the configured key, as `raccordo keys list` shows it.
        #[arg(long)]
        fingerprint: String,
    },
}

/// `raccordo keys`.
pub fn run(keys: &Keys, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let link = Link::open(config)?;
    match keys {
        Keys::List => {
            let shown = link.get("/keys")?;
            if json {
                println!("{shown}");
            } else {
                objects(&shown["keys"], &["ente", "name", "state", "fingerprint", "made_with"]);
            }
            let mut rows = shown["keys"].as_array().into_iter().flatten();
            let sound = rows.all(|row| row["state"] == "ready");
            Ok(if sound { Outcome::Fine } else { Outcome::Findings })
        }
        Keys::Accept { ente, name, fingerprint } => {
            link.post(&format!("/keys/{ente}/{name}/accept"), &json!({ "fingerprint": fingerprint }))?;
            if json {
                println!("{}", json!({ "ente": ente, "name": name, "accepted": fingerprint }));
            } else {
                let told = format!(
                    "Ente {ente} makes pseudonyms with its key {name} of now: save its folders again, or replay them."
                );
                println!("{}", said(&told));
            }
            Ok(Outcome::Fine)
        }
    }
}
