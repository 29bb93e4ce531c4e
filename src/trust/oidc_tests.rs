//! ID tokens point by point (OpenID Connect Core 1.0, 3.1.3.7): each test changes one thing of a good one.

use serde_json::{Value, json};

use super::*;
use crate::trust::signing::SigningKey;

const NOW_S: i64 = 1_800_000_000;
const EXPECTED: Expected<'_> =
    Expected { issuer: "https://sso.example.it", audience: "raccordo", leeway_s: 30 };

struct Signer {
    key: SigningKey,
    keys: KeySet,
}

fn signer() -> Signer {
    let key = SigningKey::generate().unwrap();
    let keys = KeySet::parse(&key.jwks(), 0).unwrap();
    Signer { key, keys }
}

fn claims() -> Value {
    json!({
        "iss": "https://sso.example.it", "sub": "mrossi", "aud": "raccordo", "exp": NOW_S + 300,
        "iat": NOW_S, "nonce": "n-1", "roles": ["operatori"],
    })
}

impl Signer {
    fn header(&self) -> Value {
        json!({"alg": "RS256", "kid": self.key.kid()})
    }

    fn judge(&self, header: &Value, claims: &Value) -> Result<(), Fault> {
        let token = self.key.sign(header, claims).unwrap();
        id_token(&token, &self.keys, EXPECTED, "n-1", NOW_S).map(drop)
    }

    /// The verdict on a good token with one claim changed; null takes it away.
    fn with(&self, name: &str, value: Value) -> Result<(), Fault> {
        let mut claims = claims();
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value,
        }
        self.judge(&self.header(), &claims)
    }
}

#[test]
fn a_good_id_token_is_believed() {
    let signer = signer();
    assert_eq!(signer.judge(&signer.header(), &claims()), Ok(()));
    assert_eq!(signer.with("aud", json!(["raccordo"])), Ok(()));
    assert_eq!(signer.with("azp", json!("raccordo")), Ok(()));
}

#[test]
fn point_2_the_issuer_is_exactly_the_configured_one() {
    let signer = signer();
    for other in [json!("https://sso.example.it/"), json!("https://evil.example"), json!(7), Value::Null] {
        assert_eq!(signer.with("iss", other), Err(Fault::Issuer));
    }
}

#[test]
fn points_3_to_5_it_is_for_us_alone() {
    let signer = signer();
    for other in [json!("another"), json!(["raccordo", "another"]), json!([]), Value::Null] {
        assert_eq!(signer.with("aud", other), Err(Fault::Audience));
    }
    for other in [json!("another"), json!(7)] {
        assert_eq!(signer.with("azp", other), Err(Fault::AuthorizedParty));
    }
}

#[test]
fn points_6_to_8_it_is_signed_by_the_provider_with_the_one_algorithm() {
    let (signer, stranger) = (signer(), signer());
    let kid = signer.key.kid();
    let forged = stranger.key.sign(&json!({"alg": "RS256", "kid": kid}), &claims()).unwrap();
    assert_eq!(id_token(&forged, &signer.keys, EXPECTED, "n-1", NOW_S), Err(Fault::Signature));
    for (algorithm, fault) in
        [("none", Fault::Algorithm), ("HS256", Fault::Algorithm), ("RS512", Fault::Algorithm)]
    {
        assert_eq!(signer.judge(&json!({"alg": algorithm, "kid": kid}), &claims()), Err(fault));
    }
    assert_eq!(signer.judge(&json!({"alg": "RS256", "kid": "x"}), &claims()), Err(Fault::UnknownKey));
    assert_eq!(signer.judge(&json!({"alg": "RS256"}), &claims()), Err(Fault::UnknownKey));
    assert_eq!(
        signer.judge(&json!({"alg": "RS256", "kid": kid, "crit": ["x"]}), &claims()),
        Err(Fault::Form)
    );
    let good = signer.key.sign(&signer.header(), &claims()).unwrap();
    let (head, signature) = good.rsplit_once('.').unwrap();
    let bare = format!("{head}.");
    for token in ["", "a.b", "a.b.c", &bare, &format!("{head}.{signature}.x"), &"a".repeat(20_000)] {
        assert_eq!(id_token(token, &signer.keys, EXPECTED, "n-1", NOW_S), Err(Fault::Form));
    }
}

#[test]
fn points_9_and_10_it_is_in_force_and_fresh() {
    let signer = signer();
    assert_eq!(signer.with("exp", json!(NOW_S - 29)), Ok(()), "within the tolerance");
    for other in [json!(NOW_S - 30), json!("soon"), Value::Null] {
        assert_eq!(signer.with("exp", other), Err(Fault::Time));
    }
    assert_eq!(signer.with("nbf", json!(NOW_S + 31)), Err(Fault::Time));
    for other in [json!(NOW_S - 631), json!(NOW_S + 631), Value::Null] {
        assert_eq!(signer.with("iat", other), Err(Fault::Time));
    }
}

#[test]
fn point_11_it_answers_the_request_that_was_made() {
    let signer = signer();
    for other in [json!("n-2"), json!(""), Value::Null] {
        assert_eq!(signer.with("nonce", other), Err(Fault::Nonce));
    }
    assert_eq!(signer.with("sub", json!("")), Err(Fault::Form));
}

#[test]
fn an_access_token_is_for_the_api_and_no_id_token() {
    let signer = signer();
    let mut claims = claims();
    let judge = |header: &Value, claims: &Value| {
        let token = signer.key.sign(header, claims).unwrap();
        access_token(&token, &signer.keys, EXPECTED, NOW_S).map(drop)
    };
    let header = json!({"alg": "RS256", "typ": "at+jwt", "kid": signer.key.kid()});
    assert_eq!(judge(&header, &claims), Err(Fault::Kind), "it has a nonce");
    claims.as_object_mut().unwrap().remove("nonce");
    assert_eq!(judge(&header, &claims), Ok(()));
    claims["aud"] = json!(["another", "raccordo"]);
    assert_eq!(judge(&header, &claims), Ok(()));
    let other = json!({"alg": "RS256", "typ": "dpop+jwt", "kid": signer.key.kid()});
    assert_eq!(judge(&other, &claims), Err(Fault::Kind));
    claims["aud"] = json!("another");
    assert_eq!(judge(&header, &claims), Err(Fault::Audience));
    claims["aud"] = json!("raccordo");
    claims["exp"] = json!(NOW_S - 31);
    assert_eq!(judge(&header, &claims), Err(Fault::Time));
}

#[test]
fn a_provider_is_whom_it_says() {
    let document = json!({
        "issuer": "https://sso.example.it", "authorization_endpoint": "https://sso.example.it/auth",
        "token_endpoint": "https://sso.example.it/token", "jwks_uri": "https://sso.example.it/jwks",
    });
    assert!(Provider::parse(&document.to_string(), "https://sso.example.it").is_ok());
    assert_eq!(Provider::parse(&document.to_string(), "https://sso.example.it/"), Err(Fault::Issuer));
    assert_eq!(Provider::parse("{}", "x"), Err(Fault::Issuer));
    assert_eq!(Provider::parse("<html>", "x"), Err(Fault::Form));
}
