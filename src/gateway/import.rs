//! NDJSON import: one folder a line, one result a line; a broken line stops nothing.
//!
//! A feeder reads lines, workers read, map and seal, the ledger's writer groups their
//! commits. Results come in the order of the lines, each only once its folder is on disk.
//! Which ids an import has brought is in the ledger, so that an import has no size in memory,
//! and may come in several requests.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use aws_lc_rs::rand;

use super::save::Unless;
use super::{Gateway, SaveError, Saved};
use crate::exchange::LedgerError;
use crate::flow::explain::{Explanation, Reader};
use crate::folder::FolderSchema;
use crate::ledger::Ticket;

/// Lines in the air at once in each queue.
const WINDOW: usize = 256;

/// What became of one line.
#[derive(Debug, Serialize)]
pub struct LineResult {
    /// 1-based.
    pub line: u64,
    /// `saved`, `saved_with_findings`, `invalid`, `older`, `duplicate` or `failed`.
    pub outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Explanation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Counts of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportSummary {
    pub lines: u64,
    pub saved: u64,
    pub with_findings: u64,
    pub not_saved: u64,
    pub records: u64,
    pub withheld: u64,
}

/// A line on its way: refused already, or handed to the ledger.
enum Pending {
    Refused(LineResult),
    Saving(String, Ticket<Saved>),
}

/// A line for the workers.
struct Job {
    /// Its place among the lines that are not blank, from 0.
    place: u64,
    number: u64,
    line: Vec<u8>,
}

/// The ids of the lines at work, no more than there are workers, and the place of the line whose
/// turn it is.
#[derive(Default)]
struct AtWork {
    ids: Mutex<(HashSet<Id>, u64)>,
    moved: Condvar,
}

/// A folder's ente and id.
type Id = (String, String);

impl AtWork {
    fn wait(&self, ready: impl Fn(&(HashSet<Id>, u64)) -> bool) -> MutexGuard<'_, (HashSet<Id>, u64)> {
        let held = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = self.moved.wait_while(held, |now| !ready(now));
        mine.unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line's turn to take up its id. Workers read in any order; of two lines with one id the first
/// in the file must reach the ledger first. Dropping it, even in a panic, passes the turn on.
struct Turn<'w> {
    at_work: &'w AtWork,
    place: u64,
}

impl<'w> Turn<'w> {
    /// Waits until no earlier line with this id is at work, then is at work itself.
    fn take(self, id: Id) -> Taken<'w> {
        let at_work = self.at_work;
        at_work.wait(|(ids, next)| *next == self.place && !ids.contains(&id)).0.insert(id.clone());
        Taken { at_work, id }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.at_work.wait(|(_, next)| *next == self.place).1 += 1;
        self.at_work.moved.notify_all();
    }
}

/// An id at work until its save stands in the ledger's line, or was given up.
struct Taken<'w> {
    at_work: &'w AtWork,
    id: Id,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.at_work.wait(|_| true).0.remove(&self.id);
        self.at_work.moved.notify_all();
    }
}

