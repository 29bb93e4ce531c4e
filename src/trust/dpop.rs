//! DPoP proofs (RFC 9449): the caller shows that it holds the key to which its
//! voucher is bound. Checked last, so that only proofs of valid vouchers are
//! remembered as used.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use super::jws::Compact;
use super::voucher::{Denied, Presented, Rule, VoucherPolicy, ensure};

/// How old or how far ahead a proof's `iat` may be, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DpopWindow {
    pub valid_s: i64,
    pub future_s: i64,
}

impl Default for DpopWindow {
    /// The platform's own sample values.
    fn default() -> Self {
        Self { valid_s: 60, future_s: 10 }
    }
}

/// Remembers used proofs until they could no longer be accepted anyway.
pub trait ReplayGuard {
    /// True exactly once per key and jti; false also when it cannot remember more.
    fn first_use(&mut self, jkt: &str, jti: &str, now_s: i64, forget_after_s: i64) -> bool;
}

/// A guard in memory, bounded: when full of live proofs it refuses new ones.
pub struct MemoryReplayGuard {
    used: BTreeMap<(String, String), i64>,
    capacity: usize,
}

impl MemoryReplayGuard {
    /// Remembers at most `capacity` proofs at a time.
    pub fn new(capacity: usize) -> Self {
        Self { used: BTreeMap::new(), capacity }
    }
}

impl ReplayGuard for MemoryReplayGuard {
    fn first_use(&mut self, jkt: &str, jti: &str, now_s: i64, forget_after_s: i64) -> bool {
        if self.used.len() >= self.capacity {
            self.used.retain(|_, until| *until >= now_s);
        }
        let key = (jkt.to_owned(), jti.to_owned());
        if self.used.contains_key(&key) || self.used.len() >= self.capacity {
            return false;
        }
        self.used.insert(key, forget_after_s);
        true
    }
}

/// `ath`: base64url of the SHA-256 of the token's ASCII (RFC 9449 §4.2).
pub fn token_hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()))
}

/// The RFC 7638 thumbprint of an RSA or P-256 public key.
pub fn thumbprint(jwk: &Map<String, Value>) -> Option<String> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let members: &[&str] = match text("kty")? {
        "RSA" => &["e", "kty", "n"],
        "EC" => &["crv", "kty", "x", "y"],
        _ => return None,
    };
    let mut parts = Vec::new();
    for name in members {
        parts.push(format!("\"{name}\":{}", Value::from(text(name)?)));
    }
    Some(token_hash(&format!("{{{}}}", parts.join(","))))
}

/// Checks the proof of one request against the voucher's `cnf.jkt`.
pub(super) fn check(
    policy: &VoucherPolicy,
    request: Presented<'_>,
    token: &str,
    bound_to: &str,
    now_s: i64,
    replay: &mut dyn ReplayGuard,
) -> Result<(), Denied> {
    let proof = request.dpop.ok_or_else(|| MISSING.denied())?;
    ensure(!proof.contains(','), &SEVERAL)?;
    let proof = Compact::parse(proof, policy.max_bytes).map_err(|_| FORM.denied())?;
    let jkt = own_signature(&proof)?;
    ensure(proof.text("htm") == Some(request.method), &METHOD)?;
    ensure(proof.text("htu") == Some(without_query(request.url)), &URL)?;
    let iat = proof.seconds("iat").ok_or_else(|| TIME.denied())?;
    let last = iat.saturating_add(policy.dpop.valid_s);
    ensure(iat <= now_s.saturating_add(policy.dpop.future_s) && now_s <= last, &TIME)?;
    ensure(jkt == bound_to, &KEY)?;
    ensure(proof.text("ath") == Some(&token_hash(token)), &HASH)?;
    let jti = proof.text("jti").filter(|jti| (1..=256).contains(&jti.len()));
    let jti = jti.ok_or_else(|| REPLAY.denied())?;
    ensure(replay.first_use(&jkt, jti, now_s, last), &REPLAY)
}

/// `typ`, `alg`, `jwk` and the signature with that very key; gives its thumbprint.
fn own_signature(proof: &Compact<'_>) -> Result<String, Denied> {
    ensure(proof.header_text("typ").is_some_and(|typ| typ.eq_ignore_ascii_case("dpop+jwt")), &TYPE)?;
    let algorithm = match proof.header_text("alg") {
        Some("RS256") => Algorithm::RS256,
        Some("ES256") => Algorithm::ES256,
        _ => return Err(ALGORITHM.denied()),
    };
    let jwk = proof.header.get("jwk").and_then(Value::as_object).ok_or_else(|| JWK.denied())?;
    let key = public_key(jwk, algorithm).ok_or_else(|| JWK.denied())?;
    ensure(proof.signed_by(&key, algorithm), &SIGNATURE)?;
    thumbprint(jwk).ok_or_else(|| JWK.denied())
}

