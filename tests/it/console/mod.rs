//! The console over the wire: who gets in, what each role sees and may do, what a page is made of.

mod browser;
mod pages;

use raccordo::gateway::rights::{Grant, Role};
use raccordo::personal::Personal;
use serde_json::json;

use crate::cli::raccordo;
use crate::serving::{Answer, FLOW, Site, configure, request};

const PASSWORD: &str = "a long enough one";

fn account(site: &Site, name: &str, role: Role, enti: &[&str]) {
    let enti = enti.iter().map(|ente| (*ente).to_owned()).collect();
    let grant = Grant { role, enti, registers: Vec::new() };
    site.gateway.add_account(name, &Personal::new(PASSWORD.to_owned()), &[grant], "test").unwrap();
}

fn sign_in(site: &Site, name: &str, password: &str) -> Answer {
    let body = format!("nome={name}&password={}&poi=/console/invii", password.replace(' ', "+"));
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    request(site.api, "POST", "/console/entra", &headers, body.as_bytes())
}

/// A browser that is signed in.
struct Browser<'s> {
    site: &'s Site,
    cookie: String,
}

impl<'s> Browser<'s> {
    fn of(site: &'s Site, name: &str) -> Self {
        let answer = sign_in(site, name, PASSWORD);
        assert_eq!((answer.status, answer.headers["location"].as_str()), (303, "/console/invii"));
        let cookie = &answer.headers["set-cookie"];
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        Self { site, cookie: cookie.split(';').next().unwrap().to_owned() }
    }

    fn get(&self, path: &str) -> Answer {
        request(self.site.api, "GET", path, &[("cookie", &self.cookie)], b"")
    }

    fn english(&self, path: &str) -> String {
        let cookie = format!("{}; raccordo_lingua=en", self.cookie);
        request(self.site.api, "GET", path, &[("cookie", &cookie)], b"").text()
    }

    fn token(&self) -> String {
        let page = self.get("/console").text();
        let token = page.split("name=\"modulo\" value=\"").nth(1).expect("a form");
        token.split('"').next().unwrap().to_owned()
    }

