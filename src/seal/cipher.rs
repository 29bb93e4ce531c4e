//! AES-256-GCM with a random 96-bit nonce (NIST SP 800-38D): version byte,
//! nonce, ciphertext, tag. One random key per subject keeps the number of
//! values under one key far below the 2^32 that random nonces allow.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;

use super::SealError;

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 1 + NONCE_LEN;

/// One AES-256-GCM key, ready for use.
pub(super) struct Cipher(LessSafeKey);

impl Cipher {
    pub(super) fn new(key: &[u8; 32]) -> Result<Self, SealError> {
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| SealError::Cryptography)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    pub(super) fn seal(&self, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0_u8; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| SealError::Cryptography)?;
        let mut body = plain.to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(versioned(aad)),
                &mut body,
            )
            .map_err(|_| SealError::Cryptography)?;
        let mut sealed = Vec::with_capacity(HEAD_BYTES + body.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.append(&mut body);
        Ok(sealed)
    }

    pub(super) fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (head, body) = sealed.split_at_checked(HEAD_BYTES).ok_or(SealError::Format)?;
        if head.first() != Some(&VERSION) {
            return Err(SealError::Format);
        }
        let nonce = Nonce::try_assume_unique_for_key(&head[1..]).map_err(|_| SealError::Format)?;
        let mut body = body.to_vec();
        let plain_bytes = self
            .0
            .open_in_place(nonce, Aad::from(versioned(aad)), &mut body)
            .map_err(|_| SealError::Authentication)?
            .len();
        body.truncate(plain_bytes);
        Ok(body)
    }
}

/// The version byte is authenticated with the place.
fn versioned(aad: &[u8]) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(aad);
    bytes
}
