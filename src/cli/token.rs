//! `token new`: a random API token and the line that lets it in.

use aws_lc_rs::{digest, rand};
use base64::Engine;
use clap::Subcommand;

use super::Outcome;

/// API tokens.
#[derive(Subcommand)]
pub enum Token {
    /// Make one; the configuration keeps only its hash.
    New {
        /// Who will use it.
        name: String,
        /// The enti it may speak for; all when left out.
        #[arg(long)]
        ente: Vec<String>,
    },
}

/// `raccordo token new`.
pub fn run(token: &Token, json: bool) -> anyhow::Result<Outcome> {
    let Token::New { name, ente } = token;
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes).map_err(|_| anyhow::anyhow!("the operating system gave no random bytes"))?;
    let secret = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let hash = digest::digest(&digest::SHA256, secret.as_bytes());
    let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    if json {
        println!("{}", serde_json::json!({ "token": secret, "sha256": hash, "name": name, "enti": ente }));
    } else {
        println!("{secret}");
        eprintln!("Shown only now. In the configuration, under [api], add to `tokens`:");
        eprintln!("  {{ name = {name:?}, sha256 = \"{hash}\", enti = {ente:?} }}");
    }
    Ok(Outcome::Fine)
}
