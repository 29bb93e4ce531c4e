//! Replay: stored folders through today's mapping. First what it would change, with nothing
//! written; then only what changed is sent, by a run that a death does not stop.
//!
//! The mapping is the one of every save, and so are the books: a dry run foresees what
//! [`crate::exchange::reconcile`] would do, a start lets it do so.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::Ordering;

use serde_json::Value;

use super::chain::{Note, append};
use super::prepare::Ready;
use super::runs::{RunError, duty_of};
use super::save::keep;
use super::{Gateway, RunRequest};
use crate::audit::EventKind;
use crate::exchange::{Change, Hash, Ledger, LedgerError, Order, Period, Place, Record, foresee, select};
use crate::flow::{Flow, Powers};
use crate::ledger::Tx;
use crate::ledger::books::{ReplayHead, ReplayScope, STATES};

/// Folders replayed in one transaction.
const CHUNK: usize = 50;

/// Which stored records are mapped again.
#[derive(Clone, Debug)]
pub struct ReplayRequest {
    /// Of these enti; those without a route to the flow's register are passed over.
    pub enti: Vec<String>,
    /// A flow's id or family: records that any version of it made, by today's version.
    pub flow: String,
    /// Records that touch it.
    pub period: Option<Period>,
    /// Records of which a finding of this rule speaks.
    pub rule: Option<String>,
    /// Records that stand so.
    pub state: Option<String>,
    /// Records whose newest operation has a receipt with this code.
    pub code: Option<String>,
    /// Records of these folders.
    pub folders: Vec<String>,
    /// Send also what did not change, and what was refused just so.
    pub also_unchanged: bool,
    /// The route, when it shall not be the ente's first to the register.
    pub route: Option<String>,
    pub actor: String,
}

/// A replay that could not start.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("`{0}` is no state: one of {states}", states = STATES.join(", "))]
    NoState(String),
    #[error("no version of `{0}` is in force today: nothing can be mapped by it")]
    NotInForce(String),
    #[error("`{0}` is the version in force: name another one")]
    SameVersion(String),
    #[error(transparent)]
    Run(#[from] RunError),
}

impl From<LedgerError> for ReplayError {
    fn from(error: LedgerError) -> Self {
        Self::Run(RunError::Ledger(error))
    }
}

/// Records by what a replay means for them.
pub(super) type Counts = BTreeMap<String, u64>;

/// Its own words first, each of them also where it counts nothing.
pub(super) fn no_counts() -> Counts {
    Change::ALL.iter().map(|change| (change.word().to_owned(), 0)).collect()
}

pub(super) fn count(counts: &mut Counts, word: &str) {
    *counts.entry(word.to_owned()).or_default() += 1;
}

impl Gateway {
    /// Today's version of a request's flow, and per ente what is selected of its records.
    pub(super) fn scopes(&self, request: &ReplayRequest) -> Result<(&Flow, Vec<ReplayScope>), ReplayError> {
        if let Some(state) = request.state.as_deref().filter(|state| !STATES.contains(state)) {
            return Err(ReplayError::NoState(state.to_owned()));
        }
        let family = self.catalog.find(&request.flow).map_or(request.flow.as_str(), Flow::family);
        if !self.catalog.flows().iter().any(|flow| flow.family() == family) {
            return Err(self.no_flow(&request.flow).into());
        }
        let flow = self.catalog.named(family, self.clock.today());
        let flow = flow.ok_or_else(|| ReplayError::NotInForce(family.to_owned()))?;
        let register = flow.register().to_owned();
        let scope = |ente: &String| ReplayScope {
            ente: ente.clone(),
            register: register.clone(),
            flow: Some(family.to_owned()),
            days: request.period.map(|period| (period.from.to_string(), period.to.to_string())),
            rule: request.rule.clone(),
            state: request.state.clone(),
            code: request.code.clone(),
            folders: request.folders.clone(),
            also_unchanged: request.also_unchanged,
        };
        let served = request.enti.iter().filter(|ente| self.settings.serves(ente, &register));
        let scopes: Vec<_> = served.map(scope).collect();
        match (scopes.is_empty(), request.enti.first()) {
            (true, ente) => {
                let ente = ente.cloned().unwrap_or_default();
                Err(RunError::NoRoute { ente, register }.into())
            }
            (false, _) => Ok((flow, scopes)),
        }
    }

    /// Starts a replay: a run per ente that sends what today's mapping changed; returns their numbers.
    pub fn start_replay(&self, request: &ReplayRequest) -> Result<Vec<i64>, ReplayError> {
        let (flow, scopes) = self.scopes(request)?;
        let mut runs = Vec::with_capacity(scopes.len());
        for scope in scopes {
            let run = RunRequest {
                ente: scope.ente.clone(),
                flow: flow.id().to_owned(),
                period: request.period,
                folder: None,
                route: request.route.clone(),
                actor: request.actor.clone(),
            };
            let (order, at) = (self.order_of(&run)?, self.clock.rfc3339());
            runs.push(self.books.write(move |tx| {
                let run = tx.open_replay(&order, &scope)?;
                let note = Note::new(at, &order.actor, EventKind::ReplayRequested, format!("run {run}"));
                append(tx, note.with("flow", &order.flow).with("period", &order.period))?;
                Ok(run)
            })?);
        }
        if self.plans.load(Ordering::Relaxed) {
            for run in &runs {
                self.continue_replay(*run)?;
            }
        }
        Ok(runs)
    }

