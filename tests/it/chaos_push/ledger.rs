//! The ledger of a dead gateway, read from a copy: what a death left is for the next life to mend.

use rusqlite::{Connection, Row};

use crate::chaos::installation::Installation;

/// A copy of the ledger, with what is not in its main file yet.
pub struct Copy {
    pub connection: Connection,
    _directory: tempfile::TempDir,
}

impl Copy {
    pub fn of(place: &Installation) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["ledger.sqlite", "ledger.sqlite-wal"] {
            let from = place.data.join(name);
            if from.exists() {
                std::fs::copy(from, directory.path().join(name)).unwrap();
            }
        }
        let connection = Connection::open(directory.path().join("ledger.sqlite")).unwrap();
        Self { connection, _directory: directory }
    }

    /// The rows of a question, each as a text.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        let mut statement = self.connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row: &Row<'_>| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    /// Operations that nobody would ever touch again: on their way in no open container, or queued
    /// and not the one that their record waits for; and open containers with nothing in them.
    pub fn without_next_step(&self) -> Vec<String> {
        let open = "s.state IN ('queued', 'sending', 'asking')";
        let lost = self.rows(&format!(
            "SELECT 'operation ' || o.id || ' is ' || o.state || ' and has no next step' FROM operation o
             JOIN record r ON r.id = o.record LEFT JOIN submission s ON s.id = o.submission
             WHERE o.state NOT IN ('accepted', 'refused', 'superseded') AND NOT CASE o.state
               WHEN 'queued' THEN o.submission IS NULL AND r.current IS o.id
               WHEN 'parked' THEN r.current IS o.id
               ELSE s.id IS NOT NULL AND {open} AND r.current IS o.id END"
        ));
        let empty = self.rows(&format!(
            "SELECT 'container ' || s.id || ' is ' || s.state || ' and carries nothing' FROM submission s
             WHERE {open} AND NOT EXISTS (SELECT 1 FROM operation o WHERE o.submission = s.id
               AND o.state NOT IN ('accepted', 'refused', 'superseded'))"
        ));
        lost.into_iter().chain(empty).collect()
    }

    pub fn count(&self, sql: &str) -> u64 {
        self.connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}
