//! A container refused as a whole: who is to blame, as far as the recipient tells.

use axum::Router;
use axum::http::StatusCode;
use raccordo::channel::courier::Outcome;
use raccordo::exchange::Answer;
use raccordo::flow::OperationKind::{Cancel, Insert, Replace};
use raccordo::sandbox::fhir::{Attribution, Script};
use serde_json::{Value, json};

use super::{NOW, PERSON, code, courier, episode, parcel, patient, server, service, shape, three};

#[tokio::test]
async fn the_recipient_names_the_entry_or_nobody_does() {
    let cases =
        [(Attribution::Expression, vec![2]), (Attribution::Location, vec![2]), (Attribution::None, vec![])];
    for (attribution, blamed) in cases {
        let script = Script { attribution, refuse_codes: vec!["SAD".to_owned()], ..Script::default() };
        let server = server(script).await;
        let outcome = courier(&server.base_url()).deliver(&parcel(&three()), NOW).await;
        let (word, culprits) = shape(&outcome);
        assert_eq!((word, code(&outcome).as_str()), ("refused", "422 business-rule"));
        assert_eq!(
            culprits.iter().map(|culprit| culprit.part).collect::<Vec<_>>(),
            blamed,
            "{attribution:?}"
        );
        let told = culprits.iter().all(|culprit| {
            let text = culprit.text.as_ref().unwrap().expose();
            culprit.answer == Answer::Refused
                && culprit.code == "422 business-rule"
                && text.contains("distretto")
        });
        assert!(told, "{attribution:?}");
        assert_eq!(server.book().commits(), 0, "all or nothing");
    }
}

#[tokio::test]
async fn everything_wrong_is_told_at_once() {
    let server = server(Script::default()).await;
    let mut works = three();
    works[1].resource.as_object_mut().unwrap().remove("status");
    works[1].resource["patient"] = json!({ "reference": [] });
    works[2].resource.as_object_mut().unwrap().remove("intent");
    let outcome = courier(&server.base_url()).deliver(&parcel(&works), NOW).await;
    let (word, culprits) = shape(&outcome);
    let codes: Vec<_> = culprits.iter().map(|culprit| (culprit.part, culprit.code.as_str())).collect();
    assert_eq!((word, codes), ("refused", vec![(1, "422 required, structure"), (2, "422 required")]));
}

#[tokio::test]
async fn a_reference_that_leads_nowhere_refuses_its_entry() {
    let server = server(Script::default()).await;
    let works = [episode("2.1", Insert, PERSON)];
    let outcome = courier(&server.base_url()).deliver(&parcel(&works), NOW).await;
    assert_eq!((shape(&outcome).0, code(&outcome).as_str()), ("refused", "400 not-found"));
    assert_eq!(shape(&outcome).1[0].part, 0);
}

#[tokio::test]
async fn a_container_that_is_too_large_is_halved() {
    let server = server(Script { most_entries: 2, ..Script::default() }).await;
    let courier = courier(&server.base_url());
    let outcome = courier.deliver(&parcel(&three()), NOW).await;
    assert_eq!((shape(&outcome).0, shape(&outcome).1.len()), ("refused", 0));
    assert_eq!(shape(&courier.deliver(&parcel(&three()[..1]), NOW).await).0, "answered");
    assert_eq!(shape(&courier.deliver(&parcel(&three()[1..]), NOW).await).0, "answered");
}

/// The outcome where a recipient answers with this, whatever it is sent.
async fn answered(status: u16, body: &str) -> Outcome {
    let (status, body) = (StatusCode::from_u16(status).unwrap(), body.to_owned());
    let handler = move || async move { (status, [("content-type", "application/fhir+json")], body) };
    let router = Router::new().fallback(axum::routing::post(handler));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/fhir", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let works = [
        patient("1.1", PERSON),
        episode("2.1", Replace, PERSON),
        service("3.1", Insert, PERSON, "SAD"),
        episode("4.2", Cancel, PERSON),
    ];
    let outcome = courier(&url).deliver(&parcel(&works), NOW).await;
    serving.abort();
    outcome
}

fn outcome(issues: Value) -> String {
    json!({ "resourceType": "OperationOutcome", "issue": issues }).to_string()
}

