//! The keys with which pseudonyms were made, and the folders for which pseudonyms stand.

use std::path::Path;

use super::{Books, R, Row, Tx, params};
use crate::exchange::{Hash, LedgerError, Millis};
use crate::ledger::sql::Connection;
use crate::ledger::sql::postgres::{Place, Server};
use crate::ledger::sql::sqlite::Sqlite;

/// A key of an ente, known by its check value only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    pub ente: String,
    pub name: String,
    pub check_value: Hash,
    /// When the first record was made with it, or a person accepted it; ms.
    pub since: Millis,
}

const ALL: &str = "SELECT ente, name, check_value, since FROM pseudonym_key ORDER BY ente, name";

fn known_key(row: &Row<'_>) -> R<KnownKey> {
    Ok(KnownKey { ente: row.get(0)?, name: row.get(1)?, check_value: row.get(2)?, since: row.get(3)? })
}

impl Books {
    /// The keys with which records were made.
    pub fn known_keys(&self) -> Result<Vec<KnownKey>, LedgerError> {
        self.look(|tx| tx.many(ALL, [], known_key))
    }

    /// The same of a server's ledger; none where there is no ledger yet.
    pub fn known_keys_at(place: &Place) -> Result<Vec<KnownKey>, LedgerError> {
        let connection = Connection::to(&Server::new(place)?);
        let table = "SELECT 1 FROM information_schema.tables
                     WHERE table_schema = current_schema() AND table_name = 'pseudonym_key'";
        let found = connection.maybe(table, [], |_| Ok(()))?;
        if found.is_some() { connection.many(ALL, [], known_key) } else { Ok(Vec::new()) }
    }

    /// The same of a ledger that another process may have open; none where there is no ledger yet.
    pub fn known_keys_in(directory: &Path) -> Result<Vec<KnownKey>, LedgerError> {
        let path = directory.join("ledger.sqlite");
        if !path.exists() {
            return Ok(Vec::new());
        }
        let connection = Sqlite::reader(&path)?;
        // A ledger of an older version knows no keys.
        let table = "SELECT 1 FROM sqlite_master WHERE name = 'pseudonym_key'";
        let found = connection.maybe(table, [], |_| Ok(()))?;
        if found.is_some() { connection.many(ALL, [], known_key) } else { Ok(Vec::new()) }
    }
}

impl Tx<'_> {
    /// Notes the key with which a record is made, if none was noted; false where another one was.
    pub fn note_key(
        &self,
        ente: &str,
        name: &str,
        check_value: &Hash,
        now: Millis,
    ) -> Result<bool, LedgerError> {
        self.run(
            "INSERT INTO pseudonym_key (ente, name, check_value, since) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO NOTHING",
            params![ente, name, check_value, now],
        )?;
        let sql = "SELECT check_value FROM pseudonym_key WHERE ente = ?1 AND name = ?2";
        let noted: Hash = self.one("the key", sql, params![ente, name], |row| row.get(0))?;
        Ok(noted == *check_value)
    }

    /// Puts a key in the place of the one of before; returns how many did change.
    pub fn change_key(
        &self,
        ente: &str,
        name: &str,
        check_value: &Hash,
        now: Millis,
    ) -> Result<usize, LedgerError> {
        self.run(
            "UPDATE pseudonym_key SET check_value = ?3, since = ?4
             WHERE ente = ?1 AND name = ?2 AND check_value <> ?3",
            params![ente, name, check_value, now],
        )
    }

    /// Takes pseudonyms for a folder; false where one of them stands for another folder of the ente.
    ///
    /// What the folder no longer uses is free again, unless the register may know it by that.
    pub fn claim_pseudonyms(
        &self,
        ente: &str,
        register: &str,
        folder: i64,
        hashes: &[Hash],
    ) -> Result<bool, LedgerError> {
        self.run(
            "DELETE FROM pseudonym WHERE folder = ?1 AND register = ?2 AND NOT EXISTS (
               SELECT 1 FROM record WHERE folder = ?1 AND register = ?2
                 AND (held_key IS NOT NULL OR current IS NOT NULL))",
            params![folder, register],
        )?;
        let mut ours = true;
        for hash in hashes {
            self.run(
                "INSERT INTO pseudonym (ente, register, hash, folder) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO NOTHING",
                params![ente, register, hash, folder],
            )?;
            let sql = "SELECT folder FROM pseudonym WHERE ente = ?1 AND register = ?2 AND hash = ?3";
            let whose: i64 =
                self.one("the pseudonym", sql, params![ente, register, hash], |row| row.get(0))?;
            ours &= whose == folder;
        }
        Ok(ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_folders() -> (tempfile::TempDir, Books) {
        let directory = tempfile::tempdir().unwrap();
        let books = Books::open(directory.path()).unwrap();
        for id in ["F-1", "F-2"] {
            let sql = "INSERT INTO folder (ente, folder_id, wrapped_key, person, content, body, saved_at)
                         VALUES ('E', ?1, ?2, ?3, ?3, ?2, 5)";
            books.write(move |tx| tx.add(sql, params![id, [1_u8; 1], [0_u8; 32]])).unwrap();
        }
        (directory, books)
    }

    #[test]
    fn the_first_key_stays_until_a_person_changes_it() {
        let (directory, books) = with_folders();
        assert_eq!(Books::known_keys_in(directory.path()).unwrap(), []);
        assert!(books.write(|tx| tx.note_key("E", "k", &[1; 32], 7)).unwrap());
        assert!(!books.write(|tx| tx.note_key("E", "k", &[2; 32], 8)).unwrap());
        let known = KnownKey { ente: "E".into(), name: "k".into(), check_value: [1; 32], since: 7 };
        assert_eq!(Books::known_keys_in(directory.path()).unwrap(), [known]);
        assert_eq!(books.write(|tx| tx.change_key("E", "k", &[2; 32], 9)).unwrap(), 1);
        assert_eq!(books.write(|tx| tx.change_key("E", "k", &[2; 32], 9)).unwrap(), 0);
        assert!(books.write(|tx| tx.note_key("E", "k", &[2; 32], 8)).unwrap());
        assert_eq!(books.known_keys().unwrap()[0].since, 9);
        assert_eq!(Books::known_keys_in(&directory.path().join("none")).unwrap(), []);
    }

    #[test]
    fn a_pseudonym_stands_for_one_folder() {
        let (_directory, books) = with_folders();
        let claim = |folder: i64, hashes: Vec<Hash>| {
            books.write(move |tx| tx.claim_pseudonyms("E", "r", folder, &hashes)).unwrap()
        };
        assert!(claim(1, vec![[1; 32], [2; 32]]) && claim(1, vec![[1; 32]]));
        assert!(!claim(2, vec![[1; 32]]) && claim(2, vec![[2; 32]]), "what is no longer used is free");
        assert!(claim(1, vec![]) && claim(2, vec![[1; 32]]));
    }
}
