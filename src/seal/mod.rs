//! Sealing at rest and keyed hashes.
//!
//! Everything personal that the ledger stores is sealed with AES-256-GCM under
//! the data key of its subject; that key is wrapped by a key derived from the
//! key file. Destroying a subject's wrapped key erases whatever it sealed, and
//! leaves the rest of the ledger as it was. Business ids are found again by a
//! keyed hash. What is stored, and where, is the ledger's affair.

pub mod keyfile;
mod cipher;

use aws_lc_rs::{hkdf, hmac, rand};
use thiserror::Error;

pub use keyfile::{KeyFileError, MasterKey};

use crate::personal::Personal;
use cipher::Cipher;

/// Why a value could not be sealed or opened. Never names the value.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SealError {
    #[error("the sealed value is too short or of an unknown version: it was not written by this program")]
    Format,
    #[error(
        "the sealed value does not open here: it was altered, moved from its row, or sealed with another key"
    )]
    Authentication,
    #[error("the subject's key was wrapped with key file {wrapped_with}, but the one in use is {in_use}")]
    OtherKeyFile { wrapped_with: String, in_use: String },
    #[error("the operating system gave no random bytes, or the cipher refused its key")]
    Cryptography,
}

/// A subject's data key as it may be stored: wrapped, and bound to its key file.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey(Vec<u8>);

impl WrappedKey {
    /// Takes bytes that [`WrappedKey::as_bytes`] gave; they are judged when opened.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes to store: 8 bytes of key id, then the sealed key (69 bytes in all).
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A subject's data key in use; it lives in memory only and cannot be printed.
pub struct SubjectKey(Cipher);

/// Seals, opens and hashes with the keys derived from one key file.
pub struct Sealer {
    key_id: [u8; keyfile::KEY_ID_BYTES],
    hashing: hmac::Key,
    wrapping: Cipher,
}

impl Sealer {
    /// Derives the sub-keys (HKDF-SHA256, RFC 5869) from the master secret.
    pub fn new(master: &MasterKey) -> Result<Self, SealError> {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"raccordo/seal/1");
        let root = salt.extract(master.secret());
        let hashing = derive(&root, b"hashing")?;
        let wrapping = derive(&root, b"wrapping")?;
        Ok(Self {
            key_id: master.key_id(),
            hashing: hmac::Key::new(hmac::HMAC_SHA256, &hashing),
            wrapping: Cipher::new(&wrapping)?,
        })
    }

    /// The key file's id in hexadecimal, so that a ledger can notice another key file.
    pub fn key_id(&self) -> String {
        keyfile::hexadecimal(&self.key_id)
    }

    /// A fresh random data key for one subject, already wrapped.
    pub fn new_subject_key(&self) -> Result<WrappedKey, SealError> {
        let mut key = [0_u8; 32];
        rand::fill(&mut key).map_err(|_| SealError::Cryptography)?;
        let mut wrapped = self.key_id.to_vec();
        wrapped.extend(self.wrapping.seal(&self.wrapping_place(), &key)?);
        Ok(WrappedKey(wrapped))
    }

    /// Unwraps a subject's key, or says which key file it needs.
    pub fn open_subject(&self, wrapped: &WrappedKey) -> Result<SubjectKey, SealError> {
        let (id, sealed) = wrapped.0.split_at_checked(keyfile::KEY_ID_BYTES).ok_or(SealError::Format)?;
        if id != self.key_id {
            let wrapped_with = keyfile::hexadecimal(id);
            return Err(SealError::OtherKeyFile { wrapped_with, in_use: self.key_id() });
        }
        let key = self.wrapping.open(&self.wrapping_place(), sealed)?;
        let key: [u8; 32] = key.try_into().map_err(|_| SealError::Format)?;
        Ok(SubjectKey(Cipher::new(&key)?))
    }

    /// Seals `plain`; `aad` binds it to its place, see [`place`].
    pub fn seal(&self, subject: &SubjectKey, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        subject.0.seal(aad, plain)
    }

    /// Opens what [`Sealer::seal`] gave, at the same place and with the same key.
    pub fn open(
        &self,
        subject: &SubjectKey,
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Personal<Vec<u8>>, SealError> {
        subject.0.open(aad, sealed).map(Personal::new)
    }

    /// HMAC-SHA256 of `bytes`; hashes made for different purposes never meet.
    pub fn keyed_hash(&self, purpose: &str, bytes: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.hashing);
        context.update(&(purpose.len() as u64).to_be_bytes());
        context.update(purpose.as_bytes());
        context.update(bytes);
        let mut hash = [0_u8; 32];
        hash.copy_from_slice(context.sign().as_ref());
        hash
    }

    fn wrapping_place(&self) -> Vec<u8> {
        place("subject-key", &self.key_id())
    }
}

/// The additional data that binds a sealed value to its table and row.
pub fn place(table: &str, row: &str) -> Vec<u8> {
    let mut aad = (table.len() as u64).to_be_bytes().to_vec();
    aad.extend_from_slice(table.as_bytes());
    aad.extend_from_slice(row.as_bytes());
    aad
}

fn derive(root: &hkdf::Prk, purpose: &[u8]) -> Result<[u8; 32], SealError> {
    let mut key = [0_u8; 32];
    let info = [purpose];
    let material = root.expand(&info, hkdf::HKDF_SHA256).map_err(|_| SealError::Cryptography)?;
    material.fill(&mut key).map_err(|_| SealError::Cryptography)?;
    Ok(key)
}

#[cfg(test)]
mod tests;
