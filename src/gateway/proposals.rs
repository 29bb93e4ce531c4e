//! What registers propose for a folder: shown, decided on by a person, settled by itself when a
//! saved folder holds it. The folder's master is the CSI product: accepting marks and tells.

use serde_json::Value as Json;

use super::Gateway;
use super::chain::{Note, append};
use super::keeping::sealed;
use crate::audit::EventKind;
use crate::exchange::LedgerError;
use crate::folder::Folder;
use crate::ledger::FolderRow;
use crate::ledger::books::ProposalRow;
use crate::personal::Personal;
use crate::seal::{SubjectKey, place};

/// A proposal with its values.
pub struct ProposalView {
    pub row: ProposalRow,
    /// The list element's key.
    pub key: Option<Personal<String>>,
    /// What the folder held when it was proposed; `null` if nothing.
    pub old: Personal<Json>,
    pub new: Personal<Json>,
}

impl Gateway {
    /// The proposals for a folder, opened.
    pub fn proposals(&self, row: &FolderRow, all: bool) -> Result<Vec<ProposalView>, LedgerError> {
        let key = self.subject_key(&row.wrapped_key)?;
        let rows = self.books.proposals(row.id, all)?;
        rows.into_iter().map(|one| self.open_proposal((&row.ente, &row.folder_id), one, &key)).collect()
    }

    fn open_proposal(
        &self,
        (ente, folder_id): (&str, &str),
        row: ProposalRow,
        key: &SubjectKey,
    ) -> Result<ProposalView, LedgerError> {
        let place = proposal_place(ente, folder_id, row.inquiry, row.number);
        let opened = self.sealer.open(key, &place, &row.sealed).map_err(sealed)?;
        let mut content: Json = serde_json::from_slice(opened.expose())
            .map_err(|_| LedgerError::Corrupt(format!("proposal {} is no JSON", row.id)))?;
        let key = content["key"].as_str().map(|key| Personal::new(key.to_owned()));
        let (old, new) = (content["old"].take(), content["new"].take());
        Ok(ProposalView { row, key, old: Personal::new(old), new: Personal::new(new) })
    }

    /// Accepts or declines a proposal. Idempotent; returns the state it had before.
    pub fn decide_proposal(
        &self,
        row: &FolderRow,
        id: i64,
        accept: bool,
        actor: &str,
    ) -> Result<String, LedgerError> {
        let state = if accept { "accepted" } else { "declined" };
        let (now, at, actor, folder) = (self.clock.now_ms(), self.clock.rfc3339(), actor.to_owned(), row.id);
        self.books.write(move |tx| {
            let was = tx.decide_proposal((folder, id), state, &actor, now)?;
            let was = was.ok_or_else(|| LedgerError::Missing(format!("proposal {id} of this folder")))?;
            if was != state {
                let subject = format!("folder {folder}");
                let note = Note::new(at, &actor, EventKind::ProposalDecided, subject);
                append(tx, note.with("proposal", id).with("decision", state))?;
            }
            Ok(was)
        })
    }

    /// Proposals whose value a folder about to be saved holds.
    pub(super) fn held_by(
        &self,
        folder: &Folder,
        number: i64,
        key: &SubjectKey,
    ) -> Result<Vec<i64>, LedgerError> {
        let mut held = Vec::new();
        for row in self.books.proposals(number, false)? {
            let view = self.open_proposal((&folder.ente, &folder.id), row, key)?;
            if let Some(found) = self.at(folder.body.expose(), &view)
                && holds(found, view.new.expose())
            {
                held.push(view.row.id);
            }
        }
        Ok(held)
    }

    /// What a folder has at a proposal's place.
    fn at<'f>(&self, body: &'f Json, view: &ProposalView) -> Option<&'f Json> {
        let (list, below) = match view.row.field.split_once("[]") {
            None => return walk(body, &view.row.field),
            Some((list, below)) => (walk(body, list)?.as_array()?, below.trim_start_matches('.')),
        };
        let key = view.key.as_ref()?.expose().as_str();
        let fields = self.list_key(&view.row)?;
        let named = |item: &&Json| {
            let parts: Option<Vec<String>> = fields.iter().map(|field| text(walk(item, field)?)).collect();
            parts.is_some_and(|parts| parts.join("/") == key)
        };
        walk(list.iter().find(named)?, below)
    }

    /// The key fields of the list that a proposal is about.
    fn list_key(&self, row: &ProposalRow) -> Option<&[String]> {
        let known = self.catalog.find_inbound(&row.flow).or_else(|| self.asking_flow(&row.register))?;
        let list = row.field.split_once("[]")?.0;
        known.mapping.lists.iter().find(|known| known.table.target == list).map(|list| list.key())
    }
}

fn walk<'j>(json: &'j Json, path: &str) -> Option<&'j Json> {
    path.split('.').filter(|word| !word.is_empty()).try_fold(json, |here, word| here.get(word))
}

fn text(json: &Json) -> Option<String> {
    json.as_str().map(str::to_owned).or_else(|| json.is_number().then(|| json.to_string()))
}

/// Whether a value holds all of another; the folder may say more of an element.
fn holds(found: &Json, wanted: &Json) -> bool {
    match (found, wanted) {
        (Json::Object(found), Json::Object(wanted)) => {
            wanted.iter().all(|(name, wanted)| found.get(name).is_some_and(|found| holds(found, wanted)))
        }
        _ => found == wanted,
    }
}

/// Where a proposal's values are sealed to.
pub(super) fn proposal_place(ente: &str, folder_id: &str, inquiry: i64, number: i64) -> Vec<u8> {
    place("proposal", &format!("{ente}/{folder_id}/{inquiry}/{number}"))
}
