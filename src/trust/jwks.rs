//! The platform's public keys (JWKS, RFC 7517): parsed, and remembered with
//! the time they were fetched. Fetching is a channel's; the rule when to fetch
//! again is here, and pure.

use std::collections::BTreeMap;

use jsonwebtoken::DecodingKey;
use serde_json::Value;
use thiserror::Error;

/// Why a key document is of no use.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum JwksError {
    #[error("the key document is not a JWKS: an object with a list `keys` was expected")]
    Format,
    #[error("the key document holds no RSA signing key with a kid: keep the keys known so far")]
    Empty,
}

/// RSA signing keys by kid. Keeps serving when the platform is away: age alone
/// never empties it, and an unknown kid is never believed.
#[derive(Clone)]
pub struct KeySet {
    keys: BTreeMap<String, DecodingKey>,
    fetched_at_s: i64,
}

impl KeySet {
    /// Reads a JWKS document. Keys that are not for RS256 signatures are passed over.
    pub fn parse(json: &str, fetched_at_s: i64) -> Result<Self, JwksError> {
        let document: Value = serde_json::from_str(json).map_err(|_| JwksError::Format)?;
        let list = document.get("keys").and_then(Value::as_array).ok_or(JwksError::Format)?;
        let keys: BTreeMap<_, _> = list.iter().filter_map(signing_key).collect();
        if keys.is_empty() {
            return Err(JwksError::Empty);
        }
        Ok(Self { keys, fetched_at_s })
    }

    /// No key at all, before the first fetch: every voucher is denied.
    pub fn empty() -> Self {
        Self { keys: BTreeMap::new(), fetched_at_s: i64::MIN }
    }

    /// How many usable keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key of this kid.
    pub fn get(&self, kid: &str) -> Option<&DecodingKey> {
        self.keys.get(kid)
    }

    /// Whether to fetch: the kid is unknown. Ask [`may_fetch`] before doing it.
    pub fn needs_refresh(&self, kid: &str) -> bool {
        !self.keys.contains_key(kid)
    }

    /// Whether the keys are older than `max_age_s`, so that withdrawn keys go.
    pub fn is_stale(&self, now_s: i64, max_age_s: i64) -> bool {
        now_s.saturating_sub(self.fetched_at_s) > max_age_s
    }

    /// When these keys were fetched, Unix seconds.
    pub fn fetched_at_s(&self) -> i64 {
        self.fetched_at_s
    }
}

/// The throttle: callers who invent kids must not make us hammer the platform.
pub fn may_fetch(last_try_s: Option<i64>, now_s: i64, min_interval_s: i64) -> bool {
    last_try_s.is_none_or(|last| now_s.saturating_sub(last) >= min_interval_s || now_s < last)
}

fn signing_key(jwk: &Value) -> Option<(String, DecodingKey)> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let fits = text("kty") == Some("RSA")
        && text("use").is_none_or(|use_| use_ == "sig")
        && text("alg").is_none_or(|algorithm| algorithm == "RS256");
    let key = DecodingKey::from_rsa_components(text("n")?, text("e")?).ok()?;
    fits.then_some((text("kid").filter(|kid| !kid.is_empty())?.to_owned(), key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rsa(kid: &str) -> Value {
        json!({"kty": "RSA", "kid": kid, "use": "sig", "n": "AQAB", "e": "AQAB"})
    }

    #[test]
    fn only_rsa_signing_keys_are_taken() {
        let mut encryption = rsa("b");
        encryption["use"] = json!("enc");
        let mut other = rsa("c");
        other["alg"] = json!("RS512");
        let secret = json!({"kty": "oct", "kid": "d", "k": "AQAB"});
        let document = json!({"keys": [rsa("a"), encryption, other, secret, {"kty": "RSA"}]});
        let keys = KeySet::parse(&document.to_string(), 100).unwrap();
        assert!(!keys.needs_refresh("a"));
        for kid in ["b", "c", "d", ""] {
            assert!(keys.needs_refresh(kid), "{kid}");
        }
        assert!(!keys.is_stale(160, 60) && keys.is_stale(161, 60));
    }

    #[test]
    fn a_useless_document_is_an_error_so_that_the_old_keys_stay() {
        assert_eq!(KeySet::parse("<html>", 0).err(), Some(JwksError::Format));
        assert_eq!(KeySet::parse("{}", 0).err(), Some(JwksError::Format));
        assert_eq!(KeySet::parse(r#"{"keys":[]}"#, 0).err(), Some(JwksError::Empty));
    }

    #[test]
    fn fetching_is_throttled_and_survives_a_clock_set_back() {
        assert!(may_fetch(None, 0, 60));
        assert!(!may_fetch(Some(100), 159, 60));
        assert!(may_fetch(Some(100), 160, 60));
        assert!(may_fetch(Some(100), 99, 60));
    }
}
