//! Every outcome of a question by its name, and what is kept of it.

use std::sync::Arc;

use raccordo::channel::inquiry::{Inquirer, Question, Reply};
use raccordo::channel::offer::Soon;
use raccordo::exchange::Millis;
use raccordo::gateway::InquiryError;
use tokio::sync::Notify;

use super::{CODE, DID, SCHEDA, Scripted, Stage, documents, folder, request};

/// The state to which one reply brings a question.
fn after(reply: fn() -> Reply) -> (Stage, i64) {
    let stage = Stage::open("");
    stage.save(&folder("F-1", true));
    let id = stage.start("F-1");
    assert!(stage.ask(&Scripted::new(vec![Box::new(reply)])));
    (stage, id)
}

#[test]
fn without_consent_nobody_is_asked() {
    let stage = Stage::open("");
    stage.save(&folder("F-1", false));
    let Err(InquiryError::Withheld(findings)) = stage.gateway.start_inquiry(&request("F-1")) else {
        panic!("it was asked")
    };
    assert_eq!(findings[0].rule, "consenso-ricezione-mancante");
    assert_eq!(stage.events().last().unwrap(), "inquiry-withheld");
    let register = Scripted::default();
    assert!(!stage.ask(&register));

    // Consent that ends between the order and the question.
    stage.save(&folder("F-2", true));
    let id = stage.start("F-2");
    stage.clock.set("2027-03-01T00:00:00Z");
    assert!(stage.ask(&register));
    assert_eq!((stage.inquiry(id).state.as_str(), register.questions()), ("no_consent", 0));
    assert!(!stage.events().contains(&"inquiry-asked".to_owned()), "nothing left");
}

#[test]
fn an_answer_about_another_person_is_refused_and_not_kept() {
    let (stage, id) = after(|| documents(&[&SCHEDA.replace(CODE, "XXXYYY80A41H501H")]));
    let row = stage.inquiry(id);
    assert_eq!((row.state.as_str(), stage.proposals("F-1", true).len()), ("other_person", 0));
    assert!(row.findings.unwrap().contains("risposta-altra-persona"));
    assert!(stage.gateway.open_answer(id).is_err());
}

#[test]
fn an_answer_that_cannot_be_read_is_kept_sealed_and_told() {
    let (stage, id) = after(|| documents(&[&SCHEDA[..200], "0"]));
    let row = stage.inquiry(id);
    assert_eq!(row.state, "unreadable");
    assert!(row.findings.unwrap().contains("risposta-illeggibile"));
    let kept = stage.gateway.open_answer(id).unwrap();
    assert_eq!((kept.len(), kept[0].expose().as_slice()), (2, &SCHEDA.as_bytes()[..200]));
}

#[test]
fn other_outcomes_have_their_names() {
    for (reply, state) in [
        ((|| Reply::NothingKnown) as fn() -> Reply, "nothing_known"),
        (|| documents(&["0", ""]), "nothing_known"),
        (|| Reply::Refused { code: "fault Client".into() }, "refused"),
    ] {
        let (stage, id) = after(reply);
        assert_eq!(stage.inquiry(id).state, state);
        assert!(stage.inquiry(id).ended_at.is_some());
    }
}

#[test]
fn the_limit_rests_the_route_and_is_never_an_answer() {
    for limited in [
        (|| Reply::Limited { code: "X001".into(), not_before: None }) as fn() -> Reply,
        || documents(&["X001 troppe chiamate"]),
        || documents(&[SCHEDA, "X001"]),
    ] {
        let stage = Stage::open("limit_pause_s = 600");
        for id in ["F-1", "F-2"] {
            stage.save(&folder(id, true));
        }
        let register = Scripted::new(vec![Box::new(limited)]);
        let (first, second) = (stage.start("F-1"), stage.start("F-2"));
        assert!(stage.ask(&register));
        assert_eq!(stage.inquiry(first).state, "retrying");
        assert!(!stage.ask(&register), "nobody is asked about while the limit holds");
        stage.clock.set("2026-03-02T11:09:59Z");
        assert!(!stage.ask(&register));
        stage.clock.set("2026-03-02T11:10:00Z");
        assert!(stage.ask(&register) && stage.ask(&register));
        for id in [first, second] {
            assert_eq!(stage.inquiry(id).state, "answered");
        }
        assert_eq!(register.questions(), 3);
    }
}

