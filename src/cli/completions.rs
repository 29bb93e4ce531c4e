//! `completions`: what a shell needs to complete commands, options and their words.

use std::io::Write;

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::{Shell, generate};

use super::{Cli, Outcome};

/// Completions of a shell, on standard output.
#[derive(Args)]
#[command(after_help = "Examples:
  raccordo completions bash > /usr/share/bash-completion/completions/raccordo
  raccordo completions zsh > /usr/local/share/zsh/site-functions/_raccordo
  raccordo completions fish > ~/.config/fish/completions/raccordo.fish")]
pub struct Completions {
    #[arg(value_enum)]
    shell: Of,
}

/// The shells for which they are made.
#[derive(Clone, Copy, ValueEnum)]
enum Of {
    Bash,
    Zsh,
    Fish,
}

/// `raccordo completions`.
pub fn run(completions: &Completions) -> anyhow::Result<Outcome> {
    let shell = match completions.shell {
        Of::Bash => Shell::Bash,
        Of::Zsh => Shell::Zsh,
        Of::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "raccordo", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(Outcome::Fine)
}
