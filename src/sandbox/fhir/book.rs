//! The simulated server's own book: what it holds, what took effect, what it noticed. A file of
//! JSON lines, one for each transaction, synced before it counts, so that it outlives any death.
//! On disk it has ids, tags and hashes only; whole resources live in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::token::{Hashed, Token, Wanted, hashed_tag};
use crate::sandbox::clock::rfc3339;

/// Whether a tag of this system names the operation that wrote a resource.
pub(super) fn is_operation(system: &str) -> bool {
    system.rsplit(['/', ':']).next() == Some("operazione")
}

/// A resource as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub resource_type: String,
    pub id: String,
    pub version: u64,
    pub updated_ms: i64,
    /// System and code.
    pub tags: Vec<(String, String)>,
    pub(super) identifiers: Vec<Hashed>,
    /// Hash of the resource without version and time.
    pub(super) content: String,
    pub deleted: bool,
}

impl Held {
    /// `Type/id`.
    pub fn place(&self) -> String {
        format!("{}/{}", self.resource_type, self.id)
    }

    /// Everything that it can be found by.
    pub(super) fn names(&self) -> Vec<Hashed> {
        self.identifiers.iter().cloned().chain(self.tags.iter().map(hashed_tag)).collect()
    }

    fn operations(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().filter(|(system, _)| is_operation(system)).map(|(_, code)| code.as_str())
    }
}

/// What one transaction changes.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Commit {
    pub changes: Vec<Held>,
    /// The operations that changed something, once each.
    pub operations: BTreeSet<String>,
    /// Conditional creates of persons that were there: operation and place.
    pub known: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
enum Line {
    Commit(Commit),
    Anomaly(String),
}

/// The book, in memory and on disk.
#[derive(Default)]
pub struct Book {
    journal: Option<File>,
    held: BTreeMap<String, Held>,
    bodies: HashMap<String, Value>,
    /// Type and hash of an identifier's value or a tag's code → ids.
    index: HashMap<(String, String), BTreeSet<String>>,
    effects: BTreeMap<String, u32>,
    /// Record → the youngest generation that took effect.
    latest: HashMap<String, u64>,
    known: BTreeMap<String, String>,
    anomalies: Vec<String>,
    given: u64,
    commits: u64,
}

impl Book {
    /// A book in memory, or one kept at `path` and read again from there.
    pub fn open(path: Option<&Path>) -> std::io::Result<Self> {
        let mut book = Self::default();
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

    /// Makes a transaction's changes, all or none; `bodies` by place.
    pub(super) fn commit(&mut self, commit: Commit, bodies: Vec<(String, Value)>) -> std::io::Result<()> {
        if commit.changes.is_empty() && commit.known.is_empty() {
            return Ok(());
        }
        self.write(Line::Commit(commit))?;
        self.bodies.extend(bodies);
        Ok(())
    }

    /// Notes what no sender should ever do.
    pub fn anomaly(&mut self, what: String) -> std::io::Result<()> {
        self.write(Line::Anomaly(what))
    }

    fn write(&mut self, line: Line) -> std::io::Result<()> {
        if let Some(journal) = &mut self.journal {
            let text = serde_json::to_string(&line)? + "\n";
            journal.write_all(text.as_bytes())?;
            journal.sync_data()?;
        }
        self.take(line);
        Ok(())
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Anomaly(anomaly) => self.anomalies.push(anomaly),
            Line::Commit(commit) => {
                self.commits += 1;
                self.known.extend(commit.known);
                commit.operations.iter().for_each(|operation| self.effect(operation));
                commit.changes.into_iter().for_each(|held| self.put(held));
            }
        }
    }

    /// An operation changed something.
    fn effect(&mut self, operation: &str) {
        let times = self.effects.entry(operation.to_owned()).or_default();
        *times += 1;
        if *times > 1 {
            self.anomalies.push(format!("double effect: operation {operation} changed something again"));
        }
        let Some((record, generation)) = generation(operation) else { return };
        let latest = self.latest.entry(record.to_owned()).or_default();
        if generation < *latest {
            self.anomalies.push(format!("operation {operation} came after generation {latest}"));
        }
        *latest = generation.max(*latest);
    }

    fn put(&mut self, held: Held) {
        let place = held.place();
        if let Some(before) = self.held.get(&place) {
            for (_, value) in before.names() {
                let key = (held.resource_type.clone(), value);
                self.index.entry(key).and_modify(|ids| _ = ids.remove(&held.id));
            }
        }
        self.given = self.given.max(held.id.parse().unwrap_or(0));
        if held.deleted {
            self.bodies.remove(&place);
        } else {
            for (_, value) in held.names() {
                let key = (held.resource_type.clone(), value);
                self.index.entry(key).or_default().insert(held.id.clone());
            }
            for (system, value) in &held.identifiers {
                let token = Token { system: Some(system.clone()), value: value.clone() };
                let others = self.find(&held.resource_type, &token).into_iter().filter(|id| *id != held.id);
                if let Some(other) = others.filter(|id| self.stands(&held.resource_type, id)).min() {
                    self.anomalies.push(format!("duplicate: {place} has an identifier of {other}"));
                }
            }
        }
        self.held.insert(place, held);
    }

