//! Local accounts: made by whoever runs the installation, signed in by password, locked after
//! wrong ones. A session is a random token of which only the hash is kept.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use aws_lc_rs::{digest, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use tokio::sync::Semaphore;

use super::Gateway;
use super::chain::{Note, append};
use super::rights::{Grant, Right, allows, allows_somewhere};
use crate::audit::EventKind;
use crate::exchange::{Hash, LedgerError, Millis};
use crate::ledger::books::AccountRow;
use crate::personal::Personal;

/// Shorter passwords are not taken (NIST SP 800-63B, 3.1.1.2 asks for 15 where they stand alone;
/// here lock-out and audit stand beside them).
pub const PASSWORD_LEAST: usize = 12;
const PASSWORD_MOST: usize = 1024;
/// Wrong passwords before an account is locked, and for how long at first.
const FAILURES: u32 = 5;
const LOCK_MS: Millis = 60_000;
const LOCK_MOST_MS: Millis = 3_600_000;
/// A session ends after so long without a request, and after so long in any case.
const IDLE_MS: Millis = 30 * 60_000;
const SESSION_MS: Millis = 10 * 3_600_000;

/// Who hashes at the same time: each takes 19 MiB for its while, and whoever knocks may be anybody.
pub static HASHERS: Semaphore = Semaphore::const_new(3);

/// An account that could not be made, changed or signed in.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error("an account's name has 2 to 64 letters, digits, dots, hyphens, `_` or `@`")]
    Name,
    #[error("a password has at least 12 characters")]
    Password,
    #[error("there is an account of this name already")]
    Taken,
    #[error("there is no account of this name")]
    Unknown,
    /// Wrong name or password, or a disabled account: which of them is not said.
    #[error("name or password are wrong")]
    Denied,
    #[error("too many wrong passwords: try again later")]
    Locked,
    #[error("the password could not be hashed")]
    Hashing,
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Who is signed in.
#[derive(Clone, Debug)]
pub struct Account {
    pub name: String,
    pub grants: Vec<Grant>,
}

impl Account {
    /// Whether it may, at an ente and register; `None` asks for all of them.
    pub fn may(&self, right: Right, ente: Option<&str>, register: Option<&str>) -> bool {
        allows(&self.grants, right, ente, register)
    }

    /// Whether it may anywhere.
    pub fn may_somewhere(&self, right: Right) -> bool {
        allows_somewhere(&self.grants, right)
    }
}

impl Gateway {
    /// Makes an account.
    pub fn add_account(
        &self,
        name: &str,
        password: &Personal<String>,
        grants: &[Grant],
        actor: &str,
    ) -> Result<(), AccountError> {
        let row = AccountRow {
            name: well_formed(name)?.to_owned(),
            password: hashed(password)?,
            grants: words(grants)?,
            created_at: self.clock.now_ms(),
            disabled: false,
            failures: 0,
            locked_until: 0,
        };
        let note = self.account_note(actor, name, "added");
        let added = self.books.write(move |tx| {
            let added = tx.add_account(&row)?;
            if added {
                append(tx, note)?;
            }
            Ok(added)
        })?;
        if added { Ok(()) } else { Err(AccountError::Taken) }
    }

    /// Gives an account another password; whoever is signed in with the former is signed out.
    pub fn set_password(
        &self,
        name: &str,
        password: &Personal<String>,
        actor: &str,
    ) -> Result<(), AccountError> {
        let hash = hashed(password)?;
        self.change_account(name, actor, "password", move |row| {
            (row.password, row.failures, row.locked_until) = (hash, 0, 0);
        })
    }

    /// Lets an account sign in no more, or again.
    pub fn disable_account(&self, name: &str, disabled: bool, actor: &str) -> Result<(), AccountError> {
        let what = if disabled { "disabled" } else { "enabled" };
        self.change_account(name, actor, what, move |row| row.disabled = disabled)
    }

    fn change_account(
        &self,
        name: &str,
        actor: &str,
        what: &str,
        change: impl FnOnce(&mut AccountRow) + Send + 'static,
    ) -> Result<(), AccountError> {
        let (name, note) = (name.to_owned(), self.account_note(actor, name, what));
        let known = self.books.write(move |tx| {
            let Some(mut row) = tx.account(&name)? else { return Ok(false) };
            change(&mut row);
            tx.put_account(&row)?;
            tx.end_sessions_of(&name)?;
            append(tx, note).map(|()| true)
        })?;
        if known { Ok(()) } else { Err(AccountError::Unknown) }
    }

    /// Signs in; returns the token for the browser. Takes as long for a name that nobody has.
    pub fn sign_in(&self, name: &str, password: &Personal<String>) -> Result<Personal<String>, AccountError> {
        let row = self.books.account(name)?;
        let now = self.clock.now_ms();
        if row.as_ref().is_some_and(|row| row.locked_until > now) {
            return Err(AccountError::Locked);
        }
        let stored = row.as_ref().map_or(NOBODY, |row| row.password.as_str());
        let fits = verified(stored, password) && row.as_ref().is_some_and(|row| !row.disabled);
        let Some(row) = row else { return Err(AccountError::Denied) };
        let token = new_token()?;
        let (hash, name) = (token_hash(token.expose()), row.name);
        let note = self.account_note(&name.clone(), &name, if fits { "signed-in" } else { "denied" });
        self.books.write(move |tx| {
            let Some(mut row) = tx.account(&name)? else { return Ok(()) };
            if fits {
                (row.failures, row.locked_until) = (0, 0);
                tx.prune_sessions(now - SESSION_MS, now - IDLE_MS)?;
                tx.add_session(&hash, &name, now)?;
            } else {
                row.failures += 1;
                row.locked_until = locked_until(row.failures, now);
            }
            tx.put_account(&row)?;
            append(tx, note)
        })?;
        if fits { Ok(token) } else { Err(AccountError::Denied) }
    }

