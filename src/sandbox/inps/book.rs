//! INPS's book: what it acquired, what it holds, what it noticed. A file of JSON lines, each
//! synced before it counts, so that it outlives any death.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Esito;

/// One flow as INPS acquired it. Hashes and names only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acquired {
    pub name: String,
    pub ts_flusso: String,
    pub timestamp_ms: i64,
    /// Hash of the bytes as served.
    pub bytes: String,
    pub esito: Esito,
    pub why: Option<String>,
    pub cancel: bool,
    /// It takes the place of what is held under its key: SINBA knows no other correction.
    #[serde(default)]
    pub resend: bool,
    pub key: String,
    pub content: String,
}

#[derive(Serialize, Deserialize)]
enum Line {
    Acquired(Acquired),
    Posted(String),
    Since(i64),
    Anomaly(String),
}

/// The book, in memory and on disk.
#[derive(Default)]
pub struct Book {
    journal: Option<File>,
    acquired: BTreeMap<String, Acquired>,
    /// Names whose esito was not yet taken by the ente, in order.
    pub(super) unposted: Vec<String>,
    /// What is held: key → (name of the insert, content).
    held: BTreeMap<String, (String, String)>,
    since: i64,
    anomalies: Vec<String>,
    match_by_content: bool,
}

impl Book {
    /// A book in memory, or one kept at `path` and read again from there.
    pub fn open(path: Option<&Path>, match_by_content: bool) -> std::io::Result<Self> {
        let mut book = Self { match_by_content, ..Self::default() };
        let Some(path) = path else { return Ok(book) };
        if path.exists() {
            for line in BufReader::new(File::open(path)?).lines() {
                // A line torn by a death was never acted upon.
                if let Ok(line) = serde_json::from_str(&line?) {
                    book.take(line);
                }
            }
        }
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(b"\n")?;
        book.journal = Some(file);
        Ok(book)
    }

    fn write(&mut self, lines: Vec<Line>) -> std::io::Result<()> {
        if let Some(journal) = &mut self.journal {
            let mut text = String::new();
            for line in &lines {
                text.push_str(&serde_json::to_string(line)?);
                text.push('\n');
            }
            journal.write_all(text.as_bytes())?;
            journal.sync_data()?;
        }
        lines.into_iter().for_each(|line| self.take(line));
        Ok(())
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Acquired(acquired) => self.apply(acquired),
            Line::Posted(name) => self.unposted.retain(|other| *other != name),
            Line::Since(since) => self.since = since,
            Line::Anomaly(anomaly) => self.anomalies.push(anomaly),
        }
    }

    fn apply(&mut self, acquired: Acquired) {
        if acquired.esito == Esito::Ok {
            let (key, name) = (acquired.key.clone(), acquired.name.clone());
            if acquired.cancel {
                let doomed = self.matching(&key, &acquired.content);
                self.held.retain(|held, _| !doomed.contains(held));
            } else if let Some((other, content)) = self.held.insert(key, (name, acquired.content.clone()))
                && !(acquired.resend && content != acquired.content)
            {
                self.anomalies
                    .push(format!("double effect: {} inserted while {other} is held", acquired.name));
            }
        }
        self.unposted.push(acquired.name.clone());
        self.acquired.insert(acquired.name.clone(), acquired);
    }

    /// The keys that a cancel would remove.
    pub fn matching(&self, key: &str, content: &str) -> Vec<String> {
        let hit = |(held, (_, has)): &(&String, &(String, String))| {
            if self.match_by_content { has == content } else { *held == key }
        };
        self.held.iter().filter(hit).map(|(held, _)| held.clone()).collect()
    }

    /// Acquires the flows of a page, all in one sync, and moves `since`.
    pub fn acquire(&mut self, flows: Vec<Acquired>, since: i64) -> std::io::Result<()> {
        let mut lines: Vec<_> = flows.into_iter().map(Line::Acquired).collect();
        lines.push(Line::Since(since));
        self.write(lines)
    }

    /// The ente took these esiti.
    pub fn posted(&mut self, names: Vec<String>) -> std::io::Result<()> {
        self.write(names.into_iter().map(Line::Posted).collect())
    }

    /// Notes what no ente should ever do.
    pub fn anomaly(&mut self, what: String) -> std::io::Result<()> {
        self.write(vec![Line::Anomaly(what)])
    }

    /// A flow that was acquired before.
    pub fn known(&self, name: &str) -> Option<&Acquired> {
        self.acquired.get(name)
    }

    /// `ts_flusso` of the last flow acquired with success, ms.
    pub fn since(&self) -> i64 {
        self.since
    }

    /// Names of the inserts that are held today, sorted.
    pub fn held(&self) -> Vec<String> {
        let mut names: Vec<_> = self.held.values().map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    }

    /// Everything that was acquired, by name.
    pub fn acquired(&self) -> impl Iterator<Item = &Acquired> {
        self.acquired.values()
    }

    /// What no ente should ever do, as noticed.
    pub fn anomalies(&self) -> &[String] {
        &self.anomalies
    }

    /// Differences between this book and the ente's: what only one side says is held.
    pub fn compare(&self, ours: &[String]) -> Vec<String> {
        let theirs = self.held();
        let mut ours = ours.to_vec();
        ours.sort();
        let only = |list: &[String], other: &[String], who: &str| -> Vec<String> {
            let missing = list.iter().filter(|name| other.binary_search(name).is_err());
            missing.map(|name| format!("{name} is held by {who} only")).collect()
        };
        [only(&ours, &theirs, "the ente's book"), only(&theirs, &ours, "INPS's book")].concat()
    }
}