    fn stands(&self, resource_type: &str, id: &str) -> bool {
        self.held.get(&format!("{resource_type}/{id}")).is_some_and(|held| !held.deleted)
    }

    /// Ids of the resources of a type that carry an identifier or tag.
    pub(super) fn find(&self, resource_type: &str, token: &Token) -> Vec<String> {
        let ids = self.index.get(&(resource_type.to_owned(), token.value.clone()));
        let is = |id: &&String| {
            let held = self.held.get(&format!("{resource_type}/{id}"));
            held.is_none_or(|held| held.names().iter().any(|name| token.is(name)))
        };
        ids.map(|ids| ids.iter().filter(is).cloned().collect()).unwrap_or_default()
    }

    /// The resources of a type that a search finds, at most `limit`, and how many there are.
    pub(super) fn search(&self, resource_type: &str, wanted: &Wanted, limit: usize) -> (usize, Vec<&Held>) {
        let is = |held: &&Held| {
            let tokens = |tokens: &Vec<Token>| {
                tokens.iter().any(|token| held.names().iter().any(|name| token.is(name)))
            };
            wanted.names.iter().all(tokens) && wanted.ids.iter().all(|id| *id == held.id)
        };
        let found: Vec<_> = match wanted.names.first() {
            Some(tokens) => {
                let ids: BTreeSet<_> =
                    tokens.iter().flat_map(|token| self.find(resource_type, token)).collect();
                ids.iter().filter_map(|id| self.entry(resource_type, id)).filter(is).collect()
            }
            None => self.standing().filter(|held| held.resource_type == resource_type).filter(is).collect(),
        };
        (found.len(), found.into_iter().take(limit).collect())
    }

    /// A resource by type and id, also one that was deleted.
    pub(super) fn entry(&self, resource_type: &str, id: &str) -> Option<&Held> {
        self.held.get(&format!("{resource_type}/{id}"))
    }

    /// A resource as it is given out. After a restart only what the book has on disk is left.
    pub(super) fn body(&self, held: &Held) -> Value {
        let bare = || json!({ "resourceType": held.resource_type });
        let mut body = self.bodies.get(&held.place()).cloned().unwrap_or_else(bare);
        let tags: Vec<_> =
            held.tags.iter().map(|(system, code)| json!({ "system": system, "code": code })).collect();
        body["id"] = json!(held.id);
        body["meta"]["versionId"] = json!(held.version.to_string());
        body["meta"]["lastUpdated"] = json!(rfc3339(held.updated_ms));
        if !tags.is_empty() {
            body["meta"]["tag"] = json!(tags);
        }
        body
    }

    /// The last id that was given.
    pub(super) fn given(&self) -> u64 {
        self.given
    }

    /// Everything that stands.
    pub fn standing(&self) -> impl Iterator<Item = &Held> {
        self.held.values().filter(|held| !held.deleted)
    }

    /// The operations whose work stands today, sorted: of each resource the youngest.
    pub fn held(&self) -> Vec<String> {
        let youngest = |held: &Held| {
            let key = |operation: &&str| generation(operation).map_or(0, |(_, generation)| generation);
            held.operations().max_by_key(key).map(str::to_owned)
        };
        let mut operations: Vec<_> = self.standing().filter_map(youngest).collect();
        operations.sort();
        operations.dedup();
        operations
    }

    /// Whether an operation's work stands, or found the person that it would have created.
    pub fn holds(&self, operation: &str) -> bool {
        self.standing().any(|held| held.operations().any(|other| other == operation)) || self.finds(operation)
    }

    fn finds(&self, operation: &str) -> bool {
        let place = self.known.get(operation);
        place.and_then(|place| self.held.get(place)).is_some_and(|held| !held.deleted)
    }

    /// How many resources of a type carry an identifier, `system|value`.
    pub fn count(&self, resource_type: &str, identifier: &str) -> usize {
        self.find(resource_type, &Token::parse(identifier)).len()
    }

    /// How often an operation changed something.
    pub fn effects(&self, operation: &str) -> u32 {
        self.effects.get(operation).copied().unwrap_or(0)
    }

    /// Transactions that changed something.
    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// What no sender should ever do, as noticed.
    pub fn anomalies(&self) -> &[String] {
        &self.anomalies
    }

    /// Differences between this book and the sender's, by operation: what only one side says is
    /// held. A person that was there before counts as held for whoever found it.
    pub fn compare(&self, ours: &[String]) -> Vec<String> {
        let theirs = self.held();
        let only_ours = ours
            .iter()
            .filter(|operation| theirs.binary_search(operation).is_err() && !self.finds(operation));
        let known: std::collections::HashSet<&String> = ours.iter().collect();
        let only_theirs = theirs.iter().filter(|operation| !known.contains(operation));
        let ours = only_ours.map(|operation| format!("{operation} is held by the ente's book only"));
        ours.chain(only_theirs.map(|operation| format!("{operation} is held by the server's book only")))
            .collect()
    }
}

/// Record and generation of an operation's id, `record.generation`.
fn generation(operation: &str) -> Option<(&str, u64)> {
    let (record, generation) = operation.rsplit_once('.')?;
    Some((record, generation.parse().ok()?))
}
