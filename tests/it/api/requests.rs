//! What is wrong with a request is said as a problem, whatever is wrong.

use serde_json::json;

use crate::serving::{ALL, FLOW, ROME, Site, generated, request};

#[test]
fn without_a_known_token_nothing_is_let_in() {
    let site = Site::open();
    let known = format!("Bearer {ALL}");
    for value in [None, Some("Bearer unknown"), Some("Bearer"), Some("Basic dTpw"), Some("")] {
        let headers: Vec<(&str, &str)> = value.map(|value| ("authorization", value)).into_iter().collect();
        for (method, path) in
            [("GET", "/readiness"), ("PUT", "/folders/x"), ("POST", "/import"), ("GET", "/audit/verify")]
        {
            let answer = request(site.api, method, &format!("/api/v1{path}"), &headers, b"");
            assert!(answer.problem(401).contains("token"));
            let challenge =
                if value == Some("Bearer unknown") { "Bearer error=\"invalid_token\"" } else { "Bearer" };
            assert_eq!(answer.headers["www-authenticate"], challenge);
        }
    }
    let headers = [("authorization", known.as_str())];
    assert_eq!(request(site.api, "GET", "/api/v1/readiness", &headers, b"").status, 200);
}

#[test]
fn a_token_of_one_ente_speaks_for_that_ente_only() {
    let site = Site::open();
    let mut folder = generated(1).remove(0);
    let path = format!("/folders/{}", folder["id"].as_str().unwrap());
    site.api_as(ROME, "PUT", &path, folder.to_string().as_bytes()).good(201);
    folder["ente"] = "F205".into();
    site.api_as(ROME, "PUT", &path, folder.to_string().as_bytes()).problem(403);
    site.api_as(ROME, "GET", "/folders/none", b"").problem(404);
    site.api("PUT", &path, folder.to_string().as_bytes()).good(201);
    assert_eq!(
        site.api_as(ROME, "GET", &path, b"").good(200)["ente"],
        "H501",
        "the other ente's is not seen"
    );
    site.api_as(ROME, "GET", &format!("{path}?ente=F205"), b"").problem(404);
    site.api("GET", &path, b"").problem(400);
    let run = r#"{"ente": "F205", "flow": "siuss-ps-psa-sina/2018-12"}"#;
    site.api_as(ROME, "POST", "/runs", run.as_bytes()).problem(403);
    let id = site.api("POST", "/runs", run.as_bytes()).good(201)["id"].to_string();
    site.api_as(ROME, "GET", &format!("/runs/{id}"), b"").problem(404);
    assert_eq!(site.api_as(ROME, "GET", "/runs", b"").good(200)["runs"].as_array().unwrap().len(), 0);
    assert_eq!(
        site.api_as(ROME, "GET", "/operations", b"").good(200)["operations"].as_array().unwrap().len(),
        0
    );
    let ours = site.api_as(ROME, "GET", "/readiness", b"").good(200);
    assert!(ours["readiness"].as_array().unwrap().iter().all(|row| row["ente"] == "H501"));
    site.api_as(ROME, "GET", "/findings?ente=F205", b"").problem(403);
    site.api_as(ROME, "POST", "/adopt?ente=F205&flow=x", b"").problem(403);
    for (method, path) in [
        ("GET", "/findings"),
        ("POST", "/routes/waas-H501/resume"),
        ("POST", "/routes/waas-H501/suspend"),
        ("POST", "/routes/waas-F205/files"),
        ("GET", "/receipts/strange"),
        ("GET", "/audit/verify"),
        ("GET", "/tokens"),
        ("GET", "/accounts"),
    ] {
        site.api_as(ROME, method, path, b"").problem(403);
    }
    site.api_as(ROME, "POST", &format!("/runs/{id}/approve"), b"").problem(404);
    let routes = site.api_as(ROME, "GET", "/routes", b"").good(200);
    let routes: Vec<_> = routes["routes"].as_array().unwrap().iter().map(|route| &route["route"]).collect();
    assert_eq!(routes, ["waas-H501", "file-H501"]);
}

