//! The round trip: an assertion is changed into a voucher that a provider accepts.

use serde_json::json;

use super::super::clock;
use super::*;
use crate::channel::push::{HttpClient, HttpSettings, Request};
use crate::trust::assertion::AssertionClaims;
use crate::trust::dpop::{DpopWindow, MemoryReplayGuard};
use crate::trust::voucher::{Denied, Presented, TokenType, Verified, VoucherPolicy, check};

const CLIENT: &str = "6a1e1a3e-9d4e-4a65-b2a6-2d9d9f5d6a10";
const PURPOSE: &str = "0e2b5a9c-5a1f-4a3b-8c22-1b7f9d0e4c11";
const AUDIENCE: &str = "auth.example.it/client-assertion";
const NOW_S: i64 = 1_700_000_000;

fn grant() -> Grant {
    Grant {
        purpose_id: PURPOSE.into(),
        audience: "SIUSS".into(),
        eservice_id: "e".into(),
        producer_id: "p".into(),
        descriptor_id: "d".into(),
        consumer_id: "inps".into(),
        lifetime_s: 600,
    }
}

async fn start(key: &SigningKey) -> TokenService {
    let keys = KeySet::parse(&key.jwks(), 0).unwrap();
    let client = KnownClient { client_id: CLIENT.into(), keys, grants: vec![grant()] };
    let config = TokenServiceConfig {
        bind: "127.0.0.1:0".parse().unwrap(),
        issuer: "platform.example.it".into(),
        assertion_audience: AUDIENCE.into(),
        clients: vec![client],
    };
    TokenService::start(config, clock::fixed(NOW_S * 1_000)).await.unwrap()
}

fn verdict(service: &TokenService, voucher: &str) -> Result<Verified, Denied> {
    let policy = VoucherPolicy {
        issuer: "platform.example.it".into(),
        audience: "SIUSS".into(),
        eservice_id: "e".into(),
        producer_id: "p".into(),
        descriptor_ids: vec!["d".into()],
        consumer_id: "inps".into(),
        purposes: vec![PURPOSE.into()],
        leeway_s: 5,
        token_type: TokenType::Bearer,
        max_bytes: 8_192,
        dpop: DpopWindow::default(),
    };
    let keys = KeySet::parse(&service.jwks(), 0).unwrap();
    let authorization = format!("Bearer {voucher}");
    let url = "http://127.0.0.1/flussi";
    let request = Presented { authorization: Some(&authorization), dpop: None, method: "GET", url };
    check(&policy, &keys, request, NOW_S, &mut MemoryReplayGuard::new(1))
}

async fn ask(service: &TokenService, assertion: &str) -> (u16, Value) {
    let body = format!(
        "client_id={CLIENT}&client_assertion={assertion}&client_assertion_type={}&grant_type=client_credentials",
        assertion::ASSERTION_TYPE.replace(':', "%3A")
    );
    let client = HttpClient::new(&HttpSettings::default()).unwrap();
    let request = Request::post(service.token_url(), "application/x-www-form-urlencoded", body.into_bytes());
    let answer = client.send(request).await.unwrap();
    (answer.status, serde_json::from_slice(answer.body.expose()).unwrap())
}

fn claims() -> AssertionClaims {
    AssertionClaims {
        client_id: CLIENT.into(),
        audience: AUDIENCE.into(),
        purpose_id: Some(PURPOSE.into()),
        jti: "1".into(),
        issued_at_s: NOW_S,
        lifetime_s: 120,
        digest_hex: None,
    }
}

#[tokio::test]
async fn an_assertion_becomes_a_voucher_that_the_provider_accepts() {
    let key = SigningKey::generate().unwrap();
    let service = start(&key).await;
    let (status, answer) = ask(&service, &assertion::build(&key, &claims()).unwrap()).await;
    assert_eq!((status, answer["token_type"].as_str()), (200, Some("Bearer")));
    let verified = verdict(&service, answer["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(verified.consumer_id, "inps");
    service.stop().await;
}

#[tokio::test]
async fn every_refusal_looks_the_same_outside_and_has_its_code_inside() {
    let key = SigningKey::generate().unwrap();
    let service = start(&key).await;
    let stranger = SigningKey::generate().unwrap();
    let late = AssertionClaims { issued_at_s: NOW_S - 500, ..claims() };
    let other = AssertionClaims { purpose_id: Some(CLIENT.into()), ..claims() };
    let none = AssertionClaims { purpose_id: None, ..claims() };
    for (key, claims, code) in
        [(&key, late, "0017"), (&key, other, "0020"), (&key, none, "0030"), (&stranger, claims(), "0015")]
    {
        let (status, answer) = ask(&service, &assertion::build(key, &claims).unwrap()).await;
        assert_eq!((status, &answer["errors"][0]["code"]), (400, &json!("015-0008")));
        assert!(answer["correlationId"].is_string());
        assert_eq!(service.last_fault().unwrap().code, code);
    }
}

#[tokio::test]
async fn spoiled_vouchers_are_spoiled() {
    let service = start(&SigningKey::generate().unwrap()).await;
    let changed = |name: &str, value: Value| VoucherChanges {
        claims: [(name.to_owned(), value)].into_iter().collect(),
        ..VoucherChanges::default()
    };
    let forged = |forgery| VoucherChanges { forgery, ..VoucherChanges::default() };
    assert!(verdict(&service, &service.issue(&grant(), &VoucherChanges::default()).unwrap()).is_ok());
    for (changes, status, rule) in [
        (changed("eserviceId", json!("other")), 403, "voucher-eservice"),
        (changed("exp", json!(NOW_S - 60)), 401, "voucher-scaduto"),
        (changed("aud", Value::Null), 401, "voucher-aud"),
        (forged(Forgery::OtherKey), 401, "voucher-firma"),
        (forged(Forgery::Unsigned), 401, "voucher-forma"),
    ] {
        let denied = verdict(&service, &service.issue(&grant(), &changes).unwrap()).unwrap_err();
        assert_eq!((denied.status, denied.rule), (status, rule));
    }
}

#[tokio::test]
async fn it_serves_this_machine_only() {
    let config = TokenServiceConfig {
        bind: "0.0.0.0:0".parse().unwrap(),
        issuer: String::new(),
        assertion_audience: String::new(),
        clients: vec![],
    };
    let error = TokenService::start(config, clock::system()).await.err().unwrap();
    assert!(matches!(error, TokenServiceError::NotLoopback(_)));
}