    fn post(&self, path: &str, fields: &str, more: &[(&str, &str)]) -> Answer {
        let mut headers =
            vec![("cookie", self.cookie.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        headers.extend(more);
        request(self.site.api, "POST", path, &headers, fields.as_bytes())
    }
}

const PAGES: &[&str] = &[
    "/console",
    "/console/cartelle",
    "/console/rendicontazioni",
    "/console/invii",
    "/console/destinatari",
    "/console/tracciati",
    "/console/banco",
    "/console/giornale",
];

#[test]
fn nobody_sees_a_page_without_signing_in_and_five_wrong_passwords_lock() {
    let site = Site::open();
    account(&site, "anna", Role::Operator, &[]);
    for page in PAGES {
        let answer = request(site.api, "GET", page, &[("cookie", "raccordo_session=guessed")], b"");
        assert_eq!(answer.status, 303, "{page}");
        assert!(answer.headers["location"].starts_with("/console/entra?poi="), "{page}");
    }
    for _ in 0..5 {
        let answer = sign_in(&site, "anna", "wrong");
        assert_eq!(answer.status, 401);
        assert!(answer.text().contains("Nome o password non sono giusti"));
    }
    assert_eq!(sign_in(&site, "anna", PASSWORD).status, 429, "locked, even with the right one");
    assert_eq!(sign_in(&site, "nobody", PASSWORD).status, 401);
    site.gateway.set_password("anna", &Personal::new(PASSWORD.into()), "test").unwrap();
    let browser = Browser::of(&site, "anna");
    assert_eq!(browser.get("/console").status, 200);
    site.gateway.disable_account("anna", true, "test").unwrap();
    assert_eq!(browser.get("/console").status, 303, "signed out at once");
    assert_eq!(sign_in(&site, "anna", PASSWORD).status, 401);
}

#[test]
fn each_page_is_whole_in_both_languages_and_lets_nothing_else_in() {
    let site = Site::open();
    site.fill(6);
    account(&site, "rita", Role::ReportingOfficer, &[]);
    account(&site, "ada", Role::Administrator, &[]);
    let browser = Browser::of(&site, "rita");
    let run = browser.get("/console/rendicontazioni").text();
    assert!(run.contains("/console/rendicontazioni/1"), "{run}");
    for page in PAGES
        .iter()
        .copied()
        .chain(["/console/rendicontazioni/1", "/console/tracciati/siuss-ps-psa-sina/2018-12"])
    {
        let browser =
            if page.ends_with("giornale") { Browser::of(&site, "ada") } else { Browser::of(&site, "rita") };
        let answer = browser.get(page);
        assert_eq!(answer.status, 200, "{page}: {}", answer.text());
        let text = answer.text();
        assert!(text.contains("<html lang=\"it\">") && text.trim_end().ends_with("</html>"), "{page}");
        let scripts = text.matches("<script").count();
        let ours = text.matches("<script src=\"/console/risorse/").count();
        assert!(scripts == ours && !text.contains("style=\""), "{page}");
        assert!(answer.headers["content-security-policy"].contains("default-src 'none'"));
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(browser.english(page).contains("<html lang=\"en\">"), "{page}");
    }
    let balance = browser.get("/console/rendicontazioni/1").text();
    assert!(balance.contains("il bilancio quadra"), "{balance}");
    assert!(browser.get("/console/risorse/raccordo.css").headers["content-type"].starts_with("text/css"));
    assert_eq!(browser.get("/console/risorse/../config").status, 404);
}

#[test]
fn a_role_does_what_it_may_and_only_where_it_may() {
    let site = Site::open();
    site.fill(3);
    for (name, role) in [
        ("op", Role::Operator),
        ("rep", Role::ReportingOfficer),
        ("int", Role::Integrator),
        ("aud", Role::Auditor),
        ("adm", Role::Administrator),
    ] {
        account(&site, name, role, &[]);
    }
    account(&site, "milano", Role::ReportingOfficer, &["F205"]);
    let status = |name: &str, path: &str| Browser::of(&site, name).get(path).status;
    for (name, journal, mappings) in
        [("op", 403, 200), ("rep", 403, 200), ("int", 403, 200), ("aud", 200, 403), ("adm", 200, 200)]
    {
        assert_eq!(
            (status(name, "/console/giornale"), status(name, "/console/tracciati")),
            (journal, mappings),
            "{name}"
        );
        assert_eq!(status(name, "/console/invii"), 200, "{name}");
    }
    // Another ente's run, folder and operations are not there.
    assert_eq!(status("milano", "/console/rendicontazioni/1"), 404);
    let other = Browser::of(&site, "milano").get("/console/invii").text();
    assert!(other.contains("Nessuna operazione"), "{other}");
    let folder = site.gateway.books.operations(None, None, 1).unwrap().remove(0).folder_id;
    assert_eq!(status("milano", &format!("/console/cartelle/H501/{folder}")), 403);
    assert_eq!(status("op", &format!("/console/cartelle/H501/{folder}")), 200);
    // Acts.
    let act = |name: &str, path: &str, fields: &str| {
        let browser = Browser::of(&site, name);
        browser.post(path, &format!("modulo={}&{fields}", browser.token()), &[]).status
    };
    let report = format!("ente=H501&tracciato={FLOW}&periodo=");
    for (name, may) in [("op", 403), ("rep", 303), ("int", 403), ("aud", 403), ("adm", 403), ("milano", 403)]
    {
        assert_eq!(act(name, "/console/rendicontazioni", &report), may, "{name}");
    }
    let send = format!("/console/cartelle/H501/{folder}/invia");
    for (name, may) in [("op", 303), ("rep", 303), ("int", 403), ("aud", 403), ("adm", 403), ("milano", 403)]
    {
        assert_eq!(act(name, &send, "registro=siuss"), may, "{name}");
    }
    for (name, may) in [("op", 403), ("rep", 403), ("int", 403), ("aud", 403), ("adm", 303)] {
        assert_eq!(act(name, "/console/destinatari/waas-H501/sospendi", ""), may, "{name}");
    }
    let routes = Browser::of(&site, "adm").get("/console/destinatari").text();
    assert!(routes.contains("sospesa") && routes.contains("Riprendi"), "{routes}");
}

#[test]
fn a_form_that_is_replayed_forged_or_sent_from_elsewhere_does_nothing() {
    let site = Site::open();
    account(&site, "ada", Role::Administrator, &[]);
    let browser = Browser::of(&site, "ada");
    let suspend = "/console/destinatari/waas-H501/sospendi";
    let good = format!("modulo={}", browser.token());
    assert_eq!(browser.post(suspend, "modulo=forged", &[]).status, 403);
    assert_eq!(browser.post(suspend, &good, &[("origin", "https://evil.example")]).status, 403);
    assert_eq!(browser.post(suspend, &good, &[("sec-fetch-site", "cross-site")]).status, 403);
    assert!(site.gateway.books.suspended_routes().unwrap().is_empty());
    assert_eq!(browser.post(suspend, &good, &[]).status, 303);
    assert_eq!(browser.post("/console/esci", &good, &[]).status, 303);
    assert_eq!(browser.get("/console").status, 303, "a session that was ended is over");
    assert_eq!(browser.post(suspend, &good, &[]).status, 303);
    assert_eq!(site.gateway.books.suspended_routes().unwrap().len(), 1);
}

#[test]
fn html_in_a_field_stays_text() {
    let site = Site::open();
    account(&site, "rita", Role::ReportingOfficer, &[]);
    let browser = Browser::of(&site, "rita");
    for path in ["/console/cartelle?ente=H501&id=%3Cb%3Ex", "/console/invii?stato=%3Cb%3Ex"] {
        let page = browser.get(path);
        assert_eq!(page.status, 200);
        assert!(!page.text().contains("<b>x"), "{path}");
    }
    let form = format!("modulo={}&ente=H501&tracciato={FLOW}&periodo=%3Cb%3Ex", browser.token());
    let wrong = browser.post("/console/rendicontazioni", &form, &[]);
    assert_eq!(wrong.status, 400);
    assert!(!wrong.text().contains("<b>x"), "{}", wrong.text());
}

#[test]
fn accounts_are_made_by_command_and_told_without_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    configure(at, "unused.json", "");
    let made =
        raccordo(at, &["--json", "user", "add", "anna", "--role", "operator", "--ente", "H501"]).exit(0).out;
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    assert!(made["password"].as_str().unwrap().len() >= 20);
    raccordo(at, &["user", "add", "anna", "--role", "operator"])
        .refused("there is an account of this name already");
    raccordo(at, &["--lang", "it", "user", "add", "b b", "--role", "operator"])
        .refused("il nome di un'utenza");
    raccordo(at, &["user", "add", "bea", "--role", "king"]).refused("`role` is one of");
    raccordo(at, &["user", "add", "bea", "--role", "auditor", "--ente", "X"]).refused("Ente X has no");
    raccordo(at, &["user", "disable", "anna"]).exit(0);
    let listed = raccordo(at, &["user", "list"]).exit(0).out;
    assert!(listed.contains("anna") && listed.contains("disabled") && listed.contains("H501"), "{listed}");
    assert!(!listed.contains("argon2"), "{listed}");
    let site = Site::open();
    let asked = json!({"name": "x1", "password": "short", "role": "auditor"});
    let refused = site.api("POST", "/accounts", asked.to_string().as_bytes());
    assert!(refused.problem(400).contains("12 characters"));
    let token = site.api_as(crate::serving::ROME, "GET", "/accounts", b"");
    token.problem(403);
}
