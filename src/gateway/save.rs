//! Saving a folder: read, check, map for every flow, seal, and move the desired side,
//! all in one transaction. A folder that is no valid folder changes nothing.

use super::chain::{Note, append};
use super::consistency::{Told, held_back, told_differently};
use super::keeping::{folder_place, fragment_place, sealed};
use super::{Gateway, settings::Ente};
use crate::audit::EventKind;
use crate::exchange::{DesiredRecord, DesiredSet, Hash, LedgerError, Place, Powers, reconcile};
use crate::flow::explain::Reader;
use crate::flow::{Flow, Mapped, MappedRecord};
use crate::folder::finding::{Finding, Severity, Text, Verdict};
use crate::folder::{Folder, fields};
use crate::ledger::sqlite::BenefitRow;
use crate::ledger::{FindingRow, FolderRow, Ticket, Tx};
use crate::personal::Personal;
use crate::seal::{SubjectKey, WrappedKey};

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
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// A record's payload, ready for the ledger.
struct Fragment {
    content: Hash,
    sealed: Vec<u8>,
    /// Mapping rows that fired, a bitmap.
    rows: Vec<u8>,
}

/// A save, ready for the ledger.
pub(super) struct Ready {
    pub row: FolderRow,
    prepared: Vec<Prepared>,
    /// Ids of the folder's interventions, in its order.
    interventions: Vec<String>,
    benefits: Vec<BenefitRow>,
    created: bool,
    /// Proposals whose value the folder now holds.
    held: Vec<i64>,
}

impl Ready {
    /// What the register of a flow lets us do.
    pub fn powers_of(&self, flow: &str) -> Powers {
        let prepared = self.prepared.iter().find(|prepared| prepared.flow == flow);
        prepared.map_or(Powers::CANCEL, |prepared| prepared.powers)
    }

    /// What a flow makes of the folder; `None` when the ente is not served by it.
    pub fn set_of(&self, flow: &str) -> Option<&DesiredSet> {
        self.prepared.iter().find(|prepared| prepared.flow == flow).map(|prepared| &prepared.set)
    }
}

/// What one flow makes of a folder, ready for the ledger.
struct Prepared {
    register: String,
    flow: String,
    powers: Powers,
    set: DesiredSet,
    /// Per record of the set; `None` where a finding withholds it.
    fragments: Vec<Option<Fragment>>,
    /// The keys of the ente that the flow used, by name and check value.
    keys: Vec<(String, Hash)>,
    /// Hashes of the pseudonyms that stand for the folder's person.
    pseudonyms: Vec<Hash>,
    findings: Vec<FindingRow>,
}

