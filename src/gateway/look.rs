//! Folders whose calendar day has come, mapped again.

use super::Gateway;
use super::save::Unless;
use crate::exchange::LedgerError;

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
