//! Asking a register about one person: the question is stored before it leaves, consent is
//! judged right before, and every outcome has its name.

use std::sync::Arc;

use super::Gateway;
use super::chain::{Note, append};
use super::clock::in_rome;
use super::settings::{Push, Route};
use crate::audit::EventKind;
use crate::channel::inquiry::{Inquirer, Question};
use crate::exchange::{InquiryState, LedgerError, Millis, Rate};
use crate::flow::{Came, InboundFlow};
use crate::folder::Folder;
use crate::folder::finding::Finding;
use crate::ledger::books::{InquiryRow, NewInquiry};
use crate::ledger::{FolderRow, Tx};

/// Why a route rests when its day's questions are spent.
pub(super) const BUDGET: &str = "daily-budget";

/// Who shall be asked about whom.
#[derive(Clone, Debug)]
pub struct InquiryRequest {
    pub ente: String,
    /// The CSI product's id of the folder.
    pub folder: String,
    pub register: String,
    pub actor: String,
}

/// A question that is not asked.
#[derive(Debug, thiserror::Error)]
pub enum InquiryError {
    #[error("no flow asks a register `{0}` about persons")]
    NoFlow(String),
    #[error(
        "ente `{ente}` has no route by which the register `{register}` is asked: add a [[route]] of the \
         channel `inquiry` to the configuration"
    )]
    NoRoute { ente: String, register: String },
    #[error("there is no folder `{0}` of this ente")]
    NoFolder(String),
    /// Consent or identifier are missing; the findings say which.
    #[error("the person may not be asked about")]
    Withheld(Vec<Finding>),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What a worker did on its route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worked {
    /// A question moved on.
    Done,
    /// None is due.
    Idle,
    /// The register wants no question before.
    Wait(Millis),
}

/// What came of looking for a question.
enum Place {
    Taken(Box<InquiryRow>),
    None,
    Wait(Millis),
}

/// Claims the next question, if the route's pace allows one.
fn claim(
    tx: &Tx<'_>,
    route: &str,
    rate: Option<Rate>,
    (now, until): (Millis, Millis),
    token: &str,
) -> Result<Place, LedgerError> {
    let mut turnstile = None;
    if let Some(rate) = rate {
        let mut at = tx.turnstile(route)?;
        if let Err(next) = rate.admit(&mut at, true, now.saturating_mul(1_000)) {
            return Ok(Place::Wait(next.div_euclid(1_000) + 1));
        }
        turnstile = Some(at);
    }
    let Some(row) = tx.claim_inquiry(route, now, until, token)? else { return Ok(Place::None) };
    if let Some(at) = turnstile {
        tx.put_turnstile(route, &at)?;
    }
    Ok(Place::Taken(Box::new(row)))
}

/// A claimed question and what it is asked with.
pub(super) struct Claimed {
    pub row: InquiryRow,
    pub token: String,
}

/// What a claimed question came to before it left.
enum Ready {
    Ask(Box<Question>, String),
    End(InquiryState, Vec<Finding>),
}

impl Gateway {
    /// Stores a question about a person who may be asked about; a worker asks it. Returns its
    /// number, or that of the question that is open already.
    pub fn start_inquiry(&self, request: &InquiryRequest) -> Result<i64, InquiryError> {
        let (register, ente) = (&request.register, &request.ente);
        let flow = self.asking_flow(register).ok_or_else(|| InquiryError::NoFlow(register.clone()))?;
        let route = self.settings.inquiry_to(ente, register);
        let route =
            route.ok_or_else(|| InquiryError::NoRoute { ente: ente.clone(), register: register.clone() })?;
        let row = self.books.folder(ente, &request.folder)?;
        let row = row.ok_or_else(|| InquiryError::NoFolder(request.folder.clone()))?;
        if let Err(heard) = flow.may_ask(&self.open_folder(&row)?, self.clock.today()) {
            let note = Note::new(
                self.clock.rfc3339(),
                &request.actor,
                EventKind::InquiryWithheld,
                format!("folder {}", row.id),
            );
            let note = note.with("register", register).with("why", state_of(heard.came).word());
            self.books.write(move |tx| append(tx, note))?;
            return Err(InquiryError::Withheld(heard.findings));
        }
        let new = self.new_inquiry(&row, route, flow, &request.actor, true);
        let (id, _) = self.books.write(move |tx| tx.open_inquiry(&new))?;
        self.inquiry_bell.notify_one();
        Ok(id)
    }

    pub(super) fn asking_flow(&self, register: &str) -> Option<&InboundFlow> {
        self.catalog.inbound_from(register, self.clock.today())
    }

    pub(super) fn new_inquiry(
        &self,
        row: &FolderRow,
        route: &Route,
        flow: &InboundFlow,
        actor: &str,
        interactive: bool,
    ) -> NewInquiry {
        NewInquiry {
            folder: row.id,
            ente: row.ente.clone(),
            register: flow.register().to_owned(),
            route: route.id.clone(),
            flow: flow.id().to_owned(),
            actor: actor.to_owned(),
            interactive,
            now: self.clock.now_ms(),
        }
    }