    /// Goes on with a replay until all its folders are done, or it is cancelled.
    pub(super) fn continue_replay(&self, run: i64) -> Result<(), LedgerError> {
        self.alone_at(&duty_of(run), |taken| {
            while let Some(head) = self.books.replay(run)? {
                match taken.duty.during(|| self.replay_chunk(run, head)) {
                    // A folder was saved meanwhile, or a cancel moved the run: look again.
                    Err(LedgerError::Refused(why)) if why.starts_with("overtaken") => {}
                    other => other?,
                }
            }
            Ok(())
        })
    }

    fn replay_chunk(&self, run: i64, head: ReplayHead) -> Result<(), LedgerError> {
        let rows = self.books.folders_to_replay(&head.scope, head.cursor, CHUNK)?;
        let more = rows.len() == CHUNK;
        let last = rows.last().map_or(head.cursor, |row| row.id);
        let mut counts: Counts = serde_json::from_str(&head.changes).unwrap_or_default();
        let mut folders = Vec::with_capacity(rows.len());
        for row in rows {
            // An erased folder, or one of an ente that is no longer configured, stops no other.
            match self.open_folder(&row).and_then(|folder| self.ready(&folder)) {
                Ok(ready) => folders.push((row.id, row.content, ready)),
                Err(_) => count(&mut counts, "unreadable"),
            }
        }
        let order = Order { route: head.route.clone(), interactive: false };
        let (now, at) = (self.clock.now_ms(), self.clock.rfc3339());
        self.write_on_duty(move |tx| {
            let act = Act { run, head: &head, order: &order, now, at: &at };
            let mut selected = 0;
            for (id, content, ready) in folders {
                selected += act.folder(tx, id, content, ready, &mut counts)?;
            }
            let changes = Value::from_iter(counts).to_string();
            tx.advance_replay(run, (head.cursor, last), selected, more, &changes)
        })
    }
}

/// One transaction of a replay.
struct Act<'a> {
    run: i64,
    head: &'a ReplayHead,
    order: &'a Order,
    now: i64,
    at: &'a str,
}

impl Act<'_> {
    /// Saves what today's mapping makes of a folder and selects what it changed; returns how many.
    fn folder(
        &self,
        tx: &mut Tx<'_>,
        id: i64,
        content: Hash,
        ready: Ready,
        counts: &mut Counts,
    ) -> Result<u64, LedgerError> {
        if tx.folder(&ready.row.ente, &ready.row.folder_id)?.map(|stored| stored.content) != Some(content) {
            return Err(LedgerError::Refused("overtaken: a newer save came first".into()));
        }
        let scope = &self.head.scope;
        let Some(set) = ready.set_of(&self.head.flow) else { return Ok(0) };
        let known = tx.records_of_folder(id, &scope.register)?;
        let chosen = Chosen::of(scope, tx.records_to_replay(scope, id)?, &known);
        let place = place(scope, &self.head.flow, id, ready.powers_of(&self.head.flow));
        let foreseen = foresee(known.clone(), place, set);
        let moves = foreseen.iter().filter(|(before, after)| chosen.has(before.as_ref(), after)).any(
            |(before, after)| {
                let change = Change::between(before.as_ref(), after);
                !matches!(change, Change::Unchanged | Change::StillRefused)
            },
        );
        if moves {
            keep(tx, ready, self.now, self.at, &self.head.actor)?;
        }
        let mut selected = 0;
        for after in tx.records_of_folder(id, &scope.register)? {
            let before = known.iter().find(|before| before.id == after.id);
            if chosen.has(before, &after) {
                let change = Change::between(before, &after);
                count(counts, change.word());
                selected += u64::from(self.send(tx, change, after)?);
            }
        }
        Ok(selected)
    }

    /// Selects a record into the run, if it is to be sent.
    fn send(&self, tx: &mut Tx<'_>, change: Change, mut record: Record) -> Result<bool, LedgerError> {
        let again = self.head.scope.also_unchanged;
        let sent = change.is_sent() || again && matches!(change, Change::Unchanged | Change::StillRefused);
        if !sent {
            return Ok(false);
        }
        if change == Change::StillRefused && record.current.is_none() {
            // A person asked for it: as `try_again`, for every refusal that was chosen.
            record.refused = None;
            tx.put_record(&record)?;
        }
        Ok(select(tx, self.run, record.id, self.order, true, self.now)?.is_some())
    }
}

/// The records of one folder that a replay speaks of.
pub(super) struct Chosen {
    ids: HashSet<i64>,
    /// New records are spoken of when they come from the same part of the folder.
    sources: HashSet<String>,
    whole: bool,
}

impl Chosen {
    pub(super) fn of(scope: &ReplayScope, ids: Vec<i64>, known: &[Record]) -> Self {
        let ids: HashSet<i64> = ids.into_iter().collect();
        let sources = known.iter().filter(|record| ids.contains(&record.id));
        Self {
            sources: sources.map(|record| record.source.clone()).collect(),
            ids,
            whole: scope.of_whole_folders(),
        }
    }

    pub(super) fn has(&self, before: Option<&Record>, after: &Record) -> bool {
        match before {
            Some(before) => self.ids.contains(&before.id),
            None => self.whole || self.sources.contains(&after.source),
        }
    }
}

pub(super) const fn place<'a>(
    scope: &'a ReplayScope,
    flow: &'a str,
    folder: i64,
    powers: Powers,
) -> Place<'a> {
    Place { ente: scope.ente.as_str(), register: scope.register.as_str(), flow, folder, powers }
}
