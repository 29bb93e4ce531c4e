//! Who may do what over the API: each role at each endpoint, and where a right counts. The endpoints
//! come from the served document: one that the table here lacks fails.

use std::collections::BTreeMap;

use raccordo::gateway::rights::{Grant, Right, Role};
use serde_json::{Value, json};

use crate::serving::{Answer, FLOW, Site, generated, request};

/// Who may: o operator, r reporting officer, i integrator, a auditor, m administrator.
const MATRIX: &[(&str, &str)] = &[
    ("GET /folders", "oriam"),
    ("PUT /folders/{id}", "o"),
    ("GET /folders/{id}", "oriam"),
    ("GET /folders/{id}/body", "or"),
    ("GET /folders/{id}/lineage", "ora"),
    ("POST /folders/{id}/erase", "m"),
    ("POST /folders/{id}/sync", "or"),
    ("POST /folders/{id}/standing", "r"),
    ("GET /folders/{id}/explain", "oriam"),
    ("POST /import", "o"),
    ("GET /duplicates", "oriam"),
    ("POST /folders/{id}/fetch", "or"),
    ("GET /folders/{id}/proposals", "or"),
    ("POST /folders/{id}/proposals/{number}/accept", "o"),
    ("POST /folders/{id}/proposals/{number}/decline", "o"),
    ("GET /inquiries/{id}", "oriam"),
    ("GET /inquiries/{id}/answer", "or"),
    ("GET /readiness", "oriam"),
    ("GET /events", "oriam"),
    ("GET /findings", "oriam"),
    ("GET /runs", "oriam"),
    ("POST /runs", "r"),
    ("GET /runs/{id}", "oriam"),
    ("POST /runs/{id}/approve", "r"),
    ("POST /runs/{id}/cancel", "r"),
    ("GET /calendar", "oriam"),
    ("GET /forecast", "oriam"),
    ("GET /alerts", "oriam"),
    ("GET /submissions", "oriam"),
    ("POST /submissions/search", "or"),
    ("GET /indicators", "oriam"),
    ("POST /replay", "r"),
    ("GET /operations", "oriam"),
    ("POST /operations/{id}/decision", "r"),
    ("POST /operations/{id}/try-again", "or"),
    ("POST /operations/{id}/park", "or"),
    ("POST /operations/{id}/unpark", "or"),
    ("GET /operations/{id}/explain", "oriam"),
    ("GET /submissions/{name}", "oriam"),
    ("GET /submissions/{name}/payload", "or"),
    ("POST /submissions/{name}/resend", "or"),
    ("POST /submissions/{name}/outcome", "r"),
    ("GET /submissions/{name}/explain", "oriam"),
    ("GET /receipts/strange", "oriam"),
    ("POST /adopt", "r"),
    ("GET /routes", "oriam"),
    ("POST /routes/{id}/resume", "m"),
    ("POST /routes/{id}/suspend", "m"),
    ("POST /routes/{id}/files", "r"),
    ("GET /flows", "oriam"),
    ("GET /flows/{family}/{version}", "oriam"),
    ("POST /try", "orim"),
    ("GET /coverage", "oriam"),
    ("POST /upgrade-impact", "orim"),
    ("GET /keys", "oriam"),
    ("POST /keys/{ente}/{name}/accept", "m"),
    ("GET /nodes", "oriam"),
    ("GET /accounts", "m"),
    ("POST /accounts", "m"),
    ("POST /accounts/{name}", "m"),
    ("GET /tokens", "m"),
    ("POST /tokens", "m"),
    ("POST /tokens/{name}/revoke", "m"),
    ("GET /audit", "am"),
    ("GET /audit/verify", "am"),
];

fn letter(role: Role) -> char {
    match role {
        Role::Operator => 'o',
        Role::ReportingOfficer => 'r',
        Role::Integrator => 'i',
        Role::Auditor => 'a',
        Role::Administrator => 'm',
    }
}

/// A token of one role.
fn token(site: &Site, name: &str, grant: Grant) -> String {
    let made = site.gateway.add_token(name, &[grant], 1, "test").unwrap();
    made.token.into_exposed()
}

/// `METHOD /path` of every operation of the served document.
fn operations(site: &Site) -> Vec<String> {
    let document = request(site.api, "GET", "/api/v1/openapi.json", &[], b"").good(200);
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        let methods =
            item.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase()));
        methods.collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

/// A request that reaches nothing.
fn call(site: &Site, token: &str, operation: &str) -> Answer {
    if operation == "GET /events" {
        return begun(site, token);
    }
    let (method, path) = operation.split_once(' ').unwrap();
    let path = path.replace("{id}", "99999").replace("{number}", "9").replace("{name}", "none");
    let path = path.replace("{ente}", "H501").replace("{family}", "none").replace("{version}", "1");
    site.api_as(token, method, &path, b"")
}

