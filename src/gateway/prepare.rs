//! What a save is made of before the ledger sees it: the folder mapped by every flow, and sealed.

use super::keeping::{folder_place, fragment_place, sealed};
use super::{Gateway, settings::Ente};
use crate::exchange::{DesiredRecord, DesiredSet, Hash, LedgerError, Powers};
use crate::flow::explain::Reader;
use crate::flow::{Flow, Mapped, MappedRecord};
use crate::folder::finding::Finding;
use crate::folder::{Folder, fields};
use crate::ledger::books::BenefitRow;
use crate::ledger::{FindingRow, FolderRow, Tx};
use crate::personal::Personal;
use crate::seal::{SubjectKey, WrappedKey};

/// A record's payload, ready for the ledger.
pub(super) struct Fragment {
    pub content: Hash,
    pub sealed: Vec<u8>,
    /// Mapping rows that fired, a bitmap.
    pub rows: Vec<u8>,
}

/// A save, ready for the ledger.
pub(super) struct Ready {
    pub row: FolderRow,
    pub prepared: Vec<Prepared>,
    /// Ids of the folder's interventions, in its order.
    pub interventions: Vec<String>,
    pub benefits: Vec<BenefitRow>,
    pub created: bool,
    /// Proposals whose value the folder now holds.
    pub held: Vec<i64>,
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
pub(super) struct Prepared {
    pub register: String,
    pub flow: String,
    pub powers: Powers,
    pub set: DesiredSet,
    /// Per record of the set; `None` where a finding withholds it.
    pub fragments: Vec<Option<Fragment>>,
    /// The keys of the ente that the flow used, by name and check value.
    pub keys: Vec<(String, Hash)>,
    /// Hashes of the pseudonyms that stand for the folder's person.
    pub pseudonyms: Vec<Hash>,
    pub findings: Vec<FindingRow>,
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
    pub(super) fn keep_names(
        &mut self,
        tx: &Tx<'_>,
        row: &FolderRow,
        folder: i64,
        now: i64,
    ) -> Result<(), LedgerError> {
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

impl Gateway {
    /// Maps and seals a folder, ready for [`keep`].
    pub(super) fn ready(&self, folder: &Folder) -> Result<Ready, LedgerError> {
        let stored = self.books.folder(&folder.ente, &folder.id)?;
        let created = stored.is_none();
        let number = stored.as_ref().map(|row| row.id);
        let wrapped = match stored {
            Some(row) => WrappedKey::from_bytes(row.wrapped_key),
            None => self.sealer.new_subject_key().map_err(sealed)?,
        };
        let key = self.subject_key(wrapped.as_bytes())?;
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
