//! What a register said of a person, taken in: proposals, findings and the end of the question
//! are stored in one transaction, over the folder as it was read, or read again.

use std::sync::Arc;

use super::Gateway;
use super::chain::{Note, append};
use super::inquiry::{Claimed, off, state_of};
use super::keeping::sealed;
use super::proposals::proposal_place;
use super::settings::{Push, Route};
use crate::audit::EventKind;
use crate::channel::inquiry::Reply;
use crate::channel::pause::pause;
use crate::exchange::{AskAgain, Hash, InquiryState, LedgerError, Millis, NoAnswer, ask_again};
use crate::flow::{Came, Heard};
use crate::folder::Folder;
use crate::folder::finding::Finding;
use crate::ledger::Tx;
use crate::ledger::books::NewProposal;
use crate::personal::Personal;
use crate::seal::{SubjectKey, place};

/// A folder that changes under a reading is read again so often.
const READINGS: u32 = 5;

/// The documents of an answer.
type Documents = Vec<Personal<Vec<u8>>>;

/// The end of a question, ready for the ledger.
struct End {
    state: InquiryState,
    code: String,
    findings: Vec<Finding>,
    answer: Option<Vec<u8>>,
    proposals: Vec<NewProposal>,
    flow: String,
    /// The folder's content over which the answer was read.
    over: Option<Hash>,
}

/// What a reading came to.
enum Read {
    End(Box<End>),
    Limited,
}

impl Gateway {
    /// Stores what follows a reply.
    pub(super) async fn replied(
        self: &Arc<Self>,
        claimed: Arc<Claimed>,
        route: &Route,
        push: &Push,
        reply: Reply,
    ) -> Result<(), LedgerError> {
        let (why, code, not_before) = match reply {
            Reply::Answered(documents) => {
                if self.take_answer(&claimed, documents).await? {
                    return Ok(());
                }
                (NoAnswer::Limited, "limit".to_owned(), None)
            }
            Reply::NothingKnown => {
                let state = InquiryState::NothingKnown;
                return self.end_without_answer(claimed, state, state.word(), Vec::new()).await;
            }
            Reply::Refused { code } => {
                return self.end_without_answer(claimed, InquiryState::Refused, &code, Vec::new()).await;
            }
            Reply::Limited { code, not_before } => (NoAnswer::Limited, code, not_before),
            Reply::Unavailable { code, not_before } => (NoAnswer::Unavailable, code, not_before),
        };
        self.not_answered(claimed, route, push, (why, code), not_before).await
    }

    async fn not_answered(
        self: &Arc<Self>,
        claimed: Arc<Claimed>,
        route: &Route,
        push: &Push,
        (why, code): (NoAnswer, String),
        not_before: Option<Millis>,
    ) -> Result<(), LedgerError> {
        let (schedule, now) = (push.schedule(), self.clock.now_ms());
        let attempt = claimed.row.attempt + 1;
        let rest = (route.inquiry.limit_pause_s.max(0.0) * 1000.0) as Millis;
        let pauses = (pause(&schedule, attempt), rest);
        let (due, rests) = match ask_again(why, attempt, &schedule, pauses, not_before, now) {
            AskAgain::At(due) => (due, None),
            AskAgain::RouteRests(due) => (due, Some(route.id.clone())),
            AskAgain::Never => {
                return self.end_without_answer(claimed, InquiryState::GivenUp, &code, Vec::new()).await;
            }
        };
        self.books
            .write_async(move |tx| {
                if let Some(route) = &rests {
                    tx.rest_route(route, due, &code)?;
                }
                if tx.hold_inquiry(claimed.row.id, &claimed.token)? {
                    tx.postpone_inquiry(claimed.row.id, due, &code)?;
                }
                Ok(())
            })
            .await
    }

    /// Ends a question of which no answer was read.
    pub(super) async fn end_without_answer(
        self: &Arc<Self>,
        claimed: Arc<Claimed>,
        state: InquiryState,
        code: &str,
        findings: Vec<Finding>,
    ) -> Result<(), LedgerError> {
        let code = if code.is_empty() { state.word() } else { code }.to_owned();
        let (flow, answer, proposals) = (claimed.row.flow.clone(), None, Vec::new());
        let end = End { state, code, findings, answer, proposals, flow, over: None };
        self.store_end(claimed, end).await
    }

    /// Takes an answer in; false if it says that the limit is exceeded.
    async fn take_answer(
        self: &Arc<Self>,
        claimed: &Arc<Claimed>,
        documents: Documents,
    ) -> Result<bool, LedgerError> {
        let documents = Arc::new(documents);
        for reading in 1..=READINGS {
            let (gateway, of, read) = (Arc::clone(self), Arc::clone(claimed), Arc::clone(&documents));
            let end = match off(move || gateway.read_answer(&of, &read)).await? {
                Read::Limited => return Ok(false),
                Read::End(end) => *end,
            };
            match self.store_end(Arc::clone(claimed), end).await {
                // The folder was saved meanwhile: what is proposed is seen from what it holds now.
                Err(LedgerError::Refused(why)) if why.starts_with("overtaken") && reading < READINGS => {}
                stored => return stored.map(|()| true),
            }
        }
        Ok(true)
    }

