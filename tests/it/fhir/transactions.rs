//! The simulated server follows R4: all or nothing, order, conditions, references, versions.

use raccordo::sandbox::fhir::Script;
use serde_json::{Value, json};

use super::{CODICE_FISCALE, PERSON, RECORD, encoded, get, post, server};

fn bundle(entries: Value) -> Value {
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries })
}

fn patient() -> Value {
    json!({ "resourceType": "Patient", "identifier": [{ "system": CODICE_FISCALE, "value": PERSON }] })
}

fn person() -> String {
    format!("identifier={}", encoded(&format!("{CODICE_FISCALE}|{PERSON}")))
}

fn goal(value: &str, text: &str, subject: &str) -> Value {
    json!({
        "resourceType": "Goal", "identifier": [{ "system": RECORD, "value": value }],
        "lifecycleStatus": "active", "description": { "text": text }, "subject": { "reference": subject },
    })
}

fn of(value: &str) -> String {
    format!("identifier={}", encoded(&format!("{RECORD}|{value}")))
}

fn request(method: &str, url: &str) -> Value {
    json!({ "method": method, "url": url })
}

fn statuses(answer: &Value) -> Vec<&str> {
    let entries = answer["entry"].as_array().unwrap();
    entries.iter().map(|entry| &entry["response"]["status"].as_str().unwrap()[..3]).collect()
}

fn create(resource: Value, condition: Option<String>) -> Value {
    let mut request = request("POST", resource["resourceType"].as_str().unwrap());
    if let Some(condition) = condition {
        request["ifNoneExist"] = json!(condition);
    }
    json!({ "resource": resource, "request": request })
}

fn update(resource: Value, url: &str) -> Value {
    json!({ "resource": resource, "request": request("PUT", url) })
}

#[tokio::test]
async fn conditional_operations_meet_none_one_and_many() {
    let server = server(Script::default()).await;
    let subject = "https://anagrafe.example/fhir/Patient/1";
    let put = |text: &str| bundle(json!([update(goal("1", text, subject), &format!("Goal?{}", of("1")))]));
    for (text, status, version) in
        [("a", "201", "1"), ("a", "200", "1"), ("b", "200", "2"), ("b", "200", "2")]
    {
        let (code, answer) = post(&server, &put(text)).await;
        assert_eq!((code, statuses(&answer)), (200, vec![status]), "{answer}");
        let response = &answer["entry"][0]["response"];
        assert_eq!(response["etag"], format!("W/\"{version}\""), "nothing changed, no new version");
        assert_eq!(response["location"], format!("Goal/1/_history/{version}"));
    }
    let again = bundle(json!([create(goal("1", "c", subject), Some(of("1")))]));
    assert_eq!(statuses(&post(&server, &again).await.1), ["200"]);
    assert_eq!(get(&server, "/Goal/1").await.1["description"]["text"], "b", "a create changes nothing");
    let twin = bundle(json!([create(goal("1", "c", subject), None)]));
    assert_eq!(statuses(&post(&server, &twin).await.1), ["201"]);
    let delete = || bundle(json!([{ "request": request("DELETE", &format!("Goal?{}", of("1"))) }]));
    for many in [put("d"), again, delete()] {
        let (code, answer) = post(&server, &many).await;
        assert_eq!((code, &answer["issue"][0]["code"]), (412, &json!("multiple-matches")));
    }
    let one = bundle(json!([{ "request": request("DELETE", "Goal/1") }]));
    assert_eq!(statuses(&post(&server, &one).await.1), ["204"]);
    assert_eq!(get(&server, "/Goal/1").await.0, 410);
    for _ in 0..2 {
        assert_eq!(statuses(&post(&server, &delete()).await.1), ["204"], "gone, and gone again");
    }
    assert_eq!(server.book().count("Goal", &format!("{RECORD}|1")), 0);
}

