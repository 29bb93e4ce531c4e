//! One delivery for one person: look, merge, look again, send, rest, look back; and again from what
//! stands, if what we sent does not (ADR 0015).
//!
//! The service has no lock and no version. What we ever read of others is never lost by a merge of
//! ours, what is missing when we look back is merged again, and nothing is sent upon a look that
//! failed.

use super::client::{CallError, Failure, Sent};
use super::document::{Sap, State, Unfit};
use super::doubts::Doubts;
use super::merge::{Standing, merge, standing};
use super::order::Order;
use super::service::{Service, Step};
use crate::exchange::Millis;
use crate::personal::Personal;

/// Sends of one delivery; who is overwritten more often comes back later.
const MOST_ROUNDS: u32 = 4;
/// Looks before one send; a SAP that changes each time is left alone for now.
const MOST_LOOKS: u32 = 5;

/// What a delivery for one person came to. The texts are a trace without personal data.
pub(super) enum Ended {
    /// Everything that was ordered stands.
    Stands { trace: String },
    /// The service refuses what was sent.
    Refused { code: String, text: Option<Personal<String>> },
    /// Nothing of ours was left there.
    Unavailable { code: String, not_before: Option<Millis> },
    /// Something may have been done, or could not be looked back at.
    Uncertain { code: String },
    /// The service keeps something else than what it was sent, again and again.
    Otherwise { trace: String, standings: Vec<Standing> },
}

/// What stands at the service for a person.
pub(super) struct Look {
    pub code: Option<Personal<String>>,
    pub sap: Sap,
    /// What a late send of ours overwrote, to start from instead.
    pub overwritten: Option<Sap>,
}

impl Look {
    /// From what the merge starts.
    fn base(&self) -> &Sap {
        self.overwritten.as_ref().unwrap_or(&self.sap)
    }

    fn same(&self, other: &Self) -> bool {
        let code = |look: &Self| look.code.as_ref().map(|code| code.expose().clone());
        self.sap.state() == other.sap.state() && code(self) == code(other)
    }
}

/// Why there is no look.
pub(super) enum Blind {
    Call(CallError),
    Unfit(Unfit),
}

impl From<CallError> for Blind {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl Blind {
    /// Code and wish.
    pub fn told(self) -> (String, Option<Millis>) {
        match self {
            Self::Call(error) => (error.code, error.not_before),
            Self::Unfit(unfit) => (unfit.0.to_owned(), None),
        }
    }
}

/// A person at a service.
pub(super) struct Person<'a> {
    pub service: &'a dyn Service,
    pub doubts: &'a Doubts,
    pub order: &'a Order,
    /// Name of the container.
    pub parcel: &'a str,
    pub now: Millis,
}

impl Person<'_> {
    /// Looks at what stands; `code` if the identifier is known already.
    pub async fn look(&self, code: Option<Personal<String>>) -> Result<Look, Blind> {
        let person = &self.order.codice_fiscale;
        let Some((code, document)) = self.document(code).await? else {
            return Ok(Look { code: None, sap: Sap::empty(), overwritten: None });
        };
        let sap = Sap::read(document.expose(), code.expose(), person.expose()).map_err(Blind::Unfit)?;
        let seen = self.doubts.looked(person, &sap, self.now);
        // Where the merge would make what stands anyway, nothing was lost.
        let overwritten = seen.filter(|seen| merge(seen, None, self.order).sap.state() != sap.state());
        Ok(Look { code: Some(code), sap, overwritten })
    }

    /// The identifier and the document, if there is a SAP. A known one may have another identifier
    /// by now.
    async fn document(
        &self,
        known: Option<Personal<String>>,
    ) -> Result<Option<(Personal<String>, Personal<String>)>, Blind> {
        if let Some(code) = known
            && let Some(document) = self.service.fetch(&code).await?
        {
            return Ok(Some((code, document)));
        }
        let Some(code) = self.service.find(&self.order.codice_fiscale).await? else { return Ok(None) };
        match self.service.fetch(&code).await? {
            Some(document) => Ok(Some((code, document))),
            None => Err(Blind::Unfit(Unfit("the service names a SAP and does not give it"))),
        }
    }

    /// How each operation stands.
    pub fn standings(&self, look: &Look) -> Vec<Standing> {
        self.order.ours.iter().map(|ours| standing(&look.sap, ours)).collect()
    }

    /// Whether nothing is left to do.
    pub fn stands(&self, look: &Look) -> bool {
        let done = self.standings(look).iter().all(|standing| *standing == Standing::Done);
        if done && look.overwritten.is_none() {
            self.doubts.stands(&self.order.codice_fiscale, self.parcel, self.now);
            return true;
        }
        false
    }

    /// Delivers.
    pub async fn deliver(&self) -> Ended {
        let mut delivery = Delivery { person: self, trace: Vec::new(), sent: false };
        match delivery.run().await {
            Ok(ended) | Err(ended) => ended,
        }
    }
}

struct Delivery<'a> {
    person: &'a Person<'a>,
    trace: Vec<String>,
    /// Whether anything was sent that was not refused.
    sent: bool,
}

/// How one send ended, if the delivery goes on.
enum Gone {
    Done,
    /// Another writer made a SAP where there was none.
    Raced,
    Unknown,
}

