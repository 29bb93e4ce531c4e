//! The voucher's rules one by one: each test changes one thing of a good voucher.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::dpop::{DpopWindow, MemoryReplayGuard, token_hash};
use super::jwks::KeySet;
use super::signing::SigningKey;
use super::voucher::*;

const NOW_S: i64 = 1_000_000;
const URL: &str = "https://ente.example.it/waas/v1/flussi?since=0";

struct Platform {
    key: SigningKey,
    keys: KeySet,
}

fn platform() -> Platform {
    let key = SigningKey::generate().unwrap();
    let keys = KeySet::parse(&key.jwks(), 0).unwrap();
    Platform { key, keys }
}

fn policy(token_type: TokenType) -> VoucherPolicy {
    VoucherPolicy {
        issuer: "platform.example.it".into(),
        audience: "SIUSS".into(),
        eservice_id: "e".into(),
        producer_id: "p".into(),
        descriptor_ids: vec!["d1".into(), "d2".into()],
        consumer_id: "inps".into(),
        purposes: vec!["u".into()],
        leeway_s: 5,
        token_type,
        max_bytes: 8_192,
        dpop: DpopWindow::default(),
    }
}

fn claims() -> Value {
    json!({
        "iss": "platform.example.it", "aud": "SIUSS", "sub": "c", "client_id": "c", "jti": "j",
        "iat": NOW_S, "nbf": NOW_S, "exp": NOW_S + 600, "purposeId": "u", "producerId": "p",
        "consumerId": "inps", "eserviceId": "e", "descriptorId": "d2",
    })
}

impl Platform {
    fn header(&self) -> Value {
        json!({"alg": "RS256", "typ": "at+jwt", "use": "sig", "kid": self.key.kid()})
    }

    fn voucher(&self, claims: &Value) -> String {
        self.key.sign(&self.header(), claims).unwrap()
    }

    fn verdict(&self, token: &str) -> Result<Verified, Denied> {
        self.judge(&policy(TokenType::Bearer), Some(&format!("Bearer {token}")), None)
    }

    fn judge(
        &self,
        policy: &VoucherPolicy,
        authorization: Option<&str>,
        dpop: Option<&str>,
    ) -> Result<Verified, Denied> {
        let request = Presented { authorization, dpop, method: "GET", url: URL };
        check(policy, &self.keys, request, NOW_S, &mut MemoryReplayGuard::new(8))
    }

    fn rule(&self, token: &str) -> (u16, &'static str) {
        let denied = self.verdict(token).unwrap_err();
        assert!(!format!("{denied:?}").contains(token));
        (denied.status, denied.rule)
    }
}

#[test]
fn a_good_voucher_says_who_called() {
    let platform = platform();
    let verified = platform.verdict(&platform.voucher(&claims())).unwrap();
    let expected = Verified {
        consumer_id: "inps".into(),
        purpose_id: "u".into(),
        jti: "j".into(),
        eservice_id: "e".into(),
    };
    assert_eq!(verified, expected);
}

#[test]
fn each_wrong_claim_has_its_rule_and_status() {
    let platform = platform();
    let cases = [
        ("iss", json!("other"), 401, "voucher-iss"),
        ("exp", json!(NOW_S - 5), 401, "voucher-scaduto"),
        ("exp", json!("tomorrow"), 401, "voucher-scaduto"),
        ("exp", Value::Null, 401, "voucher-scaduto"),
        ("nbf", json!(NOW_S + 6), 401, "voucher-non-ancora-valido"),
        ("nbf", json!("x"), 401, "voucher-non-ancora-valido"),
        ("iat", json!(NOW_S + 6), 401, "voucher-non-ancora-valido"),
        ("aud", json!("OTHER"), 401, "voucher-aud"),
        ("aud", json!([]), 401, "voucher-aud"),
        ("eserviceId", json!("other"), 403, "voucher-eservice"),
        ("eserviceId", Value::Null, 403, "voucher-eservice"),
        ("producerId", json!("other"), 403, "voucher-erogatore"),
        ("descriptorId", json!("d3"), 403, "voucher-versione"),
        ("consumerId", json!("other"), 403, "voucher-fruitore"),
        ("purposeId", json!("other"), 403, "voucher-finalita"),
        ("cnf", json!({}), 401, "voucher-non-legato"),
        ("cnf", json!({"jkt": "x"}), 401, "dpop-assente"),
    ];
    for (name, value, status, rule) in cases {
        let mut wrong = claims();
        match value {
            Value::Null => drop(wrong.as_object_mut().unwrap().remove(name)),
            value => wrong[name] = value,
        }
        assert_eq!(platform.rule(&platform.voucher(&wrong)), (status, rule), "{name}");
    }
}

