//! Rows of accounts and of their sessions.

use super::{Books, Row, Tx, params};
use crate::exchange::{Hash, LedgerError, Millis};

type R<T> = Result<T, LedgerError>;

/// An account as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    pub name: String,
    /// PHC string of the password.
    pub password: String,
    /// What it may do, JSON.
    pub grants: String,
    pub created_at: Millis,
    pub disabled: bool,
    /// Wrong passwords in a row, and until when none is looked at.
    pub failures: u32,
    pub locked_until: Millis,
}

/// A session as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    pub account: String,
    pub began: Millis,
    pub seen: Millis,
}

const ACCOUNT: &str = "name, password, grants, created_at, disabled, failures, locked_until";

fn account(row: &Row<'_>) -> R<AccountRow> {
    Ok(AccountRow {
        name: row.get(0)?,
        password: row.get(1)?,
        grants: row.get(2)?,
        created_at: row.get(3)?,
        disabled: row.get(4)?,
        failures: row.get(5)?,
        locked_until: row.get(6)?,
    })
}

impl Books {
    /// An account by its name.
    pub fn account(&self, name: &str) -> R<Option<AccountRow>> {
        let sql = format!("SELECT {ACCOUNT} FROM account WHERE name = ?1");
        self.look(|tx| tx.maybe(&sql, [name], account))
    }

    /// All accounts, by name.
    pub fn accounts(&self) -> R<Vec<AccountRow>> {
        let sql = format!("SELECT {ACCOUNT} FROM account ORDER BY name");
        self.look(|tx| tx.many(&sql, [], account))
    }

    /// A session by the hash of its token.
    pub fn session(&self, token: &Hash) -> R<Option<SessionRow>> {
        let sql = "SELECT account, began, seen FROM session WHERE token = ?1";
        let read = |r: &Row<'_>| Ok(SessionRow { account: r.get(0)?, began: r.get(1)?, seen: r.get(2)? });
        self.look(|tx| tx.maybe(sql, [token], read))
    }
}

impl Tx<'_> {
    /// Adds an account; false if the name is taken.
    pub fn add_account(&mut self, row: &AccountRow) -> R<bool> {
        let sql = "INSERT INTO account (name, password, grants, created_at) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO NOTHING";
        Ok(self.run(sql, params![row.name, row.password, row.grants, row.created_at])? == 1)
    }

    /// Stores what may change of an account.
    pub fn put_account(&mut self, row: &AccountRow) -> R<()> {
        let sql =
            "UPDATE account SET password = ?2, grants = ?3, disabled = ?4, failures = ?5, locked_until = ?6
                   WHERE name = ?1";
        let values =
            params![row.name, row.password, row.grants, row.disabled, row.failures, row.locked_until];
        self.run(sql, values).map(drop)
    }

    /// The account inside this transaction.
    pub fn account(&mut self, name: &str) -> R<Option<AccountRow>> {
        self.maybe(&format!("SELECT {ACCOUNT} FROM account WHERE name = ?1"), [name], account)
    }

    /// Opens a session.
    pub fn add_session(&mut self, token: &Hash, account: &str, now: Millis) -> R<()> {
        let sql = "INSERT INTO session (token, account, began, seen) VALUES (?1, ?2, ?3, ?3)";
        self.run(sql, params![token, account, now]).map(drop)
    }

    /// Notes that a session is in use.
    pub fn touch_session(&mut self, token: &Hash, now: Millis) -> R<()> {
        self.run("UPDATE session SET seen = ?2 WHERE token = ?1", params![token, now]).map(drop)
    }

    /// Ends one session.
    pub fn end_session(&mut self, token: &Hash) -> R<()> {
        self.run("DELETE FROM session WHERE token = ?1", params![token]).map(drop)
    }

    /// Ends every session of an account.
    pub fn end_sessions_of(&mut self, account: &str) -> R<()> {
        self.run("DELETE FROM session WHERE account = ?1", [account]).map(drop)
    }

    /// Forgets sessions that began, or were last seen, before.
    pub fn prune_sessions(&mut self, began: Millis, seen: Millis) -> R<()> {
        self.run("DELETE FROM session WHERE began < ?1 OR seen < ?2", params![began, seen]).map(drop)
    }
}
