//! Going live: what a former system sent and the register accepted becomes the acknowledged
//! side, so that the first run sends only what is new or different.

use super::Gateway;
use super::chain::{Note, append};
use super::keeping::{fragment_place, sealed};
use crate::audit::EventKind;
use crate::exchange::{Desired, Hash, LedgerError, adopt};
use crate::flow::OperationKind;
use crate::flow::adopt::{AdoptError as ReadError, AdoptedRecord};
use crate::ledger::FolderRow;
use serde::Serialize;

/// What a former container came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Adopted {
    /// Name of the container.
    pub name: String,
    pub records: usize,
    /// The register holds just what the folder maps to today: nothing to send.
    pub same: usize,
    /// The register holds something else under the same key: a correction is due.
    pub different: usize,
    /// Inserted and cancelled within the same file.
    pub cancelled: usize,
    /// No folder maps to it: what the register holds of it is uncertain, a person must look.
    pub unmatched: usize,
}

/// A former container that was not adopted.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    #[error("there is no flow `{0}`")]
    NoFlow(String),
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    #[error("the file carries no record of `{0}`: is it of another tracciato or version?")]
    NoRecords(String),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Gateway {
    /// Adopts one container that a register accepted from a former system. Idempotent.
    pub fn adopt(&self, ente: &str, flow: &str, payload: &[u8], actor: &str) -> Result<Adopted, AdoptError> {
        let flow = self.catalog.find(flow).ok_or_else(|| AdoptError::NoFlow(flow.to_owned()))?;
        let former = flow.records_of(payload)?;
        if former.is_empty() {
            return Err(AdoptError::NoRecords(flow.id().to_owned()));
        }
        let mut adopted = Adopted { name: name_of(payload), records: former.len(), ..Adopted::default() };
        let (standing, cancelled) = net(former);
        adopted.cancelled = cancelled;
        // Where everything was cancelled again there is still an event to tell.
        let chunks: Vec<_> =
            if standing.is_empty() { vec![&[][..]] } else { standing.chunks(CHUNK).collect() };
        for chunk in chunks {
            self.adopt_chunk(ente, flow.register(), chunk, actor, &mut adopted)?;
        }
        Ok(adopted)
    }

    /// Adopts some records of a container, and tells the audit chain, in one transaction.
    fn adopt_chunk(
        &self,
        ente: &str,
        register: &str,
        chunk: &[AdoptedRecord],
        actor: &str,
        adopted: &mut Adopted,
    ) -> Result<(), LedgerError> {
        let before = adopted.unmatched;
        let acts = chunk
            .iter()
            .map(|former| self.former_act(ente, register, former, adopted))
            .collect::<Result<Vec<_>, _>>()?;
        let (at, name, now) = (self.clock.rfc3339(), adopted.name.clone(), self.clock.now_ms());
        let note = Note::new(at, actor, EventKind::HistoryAdopted, name.clone());
        let note = note.with("records", acts.len()).with("unmatched", adopted.unmatched - before);
        let (ente, register) = (ente.to_owned(), register.to_owned());
        self.books.write(move |tx| {
            for (key, act) in acts {
                match act {
                    Former::Unmatched => tx.put_unmatched(&ente, &register, &key, &name, now)?,
                    Former::Holds { record, content, sealed } => {
                        tx.keep_fragment(record, &content, &sealed)?;
                        tx.drop_unmatched(&ente, &register, &key)?;
                        adopt(tx, record, Some((content, key)), now)?;
                    }
                    Former::Cancelled { held } => {
                        tx.drop_unmatched(&ente, &register, &key)?;
                        if let Some(record) = held {
                            adopt(tx, record, None, now)?;
                        }
                    }
                }
            }
            append(tx, note)
        })
    }

    /// What one former record means for the books, under its register key.
    fn former_act(
        &self,
        ente: &str,
        register: &str,
        former: &AdoptedRecord,
        adopted: &mut Adopted,
    ) -> Result<(Hash, Former), LedgerError> {
        let key = self.register_key_hash(register, former.register_key.expose());
        if former.operation == OperationKind::Cancel {
            adopted.cancelled += 1;
            // What an earlier file brought in under this key is no longer held.
            let held = self.books.record_holding(ente, register, &key)?;
            return Ok((key, Former::Cancelled { held }));
        }
        let Some(target) = self.books.record_with_key(ente, register, &key)? else {
            adopted.unmatched += 1;
            return Ok((key, Former::Unmatched));
        };
        let content = self.content_hash(register, former.fragment.expose());
        let subject = self.subject_key(&target.wrapped_key)?;
        let place = fragment_place(ente, &target.folder_id, &target.key);
        let sealed = self.sealer.seal(&subject, &place, former.fragment.expose()).map_err(sealed)?;
        let same = target.desired_content == Some(content);
        *if same { &mut adopted.same } else { &mut adopted.different } += 1;
        Ok((key, Former::Holds { record: target.record, content, sealed }))
    }

    /// A person says what a register holds of one record, whatever the books say: nothing, or
    /// just what the folder maps to today. Clears its trouble; the way out after a restore.
    pub fn set_standing(
        &self,
        folder: &FolderRow,
        key: &str,
        holds: bool,
        actor: &str,
    ) -> Result<(), LedgerError> {
        let (id, key, now) = (folder.id, key.to_owned(), self.clock.now_ms());
        let (at, actor) = (self.clock.rfc3339(), actor.to_owned());
        self.books.write(move |tx| {
            let known = tx.records_with_key(id, &key)?;
            let [record] = known.as_slice() else {
                return Err(LedgerError::Missing(format!("record {key} of this folder")));
            };
            let held = match (holds, record.desired) {
                (false, _) => None,
                (true, Desired::Present { content, register_key }) => Some((content, register_key)),
                (true, _) => {
                    let why = "the folder maps to nothing today that the register could hold".to_owned();
                    return Err(LedgerError::Refused(why));
                }
            };
            adopt(tx, record.id, held, now)?;
            let note = Note::new(at, &actor, EventKind::OperationDecided, format!("record {}", record.id));
            append(tx, note.with("register_holds", holds))
        })
    }
}