#[tokio::test]
async fn versions_are_kept_and_asked_for() {
    let server = server(Script::default()).await;
    let subject = "https://anagrafe.example/fhir/Patient/1";
    let put = |text: &str, version: &str| {
        let mut entry = update(goal("1", text, subject), &format!("Goal?{}", of("1")));
        entry["request"]["ifMatch"] = json!(version);
        bundle(json!([entry]))
    };
    assert_eq!(post(&server, &put("a", "W/\"1\"")).await.0, 412, "nothing is there yet");
    post(&server, &bundle(json!([create(goal("1", "a", subject), None)]))).await;
    assert_eq!(post(&server, &put("b", "W/\"1\"")).await.0, 200);
    let (code, answer) = post(&server, &put("c", "W/\"1\"")).await;
    assert_eq!(
        (code, &answer["issue"][0]["expression"][0]),
        (412, &json!("Bundle.entry[0].request.ifMatch"))
    );
    assert_eq!(post(&server, &put("c", "two")).await.0, 400);
    let (_, goal) = get(&server, "/Goal/1").await;
    assert_eq!((&goal["meta"]["versionId"], &goal["description"]["text"]), (&json!("2"), &json!("b")));
    assert_eq!(goal["meta"]["lastUpdated"], "2026-11-23T10:00:00.000Z");
}

#[tokio::test]
async fn references_are_resolved_when_all_has_its_place() {
    let server = server(Script::default()).await;
    let urn = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0";
    let conditional = format!("Patient?{}", person());
    let mut person_entry = create(patient(), Some(person()));
    person_entry["fullUrl"] = json!(urn);
    let works = bundle(json!([
        create(goal("1", "a", urn), None),
        create(goal("2", "b", &conditional), None),
        person_entry,
        { "request": request("DELETE", &format!("Goal?{}", of("9"))) },
    ]));
    let (code, answer) = post(&server, &works).await;
    assert_eq!((code, statuses(&answer)), (200, vec!["201", "201", "201", "204"]), "{answer}");
    for goal in ["/Goal/1", "/Goal/2"] {
        assert_eq!(get(&server, goal).await.1["subject"]["reference"], "Patient/3");
    }
    let nowhere = [
        "urn:uuid:00000000-0000-4000-8000-000000000000",
        "Patient/77",
        "Patient?identifier=x|y",
        "Patient?name=z",
    ];
    for reference in nowhere {
        let (code, answer) = post(&server, &bundle(json!([create(goal("5", "a", reference), None)]))).await;
        let place = &answer["issue"][0]["expression"][0];
        assert_eq!((code, place), (400, &json!("Bundle.entry[0].resource.subject.reference")), "{reference}");
    }
    assert_eq!(server.book().standing().count(), 3);
}

#[tokio::test]
async fn a_transaction_is_all_or_nothing_and_in_r4s_order() {
    let server = server(Script::default()).await;
    let subject = "https://anagrafe.example/fhir/Patient/1";
    let mixed = bundle(json!([
        create(goal("1", "new", subject), Some(of("1"))),
        { "request": request("DELETE", &format!("Goal?{}", of("1"))) },
    ]));
    post(&server, &bundle(json!([create(goal("1", "old", subject), None)]))).await;
    let (code, answer) = post(&server, &mixed).await;
    assert_eq!((code, statuses(&answer)), (200, vec!["201", "204"]), "the delete goes first: {answer}");
    assert_eq!(get(&server, "/Goal/2").await.1["description"]["text"], "new");
    let mut bad = goal("4", "x", subject);
    bad.as_object_mut().unwrap().remove("description");
    let half = bundle(json!([create(goal("3", "x", subject), None), create(bad, None)]));
    let (code, answer) = post(&server, &half).await;
    let issue = &answer["issue"][0];
    assert_eq!(
        (code, &issue["code"], &issue["expression"][0]),
        (422, &json!("required"), &json!("Bundle.entry[1].resource.description"))
    );
    assert_eq!(server.book().count("Goal", &format!("{RECORD}|3")), 0);
}

#[tokio::test]
async fn an_identity_may_occur_once() {
    let server = server(Script::default()).await;
    let subject = "https://anagrafe.example/fhir/Patient/1";
    let by = format!("Goal?{}", of("1"));
    post(&server, &bundle(json!([create(goal("1", "a", subject), None)]))).await;
    let twice = [
        json!([update(goal("1", "b", subject), &by), update(goal("1", "c", subject), &by)]),
        json!([
            create(goal("2", "b", subject), Some(of("2"))),
            create(goal("2", "b", subject), Some(of("2")))
        ]),
        json!([update(goal("1", "b", subject), &by), update(goal("1", "c", subject), "Goal/1")]),
        json!([{ "request": request("DELETE", "Goal/1") }, update(goal("1", "c", subject), "Goal/1")]),
    ];
    for entries in twice {
        let (code, answer) = post(&server, &bundle(entries.clone())).await;
        assert_eq!((code, &answer["issue"][0]["code"]), (400, &json!("duplicate")), "{entries}");
    }
    assert_eq!(server.book().commits(), 1);
}