#[test]
fn the_right_audience_may_stand_in_a_list_and_the_clock_may_be_a_little_off() {
    let platform = platform();
    let mut good = claims();
    good["aud"] = json!(["x", "SIUSS"]);
    good["nbf"] = json!(NOW_S + 5);
    good["exp"] = json!(NOW_S - 4);
    assert!(platform.verdict(&platform.voucher(&good)).is_ok());
}

#[test]
fn each_wrong_header_has_its_rule() {
    let platform = platform();
    let cases = [
        ("alg", json!("none"), "voucher-alg"),
        ("alg", json!("HS256"), "voucher-alg"),
        ("alg", json!("rs256"), "voucher-alg"),
        ("alg", Value::Null, "voucher-alg"),
        ("typ", json!("JWT"), "voucher-typ"),
        ("typ", json!("dpop+jwt"), "voucher-typ"),
        ("typ", Value::Null, "voucher-typ"),
        ("kid", json!("other"), UNKNOWN_KID),
        ("kid", Value::Null, UNKNOWN_KID),
        ("crit", json!(["x"]), "voucher-forma"),
    ];
    for (name, value, rule) in cases {
        let mut header = platform.header();
        match value {
            Value::Null => drop(header.as_object_mut().unwrap().remove(name)),
            value => header[name] = value,
        }
        let token = platform.key.sign(&header, &claims()).unwrap();
        assert_eq!(platform.rule(&token), (401, rule), "{name}");
    }
    let mut header = platform.header();
    header["kid"] = json!("other");
    let token = platform.key.sign(&header, &claims()).unwrap();
    assert!(platform.verdict(&token).unwrap_err().wants_fresh_keys());
}

#[test]
fn a_signature_of_another_key_or_none_or_an_hmac_is_refused() {
    let platform = platform();
    let stranger = SigningKey::generate().unwrap().sign(&platform.header(), &claims()).unwrap();
    assert_eq!(platform.rule(&stranger), (401, "voucher-firma"));
    let good = platform.voucher(&claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let mut richer = claims();
    richer["purposeId"] = json!("u2");
    let swapped = URL_SAFE_NO_PAD.encode(richer.to_string());
    assert_eq!(platform.rule(&format!("{header}.{swapped}.{signature}")), (401, "voucher-firma"));
    assert_eq!(platform.rule(&format!("{signed}.")), (401, "voucher-forma"));
    // The classic confusion: an HMAC whose secret is the published key.
    let confused = URL_SAFE_NO_PAD
        .encode(json!({"alg": "HS256", "typ": "at+jwt", "kid": platform.key.kid()}).to_string());
    let body = format!("{confused}.{}", URL_SAFE_NO_PAD.encode(claims().to_string()));
    let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, platform.key.jwks().as_bytes());
    let tag = URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&secret, body.as_bytes()));
    assert_eq!(platform.rule(&format!("{body}.{tag}")), (401, "voucher-alg"));
}

#[test]
fn the_header_must_hold_exactly_one_token_of_the_set_scheme() {
    let platform = platform();
    let good = platform.voucher(&claims());
    let bearer = policy(TokenType::Bearer);
    let rule = |authorization: Option<&str>| platform.judge(&bearer, authorization, None).unwrap_err().rule;
    assert_eq!(rule(None), "voucher-assente");
    assert_eq!(rule(Some(&good)), "voucher-schema");
    assert_eq!(rule(Some(&format!("DPoP {good}"))), "voucher-schema");
    assert_eq!(rule(Some("Basic eDp5")), "voucher-schema");
    assert_eq!(rule(Some(&format!("Bearer  {good}"))), "voucher-forma");
    assert_eq!(rule(Some(&format!("Bearer {good}, {good}"))), "voucher-forma");
    assert_eq!(rule(Some("Bearer a.b")), "voucher-forma");
    assert_eq!(rule(Some("Bearer a.b.c.d")), "voucher-forma");
    assert_eq!(rule(Some("Bearer a.b.c")), "voucher-forma");
    assert_eq!(rule(Some(&format!("Bearer {}", "a".repeat(8_193)))), "voucher-troppo-grande");
    assert!(platform.judge(&bearer, Some(&format!("bearer {good}")), None).is_ok());
}

struct Bound {
    platform: Platform,
    holder: SigningKey,
    token: String,
}

fn bound() -> Bound {
    let (platform, holder) = (platform(), SigningKey::generate().unwrap());
    let mut claims = claims();
    claims["cnf"] = json!({"jkt": holder.kid()});
    let token = platform.voucher(&claims);
    Bound { platform, holder, token }
}

impl Bound {
    fn header(&self) -> Value {
        json!({"typ": "dpop+jwt", "alg": "RS256", "jwk": self.holder.public_jwk()})
    }

    fn claims(&self) -> Value {
        json!({"htm": "GET", "htu": "https://ente.example.it/waas/v1/flussi", "iat": NOW_S,
            "jti": "proof", "ath": token_hash(&self.token)})
    }

