//! The client_assertion with which a voucher is asked for.
//!
//! The platform flattens every 400 into one code and says nothing more, so the
//! same checks run here first and name the failing rule with the platform's
//! inner code. States of agreement, purpose and e-service (0020 to 0022) cannot
//! be seen locally.

use jsonwebtoken::Algorithm;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::jwks::KeySet;
use super::jws::Compact;
use super::signing::{SigningError, SigningKey};

/// `client_assertion_type` (RFC 7523 §2.2).
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// `grant_type`.
pub const GRANT_TYPE: &str = "client_credentials";
/// Largest assertion that is looked at.
pub const MAX_BYTES: usize = 16 * 1024;

/// What an assertion says. Times in Unix seconds; ids are uuids.
#[derive(Clone, Debug)]
pub struct AssertionClaims {
    pub client_id: String,
    /// Without scheme, e.g. `auth.uat.interop.pagopa.it/client-assertion`.
    pub audience: String,
    /// Absent only for the platform's own API.
    pub purpose_id: Option<String>,
    /// Fresh for each assertion.
    pub jti: String,
    pub issued_at_s: i64,
    pub lifetime_s: i64,
    /// SHA-256 of an audit evidence, 64 hexadecimal characters.
    pub digest_hex: Option<String>,
}

/// A rule of the token endpoint that an assertion breaks.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("client_assertion: {rule} (PDND {code}): {hint}")]
pub struct AssertionFault {
    /// The platform's inner code, which it does not show outside.
    pub code: &'static str,
    pub rule: &'static str,
    pub hint: &'static str,
}

/// Why an assertion could not be made.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BuildError {
    #[error(transparent)]
    Fault(#[from] AssertionFault),
    #[error(transparent)]
    Signing(#[from] SigningError),
}

/// What the platform needs of a checked assertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    pub client_id: String,
    pub purpose_id: Option<String>,
    pub jti: String,
}

/// Builds and signs an assertion after the checks that the platform will do.
pub fn build(key: &SigningKey, claims: &AssertionClaims) -> Result<String, BuildError> {
    let mut payload = json!({
        "iss": claims.client_id, "sub": claims.client_id, "aud": claims.audience,
        "jti": claims.jti, "iat": claims.issued_at_s,
        "exp": claims.issued_at_s.saturating_add(claims.lifetime_s),
    });
    if let Some(purpose) = &claims.purpose_id {
        payload["purposeId"] = json!(purpose);
    }
    if let Some(digest) = &claims.digest_hex {
        payload["digest"] = json!({"alg": "SHA256", "value": digest});
    }
    let token = key.sign(&json!({"alg": "RS256", "kid": key.kid(), "typ": "JWT"}), &payload)?;
    let parsed = Compact::parse(&token, MAX_BYTES).map_err(|_| FORMAT)?;
    form(&parsed, Some(&claims.client_id), &[&claims.audience], claims.issued_at_s)?;
    Ok(token)
}

/// Checks an assertion as the token endpoint does: form, times, signature.
/// `client_id` is the form field beside it, when it was sent.
pub fn check(
    assertion: &str,
    client_id: Option<&str>,
    audiences: &[&str],
    keys: &KeySet,
    now_s: i64,
) -> Result<Checked, AssertionFault> {
    let token = Compact::parse(assertion, MAX_BYTES).map_err(|_| FORMAT)?;
    form(&token, client_id, audiences, now_s)?;
    let key = token.header_text("kid").and_then(|kid| keys.get(kid)).ok_or(KID_UNKNOWN)?;
    ensure(token.signed_by(key, Algorithm::RS256), SIGNATURE)?;
    let owned = |name: &str| token.text(name).map(str::to_owned);
    Ok(Checked {
        client_id: owned("sub").unwrap_or_default(),
        purpose_id: owned("purposeId"),
        jti: owned("jti").unwrap_or_default(),
    })
}