    /// Works on the next due question of a route, if there is one.
    pub async fn ask_one(
        self: &Arc<Self>,
        route: &Route,
        push: &Push,
        inquirer: &dyn Inquirer,
    ) -> Result<Worked, LedgerError> {
        let (id, now) = (route.id.clone(), self.clock.now_ms());
        let token = self.node.token();
        let (mine, until) = (token.clone(), now + push.lease());
        let rate = Rate::per_second(push.rate_per_s);
        let claimed = self.books.write_async(move |tx| claim(tx, &id, rate, (now, until), &mine)).await?;
        let row = match claimed {
            Place::Taken(row) => *row,
            Place::None => return Ok(Worked::Idle),
            Place::Wait(until) => return Ok(Worked::Wait(until)),
        };
        let claimed = Arc::new(Claimed { row, token });
        let (gateway, of) = (Arc::clone(self), Arc::clone(&claimed));
        let (question, flow) = match off(move || gateway.question(&of.row)).await? {
            Ready::Ask(question, flow) => (question, flow),
            Ready::End(state, findings) => {
                self.end_without_answer(claimed, state, "", findings).await?;
                return Ok(Worked::Done);
            }
        };
        if !self.leaves(&claimed, route, flow).await? {
            return Ok(Worked::Done);
        }
        let reply = inquirer.ask(&question, self.clock.now_ms()).await;
        self.replied(claimed, route, push, reply).await?;
        Ok(Worked::Done)
    }

    /// The question of a row, if the person may still be asked about.
    fn question(&self, row: &InquiryRow) -> Result<Ready, LedgerError> {
        let folder = self.folder_of(row)?.1;
        let Some(flow) = self.asking_flow(&row.register) else {
            return Ok(Ready::End(InquiryState::GivenUp, Vec::new()));
        };
        Ok(match flow.may_ask(&folder, self.clock.today()) {
            Ok(codice_fiscale) => {
                let question = Question { name: format!("inquiry {}", row.id), codice_fiscale };
                Ready::Ask(Box::new(question), flow.id().to_owned())
            }
            Err(heard) => Ready::End(state_of(heard.came), heard.findings),
        })
    }

    pub(super) fn folder_of(&self, row: &InquiryRow) -> Result<(FolderRow, Folder), LedgerError> {
        let stored = self.books.folder(&row.ente, &row.folder_id)?;
        let stored = stored.ok_or_else(|| LedgerError::Missing(format!("folder {}", row.folder_id)))?;
        let folder = self.open_folder(&stored)?;
        Ok((stored, folder))
    }

    /// Counts and notes a question that leaves now; false if the day's budget is spent, or the
    /// question is another's.
    async fn leaves(&self, claimed: &Claimed, route: &Route, flow: String) -> Result<bool, LedgerError> {
        let (row, token) = (claimed.row.clone(), claimed.token.clone());
        let (route, budget) = (route.id.clone(), route.inquiry.daily_budget);
        let (now, at, today) = (self.clock.now_ms(), self.clock.rfc3339(), self.clock.today().to_string());
        let tomorrow = midnight_after(now);
        self.books
            .write_async(move |tx| {
                if !tx.hold_inquiry(row.id, &token)? {
                    return Ok(false);
                }
                if !tx.count_question(row.id, &route, &today, budget, &flow, now)? {
                    tx.rest_route(&route, tomorrow, BUDGET)?;
                    tx.postpone_inquiry(row.id, tomorrow, BUDGET)?;
                    return Ok(false);
                }
                let subject = format!("folder {}", row.folder);
                let note = Note::new(at, &row.actor, EventKind::InquiryAsked, subject);
                let note = note.with("inquiry", row.id).with("register", &row.register);
                append(tx, note.with("flow", &flow).with("route", &route).with("attempt", row.attempt + 1))?;
                Ok(true)
            })
            .await
    }
}

/// Runs blocking work away from the threads that must not wait.
pub(super) async fn off<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, LedgerError> {
    let task = tokio::task::spawn_blocking(act).await;
    task.unwrap_or_else(|_| Err(LedgerError::Corrupt("an inquiry panicked; see the log".into())))
}

/// The end that an answer, or its absence, brings to a question.
pub(super) const fn state_of(came: Came) -> InquiryState {
    match came {
        Came::Data => InquiryState::Answered,
        Came::Nothing => InquiryState::NothingKnown,
        Came::Limit => InquiryState::Retrying,
        Came::NoConsent => InquiryState::NoConsent,
        Came::NoIdentifier => InquiryState::NoIdentifier,
        Came::OtherPerson => InquiryState::OtherPerson,
        Came::Unreadable => InquiryState::Unreadable,
    }
}

/// The next midnight in Rome.
fn midnight_after(now: Millis) -> Millis {
    let civil = in_rome(now);
    let next = civil.date().tomorrow().ok().and_then(|day| day.to_zoned(civil.time_zone().clone()).ok());
    next.map_or(now + 86_400_000, |next| next.timestamp().as_millisecond())
}