/// Records adopted in one transaction.
const CHUNK: usize = 500;

/// What a former record means for the books.
enum Former {
    /// No folder maps to it.
    Unmatched,
    /// The register holds this content of one of our records.
    Holds { record: i64, content: Hash, sealed: Vec<u8> },
    /// It no longer holds what it held of a record, if of any.
    Cancelled { held: Option<i64> },
}

/// What stands after the cancels of the same file; and how many pairs went.
fn net(former: Vec<AdoptedRecord>) -> (Vec<AdoptedRecord>, usize) {
    let mut standing: Vec<AdoptedRecord> = Vec::with_capacity(former.len());
    let mut cancelled = 0;
    for record in former {
        if record.operation != OperationKind::Cancel {
            standing.push(record);
            continue;
        }
        let before =
            standing.iter().rposition(|other| other.register_key.expose() == record.register_key.expose());
        match before {
            Some(index) => {
                standing.remove(index);
                cancelled += 1;
            }
            // Its insert stands in an earlier file: what that one brought in goes.
            None => standing.push(record),
        }
    }
    (standing, cancelled)
}

/// The container's name, where the file carries one in an attribute `Nome`.
fn name_of(payload: &[u8]) -> String {
    let text = String::from_utf8_lossy(payload.get(..4096).unwrap_or(payload));
    let after = text.split_once(" Nome=\"").map(|(_, rest)| rest.to_owned()).unwrap_or_default();
    let name = after.split('"').next().unwrap_or_default();
    // Only a container's name carries its day; anything else might be a person's.
    if super::desk::date_in(name).is_some() { name.to_owned() } else { String::new() }
}
