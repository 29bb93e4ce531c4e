//! Folders, payload fragments, findings and the audit chain in SQLite.

use super::{Row, Tx, params};
use crate::exchange::{Hash, LedgerError};
use crate::ledger::{FindingRow, FolderRow};

type R<T> = Result<T, LedgerError>;

pub(super) const FOLDER: &str =
    "id, ente, folder_id, version, wrapped_key, person, content, body, saved_at, look_again";

impl Tx<'_> {
    /// The folder of an ente by the CSI product's id.
    pub fn folder(&self, ente: &str, folder_id: &str) -> R<Option<FolderRow>> {
        let sql = format!("SELECT {FOLDER} FROM folder WHERE ente = ?1 AND folder_id = ?2");
        self.maybe(&sql, params![ente, folder_id], folder)
    }

    /// Stores a folder and returns its number; a second first save with another key is a conflict.
    pub fn put_folder(&self, row: &FolderRow) -> R<i64> {
        let known = self.maybe(
            "SELECT id, wrapped_key, version FROM folder WHERE ente = ?1 AND folder_id = ?2",
            params![row.ente, row.folder_id],
            |r| Ok((r.get::<i64>(0)?, r.get::<Vec<u8>>(1)?, r.get::<Option<u64>>(2)?)),
        )?;
        match known {
            None => self.add(
                "INSERT INTO folder (ente, folder_id, version, wrapped_key, person, content, body, saved_at,
                   look_again) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                params![
                    row.ente,
                    row.folder_id,
                    row.version,
                    row.wrapped_key,
                    row.person,
                    row.content,
                    row.body,
                    row.saved_at,
                    row.look_again.map(|day| day.to_string())
                ],
            ),
            Some((_, key, _)) if key != row.wrapped_key => {
                Err(LedgerError::Refused("conflict: the folder was made by another save just now".into()))
            }
            Some((_, _, Some(stored))) if row.version.is_some_and(|version| version < stored) => {
                Err(LedgerError::Refused(format!(
                    "older: revision {stored} of folder {} is stored already",
                    row.folder_id
                )))
            }
            Some((id, ..)) => {
                self.run(
                    "UPDATE folder SET version = ?2, person = ?3, content = ?4, body = ?5, saved_at = ?6,
                       look_again = ?7 WHERE id = ?1",
                    params![
                        id,
                        row.version,
                        row.person,
                        row.content,
                        row.body,
                        row.saved_at,
                        row.look_again.map(|day| day.to_string())
                    ],
                )?;
                Ok(id)
            }
        }
    }

    /// Whether this import has already brought the folder.
    pub fn was_imported(&self, ente: &str, folder_id: &str, import: &str) -> R<bool> {
        let sql = "SELECT 1 FROM folder WHERE ente = ?1 AND folder_id = ?2 AND import = ?3";
        Ok(self.maybe(sql, params![ente, folder_id, import], |_| Ok(()))?.is_some())
    }

    /// Notes which import brought a folder.
    pub fn mark_imported(&self, folder: i64, import: &str) -> R<()> {
        self.run("UPDATE folder SET import = ?2 WHERE id = ?1", params![folder, import]).map(drop)
    }

    /// Keeps a record's fragment under its content hash, and which mapping rows made it.
    pub fn put_payload(&self, record: i64, content: &Hash, sealed: &[u8], rows: &[u8]) -> R<()> {
        let sql = "INSERT INTO payload (record, content, sealed) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        self.run(sql, params![record, content, sealed])?;
        self.run("UPDATE record SET rows = ?2 WHERE id = ?1", params![record, rows]).map(drop)
    }

    /// Keeps a fragment that the register holds, whatever the folder maps to.
    pub fn keep_fragment(&self, record: i64, content: &Hash, sealed: &[u8]) -> R<()> {
        let sql = "INSERT INTO payload (record, content, sealed) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        self.run(sql, params![record, content, sealed]).map(drop)
    }

    /// Notes what the register seems to hold and no folder maps to.
    pub fn put_unmatched(&self, ente: &str, register: &str, key: &Hash, name: &str, at: i64) -> R<()> {
        let sql = "INSERT INTO unmatched (ente, register, key, name, at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO NOTHING";
        self.run(sql, params![ente, register, key, name, at]).map(drop)
    }

    /// A folder maps to it after all.
    pub fn drop_unmatched(&self, ente: &str, register: &str, key: &Hash) -> R<()> {
        let sql = "DELETE FROM unmatched WHERE ente = ?1 AND register = ?2 AND key = ?3";
        self.run(sql, params![ente, register, key]).map(drop)
    }

    /// Drops fragments that are neither desired, nor held, nor carried by an operation that may need them.
    pub fn prune_payloads(&self, folder: i64) -> R<usize> {
        self.run(
            "DELETE FROM payload WHERE record IN (SELECT id FROM record WHERE folder = ?1)
               AND NOT EXISTS (SELECT 1 FROM record r WHERE r.id = payload.record
                 AND (r.desired_content = payload.content OR r.held_content = payload.content))
               AND NOT EXISTS (SELECT 1 FROM operation o JOIN record r ON r.current = o.id
                 WHERE r.id = payload.record AND o.content = payload.content)",
            [folder],
        )
    }

    /// Replaces the findings of a folder.
    pub fn put_findings(&self, folder: i64, findings: &[FindingRow]) -> R<()> {
        self.run("DELETE FROM finding WHERE folder = ?1", [folder])?;
        findings.iter().try_for_each(|row| self.add_finding(folder, row))
    }

    /// Adds a finding to those of a folder.
    pub fn add_finding(&self, folder: i64, row: &FindingRow) -> R<()> {
        let severity = match row.finding.severity {
            crate::folder::finding::Severity::Warn => "warn",
            crate::folder::finding::Severity::Withhold => "withhold",
        };
        let json = serde_json::to_string(&row.finding).map_err(super::store)?;
        let sql = "INSERT INTO finding (folder, flow, record, severity, rule, finding)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.run(sql, params![folder, row.flow, row.record, severity, row.finding.rule, json]).map(drop)
    }

    /// Takes back what a rule said of a record.
    pub fn drop_finding(&self, folder: i64, record: &str, rule: &str) -> R<()> {
        let sql = "DELETE FROM finding WHERE folder = ?1 AND record = ?2 AND rule = ?3";
        self.run(sql, params![folder, record, rule]).map(drop)
    }

    /// Takes back what a rule said of the records of a container.
    pub fn drop_findings_in(&self, submission: i64, rule: &str) -> R<()> {
        let sql = "DELETE FROM finding WHERE rule = ?2 AND (folder, record) IN (
                     SELECT r.folder, r.key FROM operation o JOIN record r ON r.id = o.record
                     WHERE o.submission = ?1)";
        self.run(sql, params![submission, rule]).map(drop)
    }

    /// Folders whose calendar day has come, oldest first.
    pub fn folders_to_look_at(&self, today: &str, skip: usize, limit: usize) -> R<Vec<FolderRow>> {
        let sql = format!(
            "SELECT {FOLDER} FROM folder WHERE look_again <= ?1 ORDER BY look_again, id LIMIT ?2 OFFSET ?3"
        );
        self.many(&sql, params![today, limit as i64, skip as i64], folder)
    }

    /// All folders of an ente are looked at on `day` (ISO), or earlier where they would be.
    pub fn look_again_by(&self, ente: &str, day: &str) -> R<()> {
        let sql = "UPDATE folder SET look_again = ?2
                   WHERE ente = ?1 AND (look_again IS NULL OR look_again > ?2)";
        self.run(sql, params![ente, day]).map(drop)
    }

    /// Folders with records that another version of the family made are looked at on `day`.
    pub fn look_again_at_others(&self, register: &str, family: &str, flow: &str, day: &str) -> R<()> {
        let sql = "UPDATE folder SET look_again = ?4 WHERE (look_again IS NULL OR look_again > ?4)
                     AND id IN (SELECT folder FROM record WHERE register = ?1
                       AND substr(flow, 1, length(?2) + 1) = ?2 || '/' AND flow <> ?3
                       AND desired IN ('present', 'set_aside'))";
        self.run(sql, params![register, family, flow, day]).map(drop)
    }

    /// The head of the audit chain: its length and last hash.
    pub fn audit_head(&self) -> R<(i64, Hash)> {
        let sql = "SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1";
        Ok(self.maybe(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?.unwrap_or((0, [0; 32])))
    }

    /// Appends a link to the audit chain.
    pub fn append_audit(&self, sequence: i64, event: &str, hash: &Hash) -> R<()> {
        let sql = "INSERT INTO audit (sequence, event, hash) VALUES (?1, ?2, ?3)";
        self.run(sql, params![sequence, event, hash]).map(drop)
    }
}

pub(super) fn folder(row: &Row<'_>) -> R<FolderRow> {
    let look_again: Option<String> = row.get(9)?;
    Ok(FolderRow {
        id: row.get(0)?,
        ente: row.get(1)?,
        folder_id: row.get(2)?,
        version: row.get(3)?,
        wrapped_key: row.get(4)?,
        person: row.get(5)?,
        content: row.get(6)?,
        body: row.get(7)?,
        saved_at: row.get(8)?,
        look_again: look_again.and_then(|day| day.parse().ok()),
    })
}
