//! Saving a folder: read, check, map for every flow, seal, and move the desired side,
//! all in one transaction. A folder that is no valid folder changes nothing.

use super::Gateway;
use super::chain::{Note, append};
use super::consistency::{Told, held_back, told_differently};
use super::duties::on_duty;
use super::prepare::{Fragment, Prepared, Ready};
use crate::audit::EventKind;
use crate::exchange::{Hash, LedgerError, Place, reconcile};
use crate::folder::Folder;
use crate::folder::finding::{Finding, Severity, Text, Verdict};
use crate::ledger::{FindingRow, FolderRow, Ticket, Tx};

/// What a save did.
#[derive(Debug)]
pub struct Saved {
    /// The ledger's number of the folder.
    pub folder: i64,
    pub created: bool,
    /// Records over all flows, and how many of them findings withhold.
    pub records: usize,
    pub withheld: usize,
    pub findings: Vec<FindingRow>,
}

/// A folder that was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// It is no valid folder; nothing changed.
    #[error("the folder is not valid: {} findings", .0.len())]
    Invalid(Vec<Finding>),
    /// A newer revision is stored.
    #[error("{0}")]
    Older(String),
    /// It is not the stored folder that its sender has read.
    #[error("the stored folder is another one than the request asks for: read it again")]
    Overtaken,
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What keeps a folder from being saved at the last moment, asked in the save's own transaction.
pub(super) enum Unless {
    Never,
    /// The stored body is no longer this one: a newer save came first.
    Overtaken(Hash),
    /// There is a stored folder already.
    Stored,
    /// This import has brought a folder with this id already: the first one stands.
    Imported(String),
}

impl Unless {
    fn check(&self, tx: &Tx<'_>, row: &FolderRow) -> Result<(), LedgerError> {
        let (ente, id) = (row.ente.as_str(), row.folder_id.as_str());
        let why = match self {
            Self::Overtaken(over) if Some(*over) != tx.folder(ente, id)?.map(|stored| stored.content) => {
                "overtaken: a newer save came first"
            }
            Self::Stored if tx.folder(ente, id)?.is_some() => "overtaken: it is stored already",
            Self::Imported(import) if tx.was_imported(ente, id, import)? => {
                "duplicate: this import has already brought a folder with this id: the first one stands"
            }
            _ => return Ok(()),
        };
        Err(LedgerError::Refused(why.into()))
    }
}

impl Gateway {
    /// Reads and saves one folder. With `Ok` it is on disk, mapped and validated for every flow.
    pub fn save_bytes(&self, bytes: &[u8], actor: &str) -> Result<Saved, SaveError> {
        let folder = self.read_folder(bytes)?;
        self.save(&folder, actor)
    }

    /// Reads a folder and checks what can be said without saving it.
    pub fn read_folder(&self, bytes: &[u8]) -> Result<Folder, SaveError> {
        let limit = self.settings.folder_limit_bytes;
        let folder = self.folders.parse_within(bytes, limit).map_err(SaveError::Invalid)?;
        if self.settings.ente(&folder.ente).is_none() {
            return Err(SaveError::Invalid(vec![super::keeping::unknown_ente()]));
        }
        Ok(folder)
    }

    /// Saves a valid folder; a save of the same new folder at the same moment is tried again.
    pub fn save(&self, folder: &Folder, actor: &str) -> Result<Saved, SaveError> {
        match self.try_save(folder, actor) {
            Err(SaveError::Ledger(LedgerError::Refused(why))) if why.starts_with("conflict") => {
                self.try_save(folder, actor)
            }
            Err(SaveError::Ledger(LedgerError::Refused(why))) if why.starts_with("older") => {
                Err(SaveError::Older(why))
            }
            other => other,
        }
    }

    fn try_save(&self, folder: &Folder, actor: &str) -> Result<Saved, SaveError> {
        self.submit(folder, actor, Unless::Never)?.wait().map_err(SaveError::Ledger)
    }

    /// Prepares a save and hands it to the ledger; the ticket waits for the commit.
    pub(super) fn submit(
        &self,
        folder: &Folder,
        actor: &str,
        unless: Unless,
    ) -> Result<Ticket<Saved>, LedgerError> {
        let ready = self.ready(folder)?;
        let (now, at, actor) = (self.clock.now_ms(), self.clock.rfc3339(), actor.to_owned());
        Ok(self.books.submit(on_duty(move |tx| {
            unless.check(tx, &ready.row)?;
            let saved = keep(tx, ready, now, &at, &actor)?;
            if let Unless::Imported(import) = &unless {
                tx.mark_imported(saved.folder, import)?;
            }
            Ok(saved)
        })))
    }
}