/// Whether a kid has the platform's shape: 43 base64url characters.
pub fn is_kid(kid: &str) -> bool {
    kid.len() == 43 && kid.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

fn form(
    token: &Compact<'_>,
    client_id: Option<&str>,
    audiences: &[&str],
    now_s: i64,
) -> Result<(), AssertionFault> {
    header(token)?;
    let known = ["iss", "sub", "aud", "jti", "iat", "exp", "purposeId", "digest"];
    ensure(token.claims.keys().all(|name| known.contains(&name.as_str())), EXTRA)?;
    let filled = |name: &str| token.text(name).is_some_and(|text| !text.is_empty());
    ensure(filled("iss"), ISSUER)?;
    subject(token, client_id)?;
    ensure(token.claims.contains_key("aud"), AUDIENCE_MISSING)?;
    ensure(token.audience_holds(audiences), AUDIENCE)?;
    ensure(filled("jti"), JTI)?;
    ensure(token.seconds("iat").is_some(), ISSUED_AT)?;
    let expires = token.seconds("exp").ok_or(EXPIRY)?;
    ensure(now_s < expires, EXPIRED)?;
    let purpose = token.claims.get("purposeId");
    ensure(purpose.is_none_or(|purpose| purpose.as_str().is_some_and(is_uuid)), PURPOSE)?;
    token.claims.get("digest").map_or(Ok(()), digest)
}

fn header(token: &Compact<'_>) -> Result<(), AssertionFault> {
    let known = ["kid", "alg", "typ"];
    ensure(token.header.keys().all(|name| known.contains(&name.as_str())), EXTRA)?;
    let algorithm = token.header_text("alg").ok_or(ALGORITHM_MISSING)?;
    ensure(algorithm == "RS256", ALGORITHM)?;
    let kid = token.header_text("kid").ok_or(KID_MISSING)?;
    ensure(is_kid(kid), KID)
}

fn subject(token: &Compact<'_>, client_id: Option<&str>) -> Result<(), AssertionFault> {
    let subject = token.text("sub").ok_or(SUBJECT_MISSING)?;
    ensure(is_uuid(subject), SUBJECT_FORMAT)?;
    ensure(client_id.is_none_or(|id| id == subject), SUBJECT)
}

fn digest(digest: &Value) -> Result<(), AssertionFault> {
    let empty = Map::new();
    let digest = digest.as_object().unwrap_or(&empty);
    let text = |name: &str| digest.get(name).and_then(Value::as_str);
    let (algorithm, value) = (text("alg").ok_or(DIGEST)?, text("value").ok_or(DIGEST)?);
    ensure(digest.len() == 2, DIGEST)?;
    ensure(value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit()), DIGEST_LENGTH)?;
    ensure(algorithm == "SHA256", DIGEST_ALGORITHM)
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

fn ensure(holds: bool, fault: AssertionFault) -> Result<(), AssertionFault> {
    if holds { Ok(()) } else { Err(fault) }
}

const fn fault(code: &'static str, rule: &'static str, hint: &'static str) -> AssertionFault {
    AssertionFault { code, rule, hint }
}

const AUDIENCE: AssertionFault = fault(
    "0004",
    "invalidAudience",
    "aud must be the platform's, without https:// and not the token endpoint",
);
const AUDIENCE_MISSING: AssertionFault = fault("0005", "audienceNotFound", "set aud");
const FORMAT: AssertionFault = fault("0006", "invalidClientAssertionFormat", "send one compact JWS");
const JTI: AssertionFault = fault("0008", "jtiNotFound", "set a fresh jti");
const ISSUED_AT: AssertionFault = fault("0009", "issuedAtNotFound", "set iat as a number of seconds");
const EXPIRY: AssertionFault = fault("0010", "expNotFound", "set exp as a number of seconds");
const ISSUER: AssertionFault = fault("0011", "issuerNotFound", "set iss to the client id");
const SUBJECT_MISSING: AssertionFault = fault("0012", "subjectNotFound", "set sub to the client id");
const SUBJECT: AssertionFault = fault("0013", "invalidSubject", "sub and client_id must be equal");
const PURPOSE: AssertionFault = fault("0014", "invalidPurposeIdClaimFormat", "purposeId must be a uuid");
const KID_MISSING: AssertionFault = fault("0015", "kidNotFound", "set kid in the header");
const EXPIRED: AssertionFault = fault("0017", "tokenExpiredError", "make a new assertion; check the clock");
const SUBJECT_FORMAT: AssertionFault = fault("0024", "invalidSubjectFormat", "sub must be a uuid");
const DIGEST: AssertionFault = fault("0025", "digestClaimNotFound", "digest needs exactly alg and value");
const DIGEST_LENGTH: AssertionFault =
    fault("0026", "invalidHashLength", "digest.value must be 64 hexadecimal characters, not base64");
const DIGEST_ALGORITHM: AssertionFault = fault("0027", "invalidHashAlgorithm", "digest.alg must be SHA256");
const ALGORITHM_MISSING: AssertionFault = fault("0028", "algorithmNotFound", "set alg in the header");
const ALGORITHM: AssertionFault = fault("0029", "algorithmNotAllowed", "sign with RS256");
const KID: AssertionFault =
    fault("0031", "invalidKidFormat", "kid must be the 43 characters the platform shows for the key");
const KID_UNKNOWN: AssertionFault =
    fault("0015", "kidNotFound", "the kid is not one of this client's public keys on the platform");
const EXTRA: AssertionFault = fault("0032", "unexpectedClaims", "remove every claim that is not listed");
const SIGNATURE: AssertionFault =
    fault("0033", "invalidSignature", "the private key is not the one whose public half was uploaded");

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: &str = "6a1e1a3e-9d4e-4a65-b2a6-2d9d9f5d6a10";
    const AUDIENCE_TEXT: &str = "auth.example.it/client-assertion";

    fn claims() -> AssertionClaims {
        AssertionClaims {
            client_id: CLIENT.into(),
            audience: AUDIENCE_TEXT.into(),
            purpose_id: Some("0e2b5a9c-5a1f-4a3b-8c22-1b7f9d0e4c11".into()),
            jti: "1".into(),
            issued_at_s: 1_000,
            lifetime_s: 120,
            digest_hex: None,
        }
    }

    fn payload() -> Value {
        json!({"iss": CLIENT, "sub": CLIENT, "aud": [AUDIENCE_TEXT, "x"], "jti": "1", "iat": 1000, "exp": 1120})
    }

    #[test]
    fn what_we_build_is_accepted_until_it_expires() {
        let key = SigningKey::generate().unwrap();
        let keys = KeySet::parse(&key.jwks(), 0).unwrap();
        let token = build(&key, &claims()).unwrap();
        let verdict = |now_s| check(&token, Some(CLIENT), &[AUDIENCE_TEXT], &keys, now_s);
        assert_eq!(verdict(1_119).unwrap().client_id, CLIENT);
        assert_eq!(verdict(1_120).unwrap_err().code, "0017");
        let stranger = KeySet::parse(&SigningKey::generate().unwrap().jwks(), 0).unwrap();
        assert_eq!(check(&token, None, &[AUDIENCE_TEXT], &stranger, 1_000).unwrap_err().code, "0015");
    }

    #[test]
    fn a_base64_digest_is_named_before_it_is_sent() {
        let key = SigningKey::generate().unwrap();
        let mut wrong = claims();
        wrong.digest_hex = Some("ebqMAgAMWC+9FjEZfoNkDQ+w7LM/HvZB58YzrD31VuU=".into());
        assert_eq!(build(&key, &wrong), Err(BuildError::Fault(DIGEST_LENGTH)));
        wrong.digest_hex = Some("79ba8c02000c582fbd1631197e83640d0fb0ecb33f1ef641e7c633ac3df556e5".into());
        assert!(build(&key, &wrong).is_ok());
    }

    #[test]
    fn each_wrong_member_is_named_with_the_platforms_code() {
        let key = SigningKey::generate().unwrap();
        let keys = KeySet::parse(&key.jwks(), 0).unwrap();
        let cases = [
            ("aud", json!("https://auth.example.it/token.oauth2"), "0004"),
            ("aud", Value::Null, "0005"),
            ("jti", json!(""), "0008"),
            ("iat", json!("2026-01-01T00:00:00Z"), "0009"),
            ("exp", Value::Null, "0010"),
            ("iss", Value::Null, "0011"),
            ("sub", Value::Null, "0012"),
            ("sub", json!("0e2b5a9c-5a1f-4a3b-8c22-1b7f9d0e4c11"), "0013"),
            ("sub", json!("someone"), "0024"),
            ("purposeId", json!("p"), "0014"),
            ("digest", json!({"alg": "SHA256"}), "0025"),
            ("nbf", json!(1000), "0032"),
        ];
        for (name, value, code) in cases {
            let mut claims = payload();
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                value => claims[name] = value,
            }
            let token = key.sign(&json!({"alg": "RS256", "kid": key.kid()}), &claims).unwrap();
            let verdict = check(&token, Some(CLIENT), &[AUDIENCE_TEXT], &keys, 1_000);
            assert_eq!(verdict.unwrap_err().code, code, "{name}");
        }
    }

    #[test]
    fn each_wrong_header_is_named() {
        let key = SigningKey::generate().unwrap();
        let keys = KeySet::parse(&key.jwks(), 0).unwrap();
        let cases = [
            (json!({"kid": key.kid()}), "0028"),
            (json!({"alg": "PS256", "kid": key.kid()}), "0029"),
            (json!({"alg": "RS256"}), "0015"),
            (json!({"alg": "RS256", "kid": "short"}), "0031"),
            (json!({"alg": "RS256", "kid": key.kid(), "use": "sig"}), "0032"),
        ];
        for (header, code) in cases {
            let token = key.sign(&header, &payload()).unwrap();
            assert_eq!(check(&token, None, &[AUDIENCE_TEXT], &keys, 1_000).unwrap_err().code, code);
        }
        let token = key.sign(&json!({"alg": "RS256", "kid": key.kid()}), &payload()).unwrap();
        let (signed, _) = token.rsplit_once('.').unwrap();
        let forged = format!("{signed}.AAAA");
        assert_eq!(check(&forged, None, &[AUDIENCE_TEXT], &keys, 1_000).unwrap_err().code, "0033");
        assert_eq!(check("a.b", None, &[AUDIENCE_TEXT], &keys, 1_000).unwrap_err().code, "0006");
    }

    #[test]
    fn the_kid_rule_tells_a_thumbprint_from_the_tutorials_slip() {
        assert!(is_kid("2MJFa7aSSveFte8ULX9U-MaaygcoL5fBIJDTXBdba64"));
        assert!(!is_kid("ZmYxZGE2YjQtMzY2Yy00NWI5LThjNGItMDJmYmQyZGIyMmZh"));
    }
}
