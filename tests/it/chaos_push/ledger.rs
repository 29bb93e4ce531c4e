//! The ledger behind a gateway's back, as its file or its server has it: what a death left is for the
//! next life to mend.

use std::path::Path;
use std::process::Command;

use rusqlite::{Connection, OpenFlags, Row};

use crate::chaos::installation::Installation;
use crate::chaos::stage::ELSEWHERE;

/// A file of the installation that holds the address of its database server, where it has one.
pub const DATABASE: &str = "database";

/// The ledger: a copy of its file, with what is not in its main file yet, or the server itself.
pub enum Copy {
    File { connection: Connection, _directory: Option<tempfile::TempDir> },
    Server { url: String },
}

impl Copy {
    pub fn of(place: &Installation) -> Self {
        match std::fs::read_to_string(place.directory.join(DATABASE)) {
            Ok(url) => Self::Server { url: url.trim().to_owned() },
            Err(_) => Self::of_file(&place.data, |_| ()),
        }
    }

    /// A copy of the file to which something was done before it is opened.
    pub fn of_file(data: &Path, before: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["ledger.sqlite", "ledger.sqlite-wal"] {
            let from = data.join(name);
            if from.exists() {
                std::fs::copy(from, directory.path().join(name)).unwrap();
            }
        }
        before(directory.path());
        let connection = Connection::open(directory.path().join("ledger.sqlite")).unwrap();
        Self::File { connection, _directory: Some(directory) }
    }

    /// The ledger of a gateway that works, looked into without a copy.
    pub fn live(place: &Installation) -> Self {
        if place.directory.join(DATABASE).exists() {
            return Self::of(place);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = Connection::open_with_flags(place.data.join("ledger.sqlite"), flags).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
        Self::File { connection, _directory: None }
    }

    /// The rows of a question that both kinds understand, each as a text.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        match self {
            Self::File { connection, .. } => {
                let mut statement = connection.prepare(sql).unwrap();
                let rows = statement.query_map([], |row: &Row<'_>| row.get(0)).unwrap();
                rows.collect::<Result<_, _>>().unwrap()
            }
            Self::Server { url } => {
                let asked = Command::new("psql").args([url, "-XAtqc", sql]).output().unwrap();
                let problem = String::from_utf8_lossy(&asked.stderr);
                assert!(asked.status.success(), "psql: {problem}\n{sql}");
                String::from_utf8(asked.stdout).unwrap().lines().map(str::to_owned).collect()
            }
        }
    }

    /// Records, of those that a condition names, of which the register has something else than it should.
    /// What it refused as it stands may differ, and whatever needs that, also by way of others.
    pub fn lost(&self, which: &str) -> Vec<String> {
        self.rows(&format!(
            "WITH RECURSIVE stuck (folder, register, key) AS (
               SELECT folder, register, key FROM record WHERE desired = 'present' AND held_content IS NULL
                 AND refused_content IS NOT DISTINCT FROM desired_content
               UNION SELECT r.folder, r.register, r.key FROM record r JOIN stuck s ON r.folder = s.folder
                 AND coalesce(r.needs_register, r.register) = s.register AND r.needs = s.key
               WHERE r.held_content IS NULL)
             SELECT 'record ' || id || ' (' || desired || ') is lost: the register has something else' FROM record
             WHERE {which} AND (desired = 'present' AND held_content IS DISTINCT FROM desired_content
               AND refused_content IS DISTINCT FROM desired_content AND NOT EXISTS (SELECT 1 FROM stuck s
                 WHERE s.folder = record.folder AND s.key = record.needs
                 AND s.register = coalesce(record.needs_register, record.register))
               OR desired IN ('annulled', 'vanished') AND held_content IS NOT NULL AND refused_kind IS NULL)"
        ))
    }

    /// Operations that nobody would ever touch again: on their way in no open container, or queued
    /// and not the one that their record waits for; and open containers with nothing in them.
    pub fn without_next_step(&self) -> Vec<String> {
        let open = "s.state IN ('queued', 'sending', 'asking')";
        // What was offered, or left as a file, waits for its receipt; without one a person decides.
        let others = format!("s.route <> '{ELSEWHERE}'");
        let lost = self.rows(&format!(
            "SELECT 'operation ' || o.id || ' is ' || o.state || ' and has no next step' FROM operation o
             JOIN record r ON r.id = o.record LEFT JOIN submission s ON s.id = o.submission
             WHERE o.state NOT IN ('accepted', 'refused', 'superseded') AND NOT CASE o.state
               WHEN 'queued' THEN o.submission IS NULL AND r.current IS NOT DISTINCT FROM o.id
               WHEN 'parked' THEN r.current IS NOT DISTINCT FROM o.id
               WHEN 'waiting' THEN r.current IS NOT DISTINCT FROM o.id AND ({open} OR {others} AND s.state = 'out')
               WHEN 'uncertain' THEN r.current IS NOT DISTINCT FROM o.id AND ({open} OR {others})
               ELSE s.id IS NOT NULL AND {open} AND r.current IS NOT DISTINCT FROM o.id END"
        ));
        let empty = self.rows(&format!(
            "SELECT 'container ' || s.id || ' is ' || s.state || ' and carries nothing' FROM submission s
             WHERE {open} AND NOT EXISTS (SELECT 1 FROM operation o WHERE o.submission = s.id
               AND o.state NOT IN ('accepted', 'refused', 'superseded'))"
        ));
        lost.into_iter().chain(empty).collect()
    }

    pub fn count(&self, sql: &str) -> u64 {
        self.rows(&sql.replacen("count(*)", "CAST(count(*) AS TEXT)", 1))[0].parse().unwrap()
    }
}
