//! Brings a ledger to the version of this program: forward only, each step whole or not at all.
//!
//! A shared ledger may be newer than the program that opens it, as it is while nodes are upgraded
//! one after another: the program works on it as long as every step that it does not know only
//! added something. A migration says so itself, by a line that begins with `-- additive`; the
//! ledger keeps from which version on its programs must be.

use super::R;
use crate::exchange::LedgerError;
use crate::ledger::sql::{Connection, Dialect};

/// What the ledger is, and from which version on programs understand it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    of: usize,
    compatible_from: usize,
}

pub(super) fn upgrade(connection: &Connection, migrations: &[&str]) -> R<()> {
    match connection.dialect() {
        Dialect::Sqlite => file(connection, migrations),
        Dialect::Postgres => server(connection, migrations),
    }
}

fn file(connection: &Connection, migrations: &[&str]) -> R<()> {
    let version = connection.one("the version", "PRAGMA user_version", [], |row| row.get(0))?;
    // Nobody else works on it: there is no reason to go back to an older program.
    Version { of: version, compatible_from: version }.is_understood_by(migrations.len())?;
    for (index, migration) in migrations.iter().enumerate().skip(version) {
        let version = index + 1;
        connection
            .batch(&format!("BEGIN IMMEDIATE; {migration} PRAGMA user_version = {version}; COMMIT;"))?;
    }
    Ok(())
}

fn server(connection: &Connection, migrations: &[&str]) -> R<()> {
    connection.begin_upgrade()?;
    let done = steps(connection, migrations).and_then(|()| connection.commit());
    connection.roll_back();
    done
}

fn steps(connection: &Connection, migrations: &[&str]) -> R<()> {
    let known = connection.maybe("SELECT version, compatible_from FROM ledger", [], |row| {
        Ok(Version { of: row.get(0)?, compatible_from: row.get(1)? })
    })?;
    let version = known.unwrap_or(Version { of: 0, compatible_from: 0 });
    version.is_understood_by(migrations.len())?;
    if version.of >= migrations.len() {
        return Ok(());
    }
    for migration in &migrations[version.of..] {
        connection.batch(&connection.dialect().definitions(migration))?;
    }
    let (of, from) = (migrations.len(), version.after(migrations).compatible_from);
    connection.batch(&format!("DELETE FROM ledger; INSERT INTO ledger VALUES ({of}, {from})"))
}

/// Of which version the ledger of a server is; `None` before its first start.
pub(super) fn version_of(connection: &Connection) -> R<Option<usize>> {
    let table = "SELECT 1 FROM information_schema.tables
                 WHERE table_schema = current_schema() AND table_name = 'ledger'";
    match connection.maybe(table, [], |_| Ok(()))? {
        Some(()) => connection.maybe("SELECT version FROM ledger", [], |row| row.get(0)),
        None => Ok(None),
    }
}

impl Version {
    /// What it is once it has all migrations.
    fn after(self, migrations: &[&str]) -> Self {
        let is_additive =
            |migration: &str| migration.lines().any(|line| line.trim_start().starts_with("-- additive"));
        let mut new = migrations.iter().enumerate().skip(self.of).rev();
        let last = new.find(|(_, migration)| !is_additive(migration)).map(|(index, _)| index + 1);
        Self { of: migrations.len(), compatible_from: last.unwrap_or(self.compatible_from) }
    }

    fn is_understood_by(self, program: usize) -> R<()> {
        if self.compatible_from <= program {
            return Ok(());
        }
        Err(LedgerError::Refused(format!(
            "the ledger is of version {}, this raccordo knows {program}: start the newer raccordo",
            self.of
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGE: &str = "ALTER TABLE a DROP COLUMN b;";
    const ADDITION: &str = "-- Migration 3: a word.\n-- additive: who does not know it leaves it empty\nX;";

    #[test]
    fn programs_of_before_work_beside_what_was_only_added() {
        let old = Version { of: 0, compatible_from: 0 }.after(&[CHANGE, CHANGE]);
        assert_eq!(old, Version { of: 2, compatible_from: 2 });
        let added = old.after(&[CHANGE, CHANGE, ADDITION]);
        assert_eq!(added, Version { of: 3, compatible_from: 2 });
        assert!(added.is_understood_by(2).is_ok() && added.is_understood_by(1).is_err());
        let changed = added.after(&[CHANGE, CHANGE, ADDITION, CHANGE, ADDITION]);
        assert_eq!(changed, Version { of: 5, compatible_from: 4 });
        assert!(changed.is_understood_by(3).is_err() && changed.is_understood_by(4).is_ok());
    }
}
