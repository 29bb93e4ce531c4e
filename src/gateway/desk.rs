//! The gateway behind an offered route: pages for the recipient, receipts from it, and
//! a person's decisions where the recipient leaves an outcome unknown.

use std::sync::Arc;

use super::Gateway;
use super::chain::{Note, append};
use super::containers::Unbuilt;
use super::keeping::sealed;
use super::spans::{Span, way_of};
use crate::audit::EventKind;
use crate::channel::offer::{OfferDesk, Served, Soon};
use crate::exchange::{
    Decision, Ledger, LedgerError, Millis, OfferPolicy, Offered, Page, Poll, Receipt, Record, Settled, State,
    Suspension, decide, let_go_on, overdue, park, poll, resume, sequence, set_aside, settle, suspend,
    try_again,
};
use crate::flow::{Catalog, Container};
use crate::ledger::{Tx, failpoint};
use crate::personal::Personal;

/// A `since` further ahead than this is beyond reason.
const SINCE_TOLERANCE_MS: Millis = 86_400_000;
/// More than any recipient can have been given in the gap of a lost ledger.
const PROGRESSIVE_JUMP: u32 = 100_000;
const DAY_MS: Millis = 86_400_000;

impl OfferDesk for Arc<Gateway> {
    fn page(&self, route: &str, since: Millis, limit: usize) -> Soon<'_, Result<Vec<Served>, LedgerError>> {
        let (gateway, route) = (Self::clone(self), route.to_owned());
        Box::pin(async move {
            let task = tokio::task::spawn_blocking(move || gateway.serve_page(&route, since, limit));
            task.await.unwrap_or_else(|_| Err(LedgerError::Corrupt("serving panicked; see the log".into())))
        })
    }

    fn settle(&self, route: &str, receipts: Vec<Receipt>) -> Soon<'_, Result<Vec<Settled>, LedgerError>> {
        let (gateway, route) = (Self::clone(self), route.to_owned());
        Box::pin(async move { gateway.take_receipts(route, receipts).await })
    }

    fn healthy(&self) -> bool {
        self.books.folder_count().is_ok()
    }
}

impl Gateway {
    /// Answers a poll: identifiers and timestamps are on disk before a byte leaves.
    fn serve_page(&self, route: &str, since: Millis, limit: usize) -> Result<Vec<Served>, LedgerError> {
        let settings =
            self.settings.route(route).ok_or_else(|| LedgerError::Missing(format!("route {route}")))?;
        let catalog = Arc::clone(&self.catalog);
        let (now, day, taken_over) = (self.clock.now_ms(), self.clock.day(), settings.taken_over);
        let (id, at) = (route.to_owned(), self.clock.rfc3339());
        let of_register = |register| settings.enti.iter().map(move |ente| sequence(register, ente));
        let sequences: Vec<_> = settings.registers().flat_map(of_register).collect();
        let page = self.books.write(move |tx| {
            let name =
                |record: &Record, day: &str, number: u32| container_name(&catalog, record, day, number);
            let policy = OfferPolicy {
                name: &name,
                since_tolerance: SINCE_TOLERANCE_MS,
                sequences: &sequences,
                progressive_jump: PROGRESSIVE_JUMP,
                taken_over,
            };
            let page = poll(tx, Poll { route: &id, since, limit, now, day: &day }, &policy)?;
            note_page(tx, &id, &page, at)?;
            Ok(page)
        })?;
        if page.found_behind {
            tracing::error!(
                route,
                since,
                "the recipient knows a timestamp this ledger never gave: route suspended"
            );
        }
        let mut served = Vec::with_capacity(page.flows.len());
        for offered in &page.flows {
            match self.served(offered) {
                Ok(flow) => served.push(flow),
                // This one alone is at fault: its neighbours are served.
                Err(Unbuilt::Unfit { code, .. }) => self.set_aside(offered, &code)?,
                Err(Unbuilt::NotConfigured(code)) => self.set_aside(offered, code)?,
                // The recipient asks again.
                Err(Unbuilt::Failed(error)) => return Err(error),
            }
        }
        failpoint::pass("offer.before-answer");
        Ok(served)
    }

    /// Builds the bytes of one offered container.
    fn served(&self, offered: &Offered) -> Result<Served, Unbuilt> {
        let submission = &offered.submission;
        let operations = std::slice::from_ref(&offered.operation);
        let built = self.build(Container::Single, &submission.name, operations)?;
        Ok(Served {
            ente: built.ente.code.clone(),
            ente_name: built.ente.name.clone(),
            name: submission.name.clone(),
            kind: built.flow.container_kind().to_owned(),
            timestamp: submission.timestamp,
            bytes: built.bytes,
        })
    }

