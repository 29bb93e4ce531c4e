//! Erasing a person: their key is destroyed, and with it everything that it sealed. What was sent stays
//! provable by ids and hashes; what registers hold stays there (erasing never cancels).

use super::Gateway;
use super::chain::{Note, append};
use super::duties::on_duty;
use super::rights::Reason;
use crate::audit::EventKind;
use crate::exchange::{InTheWay, Ledger, LedgerError, in_the_way, let_go};
use crate::ledger::{FolderRow, Tx};

/// Waiting erasures read at a time.
const LOOK: usize = 200;

/// What became of a wish to erase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// It is done.
    Erased,
    /// It is noted, and done by itself once nothing stands in its way.
    Waits(InTheWay),
}

/// Who wants it, and whether they know that no cancel can follow.
struct Wish {
    actor: String,
    reason: Option<String>,
    knowingly: bool,
}

impl FolderRow {
    /// Whether its person was erased: its key is gone.
    pub fn is_erased(&self) -> bool {
        self.wrapped_key.is_empty()
    }
}

/// What is answered of a folder that cannot be opened any more.
pub(super) fn erased() -> LedgerError {
    LedgerError::Refused(
        "The person of this folder was erased: it cannot be read, and nothing can be saved under its id."
            .into(),
    )
}

impl Gateway {
    /// Erases the person of a folder, or notes that it is wanted. With `knowingly` it does not wait for
    /// cancels that may still be due; it always waits for what is under way. Idempotent.
    pub fn erase(
        &self,
        row: &FolderRow,
        actor: &str,
        reason: &Reason,
        knowingly: bool,
    ) -> Result<Erasure, LedgerError> {
        let reason = Some(reason.text().to_owned());
        self.erase_by(row, Wish { actor: actor.to_owned(), reason, knowingly })
    }

    /// Does the erasures that waited and that nothing stands in the way of any more; returns how many.
    pub fn erase_due(&self) -> Result<u64, LedgerError> {
        let (mut done, mut after) = (0, 0);
        loop {
            let waiting = self.books.erasures(after, LOOK)?;
            let Some((last, _)) = waiting.last() else { return Ok(done) };
            after = last.id;
            for (row, actor) in waiting {
                let wish = Wish { actor, reason: None, knowingly: false };
                done += u64::from(self.erase_by(&row, wish)? == Erasure::Erased);
            }
        }
    }

    fn erase_by(&self, row: &FolderRow, wish: Wish) -> Result<Erasure, LedgerError> {
        let (ente, id, folder) = (row.ente.clone(), row.folder_id.clone(), row.id);
        let (now, at) = (self.clock.now_ms(), self.clock.rfc3339());
        self.books.write(on_duty(move |tx| {
            if tx.folder(&ente, &id)?.is_none_or(|row| row.is_erased()) {
                return Ok(Erasure::Erased);
            }
            let note = |what: EventKind| {
                let note = Note::new(at.clone(), &wish.actor, what, format!("folder {folder}"));
                wish.reason.iter().fold(note, |note, reason| note.with("reason", reason))
            };
            let way = way(tx, folder)?;
            if !way.lets(wish.knowingly) {
                // One that waits already is told once.
                if wish.reason.is_some() {
                    tx.ask_erasure(folder, &wish.actor, now)?;
                    append(tx, note(EventKind::ErasureAsked))?;
                }
                return Ok(Erasure::Waits(way));
            }
            if way.revocable > 0 {
                append(tx, note(EventKind::ErasureConfirmed).with("records", way.revocable))?;
            }
            for register in tx.registers_of(folder)? {
                let records = tx.records_of_folder(folder, &register)?;
                let_go(tx, records, now)?;
            }
            tx.erase(folder)?;
            append(tx, note(EventKind::SubjectErased))?;
            Ok(Erasure::Erased)
        }))
    }
}

/// What stands in the way, over all registers; a question about the person is under way too.
fn way(tx: &mut Tx<'_>, folder: i64) -> Result<InTheWay, LedgerError> {
    let mut all = InTheWay { under_way: tx.open_questions(folder)?, revocable: 0 };
    for register in tx.registers_of(folder)? {
        let records = tx.records_of_folder(folder, &register)?;
        let found = in_the_way(tx, &records)?;
        all.under_way += found.under_way;
        all.revocable += found.revocable;
    }
    Ok(all)
}
