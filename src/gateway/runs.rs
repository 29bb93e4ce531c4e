//! Bringing records up to date: a report for a period, a sync of one folder. The same act
//! with another selection. And its cancelling.

use std::sync::atomic::Ordering;

use super::Gateway;
use super::chain::{Note, append};
use super::duties::{Taken, is_off_duty};
use super::settings::Route;
use crate::audit::EventKind;
use crate::channel::trace;
use crate::exchange::{LedgerError, Order, Period, approve, withdraw};
use crate::ledger::books::RunOrder;
use crate::ledger::{Turn, Tx};

/// Records selected in one transaction.
const CHUNK: usize = 500;

/// What a run shall bring up to date.
#[derive(Clone, Debug)]
pub struct RunRequest {
    pub ente: String,
    pub flow: String,
    /// Everything that begins by the period's end; `None` is all.
    pub period: Option<Period>,
    /// Only this folder: a person waits for it.
    pub folder: Option<String>,
    /// The route, when it shall not be the ente's first to the register.
    pub route: Option<String>,
    pub actor: String,
}

/// A run that could not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("there is no flow `{0}`: `raccordo check` lists those that there are")]
    NoFlow(String),
    #[error("`{0}` is counted, not sent: `raccordo indicators` makes it")]
    Counted(String),
    #[error("ente `{ente}` has no route to the register `{register}`: add a [[route]] to the configuration")]
    NoRoute { ente: String, register: String },
    #[error("there is no folder `{0}` of this ente")]
    NoFolder(String),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Gateway {
    /// Starts a run and selects its records; what differs is queued when this returns.
    pub fn start_run(&self, request: &RunRequest) -> Result<i64, RunError> {
        let order = self.order_of(request)?;
        Ok(self.select_all(order, |_, _| Ok(()))?)
    }

    /// Why a flow of this name can't be run.
    pub(super) fn no_flow(&self, name: &str) -> RunError {
        let counted = self.catalog.is_aggregate(name);
        if counted { RunError::Counted(name.to_owned()) } else { RunError::NoFlow(name.to_owned()) }
    }

    /// What a request means by today's configuration.
    pub(super) fn order_of(&self, request: &RunRequest) -> Result<RunOrder, RunError> {
        let flow = self.catalog.find(&request.flow).ok_or_else(|| self.no_flow(&request.flow))?;
        let register = flow.register();
        let route = self.route_of(request, register)?;
        let folder = match &request.folder {
            None => None,
            Some(id) => {
                let row = self.books.folder(&request.ente, id)?;
                Some(row.ok_or_else(|| RunError::NoFolder(id.clone()))?.id)
            }
        };
        let settings = self.settings.register(register);
        let order = Order { route: route.id.clone(), interactive: folder.is_some() };
        Ok(RunOrder {
            ente: request.ente.clone(),
            register: register.to_owned(),
            flow: request.flow.clone(),
            period: request.period.map(|period| period.to_string()).unwrap_or_default(),
            until: request.period.map(|period| period.to.to_string()),
            folder,
            order,
            hold_above: settings.hold_cancels_above,
            actor: request.actor.clone(),
            now: self.clock.now_ms(),
        })
    }

    fn route_of(&self, request: &RunRequest, register: &str) -> Result<&Route, RunError> {
        let named = request.route.as_deref().map(|id| self.settings.route(id));
        let fits = |route: &&Route| route.leads_to(register) && route.enti.contains(&request.ente);
        let route = named.unwrap_or_else(|| self.settings.route_to(&request.ente, register)).filter(fits);
        route.ok_or_else(|| RunError::NoRoute { ente: request.ente.clone(), register: register.to_owned() })
    }

    /// Opens a run, with what else is to be noted of it, and selects its records.
    pub(super) fn select_all(
        &self,
        order: RunOrder,
        also: impl FnOnce(&mut Tx<'_>, i64) -> Result<(), LedgerError> + Send + 'static,
    ) -> Result<i64, LedgerError> {
        let at = self.clock.rfc3339();
        let turn = Turn::of(order.order.interactive);
        let traced = trace::current().unwrap_or_else(trace::begin).to_string();
        let plans = order.order.interactive || self.plans.load(Ordering::Relaxed);
        let (node, now) = (self.node.id().to_owned(), self.clock.now_ms());
        let unnamed = self.new_duty("run");
        // What a person waits for is opened and selected in one transaction.
        let (run, duty) = self.books.write_in(turn, move |tx| {
            let run = open_noted(tx, &order, &at)?;
            tx.put_run_trace(run, &traced)?;
            also(tx, run)?;
            let more = plans && tx.select_chunk(run, CHUNK, now)?;
            let duty = if more { unnamed.named(&duty_of(run)).take(tx, &node)? } else { None };
            Ok((run, duty))
        })?;
        self.ring();
        if let Some(duty) = duty {
            self.finish_selection(run, turn, &self.taken(duty))?;
        }
        Ok(run)
    }

    /// Selects what is left of a run; whoever has the run's duty alone does so.
    fn finish_selection(&self, run: i64, turn: Turn, taken: &Taken<'_>) -> Result<(), LedgerError> {
        let now = self.clock.now_ms();
        loop {
            let duty = taken.duty.clone();
            let more = self.books.write_in(turn, move |tx| {
                duty.check(tx)?;
                tx.select_chunk(run, CHUNK, now)
            });
            self.ring();
            if !more? {
                return Ok(());
            }
        }
    }

    /// Whether a run waits for someone to select its records. Asked often: it costs nothing where
    /// none does, however many runs there were.
    pub fn has_unfinished_runs(&self) -> Result<bool, LedgerError> {
        self.books.look(|tx| Ok(!tx.unfinished_runs()?.is_empty() || !tx.unfinished_replays()?.is_empty()))
    }

    /// Goes on with what a death interrupted, or what nobody has begun: selections, replays,
    /// cancellings. What another is at is left to it.
    pub fn resume_runs(&self) -> Result<(), LedgerError> {
        // Each on its own: one that can't go on must not keep the others from it.
        let mut ends = Vec::new();
        for run in self.books.look(|tx| tx.unfinished_runs())? {
            ends.push(self.alone_at(&duty_of(run), |taken| self.finish_selection(run, Turn::InLine, taken)));
        }
        for run in self.books.look(|tx| tx.unfinished_replays())? {
            ends.push(self.continue_replay(run));
        }
        for run in self.books.look(|tx| tx.unfinished_cancels())? {
            ends.push(self.finish_cancel(run));
        }
        ends.into_iter().collect()
    }

    /// Does what one at a time does of a run; nothing where another is at it, or has taken it over.
    pub(super) fn alone_at(
        &self,
        name: &str,
        act: impl FnOnce(&Taken<'_>) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let Some(taken) = self.on_act(name)? else { return Ok(()) };
        match act(&taken) {
            Err(error) if is_off_duty(&error) => Ok(()),
            end => end,
        }
    }

    /// Cancels a run: it selects nothing more, and what has not left and is wanted by no other run
    /// is withdrawn. What has left goes its way. Idempotent; false when it was cancelled before.
    pub fn cancel_run(&self, run: i64, actor: &str) -> Result<bool, LedgerError> {
        let (now, at, actor) = (self.clock.now_ms(), self.clock.rfc3339(), actor.to_owned());
        let first = self.books.write(move |tx| {
            let first = tx.begin_cancel(run, now)?;
            if first {
                append(tx, Note::new(at, &actor, EventKind::RunCancelled, format!("run {run}")))?;
            }
            Ok(first)
        })?;
        self.finish_cancel(run)?;
        Ok(first)
    }

    fn finish_cancel(&self, run: i64) -> Result<(), LedgerError> {
        self.alone_at(&format!("run/{run}/cancel"), |taken| {
            let (now, mut after) = (self.clock.now_ms(), 0);
            loop {
                let duty = taken.duty.clone();
                let withdrawn = self.books.write(move |tx| {
                    duty.check(tx)?;
                    withdraw(tx, run, after, CHUNK, now)
                })?;
                let Some(last) = withdrawn.last else { break };
                after = last;
            }
            self.books.write(move |tx| tx.end_cancel(run))
        })
    }

    /// Queues what a run held for a person's approval; returns how many records.
    pub fn approve_run(&self, run: i64, actor: &str) -> Result<u64, LedgerError> {
        let head = self.books.runs(Some(run), 1)?.pop();
        let head = head.ok_or_else(|| LedgerError::Missing(format!("run {run}")))?;
        if head.cancelled_at.is_some() {
            return Err(LedgerError::Refused(format!("run {run} was cancelled: start another")));
        }
        let order = Order { route: head.route, interactive: false };
        let (now, at, actor) = (self.clock.now_ms(), self.clock.rfc3339(), actor.to_owned());
        let approved = self.books.write(move |tx| {
            let approved = approve(tx, run, &order, now)?;
            let note = Note::new(at, &actor, EventKind::RunApproved, format!("run {run}"));
            append(tx, note.with("records", approved))?;
            Ok(approved)
        });
        self.ring();
        approved
    }
}

/// The duty of selecting a run's records.
pub(super) fn duty_of(run: i64) -> String {
    format!("run/{run}")
}

/// Opens a run and tells the audit chain.
pub(super) fn open_noted(tx: &mut Tx<'_>, order: &RunOrder, at: &str) -> Result<i64, LedgerError> {
    let run = tx.open_run(order)?;
    let note = Note::new(at.to_owned(), &order.actor, EventKind::RunStarted, format!("run {run}"));
    append(tx, note.with("flow", &order.flow).with("period", &order.period))?;
    Ok(run)
}
