//! Every step of the voucher's table, on both operations that need one.

use raccordo::gateway::{Clock, Gateway, SystemClock};
use raccordo::sandbox::token_service::{Forgery, VoucherChanges};
use raccordo::trust::signing::SigningKey;
use serde_json::{Value, json};

use crate::serving::{Answer, Site, request};

fn with(claims: Value) -> VoucherChanges {
    VoucherChanges { claims: claims.as_object().expect("claims").clone(), ..VoucherChanges::default() }
}

fn header(header: Value) -> VoucherChanges {
    VoucherChanges { header: header.as_object().expect("a header").clone(), ..VoucherChanges::default() }
}

fn forged(forgery: Forgery) -> VoucherChanges {
    VoucherChanges { forgery, ..VoucherChanges::default() }
}

/// Both operations with this header value; they must agree.
fn both(site: &Site, authorization: Option<&str>) -> Answer {
    let headers: Vec<(&str, &str)> =
        authorization.map(|value| ("authorization", value)).into_iter().collect();
    let poll = request(site.offer, "GET", "/waas/v1/flussi?since=0", &headers, b"");
    let receipts = request(site.offer, "POST", "/waas/v1/esiti", &headers, br#"{"elenco_esiti":[]}"#);
    let status = if poll.status == 200 { 204 } else { poll.status };
    assert_eq!(receipts.status, status, "the two operations disagree: {}", receipts.text());
    poll
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[track_caller]
fn denied(site: &Site, status: u16, changes: &VoucherChanges) {
    let answer = both(site, Some(&format!("Bearer {}", site.voucher(changes))));
    answer.problem(status);
    only_the_five_members(&answer);
    assert_eq!(answer.headers.contains_key("www-authenticate"), status == 401);
}

#[track_caller]
fn only_the_five_members(answer: &Answer) {
    let body = answer.json();
    let known = ["type", "title", "status", "detail", "instance"];
    assert!(body.as_object().unwrap().keys().all(|name| known.contains(&name.as_str())), "{body}");
}

#[test]
fn a_caller_without_a_believable_voucher_gets_401() {
    let site = Site::open();
    let good = site.voucher(&VoucherChanges::default());
    for value in [None, Some("Basic dTpw".to_owned()), Some(format!("DPoP {good}")), Some(good.clone())] {
        let answer = both(&site, value.as_deref());
        answer.problem(401);
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    for value in ["Bearer", "Bearer ", "Bearer a.b", "Bearer a.b.c", "Bearer a b"] {
        both(&site, Some(value)).problem(401);
    }
    let large = format!("Bearer {}", "x".repeat(20_000));
    both(&site, Some(&large)).problem(401);
    denied(&site, 401, &forged(Forgery::Unsigned));
    denied(&site, 401, &forged(Forgery::OtherKey));
    denied(&site, 401, &header(json!({"alg": "HS256"})));
    denied(&site, 401, &header(json!({"typ": "JWT"})));
    denied(&site, 401, &header(json!({"kid": "unheard-of"})));
    denied(&site, 401, &header(json!({"kid": null})));
    denied(&site, 401, &with(json!({"iss": "another.example"})));
    denied(&site, 401, &with(json!({"aud": "ANOTHER"})));
    denied(&site, 401, &with(json!({"aud": ["ANOTHER", "OTHER"]})));
    // Two headers are as good as garbage.
    let twice = format!("Bearer {good}");
    let headers = [("authorization", twice.as_str()), ("authorization", twice.as_str())];
    request(site.offer, "GET", "/waas/v1/flussi?since=0", &headers, b"").problem(401);
    // A key signed it that is not the platform's, whatever kid it names.
    let stranger = SigningKey::generate().unwrap();
    let token = stranger.sign(&json!({"alg": "RS256", "typ": "at+jwt", "kid": stranger.kid()}), &json!({}));
    both(&site, Some(&format!("Bearer {}", token.unwrap()))).problem(401);
    assert_eq!(both(&site, Some(&format!("Bearer {good}"))).status, 200);
}

#[test]
fn times_have_a_small_leeway() {
    let site = Site::open();
    let now = now();
    denied(&site, 401, &with(json!({"exp": now - 60})));
    denied(&site, 401, &with(json!({"exp": null})));
    denied(&site, 401, &with(json!({"nbf": now + 120})));
    denied(&site, 401, &with(json!({"iat": now + 120})));
    denied(&site, 401, &with(json!({"iat": null})));
    for good in
        [json!({"nbf": now + 3}), json!({"iat": now + 3}), json!({"exp": now + 30}), json!({"nbf": null})]
    {
        let voucher = site.voucher(&with(good.clone()));
        assert_eq!(both(&site, Some(&format!("Bearer {voucher}"))).status, 200, "{good}");
    }
}

#[test]
fn a_voucher_of_someone_else_is_believed_and_gets_403() {
    let site = Site::open();
    for claim in ["eserviceId", "producerId", "descriptorId", "consumerId", "purposeId"] {
        for value in [json!("ffffffff-0000-4000-8000-000000000000"), Value::Null, json!(["x"])] {
            denied(&site, 403, &with(json!({ claim: value })));
        }
    }
    let among = with(json!({"aud": ["ANOTHER", "SIUSS"]}));
    assert_eq!(site.waas_as("/flussi?since=0", &site.voucher(&among)).status, 200);
}

#[test]
fn each_voucher_opens_its_own_route_only() {
    let site = Site::open();
    site.fill(3);
    assert!(!site.flussi("since=0").is_empty());
    let other = site.voucher_of("F205", &VoucherChanges::default());
    let page = site.waas_as("/flussi?since=0", &other).good(200);
    assert_eq!(page, json!({"elenco_flussi": []}), "the flows of H501 went to the e-service of F205");
}

/// The machine's clock, set ahead.
struct Ahead(std::sync::Arc<std::sync::atomic::AtomicI64>);

impl Clock for Ahead {
    fn now_ms(&self) -> i64 {
        SystemClock.now_ms() + self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}

#[test]
fn a_rotated_key_is_fetched_and_a_lost_platform_is_survived() {
    let site = Site::open();
    let place = site.dir.path().join("jwks.json");
    // The keys of before: none of them signed today's vouchers.
    std::fs::write(&place, SigningKey::generate().unwrap().jwks()).unwrap();
    let ahead = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(0));
    let settings = configured_with_keys_at(&site, &place);
    let catalog = raccordo::node::load_catalog().unwrap();
    let gateway = Gateway::open(settings, catalog, Box::new(Ahead(std::sync::Arc::clone(&ahead)))).unwrap();
    let running = site.runtime.block_on(raccordo::node::start(std::sync::Arc::new(gateway))).unwrap();
    let offer = running.offer.unwrap();
    let authorization = format!("Bearer {}", site.voucher(&VoucherChanges::default()));
    let ask = || {
        let headers = [("authorization", authorization.as_str())];
        request(offer, "GET", "/waas/v1/flussi?since=0", &headers, b"").status
    };
    assert_eq!(ask(), 401);
    std::fs::write(&place, site.platform.service().jwks()).unwrap();
    assert_eq!(ask(), 401, "who invents kids does not make us hammer the platform");
    ahead.store(31_000, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(ask(), 200, "an unknown kid brings the keys anew");
    std::fs::remove_file(&place).unwrap();
    ahead.store(600_000, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(ask(), 200, "known keys go on serving while the platform is away");
    site.runtime.block_on(running.stop());
}

fn configured_with_keys_at(site: &Site, place: &std::path::Path) -> raccordo::gateway::Settings {
    let dir = site.dir.path().join("other");
    std::fs::create_dir(&dir).unwrap();
    let config = crate::serving::configure(&dir, &place.display().to_string(), "");
    raccordo::node::config::load(Some(&config)).unwrap()
}

#[test]
fn status_asks_no_one_who_he_is() {
    let site = Site::open();
    let answer = request(site.offer, "GET", "/waas/v1/status", &[], b"");
    answer.problem(200);
    only_the_five_members(&answer);
}
