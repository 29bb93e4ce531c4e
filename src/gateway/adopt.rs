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
use crate::seal::WrappedKey;
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
        for record in standing {
            self.adopt_record(ente, flow.register(), &record, &mut adopted)?;
        }
        let (at, actor) = (self.clock.rfc3339(), actor.to_owned());
        let note = Note::new(at, &actor, EventKind::HistoryAdopted, adopted.name.clone());
        let note = note.with("records", adopted.records).with("unmatched", adopted.unmatched);
        self.books.write(move |tx| append(tx, note))?;
        Ok(adopted)
    }

    fn adopt_record(
        &self,
        ente: &str,
        register: &str,
        former: &AdoptedRecord,
        adopted: &mut Adopted,
    ) -> Result<(), LedgerError> {
        let key = self.register_key_hash(register, former.register_key.expose());
        let content = self.content_hash(register, former.fragment.expose());
        if former.operation == OperationKind::Cancel {
            adopted.cancelled += 1;
            return self.adopt_cancel(ente, register, key);
        }
        let found = self.books.record_with_key(ente, register, &key)?;
        let now = self.clock.now_ms();
        let Some(target) = found else {
            let (ente, register, name) = (ente.to_owned(), register.to_owned(), adopted.name.clone());
            self.books.write(move |tx| tx.put_unmatched(&ente, &register, &key, &name, now))?;
            adopted.unmatched += 1;
            return Ok(());
        };
        let subject =
            self.sealer.open_subject(&WrappedKey::from_bytes(target.wrapped_key)).map_err(sealed)?;
        let place = fragment_place(ente, &target.folder_id, &target.key);
        let closed = self.sealer.seal(&subject, &place, former.fragment.expose()).map_err(sealed)?;
        let can_replace = self.settings.register(register).can_replace;
        let (ente, register) = (ente.to_owned(), register.to_owned());
        self.books.write(move |tx| {
            tx.keep_fragment(target.record, &content, &closed)?;
            tx.drop_unmatched(&ente, &register, &key)?;
            adopt(tx, target.record, Some((content, key)), can_replace, now)
        })?;
        if target.desired_content == Some(content) {
            adopted.same += 1;
        } else {
            adopted.different += 1;
        }
        Ok(())
    }
}

impl Gateway {
    /// A former cancel: what an earlier file brought in under this key is no longer held.
    fn adopt_cancel(&self, ente: &str, register: &str, key: Hash) -> Result<(), LedgerError> {
        let held = self.books.record_holding(ente, register, &key)?;
        let (ente, register, now) = (ente.to_owned(), register.to_owned(), self.clock.now_ms());
        let can_replace = self.settings.register(&register).can_replace;
        self.books.write(move |tx| {
            tx.drop_unmatched(&ente, &register, &key)?;
            match held {
                Some(record) => adopt(tx, record, None, can_replace, now),
                None => Ok(()),
            }
        })
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
            adopt(tx, record.id, held, false, now)?;
            let note = Note::new(at, &actor, EventKind::OperationDecided, format!("record {}", record.id));
            append(tx, note.with("register_holds", holds))
        })
    }
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