#[tokio::test]
async fn statuses_and_issues_mean_what_they_mean() {
    let at = |severity: &str, code: &str, expression: &str| json!({ "severity": severity, "code": code, "expression": [expression], "diagnostics": "x" });
    let error = |code: &str| outcome(json!([at("error", code, "Bundle.entry[1].resource")]));
    let bare = |code: &str| outcome(json!([{ "severity": "error", "code": code }]));
    let cases: [(u16, String, &str, &[usize]); 28] = [
        (400, error("invalid"), "refused", &[1]),
        (400, bare("invalid"), "refused", &[]),
        (400, "<html>".to_owned(), "unavailable", &[]),
        (401, error("login"), "unavailable", &[]),
        (403, bare("forbidden"), "unavailable", &[]),
        (403, error("forbidden"), "refused", &[1]),
        (404, String::new(), "unavailable", &[]),
        (404, bare("not-found"), "unavailable", &[]),
        (404, error("not-found"), "refused", &[1]),
        (405, String::new(), "unavailable", &[]),
        (409, error("conflict"), "unavailable", &[]),
        (409, bare("processing"), "unavailable", &[]),
        (409, error("duplicate"), "refused", &[1]),
        (412, String::new(), "refused", &[]),
        (413, error("too-long"), "refused", &[]),
        (415, bare("not-supported"), "unavailable", &[]),
        (422, String::new(), "refused", &[]),
        (
            422,
            outcome(json!([at("warning", "invalid", "Bundle.entry[0]"), at("fatal", "value", "f:entry[4]")])),
            "refused",
            &[3],
        ),
        (422, outcome(json!([at("error", "invalid", "Bundle.entry[9]")])), "refused", &[]),
        (422, outcome(json!("no list")), "refused", &[]),
        (423, error("lock-error"), "unavailable", &[]),
        (429, String::new(), "unavailable", &[]),
        (501, String::new(), "unavailable", &[]),
        (503, String::new(), "unavailable", &[]),
        (507, String::new(), "uncertain", &[]),
        (202, String::new(), "uncertain", &[]),
        (
            201,
            json!({ "resourceType": "Bundle", "type": "transaction-response" }).to_string(),
            "uncertain",
            &[],
        ),
        (599, String::new(), "uncertain", &[]),
    ];
    for (status, body, word, blamed) in cases {
        let outcome = answered(status, &body).await;
        let (got, culprits) = shape(&outcome);
        assert_eq!(got, word, "{status} {body}: {}", code(&outcome));
        assert_eq!(
            culprits.iter().map(|culprit| culprit.part).collect::<Vec<_>>(),
            blamed,
            "{status} {body}"
        );
        assert!(code(&outcome).starts_with(&status.to_string()), "{}", code(&outcome));
    }
}

#[tokio::test]
async fn an_entry_is_known_by_its_name_too() {
    let named =
        |text: &str| outcome(json!([{ "severity": "error", "code": "processing", "diagnostics": text }]));
    let urn = "urn%3Aexample%3Aente%3Arecord%7C2";
    let blamed = async |body: String| {
        let outcome = answered(422, &body).await;
        shape(&outcome).1.iter().map(|culprit| culprit.part).collect::<Vec<_>>()
    };
    assert_eq!(
        blamed(named("match URL \"EpisodeOfCare?identifier=urn:example:ente:record|2\" failed")).await,
        [1]
    );
    assert_eq!(blamed(named(&format!("EpisodeOfCare?identifier={urn}"))).await, [1]);
    let person = format!("Invalid match URL \"Patient?identifier=http://hl7.it/sid/codiceFiscale|{PERSON}\"");
    assert!(blamed(named(&person)).await.is_empty(), "whoever refers to a person names them");
    let two = "EpisodeOfCare?identifier=urn:example:ente:record|2 EpisodeOfCare?identifier=urn:example:ente:record|4";
    assert!(blamed(named(two)).await.is_empty(), "two are named: nobody is blamed");
}

#[tokio::test]
async fn a_200_counts_only_as_the_answer_to_this_request() {
    let entry =
        |status: &str, location: &str| json!({ "response": { "status": status, "location": location } });
    let bundle = |entries: Value| {
        json!({ "resourceType": "Bundle", "type": "transaction-response", "entry": entries }).to_string()
    };
    let gone = || json!({ "response": { "status": "204" } });
    let right =
        |second: Value, third: Value| bundle(json!([entry("201", "Patient/1"), second, third, gone()]));
    let episode = || entry("200 OK", "EpisodeOfCare/2/_history/3");
    let service = || entry("201", "https://asl.example/fhir/ServiceRequest/3/_history/1");
    let cases: [(String, &str, &[usize]); 9] = [
        (right(episode(), service()), "answered", &[0, 1, 2, 3]),
        (right(episode(), entry("200", "ServiceRequest/3")), "answered", &[0, 1, 3]),
        (right(json!({ "response": { "status": "200" } }), service()), "answered", &[0, 2, 3]),
        (right(episode(), entry("204", "ServiceRequest/3")), "uncertain", &[]),
        (right(episode(), entry("", "ServiceRequest/3")), "uncertain", &[]),
        (right(episode(), entry("201", "nonsense")), "uncertain", &[]),
        (right(episode(), json!({})), "uncertain", &[]),
        (bundle(json!([])), "uncertain", &[]),
        (bundle(json!({})), "uncertain", &[]),
    ];
    for (body, word, parts) in cases {
        let outcome = answered(200, &body).await;
        let (got, answers) = shape(&outcome);
        assert_eq!(got, word, "{body}: {}", code(&outcome));
        assert_eq!(answers.iter().map(|answer| answer.part).collect::<Vec<_>>(), parts, "{body}");
    }
}
