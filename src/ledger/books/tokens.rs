//! Rows of the API's tokens.

use super::{Books, Row, Tx, params};
use crate::exchange::{Hash, LedgerError, Millis};

type R<T> = Result<T, LedgerError>;

/// A token as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    pub name: String,
    /// SHA-256 of what its bearer holds.
    pub hash: Hash,
    /// What it may do, JSON.
    pub grants: String,
    pub created_at: Millis,
    pub created_by: String,
    pub expires_at: Millis,
    pub revoked_at: Option<Millis>,
    /// When it was last seen, to the minute.
    pub used_at: Option<Millis>,
}

const TOKEN: &str = "SELECT name, hash, grants, created_at, created_by, expires_at, revoked_at, used_at \
                     FROM api_token";

fn token(row: &Row<'_>) -> R<TokenRow> {
    Ok(TokenRow {
        name: row.get(0)?,
        hash: row.get(1)?,
        grants: row.get(2)?,
        created_at: row.get(3)?,
        created_by: row.get(4)?,
        expires_at: row.get(5)?,
        revoked_at: row.get(6)?,
        used_at: row.get(7)?,
    })
}

impl Books {
    /// A token by its hash, whether it still counts or not.
    pub fn token_by_hash(&self, hash: &Hash) -> R<Option<TokenRow>> {
        self.look(|tx| tx.maybe(&format!("{TOKEN} WHERE hash = ?1"), params![hash], token))
    }

    /// All tokens, by name.
    pub fn tokens(&self) -> R<Vec<TokenRow>> {
        self.look(|tx| tx.many(&format!("{TOKEN} ORDER BY name"), params![], token))
    }
}

impl Tx<'_> {
    /// A token by its name.
    pub fn token(&self, name: &str) -> R<Option<TokenRow>> {
        self.maybe(&format!("{TOKEN} WHERE name = ?1"), params![name], token)
    }

    /// Stores a token in the place of one of the same name that counts no more.
    pub fn put_token(&self, row: &TokenRow) -> R<()> {
        self.run("DELETE FROM api_token WHERE name = ?1", params![row.name])?;
        let sql = "INSERT INTO api_token (name, hash, grants, created_at, created_by, expires_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let values = params![row.name, row.hash, row.grants, row.created_at, row.created_by, row.expires_at];
        self.run(sql, values).map(drop)
    }

    /// Ends a token; false if there is none, or it was ended before.
    pub fn revoke_token(&self, name: &str, now: Millis) -> R<bool> {
        let sql = "UPDATE api_token SET revoked_at = ?2 WHERE name = ?1 AND revoked_at IS NULL";
        Ok(self.run(sql, params![name, now])? == 1)
    }

    /// Notes that a token is in use.
    pub fn touch_token(&self, name: &str, now: Millis) -> R<()> {
        self.run("UPDATE api_token SET used_at = ?2 WHERE name = ?1", params![name, now]).map(drop)
    }
}
