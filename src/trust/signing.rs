//! Our own RSA key: signs assertions and proofs with RS256, and shows its
//! public half. The private half is never printed.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::dpop;

/// Why a key cannot be used. Never shows the key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SigningError {
    #[error("the private key is not an RSA key in PEM (PKCS#8 or PKCS#1): make one of at least 2048 bits")]
    Key,
    #[error("the RSA key could not be made")]
    Generation,
    #[error("the RSA key could not sign")]
    Signature,
}

/// An RSA private key with its kid and public half.
#[derive(Clone)]
pub struct SigningKey {
    key: EncodingKey,
    kid: String,
    public: Map<String, Value>,
}

impl SigningKey {
    /// A fresh 2048-bit key; its kid is its RFC 7638 thumbprint, as PDND wants it.
    pub fn generate() -> Result<Self, SigningError> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| SigningError::Generation)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| SigningError::Generation)?;
        Self::from_pem(pem(der.as_ref()).as_bytes(), None)
    }

    /// Reads a private key in PEM; without a kid, the thumbprint is the kid.
    pub fn from_pem(pem: &[u8], kid: Option<&str>) -> Result<Self, SigningError> {
        let key = EncodingKey::from_rsa_pem(pem).map_err(|_| SigningError::Key)?;
        let jwk = Jwk::from_encoding_key(&key, Algorithm::RS256).map_err(|_| SigningError::Key)?;
        let full = serde_json::to_value(jwk).map_err(|_| SigningError::Key)?;
        let member = |name: &str| Some((name.to_owned(), full.get(name)?.clone()));
        let public: Map<_, _> = ["kty", "n", "e"].into_iter().filter_map(member).collect();
        let thumbprint = dpop::thumbprint(&public).ok_or(SigningError::Key)?;
        let kid = kid.map_or(thumbprint, str::to_owned);
        Ok(Self { key, kid, public })
    }

    /// The key's id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The bare public key (`kty`, `n`, `e`), as a DPoP header carries it.
    pub fn public_jwk(&self) -> Map<String, Value> {
        self.public.clone()
    }

    /// The public key as a JWKS document with one key.
    pub fn jwks(&self) -> String {
        let mut key = self.public_jwk();
        for (name, value) in [("kid", self.kid.as_str()), ("use", "sig"), ("alg", "RS256")] {
            key.insert(name.to_owned(), json!(value));
        }
        json!({ "keys": [key] }).to_string()
    }

    /// A compact JWS over exactly these header members and claims.
    pub fn sign(&self, header: &Value, claims: &Value) -> Result<String, SigningError> {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.key, Algorithm::RS256)
            .map_err(|_| SigningError::Signature)?;
        Ok(format!("{signed}.{signature}"))
    }
}

/// PEM lines of a PKCS#8 key (RFC 7468).
fn pem(der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut text = String::from("-----BEGIN PRIVATE KEY-----\n");
    for (index, character) in body.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str("\n-----END PRIVATE KEY-----\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_key_has_a_kid_of_the_platforms_shape_and_shows_only_its_public_half() {
        let key = SigningKey::generate().unwrap();
        assert_eq!(key.kid().len(), 43);
        for private in ["\"d\"", "\"p\"", "\"q\""] {
            assert!(!key.jwks().contains(private));
        }
        assert_eq!(SigningKey::from_pem(b"nonsense", None).err(), Some(SigningError::Key));
    }
}
