//! `man`: a manual page for each command, out of the same words as `--help`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::builder::{Resettable, StyledStr};
use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;

use super::{Cli, Outcome};

/// Manual pages, into a directory.
#[derive(Args)]
#[command(after_help = "Examples:
  raccordo man /usr/local/share/man/man1
  raccordo man pages && man -l pages/raccordo-report.1")]
pub struct Manual {
    /// Made where it is missing; a file for each command.
    directory: PathBuf,
}

/// What holds for every command, in the page of `raccordo`.
const COMMON: &str = ".SH \"EXIT STATUS\"
.TP
\\fB0\\fR
Fine.
.TP
\\fB1\\fR
It worked, and found something that a person should mend: findings, refusals, a balance that waits for somebody.
.TP
\\fB2\\fR
It could not try: wrong arguments, an unreadable configuration, a gateway that does not answer. Standard error says why.
.SH ENVIRONMENT
.TP
\\fBRACCORDO_CONFIG\\fR, \\fBRACCORDO_FLOWS\\fR
Stand for \\fB\\-\\-config\\fR and \\fB\\-\\-flows\\fR.
.TP
\\fBRACCORDO__SECTION__KEY\\fR
Lies over a key of the configuration, e.g. \\fBRACCORDO__API__LISTEN\\fR.
.TP
\\fBLC_ALL\\fR, \\fBLC_MESSAGES\\fR, \\fBLANG\\fR
Italian where the locale is Italian, else English; \\fB\\-\\-lang\\fR goes before them.
.TP
\\fBCOLUMNS\\fR
The width to which tables are cut; else that of the terminal. Into a pipe they are not cut.
.TP
\\fBNO_COLOR\\fR
Nothing is coloured.
.SH FILES
.TP
\\fI/etc/raccordo/raccordo.toml\\fR
The configuration, as the packages place it.
.TP
\\fI/var/lib/raccordo\\fR
Ledger, key file and local socket (\\fBdata\\fR in the configuration).
";

/// `raccordo man`.
pub fn run(manual: &Manual) -> anyhow::Result<Outcome> {
    let directory = &manual.directory;
    fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    let mut command = Cli::command().disable_help_subcommand(true);
    // Names in full, options of all commands in each.
    command.build();
    write(&command, "raccordo", directory)?;
    Ok(Outcome::Fine)
}

fn write(command: &Command, name: &str, directory: &Path) -> anyhow::Result<()> {
    let path = directory.join(format!("{name}.1"));
    fs::write(&path, page(command, name)?).with_context(|| path.display().to_string())?;
    for below in command.get_subcommands() {
        write(below, &format!("{name}-{}", below.get_name()), directory)?;
    }
    Ok(())
}

fn page(command: &Command, name: &str) -> std::io::Result<Vec<u8>> {
    let examples = command.get_after_help().map(StyledStr::to_string).unwrap_or_default();
    let bare = command.clone().after_help(Resettable::Reset);
    let man = Man::new(bare);
    let mut text = Vec::new();
    man.render(&mut text)?;
    let examples = examples.split("\n\nExit status:").next().unwrap_or_default();
    if let Some(examples) = examples.strip_prefix("Examples:\n") {
        write!(text, ".SH EXAMPLES\n.nf\n{}\n.fi\n", literal(examples))?;
    }
    if name == "raccordo" {
        text.write_all(COMMON.as_bytes())?;
    }
    Ok(text)
}

/// Text that roff prints as it stands.
fn literal(text: &str) -> String {
    let line = |line: &str| {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
