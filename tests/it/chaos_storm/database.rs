//! A private PostgreSQL of one test, by `tests/postgres`; stopped when this value goes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub struct Database {
    place: PathBuf,
}

impl Database {
    /// A fresh one.
    pub fn own(name: &str) -> Self {
        let database =
            Self { place: Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("postgres-{name}")) };
        database.control(&["wipe"]);
        database
    }

    /// A verb of `tests/postgres`, with what follows the directory.
    pub fn control(&self, words: &[&str]) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres");
        // No pipes: the server would inherit them, and they would never end.
        let mut command = Command::new(script);
        command.arg(words[0]).arg(&self.place).args(&words[1..]);
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(status.unwrap().success(), "tests/postgres {words:?} failed");
    }

    /// Its address, without the password.
    pub fn url(&self) -> String {
        self.file("url")
    }

    pub fn password(&self) -> String {
        self.file("password")
    }

    /// Its address as `psql` reads it.
    pub fn whole_url(&self) -> String {
        self.url().replacen('@', &format!(":{}@", self.password()), 1)
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.place.join(name)).unwrap().trim().to_owned()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.control(&["stop"]);
    }
}