#[tokio::test]
async fn what_is_no_transaction_is_told_where() {
    let server = server(Script::default()).await;
    let entry = |entry: Value| bundle(json!([entry]));
    let mismatched = update(goal("2", "a", "#x"), &format!("Goal?{}", of("1")));
    let cases = [
        (json!([]), 400, Value::Null),
        (json!({ "resourceType": "Patient" }), 400, Value::Null),
        (json!({ "resourceType": "Bundle", "type": "batch" }), 400, Value::Null),
        (entry(json!({ "resource": patient() })), 400, json!("Bundle.entry[0].request")),
        (entry(update(patient(), "Goal/1")), 400, json!("Bundle.entry[0].resource")),
        (entry(update(patient(), "Patient?name=x")), 400, json!("Bundle.entry[0].request.url")),
        (
            entry(json!({ "request": request("PATCH", "Patient/1") })),
            400,
            json!("Bundle.entry[0].request.method"),
        ),
        (entry(json!({ "request": request("GET", "Patient/1") })), 404, json!("Bundle.entry[0].request.url")),
        (entry(json!({ "request": request("POST", "Unknown") })), 400, json!("Bundle.entry[0].request.url")),
        (entry(mismatched), 400, json!("Bundle.entry[0].resource.identifier")),
    ];
    for (body, status, place) in cases {
        let (code, answer) = post(&server, &body).await;
        assert_eq!(code, status, "{body}: {answer}");
        assert_eq!(answer["resourceType"], "OperationOutcome", "{body}");
        assert_eq!(answer["issue"][0]["expression"].get(0).unwrap_or(&Value::Null), &place, "{body}");
    }
    assert_eq!(server.book().commits(), 0);
}

#[tokio::test]
async fn searches_find_by_identifier_and_say_what_they_do_not_know() {
    let server = server(Script::default()).await;
    post(&server, &bundle(json!([create(patient(), None)]))).await;
    let person = format!("identifier={}", encoded(&format!("{CODICE_FISCALE}|{PERSON}")));
    let cases = [
        (person.clone(), 1),
        (format!("identifier={PERSON}"), 1),
        (format!("identifier=%7C{PERSON}"), 0),
        (format!("identifier=altro%7C{PERSON}"), 0),
        (format!("identifier=altro%7C{PERSON},{PERSON}"), 1),
        (format!("{person}&_id=1"), 1),
        (format!("{person}&_id=2"), 0),
        (String::new(), 1),
    ];
    for (query, total) in cases {
        let (code, answer) = get(&server, &format!("/Patient?{query}")).await;
        assert_eq!((code, &answer["total"]), (200, &json!(total)), "{query}");
    }
    let form = |form: &str, prefer: &str| {
        let url = format!("{}/Patient/_search", server.base_url());
        let kind = "application/x-www-form-urlencoded";
        super::send(raccordo::channel::push::Request::post(url, kind, form.into()).header("prefer", prefer))
    };
    assert_eq!(form(&person, "handling=strict").await.1["total"], 1);
    assert_eq!(form("nome=x", "handling=lenient").await.1["total"], 1, "what is not known is left out");
    assert_eq!(form("nome=x", "handling=strict").await.0, 400);
    let (_, subset) = form(&format!("{person}&_elements=identifier"), "handling=strict").await;
    let resource = &subset["entry"][0]["resource"];
    assert_eq!((&resource["meta"]["tag"][0]["code"], &resource["id"]), (&json!("SUBSETTED"), &json!("1")));
    let (_, statement) = get(&server, "/metadata").await;
    assert_eq!(
        (&statement["resourceType"], &statement["fhirVersion"]),
        (&json!("CapabilityStatement"), &json!("4.0.1"))
    );
    assert_eq!(get(&server, "/Nulla/1").await.0, 404);
    assert_eq!(get(&server, "").await.0, 405);
}
