//! What asking tells in each situation, and that an answer to another question is none.

use raccordo::channel::courier::{Asked, Carried, Parcel};
use raccordo::channel::push::HttpSettings;
use raccordo::exchange::Answer;
use raccordo::flow::OperationKind::{Cancel, Insert, Replace};
use raccordo::personal::Personal;
use raccordo::sandbox::fhir::{Fault, Script};
use serde_json::json;

use super::{
    CODICE_FISCALE, NOW, OPERATION, PERSON, RECORD, Work, code, courier, courier_with, encoded, episode,
    found, parcel, patient, post, provenance, server, shape, three,
};

fn put(mut work: Work) -> Work {
    work.by_put = true;
    work
}

#[tokio::test]
async fn the_tag_tells_whose_work_it_is() {
    let server = server(Script::default()).await;
    let courier = courier(&server.base_url());
    courier.deliver(&parcel(&three()), NOW).await;
    let accepted = |code: &str| Some((Answer::Accepted, code.to_owned()));
    let failed = |code: &str| Some((Answer::Failed, code.to_owned()));
    let cases = [
        (episode("2.1", Insert, PERSON), accepted("asked: there")),
        (episode("2.2", Insert, PERSON), failed("already-there")),
        (episode("2.2", Replace, PERSON), None),
        (episode("2.1", Replace, PERSON), accepted("asked: there")),
        (episode("2.2", Cancel, PERSON), None),
        (episode("9.1", Insert, PERSON), None),
        (episode("9.1", Replace, PERSON), None),
        (episode("9.2", Cancel, PERSON), accepted("asked: not there")),
        (patient("1.1", PERSON), accepted("asked: there")),
        (patient("7.1", PERSON), accepted("asked: known")),
        (put(patient("7.1", PERSON)), None),
        (put(patient("1.1", PERSON)), accepted("asked: there")),
        (patient("8.1", "XXXYYY80A41H501H"), None),
    ];
    let works: Vec<_> = cases.iter().map(|(work, _)| work.clone()).collect();
    let answers = found(courier.ask(&parcel(&works), NOW).await);
    for ((work, expected), answer) in cases.iter().zip(answers) {
        assert_eq!(answer, *expected, "{} {:?}", work.id, work.kind);
    }
    let Asked::Found(asked) = courier.ask(&parcel(&three()), NOW).await else { panic!("not found") };
    let kept: Vec<_> = asked.iter().map(|answer| answer.as_ref().unwrap().acquired_as.as_deref()).collect();
    assert_eq!(kept[1], Some("EpisodeOfCare/2/_history/1"));
}

#[tokio::test]
async fn tags_that_a_recipient_keeps_do_not_confuse() {
    let server = server(Script { keep_tags: true, ..Script::default() }).await;
    let courier = courier(&server.base_url());
    courier.deliver(&parcel(&three()), NOW).await;
    let replaced = [episode("2.2", Replace, PERSON)];
    assert_eq!(shape(&courier.deliver(&parcel(&replaced), NOW).await).0, "answered");
    assert_eq!(found(courier.ask(&parcel(&replaced), NOW).await)[0].as_ref().unwrap().0, Answer::Accepted);
    assert_eq!(server.book().held(), ["1.1", "2.2", "3.1"]);
    assert_eq!(server.book().compare(&["1.1", "2.2", "3.1"].map(str::to_owned)), [""; 0]);
}

#[tokio::test]
async fn what_has_no_identifier_is_asked_for_by_its_tag() {
    let server = server(Script::default()).await;
    let courier = courier(&server.base_url());
    let works = [three(), vec![provenance("4.1", Insert, "2")]].concat();
    assert_eq!(shape(&courier.deliver(&parcel(&works), NOW).await).1.len(), 4);
    let cases = [
        (provenance("4.1", Insert, "2"), Some(Answer::Accepted)),
        (provenance("4.2", Insert, "2"), Some(Answer::Failed)),
        (provenance("4.2", Replace, "2"), None),
        (provenance("4.2", Cancel, "2"), None),
        (provenance("5.1", Insert, "2"), None),
        (provenance("5.1", Cancel, "2"), Some(Answer::Accepted)),
    ];
    let works: Vec<_> = cases.iter().map(|(work, _)| work.clone()).collect();
    let answers = found(courier.ask(&parcel(&works), NOW).await);
    for ((work, expected), answer) in cases.iter().zip(answers) {
        assert_eq!(answer.map(|(answer, _)| answer), *expected, "{} {:?}", work.id, work.kind);
    }
    for works in [[provenance("4.2", Replace, "2")], [provenance("4.3", Cancel, "2")]] {
        let outcome = courier.deliver(&parcel(&works), NOW).await;
        assert_eq!(shape(&outcome).1.len(), 1, "{}", code(&outcome));
    }
    assert_eq!(server.book().held(), ["1.1", "2.1", "3.1"]);
    assert_eq!(server.book().anomalies(), [""; 0]);
}

#[tokio::test]
async fn duplicates_are_for_a_person_to_look_at() {
    let server = server(Script::default()).await;
    let person = |id: &str| {
        json!({
            "resource": { "resourceType": "Patient", "meta": { "tag": [{ "system": OPERATION, "code": id }] },
                "identifier": [{ "system": CODICE_FISCALE, "value": PERSON }] },
            "request": { "method": "POST", "url": "Patient" },
        })
    };
    let bundle =
        json!({ "resourceType": "Bundle", "type": "transaction", "entry": [person("5.1"), person("6.1")] });
    assert_eq!(post(&server, &bundle).await.0, 200);
    assert_eq!(server.book().anomalies().len(), 1, "{:?}", server.book().anomalies());
    let courier = courier(&server.base_url());
    let answers = found(courier.ask(&parcel(&[patient("1.1", PERSON)]), NOW).await);
    assert_eq!(answers, [Some((Answer::Failed, "duplicates".to_owned()))]);
    let outcome = courier.deliver(&parcel(&three()), NOW).await;
    let (word, culprits) = shape(&outcome);
    assert_eq!((word, culprits[0].part, culprits[0].code.as_str()), ("refused", 0, "412 multiple-matches"));
    assert!(culprits[0].text.as_ref().unwrap().expose().contains(PERSON), "the text may hold anything");
}

