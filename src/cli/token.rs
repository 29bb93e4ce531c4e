//! `token`: who may use the API, and for how long.

use std::path::Path;

use aws_lc_rs::{digest, rand};
use base64::Engine;
use clap::Subcommand;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Outcome;
use super::link::Link;
use super::show::table;
use super::speech::said;

/// API tokens.
#[derive(Subcommand)]
pub enum Token {
    /// Make one, kept in the ledger; it is shown once.
    Add {
        /// Who will use it.
        name: String,
        /// operator, reporting-officer, integrator, auditor or administrator.
        #[arg(long)]
        role: String,
        /// Only for this ente; may be given several times. All when left out.
        #[arg(long)]
        ente: Vec<String>,
        /// Only for this register; may be given several times. All when left out.
        #[arg(long)]
        register: Vec<String>,
        /// How many days it lives, 1100 at most.
        #[arg(long, default_value_t = 365)]
        days: u32,
    },
    /// Show all of the ledger.
    List,
    /// End one now.
    Revoke { name: String },
    /// Make one for the configuration, which keeps only its hash.
    New {
        /// Who will use it.
        name: String,
        /// The enti it may speak for; all when left out.
        #[arg(long)]
        ente: Vec<String>,
    },
}

/// `raccordo token`.
pub fn run(token: &Token, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    match token {
        Token::New { name, ente } => return for_configuration(name, ente, json),
        Token::List => return list(&Link::open(config)?, json),
        Token::Revoke { name } => {
            Link::open(config)?.post(&format!("/tokens/{name}/revoke"), &Value::Null)?;
        }
        Token::Add { name, role, ente, register, days } => {
            let body =
                json!({ "name": name, "role": role, "enti": ente, "registers": register, "days": days });
            let made = Link::open(config)?.post("/tokens", &body)?;
            if json {
                println!("{made}");
            } else {
                println!("{}", made["token"].as_str().unwrap_or_default());
                let end = day(&made["expires_at"]);
                eprintln!("{}", said(&format!("Shown only now; it ends on {end}.")));
            }
        }
    }
    Ok(Outcome::Fine)
}

fn list(link: &Link, json: bool) -> anyhow::Result<Outcome> {
    let answer = link.get("/tokens")?;
    if json {
        println!("{answer}");
        return Ok(Outcome::Fine);
    }
    let rows: Vec<Vec<String>> = answer["tokens"].as_array().into_iter().flatten().map(row).collect();
    table(&["token", "role", "enti", "registers", "ends", "last used", "state"], &rows);
    Ok(Outcome::Fine)
}

fn row(token: &Value) -> Vec<String> {
    let grant = &token["grants"][0];
    let all = |list: &Value| {
        let words: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if words.is_empty() { said("all") } else { words.join(" ") }
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let state = match (&token["revoked_at"], &token["counts"]) {
        (Value::Null, Value::Bool(true)) => "counts",
        (Value::Null, _) => "ended",
        _ => "revoked",
    };
    let (ends, used) = (day(&token["expires_at"]), day(&token["used_at"]));
    let (enti, registers) = (all(&grant["enti"]), all(&grant["registers"]));
    vec![text(&token["name"]), text(&grant["role"]), enti, registers, ends, used, said(state)]
}

/// The day of a moment in milliseconds.
fn day(at: &Value) -> String {
    let at = at.as_i64().and_then(|at| Timestamp::from_millisecond(at).ok());
    at.map_or_else(|| "–".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
}

fn for_configuration(name: &str, ente: &[String], json: bool) -> anyhow::Result<Outcome> {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes).map_err(|_| anyhow::anyhow!("the operating system gave no random bytes"))?;
    let secret = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let hash = digest::digest(&digest::SHA256, secret.as_bytes());
    let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    if json {
        println!("{}", json!({ "token": secret, "sha256": hash, "name": name, "enti": ente }));
    } else {
        println!("{secret}");
        eprintln!("Shown only now. In the configuration, under [api], add to `tokens`:");
        eprintln!("  {{ name = {name:?}, sha256 = \"{hash}\", enti = {ente:?} }}");
    }
    Ok(Outcome::Fine)
}
