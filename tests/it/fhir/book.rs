//! The server's own book: it outlives the server, holds no personal value, and notices what no
//! sender should ever do.

use raccordo::flow::OperationKind::{Cancel, Insert, Replace};
use raccordo::sandbox::clock;
use raccordo::sandbox::fhir::{Fault, FhirServer, FhirServerConfig, Script};
use serde_json::json;

use super::{NOW, PERSON, courier, episode, found, get, parcel, patient, server, shape, three};

#[tokio::test]
async fn it_outlives_the_server_and_holds_no_personal_value() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fhir.jsonl");
    let start = async || {
        let config = FhirServerConfig::new(([127, 0, 0, 1], 0).into(), Script::default(), Some(path.clone()));
        FhirServer::start(config, clock::fixed(NOW)).await.unwrap()
    };
    let first = start().await;
    courier(&first.base_url()).deliver(&parcel(&three()), NOW).await;
    first.stop().await;
    let journal = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{journal}{{\"Commit\":{{\"chan")).unwrap();
    assert!(!journal.contains(PERSON) && !journal.contains("Simulati"), "{journal}");
    let second = start().await;
    assert_eq!(second.book().held(), ["1.1", "2.1", "3.1"]);
    let courier = courier(&second.base_url());
    let answers = found(courier.ask(&parcel(&three()), NOW).await);
    assert!(answers.iter().all(Option::is_some));
    assert_eq!(get(&second, "/EpisodeOfCare/2").await.1["meta"]["versionId"], "1");
    let next = [episode("2.2", Replace, PERSON), episode("4.1", Insert, PERSON), patient("1.1", PERSON)];
    let outcome = courier.deliver(&parcel(&next), NOW).await;
    let kept: Vec<_> = shape(&outcome).1.iter().map(|answer| answer.acquired_as.clone().unwrap()).collect();
    assert_eq!(kept, ["EpisodeOfCare/2/_history/2", "EpisodeOfCare/4/_history/1", "Patient/1/_history/1"]);
    assert_eq!(second.book().anomalies(), [""; 0]);
}

#[tokio::test]
async fn it_notices_double_effects_and_what_comes_too_late() {
    let server = server(Script::default()).await;
    let courier = courier(&server.base_url());
    courier.deliver(&parcel(&three()), NOW).await;
    let replaced = [episode("2.2", Replace, PERSON)];
    courier.deliver(&parcel(&replaced), NOW).await;
    courier.deliver(&parcel(&replaced), NOW).await;
    assert_eq!(server.book().effects("2.2"), 1, "the same again changes nothing");
    assert_eq!(server.book().anomalies(), [""; 0]);
    courier.deliver(&parcel(&[episode("2.1", Replace, PERSON)]), NOW).await;
    let late: Vec<String> = server.book().anomalies().to_vec();
    assert_eq!(late.len(), 2, "{late:?}");
    assert!(
        late[0].contains("2.1 changed something again") && late[1].contains("after generation 2"),
        "{late:?}"
    );
    courier.deliver(&parcel(&[episode("3.2", Cancel, PERSON)]), NOW).await;
    assert_eq!(server.book().held(), ["1.1", "2.1", "3.1"], "another type, another identity");
}

#[tokio::test]
async fn it_is_compared_with_the_senders() {
    let server = server(Script::default()).await;
    let courier = courier(&server.base_url());
    courier.deliver(&parcel(&three()), NOW).await;
    courier.deliver(&parcel(&[patient("9.1", PERSON)]), NOW).await;
    let ours = |operations: &[&str]| operations.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let compare = |operations: &[&str]| server.book().compare(&ours(operations));
    assert_eq!(compare(&["1.1", "2.1", "3.1"]), [""; 0]);
    assert_eq!(compare(&["9.1", "3.1", "2.1", "1.1"]), [""; 0], "the person was there for both");
    assert_eq!(compare(&["1.1", "2.1"]), ["3.1 is held by the server's book only"]);
    assert_eq!(compare(&["1.1", "2.1", "3.1", "7.1"]), ["7.1 is held by the ente's book only"]);
    courier.deliver(&parcel(&[episode("2.2", Cancel, PERSON)]), NOW).await;
    assert_eq!(compare(&["1.1", "3.1"]), [""; 0]);
    assert!(!server.book().holds("2.1"));
}

#[test]
fn a_script_is_read_from_a_table_and_plays_again() {
    let text = "seed = 7\nrefuse = 0.25\nattribution = \"none\"\n\
                [transaction]\nreset_after = 0.5\ntoo_many_limit = 0.5\n[search]\nsilent_before = 1.0\n";
    let script: Script = toml::from_str(text).unwrap();
    assert_eq!(script.transaction.len(), 2);
    let met = |name: &str| script.fault(&script.transaction, name).unwrap();
    let drawn: Vec<_> = (0..100).map(|number| met(&number.to_string())).collect();
    let again: Vec<_> = (0..100).map(|number| met(&number.to_string())).collect();
    assert_eq!(drawn, again);
    let resets = drawn.iter().filter(|fault| **fault == Fault::ResetAfter).count();
    assert!((30..70).contains(&resets), "{resets}");
    assert!(toml::from_str::<Script>("[transaction]\nunknown_fault = 1.0").is_err());
    assert!(toml::from_str::<Script>("unknown = 1").is_err());
    assert_eq!(script.fault(&script.search, "x"), Some(Fault::SilentBefore));
}

#[tokio::test]
async fn it_binds_to_this_machine_only() {
    let config = FhirServerConfig::new(([0, 0, 0, 0], 0).into(), Script::default(), None);
    let error = FhirServer::start(config, clock::fixed(NOW)).await.err().unwrap();
    assert!(error.to_string().contains("this machine only"));
    let server = server(Script { delay: 1.0, delay_ms: 5, ..Script::default() }).await;
    let (status, _) = super::post(&server, &json!({ "resourceType": "Bundle", "type": "transaction" })).await;
    assert_eq!(status, 200, "an empty transaction is one");
}
