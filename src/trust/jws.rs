//! A compact JWS (RFC 7515 §7.1), split strictly. Claims are read before the
//! signature is verified only to choose the key; nothing here prints a token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

/// A split token. Neither Debug nor Display: it is a credential.
pub(super) struct Compact<'t> {
    signed: &'t str,
    signature: &'t str,
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
}

/// How a token fails to be a compact JWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    TooLarge,
    Parts,
    Content,
    /// `crit` names extensions that must be understood (RFC 7515 §4.1.11); we know none.
    Critical,
}

impl<'t> Compact<'t> {
    /// Splits and decodes; the size is looked at before anything is decoded.
    pub fn parse(token: &'t str, max_bytes: usize) -> Result<Self, Malformed> {
        if token.len() > max_bytes {
            return Err(Malformed::TooLarge);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Malformed::Parts)?;
        let (header, claims) = signed.split_once('.').ok_or(Malformed::Parts)?;
        if claims.contains('.') || [header, claims, signature].contains(&"") {
            return Err(Malformed::Parts);
        }
        let (header, claims) = (object(header)?, object(claims)?);
        if header.contains_key("crit") {
            return Err(Malformed::Critical);
        }
        Ok(Self { signed, signature, header, claims })
    }

    /// A text member of the header.
    pub fn header_text(&self, name: &str) -> Option<&str> {
        self.header.get(name)?.as_str()
    }

    /// A text claim.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }

    /// A claim in whole seconds.
    pub fn seconds(&self, name: &str) -> Option<i64> {
        self.claims.get(name)?.as_i64()
    }

    /// Whether `aud`, a text or a list (RFC 7519 §4.1.3), holds one of the wanted.
    pub fn audience_holds(&self, wanted: &[&str]) -> bool {
        match self.claims.get("aud") {
            Some(Value::String(one)) => wanted.contains(&one.as_str()),
            Some(Value::Array(many)) => {
                many.iter().filter_map(Value::as_str).any(|one| wanted.contains(&one))
            }
            _ => false,
        }
    }

    /// Verifies the signature with a key of exactly this algorithm's family.
    pub fn signed_by(&self, key: &DecodingKey, algorithm: Algorithm) -> bool {
        jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), key, algorithm).unwrap_or(false)
    }
}

fn object(part: &str) -> Result<Map<String, Value>, Malformed> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Malformed::Content)?;
    serde_json::from_slice(&bytes).map_err(|_| Malformed::Content)
}