    fn read_answer(&self, claimed: &Claimed, documents: &[Personal<Vec<u8>>]) -> Result<Read, LedgerError> {
        let row = &claimed.row;
        let (stored, folder) = self.folder_of(row)?;
        let flow = self.asking_flow(&row.register);
        let flow = flow.ok_or_else(|| LedgerError::Missing(format!("a flow from `{}`", row.register)))?;
        let heard = flow.hear(documents, &folder, self.clock.today());
        if heard.came == Came::Limit {
            return Ok(Read::Limited);
        }
        let key = self.subject_key(&stored.wrapped_key)?;
        // Of another person nothing is kept.
        let keeps = matches!(heard.came, Came::Data | Came::Unreadable);
        let state = state_of(heard.came);
        let answer = keeps.then(|| self.seal_answer(&key, &folder, row.id, documents)).transpose()?;
        let proposals = self.seal_proposals(&key, &folder, row.id, &heard)?;
        let (code, flow, over) = (state.word().to_owned(), flow.id().to_owned(), Some(stored.content));
        let findings = heard.findings;
        Ok(Read::End(Box::new(End { state, code, findings, answer, proposals, flow, over })))
    }

    fn seal_answer(
        &self,
        key: &SubjectKey,
        folder: &Folder,
        inquiry: i64,
        documents: &[Personal<Vec<u8>>],
    ) -> Result<Vec<u8>, LedgerError> {
        let mut framed = Vec::new();
        for document in documents {
            framed.extend_from_slice(&(document.expose().len() as u64).to_be_bytes());
            framed.extend_from_slice(document.expose());
        }
        let place = answer_place(&folder.ente, &folder.id, inquiry);
        self.sealer.seal(key, &place, &framed).map_err(sealed)
    }

    fn seal_proposals(
        &self,
        key: &SubjectKey,
        folder: &Folder,
        inquiry: i64,
        heard: &Heard,
    ) -> Result<Vec<NewProposal>, LedgerError> {
        let one = |(number, proposal): (usize, &crate::flow::Proposal)| {
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            let item = proposal.key.as_ref().map(|key| key.expose().as_str());
            let content = serde_json::json!({
                "key": item,
                "old": proposal.old.as_ref().map(Personal::expose),
                "new": proposal.new.expose(),
            });
            let place = proposal_place(&folder.ente, &folder.id, inquiry, number);
            let sealed_content =
                self.sealer.seal(key, &place, content.to_string().as_bytes()).map_err(sealed)?;
            Ok(NewProposal {
                number,
                field: proposal.field.clone(),
                item: item.map(|item| self.sealer.keyed_hash("proposal-item", item.as_bytes())),
                value: self.sealer.keyed_hash("proposal-value", proposal.new.expose().to_string().as_bytes()),
                sealed: sealed_content,
                place: proposal.from.clone(),
            })
        };
        heard.proposals.iter().enumerate().map(one).collect()
    }

    async fn store_end(self: &Arc<Self>, claimed: Arc<Claimed>, end: End) -> Result<(), LedgerError> {
        let (now, at) = (self.clock.now_ms(), self.clock.rfc3339());
        self.books.write_async(move |tx| store_end(tx, &claimed, &end, now, at)).await
    }

    /// The documents of an answer that is still kept.
    pub fn open_answer(&self, inquiry: i64) -> Result<Documents, LedgerError> {
        let missing = || LedgerError::Missing(format!("the answer to inquiry {inquiry}"));
        let row = self.books.inquiry(inquiry)?.ok_or_else(missing)?;
        let closed = self.books.answer(inquiry)?.ok_or_else(missing)?;
        let stored = self.books.folder(&row.ente, &row.folder_id)?.ok_or_else(missing)?;
        let key = self.subject_key(&stored.wrapped_key)?;
        let place = answer_place(&row.ente, &row.folder_id, inquiry);
        let framed = self.sealer.open(&key, &place, &closed).map_err(sealed)?;
        unframed(framed.expose()).ok_or_else(|| LedgerError::Corrupt(format!("answer of inquiry {inquiry}")))
    }
}

fn unframed(mut framed: &[u8]) -> Option<Documents> {
    let mut documents = Vec::new();
    while !framed.is_empty() {
        let (length, rest) = framed.split_first_chunk::<8>()?;
        let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
        let (document, rest) = rest.split_at_checked(length)?;
        documents.push(Personal::new(document.to_vec()));
        framed = rest;
    }
    Some(documents)
}

fn store_end(
    tx: &mut Tx<'_>,
    claimed: &Claimed,
    end: &End,
    now: Millis,
    at: String,
) -> Result<(), LedgerError> {
    let row = &claimed.row;
    if !tx.hold_inquiry(row.id, &claimed.token)? {
        // Its lease ran out, and another asked: that one's answer counts.
        return Ok(());
    }
    let stored = tx.folder(&row.ente, &row.folder_id)?;
    if end.over.is_some() && end.over != stored.map(|stored| stored.content) {
        return Err(LedgerError::Refused("overtaken: a newer save came first".into()));
    }
    let findings =
        serde_json::to_string(&end.findings).map_err(|error| LedgerError::Store(Box::new(error)))?;
    tx.end_inquiry(row.id, end.state, (&end.code, &findings), end.answer.as_deref(), now)?;
    let mut fresh = 0;
    if end.state == InquiryState::Answered {
        fresh = tx.put_proposals((row.folder, &row.register), (row.id, &end.flow), &end.proposals, now)?;
    }
    let note = Note::new(at, &row.actor, EventKind::InquiryEnded, format!("folder {}", row.folder));
    let note = note.with("inquiry", row.id).with("register", &row.register).with("flow", &end.flow);
    let note = note.with("outcome", end.state.word()).with("proposals", end.proposals.len());
    append(tx, note.with("new", fresh))
}

fn answer_place(ente: &str, folder_id: &str, inquiry: i64) -> Vec<u8> {
    place("answer", &format!("{ente}/{folder_id}/{inquiry}"))
}
