//! Sealing and opening what the ledger keeps: bodies and fragments, each bound to its place.

use super::Gateway;
use crate::exchange::{Hash, LedgerError, RecordId};
use crate::folder::Folder;
use crate::folder::finding::{Finding, Severity, Text, Verdict};
use crate::ledger::FolderRow;
use crate::personal::Personal;
use crate::seal::{SealError, SubjectKey, WrappedKey, place};

impl Gateway {
    /// The folder of a row, opened.
    pub fn open_folder(&self, row: &FolderRow) -> Result<Folder, LedgerError> {
        let key = self.subject_key(&row.wrapped_key)?;
        let body =
            self.sealer.open(&key, &folder_place(&row.ente, &row.folder_id), &row.body).map_err(sealed)?;
        let body = serde_json::from_slice(body.expose())
            .map_err(|_| LedgerError::Corrupt(format!("folder {} is no JSON", row.folder_id)))?;
        Ok(Folder {
            ente: row.ente.clone(),
            id: row.folder_id.clone(),
            version: row.version,
            body: Personal::new(body),
        })
    }

    /// A folder's key, opened; an erased one has none.
    pub(super) fn subject_key(&self, wrapped: &[u8]) -> Result<SubjectKey, LedgerError> {
        if wrapped.is_empty() {
            return Err(super::erase::erased());
        }
        self.sealer.open_subject(&WrappedKey::from_bytes(wrapped.to_vec())).map_err(sealed)
    }

    /// The fragment of a record, opened.
    pub fn open_fragment(&self, record: RecordId, content: &Hash) -> Result<Personal<Vec<u8>>, LedgerError> {
        self.open_fragment_by(record, content, &mut None)
    }

    /// As [`Gateway::open_fragment`], for many of one folder: its key is opened once.
    pub(super) fn open_fragment_by(
        &self,
        record: RecordId,
        content: &Hash,
        opened: &mut Option<(Vec<u8>, SubjectKey)>,
    ) -> Result<Personal<Vec<u8>>, LedgerError> {
        let kept = self.books.payload(record, content)?;
        let key = match opened.take() {
            Some((wrapped, key)) if wrapped == kept.wrapped_key => key,
            _ => self.subject_key(&kept.wrapped_key)?,
        };
        let (_, key) = opened.insert((kept.wrapped_key, key));
        let place = fragment_place(&kept.ente, &kept.folder_id, &kept.record_key);
        self.sealer.open(key, &place, &kept.sealed).map_err(sealed)
    }

    /// Keyed hash of a fragment in a register.
    pub(super) fn content_hash(&self, register: &str, fragment: &[u8]) -> Hash {
        self.sealer.keyed_hash(&format!("content/{register}"), fragment)
    }

    /// Keyed hash of a pseudonym in a register.
    pub(super) fn pseudonym_hash(&self, register: &str, pseudonym: &str) -> Hash {
        self.sealer.keyed_hash(&format!("pseudonym/{register}"), pseudonym.as_bytes())
    }

    /// Keyed hash of a register's own key.
    pub(super) fn register_key_hash(&self, register: &str, key: &str) -> Hash {
        self.sealer.keyed_hash(&format!("register-key/{register}"), key.as_bytes())
    }
}

/// Where a folder's body is sealed to.
pub(super) fn folder_place(ente: &str, folder_id: &str) -> Vec<u8> {
    place("folder", &format!("{ente}/{folder_id}"))
}

/// Where a record's fragment is sealed to.
pub(super) fn fragment_place(ente: &str, folder_id: &str, record_key: &str) -> Vec<u8> {
    place("payload", &format!("{ente}/{folder_id}/{record_key}"))
}

pub(super) fn sealed(error: SealError) -> LedgerError {
    LedgerError::Store(Box::new(error))
}

/// A folder of an ente that this installation does not know.
pub(super) fn unknown_ente() -> Finding {
    Finding {
        rule: "ente-sconosciuto".into(),
        severity: Severity::Withhold,
        folder_path: "/ente".into(),
        payload_path: None,
        message: Text::new(
            "L'ente della cartella non è configurato in questa installazione.",
            "The folder's ente is not configured in this installation.",
        ),
        hint: Text::new(
            "Correggere il codice dell'ente, o aggiungere la tabella [[ente]] alla configurazione.",
            "Correct the ente's code, or add its [[ente]] table to the configuration.",
        ),
        verdict: Verdict::CorrectFolder,
        source: "raccordo: configuration".into(),
    }
}