/// The key of the header: public only, and of the algorithm's own family.
fn public_key(jwk: &Map<String, Value>, algorithm: Algorithm) -> Option<DecodingKey> {
    if ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|name| jwk.contains_key(*name)) {
        return None;
    }
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    match (algorithm, text("kty")?) {
        (Algorithm::RS256, "RSA") => DecodingKey::from_rsa_components(text("n")?, text("e")?).ok(),
        (Algorithm::ES256, "EC") if text("crv") == Some("P-256") => {
            DecodingKey::from_ec_components(text("x")?, text("y")?).ok()
        }
        _ => None,
    }
}

fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

const MISSING: Rule = Rule(401, "dpop-assente", "Manca la prova DPoP.", "The DPoP proof is missing.");
const SEVERAL: Rule = Rule(
    401,
    "dpop-piu-prove",
    "È ammessa una sola prova DPoP per richiesta.",
    "Only one DPoP proof is accepted per request.",
);
const FORM: Rule =
    Rule(401, "dpop-forma", "La prova DPoP non è un JWS compatto.", "The DPoP proof is not a compact JWS.");
const TYPE: Rule =
    Rule(401, "dpop-typ", "Il tipo della prova non è dpop+jwt.", "The proof's type is not dpop+jwt.");
const ALGORITHM: Rule = Rule(
    401,
    "dpop-alg",
    "L'algoritmo della prova non è RS256 né ES256.",
    "The proof's algorithm is neither RS256 nor ES256.",
);
const JWK: Rule = Rule(
    401,
    "dpop-jwk",
    "La prova non porta una chiave pubblica RSA o P-256 adatta al suo algoritmo.",
    "The proof carries no public RSA or P-256 key that fits its algorithm.",
);
const SIGNATURE: Rule =
    Rule(401, "dpop-firma", "La firma della prova non è valida.", "The proof's signature is not valid.");
const METHOD: Rule =
    Rule(401, "dpop-htm", "La prova è per un altro metodo HTTP.", "The proof is for another HTTP method.");
const URL: Rule =
    Rule(401, "dpop-htu", "La prova è per un altro indirizzo.", "The proof is for another address.");
const TIME: Rule = Rule(
    401,
    "dpop-iat",
    "La prova è scaduta o è nel futuro: controllare l'orologio.",
    "The proof is too old or in the future: check the clock.",
);
const KEY: Rule = Rule(
    401,
    "dpop-jkt",
    "La chiave della prova non è quella a cui il voucher è legato.",
    "The proof's key is not the one the voucher is bound to.",
);
const HASH: Rule =
    Rule(401, "dpop-ath", "La prova è per un altro voucher.", "The proof is for another voucher.");
const REPLAY: Rule = Rule(
    401,
    "dpop-jti",
    "Il jti della prova manca o è già stato usato.",
    "The proof's jti is missing or was used before.",
);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_rfc_9449_token_hashes_to_its_printed_ath() {
        let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
        assert_eq!(token_hash(token), "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
    }

    #[test]
    fn the_rfc_9449_p256_key_has_its_printed_thumbprint() {
        let jwk = json!({"kty": "EC", "crv": "P-256", "use": "sig",
            "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"});
        let expected = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
        assert_eq!(thumbprint(jwk.as_object().unwrap()).as_deref(), Some(expected));
    }

    #[test]
    fn the_rfc_7638_rsa_key_has_its_printed_thumbprint() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let jwk = json!({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"});
        let expected = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
        assert_eq!(thumbprint(jwk.as_object().unwrap()).as_deref(), Some(expected));
    }

    #[test]
    fn the_guard_is_bounded_and_forgets_only_what_expired() {
        let mut guard = MemoryReplayGuard::new(2);
        assert!(guard.first_use("k", "1", 0, 60));
        assert!(!guard.first_use("k", "1", 0, 60));
        assert!(guard.first_use("other", "1", 0, 60));
        assert!(!guard.first_use("k", "2", 60, 120), "full of live proofs: refused, not forgotten");
        assert!(guard.first_use("k", "2", 61, 121));
    }
}