    /// Parks the one operation that cannot be served: it may have been served before, so a person
    /// must look whether the register holds it.
    fn set_aside(&self, offered: &Offered, code: &str) -> Result<(), LedgerError> {
        let (id, submission) = (offered.operation.id, offered.submission.name.clone());
        tracing::error!(operation = id, submission, code, "an offered container cannot be built: parked");
        let (now, at, code) = (self.clock.now_ms(), self.clock.rfc3339(), code.to_owned());
        let route = offered.submission.route.clone();
        self.books.write(move |tx| {
            let operation = tx.operation(id)?;
            // A receipt may have come meanwhile.
            if operation.state != State::Waiting {
                return Ok(());
            }
            park(tx, operation, now, "its container cannot be built")?;
            let note = Note::new(at, &route, EventKind::OperationParked, format!("operation {id}"));
            append(tx, note.with("submission", submission).with("code", code))
        })
    }

    async fn take_receipts(
        &self,
        route: String,
        mut receipts: Vec<Receipt>,
    ) -> Result<Vec<Settled>, LedgerError> {
        for receipt in &mut receipts {
            self.close_text(receipt)?;
        }
        let (now, at) = (self.clock.now_ms(), self.clock.rfc3339());
        let (from, traced) = (route.clone(), self.is_traced());
        let settled = self
            .books
            .write_async(move |tx| {
                let (mut settled, mut over) = (Vec::with_capacity(receipts.len()), Vec::new());
                for receipt in &receipts {
                    // Before it is settled: then no run waits for it any more.
                    let way = if traced { way_of(tx, &route, &receipt.name)? } else { None };
                    let outcome = settle(tx, &route, receipt, now)?;
                    over.extend(way.filter(|_| matches!(outcome, Settled::Moved(_))));
                    let what = if outcome == Settled::Foreign {
                        EventKind::ReceiptUnmatched
                    } else {
                        EventKind::ReceiptStored
                    };
                    let note = Note::new(at.clone(), &route, what, receipt.name.clone());
                    append(tx, note.with("code", &receipt.code).with("what", outcome.word()))?;
                    settled.push(outcome);
                }
                Ok((settled, over))
            })
            .await;
        failpoint::pass("receipts.before-answer");
        let (settled, over) = settled?;
        settled.iter().for_each(|outcome| self.watch.meters.received(&from, outcome.counted()));
        over.into_iter().for_each(|span| self.span(Span { ended: now, ..span }));
        Ok(settled)
    }

    /// Seals a receipt's free text under the folder it speaks of: a recipient may write a name
    /// into it. The text of a receipt that fits nothing is not kept.
    pub(super) fn close_text(&self, receipt: &mut Receipt) -> Result<(), LedgerError> {
        let text = receipt.text.take().map(Personal::new);
        receipt.text = self.sealed_text(&receipt.name, text)?;
        Ok(())
    }

    /// A recipient's free text on a container, sealed under the folder that it speaks of.
    pub(super) fn sealed_text(
        &self,
        submission: &str,
        text: Option<Personal<impl AsRef<[u8]>>>,
    ) -> Result<Option<Vec<u8>>, LedgerError> {
        let Some(text) = text else { return Ok(None) };
        let wrapped = self.books.key_of_submission(submission)?;
        // Of who was erased nothing more is kept.
        let Some(wrapped) = wrapped.filter(|wrapped| !wrapped.is_empty()) else { return Ok(None) };
        let key = self.subject_key(&wrapped)?;
        let closed = self.sealer.seal(&key, &text_place(submission), text.expose().as_ref());
        closed.map(Some).map_err(sealed)
    }

    /// Opens a receipt's sealed text.
    pub fn open_text(&self, submission: &str, closed: &[u8]) -> Result<Personal<Vec<u8>>, LedgerError> {
        let wrapped = self.books.key_of_submission(submission)?;
        let wrapped = wrapped.ok_or_else(|| LedgerError::Missing("the receipt's folder".into()))?;
        let key = self.subject_key(&wrapped)?;
        self.sealer.open(&key, &text_place(submission), closed).map_err(sealed)
    }

    /// A person says what the register holds of an uncertain or parked operation.
    pub fn decide(&self, operation: i64, decision: Decision, actor: &str) -> Result<State, LedgerError> {
        let (now, at, actor) = (self.clock.now_ms(), self.clock.rfc3339(), actor.to_owned());
        let decided = self.books.write(move |tx| {
            let state = decide(tx, operation, decision, now)?;
            let note = Note::new(at, &actor, EventKind::OperationDecided, format!("operation {operation}"));
            append(tx, note.with("decision", format!("{decision:?}")))?;
            Ok(state)
        });
        self.ring();
        decided
    }

    /// A person lets a refused operation be tried again by the next run or sync.
    pub fn try_again(&self, operation: i64, actor: &str) -> Result<(), LedgerError> {
        let (at, actor) = (self.clock.rfc3339(), actor.to_owned());
        self.books.write(move |tx| {
            try_again(tx, operation)?;
            let note = Note::new(at, &actor, EventKind::OperationDecided, format!("operation {operation}"));
            append(tx, note.with("decision", "try-again"))
        })
    }

