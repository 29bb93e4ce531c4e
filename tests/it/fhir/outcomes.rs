//! Each way in which a recipient can misbehave: what the courier says, what the book says, and
//! that asking tells the one from the other.

use raccordo::channel::courier::Outcome;
use raccordo::channel::push::{HttpSettings, Method, Request};
use raccordo::exchange::Answer;
use raccordo::sandbox::fhir::{Fault, Script};

use super::{NOW, code, courier, courier_with, found, parcel, server, shape, three};

/// What the courier must say of a fault.
fn expected(fault: Fault) -> &'static str {
    match fault {
        Fault::UnavailableSeconds
        | Fault::UnavailableDate
        | Fault::TooManySeconds
        | Fault::TooManyDate
        | Fault::TooManyLimit
        | Fault::Unauthorized
        | Fault::Forbidden
        | Fault::NotFound
        | Fault::NotAllowed
        | Fault::Unsupported
        | Fault::Conflict
        | Fault::Locked
        | Fault::Redirect => "unavailable",
        Fault::Precondition => "refused",
        Fault::Twice => "answered",
        _ => "uncertain",
    }
}

/// Only what never ends is cut short; a busy machine may be slow everywhere else.
fn settings(fault: Fault) -> HttpSettings {
    let endless = matches!(fault, Fault::SilentBefore | Fault::SilentAfter | Fault::Drip);
    HttpSettings {
        total_timeout_ms: if endless { 1_500 } else { 60_000 },
        max_response_bytes: 1024 * 1024,
        ..HttpSettings::default()
    }
}

async fn misbehaves(fault: Fault) {
    let script = Script { transaction: [(fault, 1.0)].into(), ..Script::default() };
    let server = server(script).await;
    let courier = courier_with(&server.base_url(), settings(fault));
    let (works, parcel) = (three(), parcel(&three()));
    let outcome = courier.deliver(&parcel, NOW).await;
    assert_eq!(shape(&outcome).0, expected(fault), "{fault:?}: {}", code(&outcome));
    assert!(!code(&outcome).contains("127.0.0"), "{fault:?}: {}", code(&outcome));
    server.idle().await;
    let effect = fault.takes_effect();
    for work in &works {
        assert_eq!(server.book().holds(&work.id), effect, "{fault:?}: {}", work.id);
    }
    server.set_script(Script::default());
    let answers = found(courier.ask(&parcel, NOW).await);
    let accepted = |answer: &Option<_>| matches!(answer, Some((Answer::Accepted, _)));
    assert!(
        answers.iter().all(|answer| accepted(answer) == effect && answer.is_some() == effect),
        "{fault:?}"
    );
    if !effect {
        let again = courier.deliver(&parcel, NOW).await;
        assert_eq!((shape(&again).0, shape(&again).1.len()), ("answered", 3), "{fault:?}");
    }
    let held: Vec<_> = works.iter().map(|work| work.id.clone()).collect();
    assert_eq!(server.book().held(), held, "{fault:?}");
    assert_eq!(server.book().anomalies(), [""; 0], "{fault:?}");
    server.stop().await;
}

#[tokio::test]
async fn whatever_the_recipient_does_asking_finds_the_truth() {
    for fault in Fault::ALL {
        misbehaves(fault).await;
    }
}

#[tokio::test]
async fn a_recipient_that_wants_a_pause_gets_it() {
    let faults = [
        Fault::UnavailableSeconds,
        Fault::UnavailableDate,
        Fault::TooManySeconds,
        Fault::TooManyDate,
        Fault::TooManyLimit,
    ];
    for fault in faults {
        let script = Script {
            transaction: [(fault, 1.0)].into(),
            search: [(fault, 1.0)].into(),
            retry_after_s: 90,
            ..Script::default()
        };
        let server = server(script).await;
        let courier = courier(&server.base_url());
        match courier.deliver(&parcel(&three()), NOW).await {
            Outcome::Unavailable { not_before, .. } => {
                assert_eq!(not_before, Some(NOW + 90_000), "{fault:?}")
            }
            other => panic!("{fault:?}: {}", code(&other)),
        }
        match courier.ask(&parcel(&three()), NOW).await {
            raccordo::channel::courier::Asked::Unavailable { not_before, .. } => {
                assert_eq!(not_before, Some(NOW + 90_000), "{fault:?}");
            }
            _ => panic!("{fault:?}: it answered"),
        }
    }
}