/// What keeps a folder from being saved at the last moment, asked in the save's own transaction.
pub(super) enum Unless {
    Never,
    /// The stored body is no longer this one: a newer save came first.
    Overtaken(Hash),
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
        Ok(self.books.submit(move |tx| {
            unless.check(tx, &ready.row)?;
            let saved = keep(tx, ready, now, &at, &actor)?;
            if let Unless::Imported(import) = &unless {
                tx.mark_imported(saved.folder, import)?;
            }
            Ok(saved)
        }))
    }

    /// Maps and seals a folder, ready for [`keep`].
    pub(super) fn ready(&self, folder: &Folder) -> Result<Ready, LedgerError> {
        let stored = self.books.folder(&folder.ente, &folder.id)?;
        let created = stored.is_none();
        let number = stored.as_ref().map(|row| row.id);
        let wrapped = match stored {
            Some(row) => WrappedKey::from_bytes(row.wrapped_key),
            None => self.sealer.new_subject_key().map_err(sealed)?,
        };
        let key = self.sealer.open_subject(&wrapped).map_err(sealed)?;
        let ente = self.settings.ente(&folder.ente).ok_or_else(|| LedgerError::Missing("the ente".into()))?;
        let prepared = self.prepare(folder, ente, &key)?;
        let mut row = self.folder_row(folder, &key, &wrapped)?;
        let looks = prepared.iter().filter_map(|(_, look)| *look);
        row.look_again = looks.chain(self.next_version(&ente.code)).min();
        let prepared = prepared.into_iter().map(|(prepared, _)| prepared).collect();
        let interventions = fields::interventions(folder.body.expose()).iter();
        let interventions = interventions.map(|item| fields::text(item, "id").to_owned()).collect();
        let held = match number {
            Some(number) if self.settings.asks(&folder.ente) => self.held_by(folder, number, &key)?,
            _ => Vec::new(),
        };
        Ok(Ready { row, prepared, interventions, benefits: self.benefit_rows(folder), created, held })
    }

    fn folder_row(
        &self,
        folder: &Folder,
        key: &SubjectKey,
        wrapped: &WrappedKey,
    ) -> Result<FolderRow, LedgerError> {
        let body =
            serde_json::to_vec(folder.body.expose()).map_err(|error| LedgerError::Store(Box::new(error)))?;
        let person = fields::person_key(folder.body.expose());
        let person = person.as_ref().map_or("", |person| person.expose().as_str());
        Ok(FolderRow {
            id: 0,
            ente: folder.ente.clone(),
            folder_id: folder.id.clone(),
            version: folder.version,
            wrapped_key: wrapped.as_bytes().to_vec(),
            person: self.sealer.keyed_hash("person", person.as_bytes()),
            content: self.sealer.keyed_hash("folder", &body),
            body: self.sealer.seal(key, &folder_place(&folder.ente, &folder.id), &body).map_err(sealed)?,
            saved_at: self.clock.now_ms(),
            look_again: None,
        })
    }

    /// Maps a folder for every flow whose register the ente has a route to.
    fn prepare(
        &self,
        folder: &Folder,
        ente: &Ente,
        key: &SubjectKey,
    ) -> Result<Vec<(Prepared, Option<jiff::civil::Date>)>, LedgerError> {
        let context = self.context(ente);
        let current = self.catalog.current(context.today);
        let served = current.into_iter().filter(|flow| self.settings.serves(&ente.code, flow.register()));
        served
            .map(|flow| {
                let mapped = flow.map(folder, &context);
                let look_again = mapped.look_again;
                Ok((self.prepare_flow(folder, flow, mapped, key)?, look_again))
            })
            .collect()
    }

    fn prepare_flow(
        &self,
        folder: &Folder,
        flow: &Flow,
        mapped: Mapped,
        key: &SubjectKey,
    ) -> Result<Prepared, LedgerError> {
        let register = flow.register();
        let reader = Reader::new(&self.folders, Some(folder.body.expose()));
        let row = |record: Option<&str>, finding: Finding| FindingRow {
            flow: flow.id().to_owned(),
            record: record.map(str::to_owned),
            seen: reader.shown(&finding.folder_path),
            finding,
        };
        let mut findings: Vec<_> = mapped.findings.into_iter().map(|finding| row(None, finding)).collect();
        let mut fragments = Vec::with_capacity(mapped.records.len());
        let mut records = Vec::with_capacity(mapped.records.len());
        for mut record in mapped.records {
            let kept = match &record.fragment {
                None => None,
                Some(fragment) => {
                    let place = fragment_place(&folder.ente, &folder.id, &record.key);
                    let content = self.content_hash(register, fragment.expose());
                    let closed = self.sealer.seal(key, &place, fragment.expose()).map_err(sealed)?;
                    Some(Fragment { content, sealed: closed, rows: std::mem::take(&mut record.rows) })
                }
            };
            records.push(self.wanted(register, &record, kept.as_ref().map(|kept| kept.content)));
            findings.extend(record.findings.into_iter().map(|finding| row(Some(&record.key), finding)));
            fragments.push(kept);
        }
        let set = DesiredSet {
            records,
            annulled: mapped.annulled,
            named: mapped.named,
            withheld: mapped.withheld,
            complete: mapped.complete,
        };
        let name = |pseudonym: &Personal<String>| self.pseudonym_hash(register, pseudonym.expose());
        let pseudonyms = mapped.pseudonyms.iter().map(name).collect();
        let keys = self.check_values(&folder.ente, flow);
        let (register, powers, flow) = (register.to_owned(), flow.powers(), flow.id().to_owned());
        Ok(Prepared { register, flow, powers, set, fragments, keys, pseudonyms, findings })
    }

    /// A mapped record as the books want it; `content` is the hash of its fragment.
    pub(super) fn wanted(
        &self,
        register: &str,
        record: &MappedRecord,
        content: Option<Hash>,
    ) -> DesiredRecord {
        let register_key = self.register_key_hash(register, record.register_key.expose());
        DesiredRecord {
            key: record.key.clone(),
            source: record.source.clone(),
            from: record.from,
            to: record.to,
            needs: record.needs.clone(),
            group: record.group.clone(),
            content: content.map(|content| (content, register_key)),
        }
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

impl Prepared {
    /// Withholds every record, for this reason.
    fn set_aside(&mut self, finding: Finding) {
        self.set.withheld = self.set.records.iter().map(|record| record.source.clone()).collect();
        self.set.records.iter_mut().for_each(|record| record.content = None);
        self.fragments.iter_mut().for_each(|fragment| *fragment = None);
        self.findings.push(FindingRow { flow: self.flow.clone(), record: None, finding, seen: None });
    }

    /// Notes with which keys its records are made, and for whom their pseudonyms stand.
    fn keep_names(&mut self, tx: &Tx<'_>, row: &FolderRow, folder: i64, now: i64) -> Result<(), LedgerError> {
        if self.fragments.iter().any(Option::is_some) {
            for (name, check_value) in &self.keys {
                if !tx.note_key(&row.ente, name, check_value, now)? {
                    return Err(LedgerError::Refused(format!(
                        "the key {name} changed meanwhile: save again"
                    )));
                }
            }
        }
        if !self.pseudonyms.is_empty()
            && !tx.claim_pseudonyms(&row.ente, &self.register, folder, &self.pseudonyms)?
        {
            self.set_aside(super::pseudonym_keys::doubled_pseudonym());
        }
        Ok(())
    }
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

/// Folders mapped again in one go.
const LOOK_CHUNK: usize = 200;

impl Gateway {
    /// Maps again the folders whose calendar day has come (a new year slice, a new age band);
    /// returns how many.
    pub fn look_again(&self) -> Result<u64, LedgerError> {
        let (mut looked, mut skipped) = (0, 0);
        loop {
            let today = self.clock.today().to_string();
            let due = self.books.write(move |tx| tx.folders_to_look_at(&today, skipped, LOOK_CHUNK))?;
            for row in &due {
                let folder = match self.open_folder(row) {
                    Ok(folder) if self.settings.ente(&folder.ente).is_some() => folder,
                    _ => {
                        skipped += 1;
                        continue;
                    }
                };
                match self.submit(&folder, "calendar", Unless::Overtaken(row.content))?.wait() {
                    Ok(_) => looked += 1,
                    // A save in the meantime has mapped it for today already.
                    Err(LedgerError::Refused(why)) if why.starts_with("overtaken") => {}
                    Err(error) => return Err(error),
                }
            }
            if due.len() < LOOK_CHUNK {
                return Ok(looked);
            }
        }
    }
}