    /// A person stops an operation before it leaves.
    pub fn park(&self, operation: i64, actor: &str) -> Result<(), LedgerError> {
        let (now, at, actor) = (self.clock.now_ms(), self.clock.rfc3339(), actor.to_owned());
        self.books.write(move |tx| {
            set_aside(tx, operation, now)?;
            append(tx, Note::new(at, &actor, EventKind::OperationParked, format!("operation {operation}")))
        })
    }

    /// A parked operation that never left goes on.
    pub fn unpark(&self, operation: i64, actor: &str) -> Result<State, LedgerError> {
        let (now, at, actor) = (self.clock.now_ms(), self.clock.rfc3339(), actor.to_owned());
        let state = self.books.write(move |tx| {
            let state = let_go_on(tx, operation, now)?;
            let note = Note::new(at, &actor, EventKind::OperationDecided, format!("operation {operation}"));
            append(tx, note.with("decision", "unpark"))?;
            Ok(state)
        });
        self.ring();
        state
    }

    /// Lets a suspended route go on, once a person has looked.
    pub fn resume_route(&self, route: &str, actor: &str) -> Result<(), LedgerError> {
        self.known_route(route)?;
        let (route, at, actor) = (route.to_owned(), self.clock.rfc3339(), actor.to_owned());
        self.books.write(move |tx| {
            resume(tx, &route)?;
            append(tx, Note::new(at, &actor, EventKind::CursorJumped, route).with("resumed", true))
        })
    }

    /// Stops a route; its open operations stay where they are.
    pub fn suspend_route(&self, route: &str, actor: &str) -> Result<(), LedgerError> {
        self.known_route(route)?;
        let (route, now, at) = (route.to_owned(), self.clock.now_ms(), self.clock.rfc3339());
        let actor = actor.to_owned();
        self.books.write(move |tx| {
            let mut state = tx.route(&route)?;
            if state.suspended.is_none() {
                suspend(tx, &mut state, Suspension::ByPerson, now)?;
            }
            append(tx, Note::new(at, &actor, EventKind::CursorJumped, route).with("suspended", true))
        })
    }

    /// The ledger would make a row for any name.
    fn known_route(&self, route: &str) -> Result<(), LedgerError> {
        let known = self.settings.route(route);
        known.map(drop).ok_or_else(|| LedgerError::Missing(format!("route {route}")))
    }

    /// Puts what was offered too long ago into a person's hands; returns how many.
    pub fn mark_overdue(&self) -> Result<u64, LedgerError> {
        let mut late = 0;
        let now = self.clock.now_ms();
        for route in &self.settings.route {
            let days = self.settings.register(&route.register).overdue_days;
            let (id, before) = (route.id.clone(), now - Millis::from(days) * DAY_MS);
            let at = self.clock.rfc3339();
            late += self.write_on_duty(move |tx| {
                let count = overdue(tx, &id, before, now)?;
                if count > 0 {
                    let note = Note::new(at, "calendar", EventKind::ReceiptOverdue, id);
                    append(tx, note.with("operations", count))?;
                }
                Ok(count)
            })?;
        }
        Ok(late)
    }
}

fn note_page(tx: &Tx<'_>, route: &str, page: &Page, at: String) -> Result<(), LedgerError> {
    if page.found_behind {
        return append(tx, Note::new(at, route, EventKind::CursorJumped, route));
    }
    if page.flows.is_empty() {
        return Ok(());
    }
    let note = Note::new(at, route, EventKind::SubmissionServed, route).with("count", page.flows.len());
    let mut names = page.flows.iter().map(|flow| flow.submission.name.as_str());
    append(tx, note.with("first", names.next().unwrap_or("")).with("last", names.next_back().unwrap_or("")))
}

/// A container's name, as the flow of its record writes it.
pub(super) fn container_name(catalog: &Catalog, record: &Record, day: &str, number: u32) -> String {
    match catalog.find(&record.flow) {
        Some(flow) => {
            let group = record.group.as_deref().unwrap_or_default();
            flow.container_name(&record.ente, group, day, number)
        }
        None => format!("{}.{day}.{number:07}", record.ente),
    }
}

/// The day `AAAAMMGG` that a container's name carries: the container says the same day whenever
/// it is built again.
pub(super) fn date_in(name: &str) -> Option<jiff::civil::Date> {
    let day =
        name.split('.').find(|part| part.len() == 8 && part.bytes().all(|byte| byte.is_ascii_digit()))?;
    jiff::civil::Date::strptime("%Y%m%d", day).ok()
}

fn text_place(submission: &str) -> Vec<u8> {
    crate::seal::place("receipt", submission)
}