#[tokio::test]
async fn a_recipient_of_the_other_family_is_understood() {
    // It keeps the codice fiscale under its own system beside ours, and answers with that one only.
    let answer = json!({ "resourceType": "Bundle", "type": "searchset", "total": 1, "entry": [{ "resource": {
        "resourceType": "Patient", "id": "4",
        "identifier": [{ "system": "urn:oid:2.16.840.1.113883.2.9.4.3.2", "value": PERSON }],
    } }] });
    assert_eq!(asked(&answer).await, Ok(vec![Some(Answer::Accepted)]));
}

/// What asking for a person comes to, if a recipient answers everything like this.
async fn asked(answer: &serde_json::Value) -> Result<Vec<Option<Answer>>, String> {
    let body = answer.to_string();
    let handler = move || async move { ([("content-type", "application/fhir+json")], body) };
    let router = axum::Router::new().fallback(axum::routing::post(handler));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/fhir", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let asked = courier(&url).ask(&parcel(&[patient("1.1", PERSON)]), NOW).await;
    serving.abort();
    match asked {
        Asked::Found(found) => {
            Ok(found.into_iter().map(|answer| answer.map(|answer| answer.answer)).collect())
        }
        Asked::Unavailable { code, .. } => Err(code),
        Asked::Pending { .. } | Asked::Refused { .. } => panic!("it answers at once"),
        Asked::CannotBeAsked => Err("can't".to_owned()),
    }
}

#[tokio::test]
async fn an_answer_to_another_question_is_none() {
    let searchset =
        |entry: serde_json::Value| json!({ "resourceType": "Bundle", "type": "searchset", "entry": entry });
    let resource = |resource: serde_json::Value| searchset(json!([{ "resource": resource }]));
    let other = json!([{ "system": CODICE_FISCALE, "value": "XXXYYY80A41H501H" }]);
    let cases = [
        json!([]),
        json!({ "resourceType": "OperationOutcome", "issue": [{ "severity": "error", "code": "exception" }] }),
        json!({ "resourceType": "Bundle", "type": "transaction-response", "entry": [] }),
        json!({ "resourceType": "Bundle", "type": "searchset", "total": 1 }),
        resource(json!({ "resourceType": "Basic", "id": "1" })),
        resource(json!({ "resourceType": "Patient", "id": "1", "identifier": other })),
        searchset(json!([{ "search": { "mode": "match" } }])),
        searchset(json!("none")),
    ];
    for case in cases {
        assert_eq!(asked(&case).await, Err("the answer does not fit the question".to_owned()), "{case}");
    }
    let beside =
        json!([{ "resource": { "resourceType": "OperationOutcome" }, "search": { "mode": "outcome" } }]);
    assert_eq!(asked(&searchset(beside)).await, Ok(vec![None]), "what comes beside is no match");
}

#[tokio::test]
async fn a_recipient_that_misbehaves_when_asked_gives_no_answer() {
    let (works, settings) = (three(), || HttpSettings { total_timeout_ms: 1_500, ..HttpSettings::default() });
    for fault in Fault::ALL {
        // Lists of entries have their own test; the rest of an answer sent twice is not read.
        let readable = [Fault::FewerEntries, Fault::MoreEntries, Fault::PermutedEntries, Fault::EntryError];
        if readable.contains(&fault) || matches!(fault, Fault::Twice | Fault::Huge | Fault::Searchset) {
            continue;
        }
        let server = server(Script::default()).await;
        let courier = courier_with(&server.base_url(), settings());
        courier.deliver(&parcel(&works), NOW).await;
        server.set_script(Script { search: [(fault, 1.0)].into(), ..Script::default() });
        match courier.ask(&parcel(&works[1..2]), NOW).await {
            Asked::Unavailable { code, .. } => assert!(!code.contains("127.0"), "{code}"),
            _ => panic!("{fault:?}: it was taken for an answer"),
        }
    }
}

#[tokio::test]
async fn what_has_no_identity_cannot_be_asked_for() {
    let server = server(Script::default()).await;
    let unconditional = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [{
        "resource": { "resourceType": "Patient" }, "request": { "method": "POST", "url": "Patient" } }] });
    let condition = format!("identifier={}", encoded(&format!("{RECORD}|1")));
    let twice = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
        { "request": { "method": "DELETE", "url": format!("Goal?{condition}") } },
        { "request": { "method": "DELETE", "url": format!("Task?{condition}") } }] });
    let unasked = [unconditional.to_string(), twice.to_string(), "{".to_owned(), String::new()];
    for (at, bytes) in unasked.into_iter().enumerate() {
        let parcel = Parcel {
            name: "x".to_owned(),
            bytes: Personal::new(bytes.clone().into()),
            parts: vec![Carried { id: "1.1".to_owned(), kind: Insert }],
            handle: None,
        };
        let asked = courier(&server.base_url()).ask(&parcel, NOW).await;
        assert!(matches!(asked, Asked::CannotBeAsked), "{bytes}");
        if at > 0 {
            let outcome = courier(&server.base_url()).deliver(&parcel, NOW).await;
            assert_eq!(shape(&outcome).0, "refused", "what can't be read is not sent: {bytes}");
        }
    }
    assert_eq!(server.requests(), []);
}
