//! Named tokens of the API: made and revoked by whoever runs the installation, ending by
//! themselves. Only the hash of one is kept.

use super::Gateway;
use super::accounts::{new_token, token_hash, well_formed, words};
use super::chain::{Note, append};
use super::rights::Grant;
use crate::audit::EventKind;
use crate::exchange::{LedgerError, Millis};
use crate::ledger::books::TokenRow;
use crate::personal::Personal;

/// How every token of ours begins, so that a leaked one is known for what it is.
const PREFIX: &str = "rac_";
/// Longest life of a token, days.
pub const DAYS_MOST: u32 = 1_100;
const DAY_MS: Millis = 86_400_000;
const MINUTE_MS: Millis = 60_000;

/// A token that could not be made or revoked.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("a token's name has 2 to 64 letters, digits, dots, hyphens, `_` or `@`")]
    Name,
    #[error("a token lives from 1 to 1100 days")]
    Days,
    #[error("there is a token of this name already")]
    Taken,
    #[error("there is no token of this name that still counts")]
    Unknown,
    #[error("the operating system gave no random bytes")]
    Random,
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Whom a token lets in.
#[derive(Clone, Debug)]
pub struct Bearer {
    pub name: String,
    pub grants: Vec<Grant>,
}

/// A token that was made: what its bearer is given, once, and when it ends.
pub struct NewToken {
    pub token: Personal<String>,
    pub expires_at: Millis,
}

impl Gateway {
    /// Makes a token that lives for some days. A name is free again once its token has ended.
    pub fn add_token(
        &self,
        name: &str,
        grants: &[Grant],
        days: u32,
        actor: &str,
    ) -> Result<NewToken, TokenError> {
        well_formed(name).map_err(|_| TokenError::Name)?;
        if !(1..=DAYS_MOST).contains(&days) {
            return Err(TokenError::Days);
        }
        let random = new_token().map_err(|_| TokenError::Random)?;
        let secret = Personal::new(format!("{PREFIX}{}", random.expose()));
        let now = self.clock.now_ms();
        let row = TokenRow {
            name: name.to_owned(),
            hash: token_hash(secret.expose()),
            grants: words(grants)?,
            created_at: now,
            created_by: actor.to_owned(),
            expires_at: now + Millis::from(days) * DAY_MS,
            revoked_at: None,
            used_at: None,
        };
        let (note, expires_at) = (self.token_note(actor, name, "added"), row.expires_at);
        let added = self.books.write(move |tx| {
            let taken = tx.token(&row.name)?.is_some_and(|known| counts(&known, now));
            if !taken {
                tx.put_token(&row)?;
                append(tx, note)?;
            }
            Ok(!taken)
        })?;
        if added { Ok(NewToken { token: secret, expires_at }) } else { Err(TokenError::Taken) }
    }

    /// Ends a token now.
    pub fn revoke_token(&self, name: &str, actor: &str) -> Result<(), TokenError> {
        let (note, now, name) =
            (self.token_note(actor, name, "revoked"), self.clock.now_ms(), name.to_owned());
        let revoked = self.books.write(move |tx| {
            let revoked = tx.revoke_token(&name, now)?;
            if revoked {
                append(tx, note)?;
            }
            Ok(revoked)
        })?;
        if revoked { Ok(()) } else { Err(TokenError::Unknown) }
    }

    /// Whom a token lets in; nobody where it is unknown, ended or revoked.
    pub fn bearer(&self, token: &str) -> Result<Option<Bearer>, LedgerError> {
        if !token.starts_with(PREFIX) {
            return Ok(None);
        }
        let now = self.clock.now_ms();
        let row = self.books.token_by_hash(&token_hash(token))?.filter(|row| counts(row, now));
        let Some(row) = row else { return Ok(None) };
        if row.used_at.is_none_or(|used| used < now - MINUTE_MS) {
            let name = row.name.clone();
            // Nobody waits for it: whom it lets in does not depend on when it was last used.
            drop(self.books.submit(move |tx| tx.touch_token(&name, now)));
        }
        let grants = serde_json::from_str(&row.grants)
            .map_err(|_| LedgerError::Corrupt(format!("the grants of token {}", row.name)))?;
        Ok(Some(Bearer { name: row.name, grants }))
    }

    fn token_note(&self, actor: &str, name: &str, what: &str) -> Note {
        let at = self.clock.rfc3339();
        Note::new(at, actor, EventKind::TokenChanged, format!("token {name}")).with("what", what)
    }
}

/// Whether a token lets anybody in.
pub const fn counts(row: &TokenRow, now: Millis) -> bool {
    row.revoked_at.is_none() && row.expires_at > now
}
