//! What recipients answered and what findings say, brought back to the folder's fields. Texts of
//! receipts and folders are opened only where the caller reads bodies; that is an audited act.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Gateway;
use super::chain::{Note, append};
use super::rights::Reason;
use crate::audit::EventKind;
use crate::exchange::{Kind, LedgerError};
use crate::flow::Flow;
use crate::flow::explain::{Explanation, Reader, Said};
use crate::flow::trace::Trace;
use crate::folder::Folder;
use crate::folder::finding::{Finding, Text, Verdict};
use crate::ledger::FolderRow;
use crate::ledger::books::{AnswerRow, OperationToExplain, SubmissionView};

/// Whether folders and texts of receipts are opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bodies {
    /// For this reason.
    Open(Reason),
    /// Only what stands in clear: codes, and the names of fields.
    Closed,
}

/// One operation, explained.
#[derive(Debug, Serialize)]
pub struct Explained {
    pub operation: i64,
    pub ente: String,
    pub folder_id: String,
    pub flow: String,
    pub record: String,
    pub kind: String,
    pub generation: u64,
    pub state: String,
    pub submission: Option<String>,
    /// The folder maps to something else today: values and places are today's, not those that were sent.
    pub changed_since: bool,
    pub explanations: Vec<Explanation>,
}

/// A finding of a folder, explained.
#[derive(Debug, Serialize)]
pub struct ExplainedFinding {
    pub flow: String,
    pub record: Option<String>,
    pub finding: Explanation,
}

/// The folders of an act, opened once each.
type Opened = BTreeMap<(String, String), Option<Folder>>;

impl Gateway {
    /// Explains operations. The caller has seen that they may be shown.
    pub fn explain(
        &self,
        rows: Vec<OperationToExplain>,
        bodies: &Bodies,
        actor: &str,
    ) -> Result<Vec<Explained>, LedgerError> {
        let folders = match bodies {
            Bodies::Open(reason) => self.open_all(&rows, actor, reason)?,
            Bodies::Closed => Opened::new(),
        };
        rows.into_iter().map(|row| self.explained(row, &folders)).collect()
    }

    /// Opens a folder to explain it: an audited act.
    pub fn read_folder_body(
        &self,
        row: &FolderRow,
        actor: &str,
        reason: &Reason,
    ) -> Result<Folder, LedgerError> {
        self.note_reading(&[row.id], actor, reason)?;
        self.open_folder(row)
    }

    /// The findings of a folder, of one record key if given; with values if it is open.
    pub fn explain_findings(
        &self,
        row: &FolderRow,
        record: Option<&str>,
        folder: Option<&Folder>,
    ) -> Result<Vec<ExplainedFinding>, LedgerError> {
        let reader = Reader::new(&self.folders, folder.map(|folder| folder.body.expose()));
        let found = self.books.findings_of(row.id, record)?.into_iter();
        let told = found.filter_map(|(flow, record, finding)| {
            let finding: Finding = serde_json::from_str(&finding).ok()?;
            Some(ExplainedFinding { flow, record, finding: reader.finding(finding) })
        });
        Ok(told.collect())
    }

    /// What the last attempt says of a container as a whole, where it carries nothing any more.
    pub fn explain_container(&self, view: &SubmissionView) -> Vec<Explanation> {
        let code = view.attempts.iter().rev().filter_map(|attempt| attempt.code.as_deref());
        let code = code.into_iter().find(|code| !code.is_empty());
        let registers = self.settings.route(&view.route).map(|route| route.registers().collect::<Vec<_>>());
        let flows = self.catalog.flows().iter();
        let flow =
            flows.into_iter().find(|flow| registers.iter().flatten().any(|name| *name == flow.register()));
        let (Some(code), Some(flow), true) = (code, flow, view.operations.is_empty()) else {
            return Vec::new();
        };
        let said = Said { code, text: None, operation: None };
        flow.explain(&said, &Trace::default(), &Reader::new(&self.folders, None))
    }

    fn explained(&self, row: OperationToExplain, folders: &Opened) -> Result<Explained, LedgerError> {
        let folder = folders.get(&(row.ente.clone(), row.folder_id.clone())).and_then(Option::as_ref);
        let answer = self.books.newest_answer(&row)?;
        // What a register simply accepted needs no explanation.
        let answer = answer.filter(|answer| row.state != "accepted" || answer.what != "settled");
        let reader = Reader::new(&self.folders, folder.map(|folder| folder.body.expose()));
        let explanations = match self.catalog.find(&row.flow) {
            Some(flow) => {
                let trace = folder.and_then(|folder| self.trace(flow, folder, &row.key));
                let trace = trace.unwrap_or_else(|| flow.trace_of(&row.rows));
                self.answered(flow, &row, answer, &trace, &reader, folder.is_some())
            }
            None => standing(&row.state).into_iter().collect(),
        };
        // A cancel carries what was acknowledged before: that differs always.
        let changed_since = !row.is_todays && row.kind != Kind::Cancel.word();
        Ok(Explained {
            operation: row.operation,
            ente: row.ente,
            folder_id: row.folder_id,
            flow: row.flow,
            record: row.key,
            kind: row.kind,
            generation: row.generation,
            state: row.state,
            submission: row.submission,
            changed_since,
            explanations,
        })
    }