#[tokio::test]
async fn an_answer_names_each_operation_and_where_it_is_kept() {
    let server = server(Script::default()).await;
    let courier = courier(&server.base_url());
    let outcome = courier.deliver(&parcel(&three()), NOW).await;
    let (word, answers) = shape(&outcome);
    assert_eq!((word, code(&outcome).as_str()), ("answered", "201 201 201"));
    let kept: Vec<_> = answers.iter().map(|answer| answer.acquired_as.as_deref().unwrap()).collect();
    assert_eq!(kept, ["Patient/1/_history/1", "EpisodeOfCare/2/_history/1", "ServiceRequest/3/_history/1"]);
    let again = courier.deliver(&parcel(&three()), NOW).await;
    let parts: Vec<_> = shape(&again).1.iter().map(|answer| answer.part).collect();
    assert_eq!(parts, [0], "a person who exists is enough; of our own it is not known whose they are");
    assert_eq!(server.book().commits(), 2, "the second found a person, and changed nothing");
}

#[tokio::test]
async fn no_address_holds_a_codice_fiscale() {
    let server = server(Script::default()).await;
    let courier = courier(&server.base_url());
    courier.deliver(&parcel(&three()), NOW).await;
    courier.ask(&parcel(&three()), NOW).await;
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    assert!(
        requests.iter().all(|(_, target)| !target.contains('?') && !target.contains("XXX")),
        "{requests:?}"
    );
}

#[tokio::test]
async fn an_address_where_nobody_is_left_is_unavailable() {
    let server = server(Script::default()).await;
    let courier = courier(&server.base_url());
    server.stop().await;
    let outcome = courier.deliver(&parcel(&three()), NOW).await;
    assert_eq!((shape(&outcome).0, code(&outcome).contains("127.0.0.1")), ("unavailable", false));
}

#[tokio::test]
async fn a_token_is_brought_and_a_wrong_one_is_no_fault_of_the_records() {
    let config = raccordo::sandbox::fhir::FhirServerConfig {
        token: Some("segreto-di-prova".to_owned()),
        ..raccordo::sandbox::fhir::FhirServerConfig::new(([127, 0, 0, 1], 0).into(), Script::default(), None)
    };
    let clock = raccordo::sandbox::clock::fixed(NOW);
    let server = raccordo::sandbox::fhir::FhirServer::start(config, clock).await.unwrap();
    for (token, word) in
        [(None, "unavailable"), (Some("altro"), "unavailable"), (Some("segreto-di-prova"), "answered")]
    {
        let mut destination = super::destination(&server.base_url(), HttpSettings::default());
        destination.token = token.map(|token| raccordo::personal::Personal::new(token.to_owned()));
        let courier = raccordo::adapters::courier(&destination).unwrap();
        let outcome = courier.deliver(&parcel(&three()), NOW).await;
        assert_eq!(shape(&outcome).0, word, "{}", code(&outcome));
    }
    let request = Request { method: Method::Put, ..Request::get(format!("{}/Patient/1", server.base_url())) };
    assert_eq!(super::send(request).await.0, 401);
}

#[tokio::test]
async fn an_answer_that_breaks_its_schema_is_none() {
    let server = server(Script::default()).await;
    for (fits, word) in [(false, "uncertain"), (true, "answered")] {
        let destination = super::destination(&server.base_url(), HttpSettings::default());
        let check = Box::new(move |_: &[u8]| fits);
        let courier = raccordo::adapters::checked_courier(&destination, Some(check)).unwrap();
        let outcome = courier.deliver(&parcel(&three()), NOW).await;
        assert_eq!(shape(&outcome).0, word, "{}", code(&outcome));
    }
}

#[test]
fn a_protocol_or_address_that_makes_no_sense_is_told() {
    let with = |protocol: &str, url: &str| {
        let mut destination = super::destination(url, HttpSettings::default());
        destination.protocol = protocol.to_owned();
        raccordo::adapters::courier(&destination).err().map(|error| error.to_string())
    };
    assert_eq!(with("fhir", "https://asl.example/fhir/"), None);
    assert!(with("soap", "https://asl.example/fhir").unwrap().contains("known: fhir"));
    for url in ["", "asl.example", "ftp://asl.example", "https://asl.example/?x=1", "https://asl.example/#a"]
    {
        assert!(with("fhir", url).unwrap().contains("address"), "{url}");
    }
}