    fn verdict(&self, proof: &str) -> Result<Verified, Denied> {
        let authorization = format!("DPoP {}", self.token);
        self.platform.judge(&policy(TokenType::Dpop), Some(&authorization), Some(proof))
    }
}

#[test]
fn a_good_proof_is_accepted_once() {
    let bound = bound();
    let proof = bound.holder.sign(&bound.header(), &bound.claims()).unwrap();
    let authorization = format!("DPoP {}", bound.token);
    let request =
        Presented { authorization: Some(&authorization), dpop: Some(&proof), method: "GET", url: URL };
    let mut guard = MemoryReplayGuard::new(8);
    let policy = policy(TokenType::Dpop);
    assert!(check(&policy, &bound.platform.keys, request, NOW_S, &mut guard).is_ok());
    let again = check(&policy, &bound.platform.keys, request, NOW_S + 1, &mut guard);
    assert_eq!(again.unwrap_err().rule, "dpop-jti");
}

#[test]
fn each_wrong_proof_has_its_rule() {
    let bound = bound();
    let cases = [
        ("htm", json!("POST"), "dpop-htm"),
        ("htu", json!("https://other.example.it/waas/v1/flussi"), "dpop-htu"),
        ("htu", json!(URL), "dpop-htu"),
        ("iat", json!(NOW_S + 11), "dpop-iat"),
        ("iat", json!(NOW_S - 61), "dpop-iat"),
        ("iat", json!("now"), "dpop-iat"),
        ("ath", json!(token_hash("other")), "dpop-ath"),
        ("jti", json!(""), "dpop-jti"),
        ("jti", json!("x".repeat(257)), "dpop-jti"),
    ];
    for (name, value, rule) in cases {
        let mut wrong = bound.claims();
        wrong[name] = value;
        let proof = bound.holder.sign(&bound.header(), &wrong).unwrap();
        assert_eq!(bound.verdict(&proof).unwrap_err().rule, rule, "{name}");
    }
    let mut private = bound.holder.public_jwk();
    private.insert("d".into(), json!("AQAB"));
    let headers = [
        ("typ", json!("JWT"), "dpop-typ"),
        ("alg", json!("HS256"), "dpop-alg"),
        ("alg", json!("none"), "dpop-alg"),
        ("alg", json!("ES256"), "dpop-jwk"),
        ("jwk", json!(private), "dpop-jwk"),
        ("jwk", json!({"kty": "oct", "k": "AQAB"}), "dpop-jwk"),
    ];
    for (name, value, rule) in headers {
        let mut header = bound.header();
        header[name] = value;
        let proof = bound.holder.sign(&header, &bound.claims()).unwrap();
        assert_eq!(bound.verdict(&proof).unwrap_err().rule, rule, "{name}");
    }
}

#[test]
fn a_proof_of_another_key_or_two_proofs_or_an_unbound_voucher_are_refused() {
    let bound = bound();
    let proof = bound.holder.sign(&bound.header(), &bound.claims()).unwrap();
    assert!(bound.verdict(&proof).is_ok());
    assert_eq!(bound.verdict(&format!("{proof}, {proof}")).unwrap_err().rule, "dpop-piu-prove");
    let other = SigningKey::generate().unwrap();
    let forged = other.sign(&bound.header(), &bound.claims()).unwrap();
    assert_eq!(bound.verdict(&forged).unwrap_err().rule, "dpop-firma");
    let header = json!({"typ": "dpop+jwt", "alg": "RS256", "jwk": other.public_jwk()});
    let stolen = other.sign(&header, &bound.claims()).unwrap();
    assert_eq!(bound.verdict(&stolen).unwrap_err().rule, "dpop-jkt");
    let unbound = format!("DPoP {}", bound.platform.voucher(&claims()));
    let verdict = bound.platform.judge(&policy(TokenType::Dpop), Some(&unbound), Some(&proof));
    assert_eq!(verdict.unwrap_err().rule, "voucher-non-legato");
}

#[test]
fn an_es256_proof_is_accepted() {
    let platform = platform();
    let document =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).unwrap();
    let point = pair.public_key().as_ref();
    let jwk = json!({"kty": "EC", "crv": "P-256",
        "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..])});
    let mut claims = claims();
    claims["cnf"] = json!({"jkt": super::dpop::thumbprint(jwk.as_object().unwrap()).unwrap()});
    let token = platform.voucher(&claims);
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!(
        "{}.{}",
        part(json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk})),
        part(json!({"htm": "GET", "htu": "https://ente.example.it/waas/v1/flussi", "iat": NOW_S,
            "jti": "proof", "ath": token_hash(&token)}))
    );
    let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    let proof = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
    let authorization = format!("DPoP {token}");
    assert!(platform.judge(&policy(TokenType::Dpop), Some(&authorization), Some(&proof)).is_ok());
}
