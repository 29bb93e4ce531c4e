//! Home care to the simulated upload service: uploaded, asked for, settled; and what goes wrong.

mod privacy;
mod schema;
mod stage;

use std::collections::BTreeMap;

use raccordo::exchange::Bucket;
use raccordo::sandbox::gaf::{Book, Fault, Script};
use serde_json::json;
use stage::{Stage, cared};

fn faults(all: &[(Fault, f64)]) -> BTreeMap<Fault, f64> {
    all.iter().copied().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_tracciato_follows_its_first_and_many_people_share_a_file() {
    let stage = Stage::open(Script { pending: 2, ..Script::default() }).await;
    stage.save(&cared(30)).await;
    // Only the second is asked for: the first is brought along.
    let run = stage.run(2, None).await;
    let balance = stage.settled(run).await;
    assert_eq!(balance.count(Bucket::Accepted), 30, "{:?}", stage.states());
    assert_eq!(stage.differences(), Vec::<String>::new());
    {
        let book = stage.server.book();
        assert_eq!((book.count(1), book.count(2), book.anomalies()), (30, 30, [].as_slice()));
        let uploads: Vec<_> = book.uploads().map(|(_, upload)| upload.clone()).collect();
        assert!(uploads.len() <= 12, "quarterly files, not one per person: {uploads:#?}");
        assert!(uploads.iter().all(|upload| upload.code == "Mx20"), "none came before its first");
        assert!(uploads.iter().any(|upload| upload.records > 5));
        for upload in &uploads {
            let name = upload.name.strip_prefix("SIAD201").unwrap();
            assert!(name.contains("T") && name.contains(".120.H501."), "{name}");
        }
    }
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_a_variation_and_a_cancel_repeats_everything_second_first() {
    let stage = Stage::open(Script::default()).await;
    let mut folders = cared(4);
    stage.save(&folders).await;
    stage.report().await;
    for folder in &mut folders {
        let care = &mut folder["assistenza_domiciliare"][0];
        care["accessi"][0]["numero"] = json!(3);
        care["stato_civile"] = json!("divorziato");
    }
    stage.save(&folders).await;
    let (first, second) = stage.report().await;
    assert_eq!((first.count(Bucket::Accepted), second.count(Bucket::Accepted)), (4, 4));
    assert_eq!(stage.states()["siad-1 replace accepted"], 4);
    assert_eq!(stage.differences(), Vec::<String>::new());
    for folder in &mut folders {
        folder["assistenza_domiciliare"][0]["stato"] = json!("annullata");
    }
    stage.save(&folders).await;
    // The cancels of the first are asked for first; they wait all the same.
    stage.report().await;
    assert_eq!(stage.states()["siad-1 cancel accepted"], 4, "{:?}", stage.states());
    assert_eq!(stage.states()["siad-2 cancel accepted"], 4);
    let counts = |book: &Book| (book.count(1), book.count(2));
    assert_eq!(counts(&stage.server.book()), (0, 0));
    assert_eq!(stage.differences(), Vec::<String>::new());
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_discard_is_told_of_its_record_and_what_needs_it_is_set_aside() {
    let stage = Stage::open(Script { refuse: 0.3, warn: 0.3, seed: 5, ..Script::default() }).await;
    stage.save(&cared(20)).await;
    let (first, second) = stage.report().await;
    let refused = first.count(Bucket::Refused);
    assert!(refused > 2 && first.count(Bucket::Accepted) + refused == 20, "{:?}", stage.states());
    // The same Id_Rec is discarded in both: whose first was taken, has a second that is.
    assert_eq!(second.count(Bucket::SetAside), refused, "{:?}", stage.states());
    let receipts = stage.rows(
        "SELECT p.code FROM receipt p JOIN operation o ON o.id = p.operation WHERE o.state = 'refused'
           AND p.text IS NOT NULL",
    );
    assert_eq!((receipts.len() as u64, receipts[0].as_str()), (refused, "Mx22 1099"));
    let accepted = stage.rows(
        "SELECT DISTINCT p.code FROM receipt p JOIN operation o ON o.id = p.operation WHERE o.state = 'accepted'",
    );
    assert!(accepted.iter().any(|code| code.ends_with(" 2001")), "anomalies are kept: {accepted:?}");
    let told = stage.rows("SELECT record FROM finding WHERE rule = 'presupposto-mancante'");
    assert_eq!(told.len() as u64, refused);
    assert_eq!(stage.differences(), Vec::<String>::new());
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_not_conformant_is_halved_until_its_cause_is_found() {
    let stage = Stage::open(Script { spoil: 0.1, seed: 3, ..Script::default() }).await;
    stage.save(&cared(24)).await;
    let (first, _) = stage.report().await;
    let refused = first.count(Bucket::Refused);
    assert!(refused > 0 && refused < 10 && first.count(Bucket::Accepted) + refused == 24);
    let codes = stage.rows("SELECT DISTINCT p.code FROM receipt p JOIN operation o ON o.id = p.operation WHERE o.state = 'refused'");
    assert_eq!(codes, ["Mx11"]);
    assert_eq!(stage.differences(), Vec::<String>::new());
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_without_its_number_is_a_persons_affair() {
    for fault in [Fault::ErrorAfter, Fault::GarbageAfter, Fault::EmptyAfter] {
        let script = Script { upload: faults(&[(fault, 1.0)]), ..Script::default() };
        let stage = Stage::open(script).await;
        stage.save(&cared(3)).await;
        let run = stage.run(1, None).await;
        let balance = stage.settled(run).await;
        assert_eq!(balance.count(Bucket::Parked), 3, "{fault:?}");
        assert_eq!(stage.server.book().count(1), 3, "it took effect, and nobody may send it again");
        assert_eq!(stage.server.book().uploads().count(), stage.rows("SELECT name FROM submission").len());
        stage.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_its_upload_is_a_persons_affair() {
    let stage = Stage::open(Script { inconsistent: 1.0, ..Script::default() }).await;
    stage.save(&cared(2)).await;
    let run = stage.run(1, None).await;
    assert_eq!(stage.settled(run).await.count(Bucket::Parked), 2);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_stumbles_is_asked_until_it_answers() {
    let script = Script {
        pending: 3,
        refuse: 0.1,
        upload: faults(&[(Fault::ErrorBefore, 0.0), (Fault::Unavailable, 0.3), (Fault::Unauthorized, 0.2)]),
        question: faults(&[
            (Fault::ErrorBefore, 0.15),
            (Fault::Unavailable, 0.15),
            (Fault::GarbageAfter, 0.15),
            (Fault::EmptyAfter, 0.15),
            (Fault::ErrorAfter, 0.1),
        ]),
        ..Script::default()
    };
    let stage = Stage::open(script).await;
    stage.save(&cared(20)).await;
    let (first, second) = stage.report().await;
    assert_eq!(first.count(Bucket::Accepted) + first.count(Bucket::Refused), 20);
    assert_eq!(second.count(Bucket::Accepted), first.count(Bucket::Accepted));
    assert_eq!(stage.differences(), Vec::<String>::new());
    assert_eq!(stage.server.book().anomalies(), &[] as &[String]);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_a_person_waits_for_has_a_file_of_their_own() {
    let stage = Stage::open(Script::default()).await;
    let folders = cared(5);
    stage.save(&folders).await;
    let run = stage.run(2, folders[2]["id"].as_str()).await;
    assert_eq!(stage.settled(run).await.count(Bucket::Accepted), 1);
    let records: Vec<usize> = stage.server.book().uploads().map(|(_, upload)| upload.records).collect();
    assert_eq!(records, [1, 1], "its first, then its second; nobody else's");
    stage.stop().await;
}