/// Everything of a save, in one transaction.
pub(super) fn keep(
    tx: &mut Tx<'_>,
    ready: Ready,
    now: i64,
    at: &str,
    actor: &str,
) -> Result<Saved, LedgerError> {
    let Ready { row, mut prepared, interventions, benefits, created, held } = ready;
    let row = &row;
    let folder = tx.put_folder(row)?;
    let mut saved = Saved { folder, created, records: 0, withheld: 0, findings: Vec::new() };
    for flow in &mut prepared {
        keep_flow(tx, row, flow, now, &mut saved)?;
    }
    saved.findings.extend(discord(tx, folder, &prepared, &interventions)?);
    tx.put_benefits(folder, created, &benefits)?;
    tx.put_findings(folder, &saved.findings)?;
    if !created {
        tx.prune_payloads(folder)?;
    }
    if !held.is_empty() {
        tx.settle_proposals(&held, actor, now)?;
        let note = Note::new(at.to_owned(), actor, EventKind::ProposalsHeld, format!("folder {folder}"));
        append(tx, note.with("proposals", held.len()))?;
    }
    let note = Note::new(at.to_owned(), actor, EventKind::FolderSaved, format!("folder {folder}"));
    append(tx, note.with("records", saved.records).with("withheld", saved.withheld))?;
    Ok(saved)
}

fn keep_flow(
    tx: &mut Tx<'_>,
    row: &FolderRow,
    flow: &mut Prepared,
    now: i64,
    saved: &mut Saved,
) -> Result<(), LedgerError> {
    flow.keep_names(tx, row, saved.folder, now)?;
    let place = Place {
        ente: &row.ente,
        register: &flow.register,
        flow: &flow.flow,
        folder: saved.folder,
        powers: flow.powers,
    };
    let done = reconcile(tx, place, &flow.set, now)?;
    for (id, fragment) in done.records.iter().zip(&flow.fragments) {
        match fragment {
            Some(Fragment { content, sealed, rows }) => tx.put_payload(*id, content, sealed, rows)?,
            None => saved.withheld += 1,
        }
    }
    saved.records += done.records.len();
    saved.findings.append(&mut flow.findings);
    for key in done.vanished {
        let finding = vanished(&key);
        saved.findings.push(FindingRow { flow: flow.flow.clone(), record: Some(key), finding, seen: None });
    }
    for key in done.irrevocable {
        let finding = irrevocable(&key);
        saved.findings.push(FindingRow { flow: flow.flow.clone(), record: Some(key), finding, seen: None });
    }
    Ok(())
}

/// What two registers are told of one intervention and does not go together.
fn discord(
    tx: &mut Tx<'_>,
    folder: i64,
    prepared: &[Prepared],
    interventions: &[String],
) -> Result<Vec<FindingRow>, LedgerError> {
    if prepared.len() < 2 {
        return Ok(Vec::new());
    }
    let withheld = prepared.iter().filter(|flow| !flow.set.withheld.is_empty());
    let withheld: Vec<_> = withheld.map(|flow| flow.register.clone()).collect();
    let behind = held_back(tx, folder, &withheld)?;
    let told = prepared.iter().map(|Prepared { register, flow, set, .. }| Told { register, flow, set });
    Ok(told_differently(&told.collect::<Vec<_>>(), interventions, &behind))
}

/// A record that left its folder without a word: never a cancel.
fn vanished(key: &str) -> Finding {
    Finding {
        rule: "record-scomparso".into(),
        severity: Severity::Warn,
        // Of which list it was is not known any more.
        folder_path: String::new(),
        payload_path: None,
        message: Text::new(
            format!("«{key}» è stato trasmesso e non è più nella cartella, che non dice perché."),
            format!("\"{key}\" was sent and is no longer in the folder, which does not say why."),
        ),
        hint: Text::new(
            "Se va cancellato, rimetterlo nella cartella come annullato o dichiarare completo il periodo.",
            "If it must be cancelled, put it back into the folder as annulled or declare the period complete.",
        ),
        verdict: Verdict::CorrectFolder,
        source: "raccordo: cancellation is never inferred from silence".into(),
    }
}

/// A record that should go, at a register that takes nothing back.
fn irrevocable(key: &str) -> Finding {
    Finding {
        rule: "non-ritirabile".into(),
        severity: Severity::Warn,
        folder_path: String::new(),
        payload_path: None,
        message: Text::new(
            format!("«{key}» è stato trasmesso e il registro non prevede la cancellazione: vi resta."),
            format!("\"{key}\" was sent and its register knows no cancellation: it stays there."),
        ),
        hint: Text::new(
            "Se è un errore, chiedere al destinatario come rimediare, con il nome dell'invio.",
            "If it was an error, ask the recipient how to mend it, naming the submission.",
        ),
        verdict: Verdict::AskRecipient,
        source: "raccordo: the flow's mapping has no cancel".into(),
    }
}