#[test]
fn what_is_out_of_reach_is_asked_again_until_patience_ends() {
    let away = || Reply::Unavailable { code: "503".into(), not_before: None };
    let stage = Stage::open("");
    stage.save(&folder("F-1", true));
    let register = Scripted::new(vec![Box::new(away), Box::new(away), Box::new(away)]);
    let id = stage.start("F-1");
    assert!(stage.ask(&register));
    assert!(!stage.ask(&register));
    let row = stage.inquiry(id);
    assert_eq!((row.state.as_str(), row.code.as_deref()), ("retrying", Some("503")));
    stage.clock.set("2026-03-02T11:00:10Z");
    assert!(stage.ask(&register));
    stage.clock.set("2026-03-02T12:00:00Z");
    assert!(stage.ask(&register));
    assert_eq!(stage.inquiry(id).state, "given_up");
}

/// Never answers; tells that it was asked.
struct Silent(Arc<Notify>);

impl Inquirer for Silent {
    fn ask<'a>(&'a self, _: &'a Question, _: Millis) -> Soon<'a, Reply> {
        Box::pin(async move {
            self.0.notify_one();
            std::future::pending().await
        })
    }
}

#[test]
fn a_death_between_question_and_answer_loses_and_doubles_nothing() {
    let stage = Stage::open("");
    stage.save(&folder("F-1", true));
    let id = stage.start("F-1");
    let asked = Arc::new(Notify::new());
    let (gateway, silent) = (Arc::clone(&stage.gateway), Silent(Arc::clone(&asked)));
    let task = stage.runtime.spawn(async move {
        let route = gateway.settings.route("lavoro").unwrap();
        gateway.ask_one(route, route.push.as_ref().unwrap(), &silent).await
    });
    stage.runtime.block_on(asked.notified());
    assert_eq!(stage.inquiry(id).state, "asking", "stored before it left");
    assert!(!stage.ask(&Scripted::default()), "it is another worker's");
    task.abort();
    let _ = stage.runtime.block_on(task);

    let stage = stage.reopened();
    if crate::ledgers::is_shared() {
        // Another process's lease might be a living one's: it lapses by time.
        stage.clock.set("2026-03-02T12:00:00Z");
    } else {
        assert_eq!(stage.inquiry(id).state, "queued");
    }
    assert!(stage.ask(&Scripted::default()));
    assert_eq!(stage.inquiry(id).state, "answered");
    let proposals = stage.proposals("F-1", true).len();
    let stage = stage.reopened();
    assert!(!stage.ask(&Scripted::default()), "it is over");
    assert_eq!(stage.proposals("F-1", true).len(), proposals);
    let events = stage.events();
    let count = |name: &str| events.iter().filter(|event| *event == name).count();
    assert_eq!((count("inquiry-asked"), count("inquiry-ended")), (2, 1));
}

#[test]
fn nothing_personal_stands_in_the_ledger_unsealed() {
    let (stage, id) = after(|| documents(&[SCHEDA, DID]));
    assert_eq!(stage.inquiry(id).state, "answered");
    let data = stage.dir.path().join("data");
    let (runtime, gateway) = (stage.runtime, stage.gateway);
    drop(runtime);
    drop(gateway);
    for entry in std::fs::read_dir(data).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap_or_default();
        for word in [CODE, "Tirocinio", "00000000105", "disoccupato", "0.550000000", "2025-11-03"] {
            let found = bytes.windows(word.len()).any(|window| window == word.as_bytes());
            assert!(!found, "{word} is readable");
        }
    }
}