    fn trace(&self, flow: &Flow, folder: &Folder, key: &str) -> Option<Trace> {
        let ente = self.settings.ente(&folder.ente)?;
        flow.trace(folder, &self.context(ente), key)
    }

    /// The newest answer, else what the last attempt met, else what the state means.
    fn answered(
        &self,
        flow: &Flow,
        row: &OperationToExplain,
        answer: Option<AnswerRow>,
        trace: &Trace,
        reader: &Reader<'_>,
        open: bool,
    ) -> Vec<Explanation> {
        let operation = Kind::from_word(&row.kind).map(Into::into);
        if let Some(answer) = answer {
            let text = if open { self.text(&answer) } else { None };
            return flow.explain(
                &Said { code: &answer.code, text: text.as_deref(), operation },
                trace,
                reader,
            );
        }
        let Some(standing) = standing(&row.state) else { return Vec::new() };
        if row.attempt_code.is_empty() {
            return vec![standing];
        }
        let said = Said { code: &row.attempt_code, text: None, operation };
        let told = flow.explain(&said, &Trace::default(), reader);
        match told.iter().any(|told| told.is_catalogued()) {
            true => told,
            false => vec![Explanation { code: Some(row.attempt_code.clone()), ..standing }],
        }
    }

    /// The text of an answer; none where its key is gone.
    fn text(&self, answer: &AnswerRow) -> Option<String> {
        let opened = self.open_text(&answer.submission, answer.text.as_deref()?);
        opened.ok().map(|text| String::from_utf8_lossy(text.expose()).into_owned())
    }

    /// Opens the folders of operations, once it is on record who reads them.
    fn open_all(
        &self,
        rows: &[OperationToExplain],
        actor: &str,
        reason: &Reason,
    ) -> Result<Opened, LedgerError> {
        let mut stored = BTreeMap::new();
        for row in rows {
            let whose = (row.ente.clone(), row.folder_id.clone());
            if let std::collections::btree_map::Entry::Vacant(place) = stored.entry(whose) {
                let found = self.books.folder(&row.ente, &row.folder_id)?;
                place.insert(found);
            }
        }
        let ids: Vec<i64> = stored.values().flatten().map(|row| row.id).collect();
        self.note_reading(&ids, actor, reason)?;
        let open =
            |(whose, row): (_, Option<FolderRow>)| (whose, row.and_then(|row| self.open_folder(&row).ok()));
        Ok(stored.into_iter().map(open).collect())
    }

    fn note_reading(&self, folders: &[i64], actor: &str, reason: &Reason) -> Result<(), LedgerError> {
        if folders.is_empty() {
            return Ok(());
        }
        let (at, actor, folders) = (self.clock.rfc3339(), actor.to_owned(), folders.to_vec());
        let reason = reason.text().to_owned();
        self.books.write(move |tx| {
            for folder in &folders {
                let subject = format!("folder {folder}");
                let note = Note::new(at.clone(), &actor, EventKind::FolderRead, subject);
                append(tx, note.with("reason", &reason))?;
            }
            Ok(())
        })
    }
}

/// What a state without an answer means, where a person may act on it.
fn standing(state: &str) -> Option<Explanation> {
    let (rule, message, hint, verdict) = match state {
        "retrying" => (
            "da-ritentare",
            Text::new(
                "Il destinatario non era raggiungibile, o non pronto.",
                "The recipient could not be reached, or was not ready.",
            ),
            Text::new(
                "Si riprova da sé: `raccordo routes list` dice fino a quando.",
                "It is tried again by itself: `raccordo routes list` says until when.",
            ),
            Verdict::Wait,
        ),
        "uncertain" | "parked" => (
            "esito-ignoto",
            Text::new(
                "Non si sa se il registro l'ha acquisita: nessuna risposta, o una che non basta.",
                "It is not known whether the register acquired it: no answer, or one that is not enough.",
            ),
            Text::new(
                "Guardare presso il registro se c'è, poi dirlo con `raccordo decide`.",
                "Look at the register whether it is there, then say so with `raccordo decide`.",
            ),
            Verdict::AskRecipient,
        ),
        "refused" => (
            "rifiutata",
            Text::new(
                "È rifiutata, e della risposta non resta il testo.",
                "It is refused, and the answer's text is not there.",
            ),
            Text::new(
                "Correggere la cartella, o ritentare con `raccordo decide --try-again`.",
                "Correct the folder, or try again with `raccordo decide --try-again`.",
            ),
            Verdict::AskRecipient,
        ),
        _ => return None,
    };
    Some(Explanation::plain(rule, message, hint, verdict, "raccordo"))
}