/// The beginning of a stream that has no end.
fn begun(site: &Site, token: &str) -> Answer {
    use std::io::{BufRead, BufReader, Write};
    let mut stream = std::net::TcpStream::connect(site.api).unwrap();
    let head = format!("GET /api/v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, headers: BTreeMap::new(), body: line.into_bytes() }
}

#[test]
fn each_role_reaches_what_the_matrix_says_and_nothing_else() {
    let site = Site::open();
    let matrix: BTreeMap<_, _> = MATRIX.iter().copied().collect();
    let served = operations(&site);
    let unknown: Vec<_> =
        served.iter().filter(|operation| !matrix.contains_key(operation.as_str())).collect();
    assert!(unknown.is_empty(), "say in MATRIX who may: {unknown:?}");
    assert_eq!(matrix.len(), served.len(), "the matrix names what is not served");
    let tokens = Role::ALL.map(|role| (role, token(&site, role.word(), Grant::everywhere(role))));
    for operation in &served {
        for (role, token) in &tokens {
            let answer = call(&site, token, operation);
            let allowed = matrix[operation.as_str()].contains(letter(*role));
            assert_eq!(answer.status != 403, allowed, "{operation} by {}: {}", role.word(), answer.text());
            assert!(answer.status != 401 && answer.status < 500, "{operation}: {}", answer.text());
            if !allowed {
                assert!(answer.problem(403).contains("right"), "{operation}");
            }
        }
    }
}

#[test]
fn the_document_names_the_right_that_the_router_asks_for() {
    let site = Site::open();
    let document = request(site.api, "GET", "/api/v1/openapi.json", &[], b"").good(200);
    let endpoints = raccordo::web::endpoints();
    assert_eq!(endpoints.len(), MATRIX.len());
    for (method, path, right) in endpoints {
        let operation = &document["paths"][path][method.to_lowercase()];
        assert_eq!(operation["x-right"], right.name(), "{method} {path}");
        let words: Vec<_> = MATRIX.iter().filter(|(name, _)| *name == format!("{method} {path}")).collect();
        assert_eq!(words.len(), 1, "{method} {path}");
    }
}

#[test]
fn a_right_counts_at_its_ente_and_register_only() {
    let site = Site::open();
    site.fill(2);
    let id = generated(1).remove(0)["id"].as_str().unwrap().to_owned();
    let at = |role, enti: &[&str], registers: &[&str]| Grant {
        role,
        enti: enti.iter().map(|ente| (*ente).to_owned()).collect(),
        registers: registers.iter().map(|name| (*name).to_owned()).collect(),
    };
    let milan = token(&site, "milan", at(Role::Operator, &["F205"], &[]));
    let other = token(&site, "other", at(Role::ReportingOfficer, &["H501"], &["another"]));
    let rome = token(&site, "rome", at(Role::ReportingOfficer, &["H501"], &["siuss"]));
    let run = json!({"ente": "H501", "flow": FLOW}).to_string();
    for stranger in [&milan, &other] {
        site.api_as(stranger, "POST", "/runs", run.as_bytes()).problem(403);
        assert_eq!(site.api_as(stranger, "GET", "/runs", b"").good(200)["runs"], json!([]));
        assert_eq!(site.api_as(stranger, "GET", "/readiness", b"").good(200)["readiness"], json!([]));
        let shown = site.api_as(stranger, "GET", "/operations?limit=5", b"").good(200);
        assert_eq!(shown["operations"], json!([]));
        site.api_as(stranger, "GET", "/runs/1", b"").problem(404);
    }
    site.api_as(&milan, "GET", &format!("/folders/{id}/body"), b"").problem(404);
    let sync = format!("/folders/{id}/sync");
    site.api_as(&other, "POST", &sync, br#"{"to": "siuss"}"#).problem(403);
    site.api_as(&rome, "POST", &sync, br#"{"to": "siuss"}"#).good(200);
    site.api_as(&rome, "POST", &sync, br#"{"to": "*"}"#).good(200);
    site.api_as(&rome, "POST", "/runs", run.as_bytes()).good(201);
    assert_eq!(site.api_as(&rome, "GET", "/runs", b"").good(200)["runs"].as_array().unwrap().len(), 4);
    assert!(Role::ReportingOfficer.rights().contains(&Right::Report));
}

#[test]
fn who_looks_at_a_person_says_why_and_it_is_on_record() {
    let site = Site::open();
    site.fill(1);
    let folder = generated(1).remove(0);
    let id = folder["id"].as_str().unwrap();
    let officer = token(&site, "officer", Grant::everywhere(Role::ReportingOfficer));
    let auditor = token(&site, "auditor", Grant::everywhere(Role::Auditor));
    let authorization = format!("Bearer {officer}");
    let ask = |path: &str, reason: Option<&str>| {
        let mut headers = vec![("authorization", authorization.as_str())];
        headers.extend(reason.map(|reason| ("raccordo-reason", reason)));
        request(site.api, "GET", &format!("/api/v1{path}"), &headers, b"")
    };
    let page = site.flussi("since=0&limit=1");
    let name = page[0]["id_flusso"].as_str().unwrap();
    let bodies = [format!("/folders/{id}/body"), format!("/submissions/{name}/payload")];
    for path in &bodies {
        for reason in [None, Some(""), Some("no"), Some("verifica di RSSMRA80A01H501U")] {
            ask(path, reason).problem(400);
        }
        site.api_as(&auditor, "GET", path, b"").problem(403);
    }
    ask(&format!("/folders/{id}?body=true"), None).problem(400);
    site.api_as(&auditor, "GET", &format!("/folders/{id}?body=true"), b"").problem(403);
    site.api_as(&auditor, "GET", &format!("/folders/{id}/explain?body=true"), b"").problem(403);
    assert_eq!(ask(&bodies[0], Some("ricorso 12/2026")).good(200)["folder"], folder);
    let payload = ask(&format!("{}?reason=ricorso%2013", bodies[1]), None).good(200);
    let served = page[0]["flusso"].as_str().or(page[0]["contenuto"].as_str()).unwrap_or_default().to_owned();
    assert!(payload["payload"].as_str().unwrap().starts_with("<?xml"), "{payload}");
    assert_eq!(payload["kind"], "application/xml");
    drop(served);
    let events = site.gateway.books.audit_before(i64::MAX, 10).unwrap();
    let told = |kind: &str, reason: &str| {
        events
            .iter()
            .any(|(_, event)| event.contains(kind) && event.contains(reason) && event.contains("officer"))
    };
    assert!(told("folder-read", "ricorso 12/2026") && told("payload-read", "ricorso 13"), "{events:?}");
}
