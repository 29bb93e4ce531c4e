//! The command line: exit 0 fine, 1 findings, 2 could not try; and what it says.

mod adopt;
mod beside;
mod disk;
mod doctor;
mod example;
mod flows;
mod notify;
mod shell;
mod stay;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// What a command came to.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    /// Asserts the exit code.
    #[track_caller]
    pub fn exit(self, code: i32) -> Self {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        self
    }

    /// Asserts that it could not try and says why.
    #[track_caller]
    pub fn refused(self, why: &str) {
        let said = self.exit(2);
        assert!(said.err.starts_with("raccordo: ") && said.err.contains(why), "{}", said.err);
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {}{}", self.out, self.err))
    }
}

/// The command, in a directory of its own, with nothing of this process's environment.
pub fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_raccordo"));
    command.current_dir(dir).env_clear().stdin(Stdio::null());
    command
}

pub fn said(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs it in `dir`, with `raccordo.toml` where there is one.
pub fn raccordo(dir: &Path, arguments: &[&str]) -> Said {
    let mut command = command(dir);
    if dir.join("raccordo.toml").exists() {
        command.args(["--config", "raccordo.toml"]);
    }
    said(command.args(arguments).output().expect("the command starts"))
}

/// Folders as NDJSON in a file of `dir`.
pub fn write_lines(dir: &Path, name: &str, folders: &[Value]) {
    let text: String = folders.iter().map(|folder| format!("{folder}\n")).collect();
    std::fs::write(dir.join(name), text).unwrap();
}
