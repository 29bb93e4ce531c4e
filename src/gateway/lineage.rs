//! What a register knows of a person, and why: from what it has acknowledged back to the folder's fields,
//! with purpose and legal basis. Places only, no values; an audited act.

use serde::Serialize;

use super::Gateway;
use super::chain::{Note, append};
use super::rights::Reason;
use crate::audit::EventKind;
use crate::exchange::{LedgerError, Millis};
use crate::folder::finding::Text;
use crate::ledger::FolderRow;
use crate::ledger::books::{KnownRecord, PastOperation};

/// One record, as a register knows it.
#[derive(Debug, Serialize)]
pub struct Lineage {
    pub register: String,
    pub flow: String,
    pub record: String,
    /// First and last day it speaks of.
    pub from: String,
    pub to: String,
    /// Whether the register has acknowledged it, by which generation, and whether that is what the folder
    /// maps to today.
    pub held: bool,
    pub held_generation: Option<u64>,
    pub is_todays: bool,
    pub purpose: Option<Text>,
    pub legal_basis: Option<String>,
    /// The folder's fields that make it, by the rows that fired when the folder was saved last.
    pub fields: Vec<FieldSent>,
    /// Everything that was done about it, oldest first.
    pub history: Vec<Done>,
}

/// One field that goes to the register.
#[derive(Debug, Serialize)]
pub struct FieldSent {
    /// Row of the mapping.
    pub row: usize,
    pub target: String,
    /// Places in the folder's shape.
    pub sources: Vec<String>,
    pub purpose: String,
}

/// One operation.
#[derive(Debug, Serialize)]
pub struct Done {
    pub generation: u64,
    pub kind: String,
    pub state: String,
    pub queued_at: Millis,
    pub submission: Option<String>,
    pub route: String,
    /// The newest receipt's code, and when it came.
    pub receipt: Option<String>,
    pub receipt_at: Option<Millis>,
}

impl Gateway {
    /// What registers know of a folder's person, once it is on record who asks.
    pub fn lineage(
        &self,
        row: &FolderRow,
        register: Option<&str>,
        actor: &str,
        reason: &Reason,
    ) -> Result<Vec<Lineage>, LedgerError> {
        let (folder, at) = (row.id, self.clock.rfc3339());
        let note = Note::new(at, actor, EventKind::LineageRead, format!("folder {folder}"));
        let note = note.with("register", register.unwrap_or("all")).with("reason", reason.text());
        self.books.write(move |tx| append(tx, note))?;
        let mut known = Vec::new();
        for record in self.books.known_records(folder, register)? {
            let history = self.books.past_operations(record.id)?.into_iter().map(done).collect();
            known.push(self.known(record, history));
        }
        Ok(known)
    }

    fn known(&self, record: KnownRecord, history: Vec<Done>) -> Lineage {
        let flow = self.catalog.find(&record.flow);
        let fields = flow.map(|flow| flow.lineage_of(&record.rows)).unwrap_or_default();
        let fields = fields.into_iter().map(|field| FieldSent {
            row: field.row,
            target: field.target,
            sources: field.sources,
            purpose: field.purpose,
        });
        let head = flow.map(|flow| &flow.mapping.flow);
        Lineage {
            register: record.register,
            flow: record.flow,
            record: record.key,
            from: record.from,
            to: record.to,
            held: record.held,
            held_generation: record.held_generation,
            is_todays: record.is_todays,
            purpose: head.map(|head| head.purpose.clone()),
            legal_basis: head.map(|head| head.legal_basis.clone()),
            fields: fields.collect(),
            history,
        }
    }
}

fn done(past: PastOperation) -> Done {
    let (receipt, receipt_at) = past.receipt.unzip();
    Done {
        generation: past.generation,
        kind: past.kind,
        state: past.state,
        queued_at: past.queued_at,
        submission: past.submission,
        route: past.route,
        receipt,
        receipt_at,
    }
}
