//! A save that is made only where the stored folder is still the one that its sender has read.

use super::Gateway;
use super::save::{SaveError, Saved, Unless};
use crate::exchange::{Hash, LedgerError};
use crate::folder::Folder;

/// What must hold of the stored folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    Any,
    /// There is one.
    Exists,
    /// There is none.
    New,
    /// Its content is this one.
    Is(Hash),
    /// What nothing fulfils.
    Nothing,
}

impl Gateway {
    /// As [`Gateway::save`], where the guard holds; else nothing changes.
    pub fn save_if(&self, folder: &Folder, actor: &str, guard: Guard) -> Result<Saved, SaveError> {
        let stored = self.books.folder(&folder.ente, &folder.id)?.map(|row| row.content);
        let unless = match (guard, stored) {
            (Guard::Any, _) => return self.save(folder, actor),
            (Guard::Exists, Some(content)) => Unless::Overtaken(content),
            (Guard::Is(wanted), Some(content)) if wanted == content => Unless::Overtaken(content),
            (Guard::New, None) => Unless::Stored,
            _ => return Err(SaveError::Overtaken),
        };
        match self.submit(folder, actor, unless)?.wait() {
            Err(LedgerError::Refused(why)) if why.starts_with("overtaken") => Err(SaveError::Overtaken),
            Err(LedgerError::Refused(why)) if why.starts_with("older") => Err(SaveError::Older(why)),
            other => Ok(other?),
        }
    }

    /// The hash by which a folder's content is known.
    pub fn folder_content(&self, folder: &Folder) -> Result<Hash, LedgerError> {
        let body =
            serde_json::to_vec(folder.body.expose()).map_err(|error| LedgerError::Store(Box::new(error)))?;
        Ok(self.sealer.keyed_hash("folder", &body))
    }
}