/// A mark for a new import, for all its requests: random, so that no other import has it.
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn new_import() -> std::io::Result<String> {
    let mut bytes = [0_u8; 16];
    rand::fill(&mut bytes).map_err(|_| std::io::Error::other("no random bytes"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Which import it is, and who brings it.
#[derive(Clone, Copy)]
struct By<'a> {
    import: &'a str,
    actor: &'a str,
    /// Whether they may save folders of an ente.
    may: &'a (dyn Fn(&str) -> bool + Sync),
}

impl Gateway {
    /// Imports folders from `lines`; `each` hears every result, in order. `import` marks what belongs
    /// together ([`new_import`]): of the lines that bring one id, the first that is saved stands.
    ///
    /// # Errors
    /// Only when `lines` can't be read further; what was answered so far is on disk.
    pub fn import(
        &self,
        lines: impl BufRead + Send,
        import: &str,
        actor: &str,
        each: impl FnMut(&LineResult),
    ) -> std::io::Result<ImportSummary> {
        self.import_where(lines, import, actor, &|_| true, each)
    }

    /// As [`Gateway::import`]; lines of enti where `may` says no are refused one by one.
    pub fn import_where(
        &self,
        lines: impl BufRead + Send,
        import: &str,
        actor: &str,
        may: &(dyn Fn(&str) -> bool + Sync),
        mut each: impl FnMut(&LineResult),
    ) -> std::io::Result<ImportSummary> {
        let (work, jobs) = sync_channel(WINDOW);
        let (finished, results) = sync_channel(WINDOW);
        let (jobs, at_work) = (Mutex::new(jobs), AtWork::default());
        let by = By { import, actor, may };
        let limit = self.settings.folder_limit_bytes as u64;
        std::thread::scope(|scope| {
            let feeder = scope.spawn(move || feed(lines, limit, &work));
            for _ in 0..self.workers() {
                let (finished, jobs, at_work) = (finished.clone(), &jobs, &at_work);
                scope.spawn(move || self.work(jobs, at_work, by, &finished));
            }
            drop(finished);
            let summary = collect(&results, &self.folders, &mut each);
            feeder.join().unwrap_or_else(|_| Err(std::io::Error::other("the feeder panicked")))?;
            Ok(summary)
        })
    }

    fn workers(&self) -> usize {
        match self.settings.import_workers {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            count => count,
        }
    }

    fn work(
        &self,
        jobs: &Mutex<Receiver<Job>>,
        at_work: &AtWork,
        by: By<'_>,
        finished: &SyncSender<(u64, Pending)>,
    ) {
        loop {
            let job = jobs.lock().ok().and_then(|jobs| jobs.recv().ok());
            let Some(Job { place, number, line }) = job else { return };
            let turn = Turn { at_work, place };
            if finished.send((number, self.take_line(number, &line, turn, by))).is_err() {
                return;
            }
        }
    }

    fn take_line(&self, number: u64, line: &[u8], turn: Turn<'_>, by: By<'_>) -> Pending {
        let folder = match self.read_folder(line) {
            Ok(folder) => folder,
            Err(error) => return Pending::Refused(self.refusal(number, line, error)),
        };
        let id = folder.id.clone();
        if !(by.may)(&folder.ente) {
            let why = "The right to save folders was given for other enti only.".to_owned();
            return Pending::Refused(result(number, "forbidden", Some(id), Some(why)));
        }
        let _taken = turn.take((folder.ente.clone(), id.clone()));
        match self.submit(&folder, by.actor, Unless::Imported(by.import.to_owned())) {
            Ok(ticket) => Pending::Saving(id, ticket),
            Err(error) => Pending::Refused(failure(number, id, &error)),
        }
    }
}

/// Reads lines within the limit; a longer one is skipped to its end and refused by its length.
fn feed(mut lines: impl BufRead, limit: u64, work: &SyncSender<Job>) -> std::io::Result<()> {
    let (mut number, mut place) = (0, 0);
    loop {
        let mut line = Vec::new();
        // Two more bytes than allowed are kept, so that the reader of the folder sees that it is too large.
        let read = (&mut lines).take(limit + 2).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        number += 1;
        if !line.ends_with(b"\n") && read as u64 == limit + 2 {
            lines.skip_until(b'\n')?;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            number -= u64::from(line.is_empty());
            continue;
        }
        if work.send(Job { place, number, line }).is_err() {
            return Ok(());
        }
        place += 1;
    }
}

/// Brings the results back into the order of the lines and waits for each commit.
fn collect(
    results: &Receiver<(u64, Pending)>,
    folders: &FolderSchema,
    each: &mut impl FnMut(&LineResult),
) -> ImportSummary {
    let mut summary = ImportSummary::default();
    let mut early = BTreeMap::new();
    let mut last = 0;
    for (number, pending) in results {
        early.insert(number, pending);
        // Blank lines have numbers and no results: what is ready goes out once it cannot be overtaken.
        while let Some(entry) = early.first_entry() {
            if *entry.key() > last + 1 && early.len() < WINDOW {
                break;
            }
            if let Some((number, pending)) = early.pop_first() {
                last = number;
                conclude(number, pending, folders, &mut summary, each);
            }
        }
    }
    for (number, pending) in early {
        conclude(number, pending, folders, &mut summary, each);
    }
    summary
}

fn conclude(
    number: u64,
    pending: Pending,
    folders: &FolderSchema,
    summary: &mut ImportSummary,
    each: &mut impl FnMut(&LineResult),
) {
    let line = match pending {
        Pending::Refused(line) => line,
        Pending::Saving(id, ticket) => match ticket.wait() {
            Ok(saved) => saved_line(number, id, saved, folders, summary),
            Err(LedgerError::Refused(why)) if why.starts_with("older") => {
                result(number, "older", Some(id), Some(why))
            }
            Err(LedgerError::Refused(why)) if why.starts_with("duplicate") => {
                result(number, "duplicate", Some(id), Some(why))
            }
            Err(error) => failure(number, id, &error),
        },
    };
    summary.lines += 1;
    summary.not_saved += u64::from(!line.outcome.starts_with("saved"));
    each(&line);
}

fn saved_line(
    number: u64,
    id: String,
    saved: Saved,
    folders: &FolderSchema,
    summary: &mut ImportSummary,
) -> LineResult {
    summary.saved += 1;
    summary.records += saved.records as u64;
    summary.withheld += saved.withheld as u64;
    summary.with_findings += u64::from(!saved.findings.is_empty());
    let outcome = if saved.findings.is_empty() { "saved" } else { "saved_with_findings" };
    let reader = Reader::new(folders, None);
    let findings = saved.findings.into_iter();
    let findings = findings.map(|row| reader.finding(row.finding).with_value(row.seen)).collect();
    LineResult { findings, ..result(number, outcome, Some(id), None) }
}

impl Gateway {
    /// A line that is no valid folder, with what is wrong where.
    fn refusal(&self, number: u64, line: &[u8], error: SaveError) -> LineResult {
        match error {
            SaveError::Invalid(_) => {
                let findings = self.told(error, line);
                LineResult { findings, ..result(number, "invalid", None, None) }
            }
            SaveError::Older(why) => result(number, "older", None, Some(why)),
            SaveError::Overtaken => result(number, "failed", None, Some(error.to_string())),
            SaveError::Ledger(error) => result(number, "failed", None, Some(error.to_string())),
        }
    }

    /// The findings of a folder that was not saved, on what was sent.
    pub fn told(&self, error: SaveError, sent: &[u8]) -> Vec<Explanation> {
        let SaveError::Invalid(findings) = error else { return Vec::new() };
        let body = serde_json::from_slice(sent).ok();
        let reader = Reader::new(&self.folders, body.as_ref());
        findings.into_iter().map(|finding| reader.finding(finding)).collect()
    }
}

fn failure(number: u64, id: String, error: &LedgerError) -> LineResult {
    result(number, "failed", Some(id), Some(error.to_string()))
}

fn result(line: u64, outcome: &'static str, id: Option<String>, why: Option<String>) -> LineResult {
    LineResult { line, outcome, id, findings: Vec::new(), why }
}
