//! OpenID Connect: what a provider says of itself, its ID tokens, and the access tokens that it signs for
//! our API. Pure: keys and time are arguments; asking the provider is a channel's.

use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};
use thiserror::Error;

use super::jwks::KeySet;
use super::jws::Compact;

/// Largest token that is looked at, bytes.
const TOKEN_MOST: usize = 16 * 1024;
/// An ID token is used at once: one that was issued longer ago is somebody's leftover, seconds.
const ID_TOKEN_AGE_S: i64 = 600;
/// The one algorithm that is believed, whatever a token's header asks for.
const ALGORITHM: &str = "RS256";

/// Where a provider is spoken to (OpenID Connect Discovery 1.0, 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
}

impl Provider {
    /// Reads the provider's document; the issuer in it must be the configured one (Discovery 1.0, 4.3).
    pub fn parse(json: &str, issuer: &str) -> Result<Self, Fault> {
        let document: Value = serde_json::from_str(json).map_err(|_| Fault::Form)?;
        let text = |name: &str| document.get(name).and_then(Value::as_str).map(str::to_owned);
        if text("issuer").as_deref() != Some(issuer) {
            return Err(Fault::Issuer);
        }
        let need = |name: &str| text(name).ok_or(Fault::Form);
        Ok(Self {
            authorization_endpoint: need("authorization_endpoint")?,
            token_endpoint: need("token_endpoint")?,
            jwks_uri: need("jwks_uri")?,
        })
    }
}

/// Why a token is not believed. Fit for logs; never says the token.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Fault {
    #[error("it is not in the form that was expected")]
    Form,
    #[error("it is signed by another algorithm than RS256")]
    Algorithm,
    #[error("the provider has no such key")]
    UnknownKey,
    #[error("its signature does not fit")]
    Signature,
    #[error("it comes from another issuer")]
    Issuer,
    #[error("it is for somebody else")]
    Audience,
    #[error("it was given to somebody else")]
    AuthorizedParty,
    #[error("it has expired, or is not in force yet")]
    Time,
    #[error("it answers another request")]
    Nonce,
    #[error("it is a token of another kind")]
    Kind,
}

/// What a token must say.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'e> {
    pub issuer: &'e str,
    /// Our client id for an ID token, our API's name for an access token.
    pub audience: &'e str,
    /// Tolerance for clocks, seconds.
    pub leeway_s: i64,
}

/// Checks an ID token as OpenID Connect Core 1.0, 3.1.3.7 lists it; returns its claims.
///
/// Points 1 and 8 (encryption, MAC) do not arise with RS256 alone, 12 and 13 (`acr`, `auth_time`) as we
/// ask for neither.
pub fn id_token(
    token: &str,
    keys: &KeySet,
    expected: Expected<'_>,
    nonce: &str,
    now_s: i64,
) -> Result<Map<String, Value>, Fault> {
    let token = signed(token, keys)?;
    ensure(token.text("iss") == Some(expected.issuer), Fault::Issuer)?;
    // Point 3: ours, and nobody else's whom we would have to trust.
    let alone = match token.claims.get("aud") {
        Some(Value::Array(many)) => many.len() == 1,
        _ => true,
    };
    ensure(alone && token.audience_holds(&[expected.audience]), Fault::Audience)?;
    let party = token.claims.get("azp").map(|party| party.as_str() == Some(expected.audience));
    ensure(party != Some(false), Fault::AuthorizedParty)?;
    times(&token, expected.leeway_s, now_s)?;
    let issued = token.seconds("iat").ok_or(Fault::Time)?;
    ensure((now_s - issued).abs() <= ID_TOKEN_AGE_S + expected.leeway_s, Fault::Time)?;
    ensure(token.text("nonce") == Some(nonce), Fault::Nonce)?;
    ensure(token.text("sub").is_some_and(|subject| !subject.is_empty()), Fault::Form)?;
    Ok(token.claims)
}

/// Checks an access token for our API (RFC 9068, 4); returns its claims. An ID token is none.
pub fn access_token(
    token: &str,
    keys: &KeySet,
    expected: Expected<'_>,
    now_s: i64,
) -> Result<Map<String, Value>, Fault> {
    let token = signed(token, keys)?;
    let kind = token.header_text("typ").unwrap_or("JWT").to_ascii_lowercase();
    let of_access = ["at+jwt", "application/at+jwt", "jwt"].contains(&kind.as_str());
    let of_identity = ["nonce", "at_hash", "c_hash"].iter().any(|name| token.claims.contains_key(*name));
    ensure(of_access && !of_identity, Fault::Kind)?;
    ensure(token.text("iss") == Some(expected.issuer), Fault::Issuer)?;
    ensure(token.audience_holds(&[expected.audience]), Fault::Audience)?;
    times(&token, expected.leeway_s, now_s)?;
    ensure(token.text("sub").is_some_and(|subject| !subject.is_empty()), Fault::Form)?;
    Ok(token.claims)
}

/// Points 6 and 7: by a key of the provider, by the one algorithm.
fn signed<'t>(token: &'t str, keys: &KeySet) -> Result<Compact<'t>, Fault> {
    let token = Compact::parse(token, TOKEN_MOST).map_err(|_| Fault::Form)?;
    ensure(token.header_text("alg") == Some(ALGORITHM), Fault::Algorithm)?;
    let key = token.header_text("kid").and_then(|kid| keys.get(kid)).ok_or(Fault::UnknownKey)?;
    ensure(token.signed_by(key, Algorithm::RS256), Fault::Signature)?;
    Ok(token)
}

/// Point 9, and `nbf` where it is said.
fn times(token: &Compact<'_>, leeway_s: i64, now_s: i64) -> Result<(), Fault> {
    let expires = token.seconds("exp").ok_or(Fault::Time)?;
    ensure(now_s < expires.saturating_add(leeway_s), Fault::Time)?;
    let begins = match token.claims.contains_key("nbf") {
        true => token.seconds("nbf").ok_or(Fault::Time)?,
        false => now_s,
    };
    ensure(now_s.saturating_add(leeway_s) >= begins, Fault::Time)
}

fn ensure(holds: bool, fault: Fault) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(fault) }
}

#[cfg(test)]
#[path = "oidc_tests.rs"]
mod tests;
