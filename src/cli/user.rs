//! `user`: who may sign in to the console.

use std::io::{BufRead, IsTerminal};
use std::path::Path;

use anyhow::{Context, bail};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Subcommand;
use serde_json::{Value, json};

use super::Outcome;
use super::link::Link;
use super::show::table;
use super::speech::said;

/// Accounts of the console.
#[derive(Subcommand)]
pub enum User {
    /// Make an account; its password is read from standard input, or made and shown once.
    Add {
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
    },
    /// Show all accounts.
    List,
    /// Give an account another password, read from standard input, or made and shown once.
    Password { name: String },
    /// Let an account sign in no more.
    Disable { name: String },
    /// Let a disabled account sign in again.
    Enable { name: String },
}

/// `raccordo user`.
pub fn run(user: &User, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let link = Link::open(config)?;
    match user {
        User::List => return list(&link, json),
        User::Add { name, role, ente, register } => {
            let (password, made) = password()?;
            let body = json!({
                "name": name, "password": password, "role": role, "enti": ente, "registers": register,
            });
            link.post("/accounts", &body)?;
            tell(name, made.then_some(&password), json);
        }
        User::Password { name } => {
            let (password, made) = password()?;
            link.post(&format!("/accounts/{name}"), &json!({ "password": password }))?;
            tell(name, made.then_some(&password), json);
        }
        User::Disable { name } => {
            link.post(&format!("/accounts/{name}"), &json!({ "disabled": true }))?;
            if json {
                println!("{}", json!({ "name": name, "disabled": true }));
            }
        }
        User::Enable { name } => {
            link.post(&format!("/accounts/{name}"), &json!({ "disabled": false }))?;
            if json {
                println!("{}", json!({ "name": name, "disabled": false }));
            }
        }
    }
    Ok(Outcome::Fine)
}

/// A password from standard input, or a new one where a person sits there.
fn password() -> anyhow::Result<(String, bool)> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        let mut line = String::new();
        input.lock().read_line(&mut line).context("the password could not be read")?;
        let line = line.trim_end_matches(['\n', '\r']).to_owned();
        if !line.is_empty() {
            return Ok((line, false));
        }
    }
    Ok((new_password()?, true))
}

/// A password that nobody has thought of: 120 random bits.
pub(super) fn new_password() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 15];
    if rand::fill(&mut bytes).is_err() {
        bail!("the operating system gave no random bytes");
    }
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn tell(name: &str, made: Option<&String>, as_json: bool) {
    match made {
        _ if as_json => println!("{}", json!({ "name": name, "password": made })),
        Some(password) => println!("{}", said(&format!("password, shown only now: {password}"))),
        None => {}
    }
}

fn list(link: &Link, json: bool) -> anyhow::Result<Outcome> {
    let answer = link.get("/accounts")?;
    if json {
        println!("{answer}");
        return Ok(Outcome::Fine);
    }
    let rows: Vec<Vec<String>> = answer["accounts"].as_array().into_iter().flatten().map(row).collect();
    table(&["account", "role", "enti", "registers", "state"], &rows);
    Ok(Outcome::Fine)
}

fn row(account: &Value) -> Vec<String> {
    let grant = &account["grants"][0];
    let all = |list: &Value| {
        let words: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if words.is_empty() { said("all") } else { words.join(" ") }
    };
    let state = if account["disabled"] == true { said("disabled") } else { said("active") };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    vec![text(&account["name"]), text(&grant["role"]), all(&grant["enti"]), all(&grant["registers"]), state]
}