#[test]
fn a_limit_counts_what_the_token_may_see() {
    let site = Site::open();
    site.fill(3);
    let mut folder = generated(1).remove(0);
    folder["ente"] = json!("F205");
    folder["id"] = json!("F205-1");
    site.api("PUT", "/folders/F205-1", folder.to_string().as_bytes()).good(201);
    site.api("POST", "/runs", json!({"ente": "F205", "flow": FLOW}).to_string().as_bytes()).good(201);
    let newest = |token: &str| {
        let shown = site.api_as(token, "GET", "/operations?state=queued&limit=1", b"").good(200);
        shown["operations"][0]["ente"].as_str().map(str::to_owned)
    };
    assert_eq!(newest(ALL).as_deref(), Some("F205"));
    assert_eq!(newest(ROME).as_deref(), Some("H501"), "another ente's newer rows take no place in the list");
}

#[test]
fn every_wrong_request_is_a_problem() {
    let site = Site::open();
    for path in ["/", "/api", "/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v2/folders/x", "/favicon.ico"] {
        request(site.api, "GET", path, &[("authorization", &format!("Bearer {ALL}"))], b"").problem(404);
    }
    for (method, path) in [
        ("DELETE", "/folders/x"),
        ("GET", "/import"),
        ("PUT", "/runs"),
        ("POST", "/readiness"),
        ("PATCH", "/routes"),
    ] {
        site.api(method, path, b"").problem(405);
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        request(site.api, "POST", path, &[], b"").problem(405);
    }
    for path in [
        "/runs/abc",
        "/runs/99999999999999999999",
        "/runs?limit=x",
        "/runs?limit=-1",
        "/operations?limit=1.5",
        "/findings?limit=",
        "/folders/x?body=maybe",
        "/folders/x?ente=a&ente=b",
        "/folders/%ff",
    ] {
        site.api("GET", path, b"").problem(400);
    }
    for path in ["/runs/77", "/submissions/none", "/folders/none", "/submissions/%20"] {
        site.api("GET", path, b"").problem(404);
    }
    site.api("POST", "/operations/x/decision", br#"{"register_holds": true}"#).problem(400);
    site.api("POST", "/operations/7/decision", br#"{"register_holds": true}"#).problem(404);
    site.api("POST", "/runs/7/approve", b"").problem(404);
    site.api("POST", "/routes/none/resume", b"").problem(404);
    site.api("POST", "/routes/none/suspend", b"").problem(404);
    site.api("POST", "/routes/none/files", b"").problem(404);
    site.api("POST", "/routes/waas-H501/files", b"").problem(409);
    site.api("POST", "/adopt", b"").problem(400);
    site.api("POST", "/adopt?ente=H501&flow=none", b"<x/>").problem(422);
    site.api("POST", "/submissions/none/outcome", br#"[{"outcome": "accepted"}]"#).problem(404);
    site.api("POST", "/submissions/none/outcome", br#"[{"outcome": "perhaps"}]"#).problem(400);
}

#[test]
fn a_body_that_does_not_fit_says_where_and_never_what() {
    let site = Site::open();
    let wrong: [&[u8]; 9] = [
        b"",
        b"{",
        b"[]",
        b"null",
        br#"{"ente": "H501"}"#,
        br#"{"ente": "RSSMRA", "flow": 7}"#,
        br#"{"ente": "H501", "flow": "x", "RSSMRA": 1}"#,
        b"\xff\xfe\x00",
        br#"{"flow": "x", "flow": "RSSMRA"}"#,
    ];
    for body in wrong {
        let said = site.api("POST", "/runs", body).problem(400);
        assert!(said.contains("line ") && !said.contains("RSSMRA"), "{said}");
    }
    let said = site.api("POST", "/folders/x/sync", br#"{"to": "siuss", "wait": 5}"#).problem(400);
    assert!(said.contains("`to` or `wait_ms`"), "{said}");
    let run = |period: &str| {
        format!(r#"{{"ente": "H501", "flow": "siuss-ps-psa-sina/2018-12", "period": "{period}"}}"#)
    };
    for period in ["2026-T5", "2026-13", "26", "x", ""] {
        site.api("POST", "/runs", run(period).as_bytes()).problem(400);
    }
    site.api("POST", "/runs", br#"{"ente": "H501", "flow": "none/1"}"#).problem(404);
    let other = br#"{"ente": "H501", "flow": "siuss-ps-psa-sina/2018-12", "route": "waas-F205"}"#;
    site.api("POST", "/runs", other).problem(409);
}