impl Delivery<'_> {
    async fn run(&mut self) -> Result<Ended, Ended> {
        let mut look = self.look(None).await?;
        for round in 1..=MOST_ROUNDS {
            let before = look.sap.state();
            // What stands already, after a send that was in doubt, is only looked at once more.
            let gone = match round == 1 && self.person.stands(&look) {
                true => Gone::Done,
                false => {
                    look = self.look_again(look).await?;
                    self.send(&look).await?
                }
            };
            self.person.service.rest(round).await;
            if !self.person.service.in_time(Step::Look) {
                return Err(self.uncertain("no time left to look back"));
            }
            look = self.look(look.code).await?;
            if self.person.stands(&look) {
                self.note("stands");
                return Ok(Ended::Stands { trace: self.told("OK") });
            }
            if matches!(gone, Gone::Unknown) && look.overwritten.is_none() {
                let word = if look.sap.state() == before { "not there yet" } else { "changed by another" };
                return Err(self.uncertain(word));
            }
            self.note(if look.overwritten.is_some() { "came late" } else { "lost" });
        }
        Err(self.given_up(&look))
    }

    async fn look(&mut self, code: Option<Personal<String>>) -> Result<Look, Ended> {
        let look = self.person.look(code).await;
        look.map_err(|blind| {
            let (code, not_before) = blind.told();
            let code = self.told(&code);
            match self.sent {
                // What was sent can't be looked back at now.
                true => Ended::Uncertain { code },
                false => Ended::Unavailable { code, not_before },
            }
        })
    }

    /// Reads until two looks in a row are the same: the last one is just before the send.
    async fn look_again(&mut self, mut look: Look) -> Result<Look, Ended> {
        for _ in 1..MOST_LOOKS {
            let code = look.code.clone();
            let again = self.look(code).await?;
            if again.same(&look) {
                return Ok(again);
            }
            self.note("changed meanwhile");
            look = again;
        }
        let code = self.told("it changes all the time");
        Err(if self.sent { Ended::Uncertain { code } } else { Ended::Unavailable { code, not_before: None } })
    }

    async fn send(&mut self, look: &Look) -> Result<Gone, Ended> {
        let person = self.person;
        let code = look.code.as_ref().map(|code| code.expose().as_str());
        let written = merge(look.base(), code, person.order);
        let (from, to) = (look.sap.state(), written.sap.state());
        if !person.service.in_time(Step::Send) {
            let code = self.told("no time left to send");
            return Err(match self.sent {
                true => Ended::Uncertain { code },
                false => Ended::Unavailable { code, not_before: None },
            });
        }
        let variation = if code.is_some() { "02" } else { "01" };
        self.note(&format!("{variation} {}>{}", from.short(), to.short()));
        let doubt = person.doubts.sending(&person.order.codice_fiscale, person.parcel, to, person.now);
        let answer = person.service.send(&written.text).await;
        let unknown = matches!(&answer, Err(error) if error.failure == Failure::Uncertain);
        if !unknown {
            person.doubts.answered(&person.order.codice_fiscale, doubt, person.now);
        }
        match answer {
            Ok(Sent::Done { .. }) => {
                self.sent = true;
                self.mended(look, from);
                Ok(Gone::Done)
            }
            Ok(Sent::Refused { text }) => self.refused(look, text).await,
            Err(error) => self.failed(error),
        }
    }

    /// What a late send had overwritten is back, and is not put back again.
    fn mended(&mut self, look: &Look, state: State) {
        if look.overwritten.is_some() {
            self.person.doubts.mended(&self.person.order.codice_fiscale, state, self.person.now);
            self.note("put back");
        }
    }

    /// A first sending is refused too where another writer was first: that is no refusal of ours.
    async fn refused(&mut self, look: &Look, text: Option<Personal<String>>) -> Result<Gone, Ended> {
        if look.code.is_none() {
            let now = self.look(None).await?;
            if now.code.is_some() {
                self.note("another was first");
                return Ok(Gone::Raced);
            }
        }
        match self.sent {
            // An earlier round may have left something: look before saying anything.
            true => Err(Ended::Uncertain { code: self.told("KO") }),
            false => Err(Ended::Refused { code: self.told("KO"), text }),
        }
    }

    fn failed(&mut self, error: CallError) -> Result<Gone, Ended> {
        let code = self.told(&error.code);
        match error.failure {
            Failure::Uncertain => {
                self.note(&error.code);
                self.sent = true;
                Ok(Gone::Unknown)
            }
            _ if self.sent => Err(Ended::Uncertain { code }),
            Failure::Refused => Err(Ended::Refused { code, text: error.text }),
            Failure::Limit | Failure::Unavailable => {
                Err(Ended::Unavailable { code, not_before: error.not_before })
            }
        }
    }

    /// After the last round.
    fn given_up(&mut self, look: &Look) -> Ended {
        let standings = self.person.standings(look);
        let trace = self.told("overwritten each time");
        match standings.iter().all(|standing| *standing == Standing::NotDone) {
            true => Ended::Unavailable { code: trace, not_before: None },
            false => Ended::Otherwise { trace, standings },
        }
    }

    fn uncertain(&mut self, word: &str) -> Ended {
        Ended::Uncertain { code: self.told(word) }
    }

    fn note(&mut self, word: &str) {
        self.trace.push(word.to_owned());
    }

    /// What it came to, in the service's own word where there is one, and the rounds behind it:
    /// `OK: 02 1f2e3d>4c5b6a, lost, 02 …, stands`, `X001: 02 …`.
    fn told(&self, word: &str) -> String {
        let between = if word.contains(": ") { ", " } else { ": " };
        let trace = self.trace.join(", ");
        if trace.is_empty() { word.to_owned() } else { format!("{word}{between}{trace}") }
    }
}
