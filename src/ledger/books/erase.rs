//! Erasing a person: what their key sealed is dropped, with the key itself; ids, hashes and the history
//! of operations stay, as the proof of what was sent.

use super::folders::{FOLDER, folder};
use super::{Books, Tx, params};
use crate::exchange::{LedgerError, Millis};
use crate::ledger::FolderRow;

type R<T> = Result<T, LedgerError>;

/// Everything that is kept of a folder and that only its key opens, or that tells of its person.
const DROPPED: [&str; 6] = [
    "DELETE FROM payload WHERE record IN (SELECT id FROM record WHERE folder = ?1)",
    "DELETE FROM finding WHERE folder = ?1",
    "DELETE FROM benefit WHERE folder = ?1",
    "DELETE FROM proposal WHERE folder = ?1",
    "UPDATE inquiry SET answer = NULL WHERE folder = ?1",
    "UPDATE receipt SET text = NULL WHERE text IS NOT NULL AND operation IN (
       SELECT o.id FROM operation o JOIN record r ON r.id = o.record WHERE r.folder = ?1)",
];

impl Tx<'_> {
    /// Registers in which a folder has records.
    pub fn registers_of(&self, folder: i64) -> R<Vec<String>> {
        let sql = "SELECT DISTINCT register FROM record WHERE folder = ?1 ORDER BY register";
        self.many(sql, [folder], |row| row.get(0))
    }

    /// Questions about a folder's person that are not over.
    pub fn open_questions(&self, folder: i64) -> R<u64> {
        let sql = "SELECT count(*) FROM inquiry WHERE folder = ?1 AND ended_at IS NULL";
        self.one("open questions", sql, [folder], |row| row.get(0))
    }

    /// An erasure waits until nothing stands in its way.
    pub fn ask_erasure(&self, folder: i64, actor: &str, now: Millis) -> R<()> {
        let sql = "UPDATE folder SET erase_asked = coalesce(erase_asked, ?2), erase_actor = ?3 WHERE id = ?1";
        self.run(sql, params![folder, now, actor]).map(drop)
    }

    /// Destroys the folder's key and drops what it sealed.
    pub fn erase(&self, folder: i64) -> R<()> {
        for sql in DROPPED {
            self.run(sql, [folder])?;
        }
        let nothing: &[u8] = &[];
        // A hash of its own: nobody is found by it, and no two erased persons look like one.
        let mut nobody = [0_u8; 32];
        nobody[24..].copy_from_slice(&folder.to_be_bytes());
        let sql =
            "UPDATE folder SET wrapped_key = ?2, body = ?2, person = ?3, content = ?3, look_again = NULL,
                     erase_asked = NULL, erase_actor = NULL WHERE id = ?1";
        self.run(sql, params![folder, nothing, nobody]).map(drop)
    }
}

impl Books {
    /// Folders behind one whose erasure waits, and who asked for it.
    pub fn erasures(&self, after: i64, limit: usize) -> R<Vec<(FolderRow, String)>> {
        let sql = format!(
            "SELECT {FOLDER}, coalesce(erase_actor, '') FROM folder
             WHERE erase_asked IS NOT NULL AND id > ?1 ORDER BY id LIMIT ?2"
        );
        let bounds = params![after, limit as i64];
        self.look(|tx| tx.many(&sql, bounds, |row| Ok((folder(row)?, row.get(10)?))))
    }
}
