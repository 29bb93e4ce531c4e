//! OpenID Connect against a real provider (npm `oidc-provider`, a process of its own): access tokens at
//! the API with new keys on the way, and signing in to the console by code and PKCE.

mod browser;
mod provider;

use browser::Browser;
use provider::{Provider, RETURN};
use serde_json::json;

use crate::serving::{Answer, Site, configure, request};

/// An installation that believes the provider.
fn site(provider: &Provider) -> Site {
    Site::configured(|dir, jwks| {
        crate::serving::secret(&dir.join("oidc"), "a/secret:of+tests\n");
        let path = configure(dir, jwks, "");
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str(&format!(
            "[api.oidc]\nissuer = \"{}\"\naudience = \"urn:raccordo\"\nclient_id = \"raccordo\"\nclient_secret_file \
             = \"oidc\"\npublic_url = \"{}\"\n[api.oidc.roles]\noperatori = {{ role = \"operator\", enti = [\"H501\"] \
             }}\nrevisori = {{ role = \"auditor\" }}\n",
            provider.issuer,
            RETURN.trim_end_matches("/console/sign-in/oidc/return"),
        ));
        std::fs::write(&path, text).unwrap();
        path
    })
}

/// Asks until the provider's new keys are had: we ask it again only after a moment.
fn once_known(site: &Site, token: &str) -> Answer {
    for _ in 0..60 {
        let answer = site.api_as(token, "GET", "/readiness", b"");
        if answer.status != 401 {
            return answer;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(100));
    }
    panic!("the new keys are not taken over");
}

#[test]
fn an_access_token_lets_in_with_the_roles_of_its_claim_and_keys_may_change() {
    let provider = Provider::start();
    let site = site(&provider);
    let token = provider.access_token("urn:raccordo");
    site.api_as(&token, "GET", "/readiness", b"").good(200);
    site.api_as(&token, "GET", "/tokens", b"").problem(403);
    let run = json!({"ente": "F205", "flow": "x"}).to_string();
    site.api_as(&token, "POST", "/runs", run.as_bytes()).problem(403);
    let (head, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = head.split_once('.').unwrap();
    let other = if &signature[40..41] == "A" { "Q" } else { "A" };
    let tampered = format!("{head}.{}{other}{}", &signature[..40], &signature[41..]);
    let unsigned = format!("eyJhbGciOiJub25lIn0.{claims}.");
    let stranger = provider.access_token("urn:another");
    for wrong in [tampered.as_str(), &unsigned, &stranger, &format!("{header}.{claims}"), "a.b.c"] {
        site.api_as(wrong, "GET", "/readiness", b"").problem(401);
    }
    provider.rotate();
    let newer = provider.access_token("urn:raccordo");
    assert_eq!(once_known(&site, &newer).status, 200);
    site.api_as(&token, "GET", "/readiness", b"").problem(401);
}

#[test]
fn people_sign_in_by_code_and_pkce_and_get_the_roles_of_their_claim() {
    let provider = Provider::start();
    let site = site(&provider);
    let mut browser = Browser::new(site.api);
    assert!(browser.get("/console/entra").text().contains("href=\"/console/sign-in/oidc\""));
    let back = browser.sign_in("rossi");
    let answer = browser.get(&back);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let session =
        answer.headers["set-cookie"].lines().find(|line| line.starts_with("raccordo_session=")).unwrap();
    assert!(session.contains("HttpOnly") && session.contains("SameSite=Strict"), "{session}");
    let page = browser.get("/console/cartelle");
    assert!(page.status == 200 && page.text().contains("oidc:rossi#"), "{}", page.text());
    assert_eq!(browser.get("/console/giornale").status, 403, "an operator reads no journal");
    // The same answer of the provider does not count twice.
    assert_eq!(browser.get(&back).status, 401);
    let mut auditor = Browser::new(site.api);
    let back = auditor.sign_in("neri");
    assert_eq!(auditor.get(&back).status, 200);
    assert_eq!(auditor.get("/console/giornale").status, 200);
    let accounts = site.api("GET", "/accounts", b"").text();
    assert!(accounts.contains("oidc:rossi#") && !accounts.contains("argon2"), "{accounts}");
    assert!(site.gateway.verify_audit().unwrap().is_ok());
}

#[test]
fn an_answer_of_the_provider_counts_only_where_it_was_asked_for() {
    let provider = Provider::start();
    let site = site(&provider);
    let mut browser = Browser::new(site.api);
    let back = browser.sign_in("verdi");
    assert_eq!(browser.get(&back).status, 403, "a gardener has no role here");
    let back = browser.sign_in("rossi");
    // Without the cookie of the one who asked; with another state; with another issuer; without a code.
    assert_eq!(request(site.api, "GET", &back, &[], b"").status, 401);
    let code = back.split(['?', '&']).find(|part| part.starts_with("code=")).unwrap().to_owned();
    for wrong in [
        format!("/console/sign-in/oidc/return?{code}&state=another"),
        format!("{back}&iss=http%3A%2F%2Fevil.example").replacen(
            "&iss=http%3A%2F%2F127",
            "&was=http%3A%2F%2F127",
            1,
        ),
        back.replace("code=", "kode="),
        "/console/sign-in/oidc/return?error=access_denied".to_owned(),
        "/console/sign-in/oidc/return".to_owned(),
    ] {
        assert_eq!(browser.get(&wrong).status, 401, "{wrong}");
    }
    // Who was disabled here is not let in by anybody else.
    assert_eq!(browser.get(&back).status, 200);
    let accounts = site.api("GET", "/accounts", b"").good(200);
    let name = accounts["accounts"][0]["name"].as_str().unwrap().replace('#', "%23");
    site.api("POST", &format!("/accounts/{name}"), br#"{"disabled": true}"#);
    let back = browser.sign_in("rossi");
    assert_eq!(browser.get(&back).status, 401);
}

#[test]
fn without_its_provider_the_door_says_so_and_local_accounts_stay() {
    let provider = Provider::start();
    let site = site(&provider);
    drop(provider);
    assert_eq!(request(site.api, "GET", "/console/sign-in/oidc", &[], b"").status, 503);
    site.api_as("a.b.c", "GET", "/readiness", b"").problem(401);
    assert_eq!(request(site.api, "GET", "/console/entra", &[], b"").status, 200);
    let plain = Site::open();
    assert_eq!(request(plain.api, "GET", "/console/sign-in/oidc", &[], b"").status, 404);
}