    /// Signs in whom an OpenID provider names; the account takes over what the provider's roles give. `None`
    /// where somebody here has disabled it.
    pub fn sign_in_federated(
        &self,
        name: &str,
        grants: &[Grant],
    ) -> Result<Option<Personal<String>>, AccountError> {
        let token = new_token()?;
        let (hash, now) = (token_hash(token.expose()), self.clock.now_ms());
        let row = AccountRow {
            name: name.to_owned(),
            // No password fits an empty hash.
            password: String::new(),
            grants: words(grants)?,
            created_at: now,
            disabled: false,
            failures: 0,
            locked_until: 0,
        };
        let note = self.account_note(name, name, "signed-in");
        let signed = self.books.write(move |tx| {
            match tx.account(&row.name)? {
                Some(known) if known.disabled => return Ok(false),
                Some(known) => tx.put_account(&AccountRow { grants: row.grants.clone(), ..known })?,
                None => drop(tx.add_account(&row)?),
            }
            tx.prune_sessions(now - SESSION_MS, now - IDLE_MS)?;
            tx.add_session(&hash, &row.name, now)?;
            append(tx, note).map(|()| true)
        })?;
        Ok(signed.then_some(token))
    }

    /// Who holds a token, while its session lasts.
    pub fn signed_in(&self, token: &str) -> Result<Option<Account>, LedgerError> {
        let (hash, now) = (token_hash(token), self.clock.now_ms());
        let Some(session) = self.books.session(&hash)? else { return Ok(None) };
        if session.began < now - SESSION_MS || session.seen < now - IDLE_MS {
            return Ok(None);
        }
        let Some(row) = self.books.account(&session.account)?.filter(|row| !row.disabled) else {
            return Ok(None);
        };
        if session.seen < now - 60_000 {
            self.books.write(move |tx| tx.touch_session(&hash, now))?;
        }
        let grants = serde_json::from_str(&row.grants)
            .map_err(|_| LedgerError::Corrupt(format!("the grants of account {}", row.name)))?;
        Ok(Some(Account { name: row.name, grants }))
    }

    /// Ends a session.
    pub fn sign_out(&self, token: &str) -> Result<(), LedgerError> {
        let hash = token_hash(token);
        self.books.write(move |tx| tx.end_session(&hash))
    }

    fn account_note(&self, actor: &str, name: &str, what: &str) -> Note {
        let at = self.clock.rfc3339();
        Note::new(at, actor, EventKind::AccountChanged, format!("account {name}")).with("what", what)
    }
}

/// The hash of a password that nobody knows, of the same cost.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

pub(super) fn well_formed(name: &str) -> Result<&str, AccountError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    let well = (2..=64).contains(&name.len()) && name.chars().all(fits);
    if well { Ok(name) } else { Err(AccountError::Name) }
}

pub(super) fn words(grants: &[Grant]) -> Result<String, LedgerError> {
    serde_json::to_string(grants).map_err(|error| LedgerError::Store(Box::new(error)))
}

fn hashed(password: &Personal<String>) -> Result<String, AccountError> {
    let password = password.expose();
    if password.chars().count() < PASSWORD_LEAST || password.len() > PASSWORD_MOST {
        return Err(AccountError::Password);
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|_| AccountError::Hashing)
}

fn verified(stored: &str, password: &Personal<String>) -> bool {
    let Ok(hash) = PasswordHash::new(stored) else { return false };
    let bytes = password.expose().as_bytes();
    bytes.len() <= PASSWORD_MOST && Argon2::default().verify_password(bytes, &hash).is_ok()
}

/// Locked for a minute after the fifth wrong password in a row, then twice as long each time.
fn locked_until(failures: u32, now: Millis) -> Millis {
    match failures.checked_sub(FAILURES) {
        None => 0,
        Some(more) => now + LOCK_MS.checked_shl(more.min(16)).unwrap_or(LOCK_MOST_MS).min(LOCK_MOST_MS),
    }
}

pub(super) fn new_token() -> Result<Personal<String>, AccountError> {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes).map_err(|_| AccountError::Hashing)?;
    Ok(Personal::new(URL_SAFE_NO_PAD.encode(bytes)))
}

pub(super) fn token_hash(token: &str) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_grow_and_end() {
        assert_eq!(locked_until(4, 10), 0);
        assert_eq!(locked_until(5, 10), 10 + LOCK_MS);
        assert_eq!(locked_until(7, 10), 10 + 4 * LOCK_MS);
        assert_eq!(locked_until(u32::MAX, 10), 10 + LOCK_MOST_MS);
    }

    #[test]
    fn nobody_has_nobodys_password() {
        assert!(PasswordHash::new(NOBODY).is_ok(), "or a wrong name would answer sooner");
        assert!(!verified(NOBODY, &Personal::new(String::new())));
        let hash = hashed(&Personal::new("correct horse".to_owned())).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verified(&hash, &Personal::new("correct horse".to_owned())));
        assert!(!verified(&hash, &Personal::new("correct horsf".to_owned())));
    }
}
