//! Requests that are done once however often they are sent: a key, the hash of the request, and the
//! answer, sealed, for a day.

use super::Gateway;
use super::keeping::sealed;
use super::runs::{RunError, RunRequest};
use crate::exchange::{Hash, LedgerError, Millis};
use crate::ledger::Turn;
use crate::ledger::books::OnceKey;
use crate::seal::{WrappedKey, place};

/// How long an answer is kept.
const KEPT_MS: Millis = 24 * 3_600_000;
/// A request that opened nothing and has no answer after so long died with its process.
const STALE_MS: Millis = 60_000;

/// Refusals that say nothing of the act: with other rights, or sooner, it may be done.
const PASSING: [u16; 5] = [401, 403, 408, 413, 429];

/// How a request stands that was sent before.
pub enum Once {
    /// It is new: it is to be done now.
    New,
    /// Another request was sent with this key.
    Other,
    /// It is being done.
    UnderWay,
    /// It opened a run and died before it answered.
    Opened(i64),
    Answered {
        status: u16,
        body: Vec<u8>,
    },
}

impl Gateway {
    /// Begins a request, or says what became of it.
    pub fn begin_once(&self, key: &OnceKey, request: Hash) -> Result<Once, LedgerError> {
        let now = self.clock.now_ms();
        let own = key.clone();
        let known = self.books.write_in(Turn::First, move |tx| {
            tx.begin_once(&own, &request, now, (now - KEPT_MS, now - STALE_MS))
        })?;
        let Some(row) = known else { return Ok(Once::New) };
        if row.request != request {
            return Ok(Once::Other);
        }
        match (row.status, row.answer, row.run) {
            (Some(status), Some((wrapped, closed)), _) => {
                let subject = self.sealer.open_subject(&WrappedKey::from_bytes(wrapped)).map_err(sealed)?;
                let body = self.sealer.open(&subject, &place_of(key), &closed).map_err(sealed)?;
                Ok(Once::Answered { status, body: body.into_exposed() })
            }
            (None, _, Some(run)) if row.at < now - STALE_MS => Ok(Once::Opened(run)),
            _ => Ok(Once::UnderWay),
        }
    }

    /// Keeps the answer, sealed; one that says nothing of the act is not kept, so that it may be tried again.
    pub fn end_once(&self, key: &OnceKey, status: u16, body: &[u8]) -> Result<(), LedgerError> {
        let key = key.clone();
        if status >= 500 || PASSING.contains(&status) {
            return self.books.write(move |tx| tx.forget_once(&key));
        }
        let wrapped = self.sealer.new_subject_key().map_err(sealed)?;
        let subject = self.sealer.open_subject(&wrapped).map_err(sealed)?;
        let closed = self.sealer.seal(&subject, &place_of(&key), body).map_err(sealed)?;
        let kept = (wrapped.as_bytes().to_vec(), closed);
        self.books.write(move |tx| tx.end_once(&key, status, &kept))
    }

    /// As [`Gateway::start_run`]; the key is noted in the transaction that opens the run.
    pub fn start_run_once(&self, request: &RunRequest, key: Option<OnceKey>) -> Result<i64, RunError> {
        let Some(key) = key else { return self.start_run(request) };
        let order = self.order_of(request)?;
        Ok(self.select_all(order, move |tx, run| tx.note_once(&key, run))?)
    }
}

fn place_of(key: &OnceKey) -> Vec<u8> {
    let name: String = key.key.iter().map(|byte| format!("{byte:02x}")).collect();
    place("api_request", &format!("{}/{name}", key.caller))
}
