//! Asking a register about one person: from the question to what the CSI product makes of the
//! proposals, with consent, limits, deaths and what must never be seen.

mod outcomes;
mod schedule;
mod service;
mod wire;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};

use raccordo::channel::inquiry::{Inquirer, Question, Reply};
use raccordo::channel::offer::Soon;
use raccordo::exchange::Millis;
use raccordo::gateway::{Gateway, InquiryRequest};
use raccordo::ledger::books::{InquiryRow, ProposalRow};
use raccordo::node;
use raccordo::personal::Personal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::calendar::Held;

/// The person's two documents, and a folder that consents.
pub const SCHEDA: &str = include_str!("../../../fixtures/labour-status/1/tutto-nuovo/answer-1.xml");
pub const DID: &str = include_str!("../../../fixtures/labour-status/1/tutto-nuovo/answer-2.xml");
const FOLDER: &str = include_str!("../../../fixtures/labour-status/1/tutto-nuovo/folder.json");
pub const CODE: &str = "XXXYYY80A01H501D";

/// A configuration with one ente and one route that asks.
pub fn configuration(dir: &Path, url: &str, inquiry: &str) -> String {
    format!(
        "data = {:?}\n[[ente]]\ncode = \"H501\"\nname = \"Comune\"\nseat = \"H501\"\n[[route]]\nid = \"lavoro\"\n\
         register = \"lavoro\"\nchannel = \"inquiry\"\nenti = [\"H501\"]\ninquiry = {{ {inquiry} }}\n[route.push]\n\
         protocol = \"sap\"\nurl = \"{url}\"\nconcurrency = 2\nretry = {{ first_s = 10, jitter = 0.0, attempts = 3 }}\n",
        dir.join("data"),
    )
}

/// A folder of its own id, with or without consent.
pub fn folder(id: &str, consents: bool) -> Value {
    let mut folder: Value = serde_json::from_str(FOLDER).unwrap();
    folder["id"] = id.into();
    if !consents {
        folder.as_object_mut().unwrap().remove("consensi_ricezione");
    }
    folder
}

/// An installation on a held clock, whose register says what the test wants.
pub struct Stage {
    pub gateway: Arc<Gateway>,
    pub clock: Held,
    pub runtime: Runtime,
    pub dir: TempDir,
    inquiry: String,
}

impl Stage {
    pub fn open(inquiry: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Held::at("2026-03-02T11:00:00Z");
        let gateway = Arc::new(gateway(dir.path(), inquiry, &clock));
        let runtime = Runtime::new().unwrap();
        Self { gateway, clock, runtime, dir, inquiry: inquiry.to_owned() }
    }

    /// As after a death: the same ledger, opened anew.
    pub fn reopened(self) -> Self {
        let Self { gateway: old, clock, runtime, dir, inquiry } = self;
        drop(runtime);
        assert_eq!(Arc::strong_count(&old), 1, "nobody else has the ledger");
        drop(old);
        let gateway = Arc::new(gateway(dir.path(), &inquiry, &clock));
        Self { gateway, clock, runtime: Runtime::new().unwrap(), dir, inquiry }
    }

    pub fn save(&self, folder: &Value) {
        self.gateway.save_bytes(folder.to_string().as_bytes(), "csi").unwrap();
    }

    pub fn start(&self, folder: &str) -> i64 {
        self.gateway.start_inquiry(&request(folder)).unwrap()
    }

    /// Asks what is due; true if anything was.
    pub fn ask(&self, register: &Scripted) -> bool {
        let route = self.gateway.settings.route("lavoro").unwrap();
        let push = route.push.as_ref().unwrap();
        let worked = self.runtime.block_on(self.gateway.ask_one(route, push, register)).unwrap();
        worked == raccordo::gateway::AskingWorked::Done
    }

    pub fn inquiry(&self, id: i64) -> InquiryRow {
        self.gateway.books.inquiry(id).unwrap().unwrap()
    }

    pub fn proposals(&self, folder: &str, all: bool) -> Vec<ProposalRow> {
        let row = self.gateway.books.folder("H501", folder).unwrap().unwrap();
        self.gateway.books.proposals(row.id, all).unwrap()
    }

    /// Names of the audit events, oldest first.
    pub fn events(&self) -> Vec<String> {
        let rows = self.gateway.books.audit(0, 1000).unwrap();
        let name =
            |text: &str| serde_json::from_str::<Value>(text).unwrap()["what"].as_str().unwrap().to_owned();
        rows.iter().map(|(_, event, _)| name(event)).collect()
    }
}

fn gateway(dir: &Path, inquiry: &str, clock: &Held) -> Gateway {
    let config = dir.join("raccordo.toml");
    std::fs::write(&config, configuration(dir, "http://127.0.0.1:9/", inquiry)).unwrap();
    let settings = crate::ledgers::load(&config);
    Gateway::open(settings, node::load_catalog().unwrap(), Box::new(clock.clone())).unwrap()
}

pub fn request(folder: &str) -> InquiryRequest {
    InquiryRequest {
        ente: "H501".into(),
        folder: folder.into(),
        register: "lavoro".into(),
        actor: "operatore".into(),
    }
}

/// The documents of an answer.
pub fn documents(texts: &[&str]) -> Reply {
    Reply::Answered(texts.iter().map(|text| Personal::new(text.as_bytes().to_vec())).collect())
}

type Say = Box<dyn Fn() -> Reply + Send + Sync>;

/// A register that says what the test wants, then that it knows the person.
#[derive(Default)]
pub struct Scripted {
    says: Mutex<VecDeque<Say>>,
    pub asked: Mutex<Vec<String>>,
}

impl Scripted {
    pub fn new(says: Vec<Say>) -> Self {
        Self { says: Mutex::new(says.into()), asked: Mutex::default() }
    }

    pub fn questions(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Inquirer for Scripted {
    fn ask<'a>(&'a self, question: &'a Question, _now: Millis) -> Soon<'a, Reply> {
        Box::pin(async move {
            assert!(!question.name.contains(CODE));
            self.asked.lock().unwrap().push(question.codice_fiscale.expose().clone());
            let say = self.says.lock().unwrap().pop_front();
            say.map_or_else(|| documents(&[SCHEDA, DID]), |say| say())
        })
    }
}

/// A folder that holds what a proposal list proposes for scalar fields of `lavoro`.
pub fn with_lavoro(id: &str, lavoro: Value) -> Value {
    let mut folder = folder(id, true);
    folder["lavoro"] = lavoro;
    folder
}

#[test]
fn what_a_saved_folder_holds_is_settled_and_nothing_is_proposed_twice() {
    let stage = Stage::open("");
    stage.save(&folder("F-1", true));
    let register = Scripted::default();
    let first = stage.start("F-1");
    assert_eq!(stage.start("F-1"), first, "one open question about a person");
    assert!(stage.ask(&register) && !stage.ask(&register));
    assert_eq!(stage.inquiry(first).state, "answered");
    let all = stage.proposals("F-1", false);
    let field = |name: &str| all.iter().find(|row| row.field == name).unwrap().id;
    let row = stage.gateway.books.folder("H501", "F-1").unwrap().unwrap();
    let decide = |id, accept| stage.gateway.decide_proposal(&row, id, accept, "operatore").unwrap();
    assert_eq!(decide(field("lavoro.did.data"), true), "proposed");
    assert_eq!(decide(field("lavoro.did.data"), true), "accepted", "idempotent");
    assert_eq!(decide(field("lavoro.anzianita_mesi"), false), "proposed");

    // Asked again with the same answer: what stands stays, decided or not.
    stage.start("F-1");
    assert!(stage.ask(&register));
    let again = stage.proposals("F-1", true);
    assert_eq!(again.len(), all.len(), "nothing doubled");
    let state = |name: &str| again.iter().find(|row| row.field == name).unwrap().state.clone();
    assert_eq!(
        (state("lavoro.did.data").as_str(), state("lavoro.anzianita_mesi").as_str()),
        ("accepted", "declined")
    );

    // The CSI product takes two values over, one of them accepted, and one list element.
    let politica = json!({"codice": "00000000101", "tipo": "N00"});
    stage.save(&with_lavoro(
        "F-1",
        json!({"fonte": "lavoro", "did": {"data": "2025-11-03"}, "politiche_attive": [politica]}),
    ));
    let held: Vec<_> = stage.proposals("F-1", true).into_iter().filter(|row| row.held_at.is_some()).collect();
    let names: Vec<_> = held.iter().map(|row| row.field.as_str()).collect();
    assert_eq!(names, ["lavoro.fonte", "lavoro.did.data"], "an element that says less is not held");
    assert_eq!(held[1].actor.as_deref(), Some("operatore"), "who accepted stays");
    assert_eq!(held[0].actor.as_deref(), Some("csi"));

    // The next answer sees what the folder holds, and proposes the rest of the element field by field.
    stage.start("F-1");
    assert!(stage.ask(&register));
    let open = stage.proposals("F-1", false);
    assert!(open.iter().any(|row| row.field == "lavoro.politiche_attive[].durata" && row.item.is_some()));
    assert!(!open.iter().any(|row| row.field == "lavoro.did.data"));
    assert!(stage.gateway.verify_audit().unwrap().is_ok());
}

#[test]
fn a_value_that_was_declined_comes_back_only_as_another() {
    let stage = Stage::open("");
    stage.save(&folder("F-1", true));
    let other = || documents(&[&SCHEDA.replace("<anzianita>3<", "<anzianita>4<")]);
    let register = Scripted::new(vec![Box::new(|| documents(&[SCHEDA])), Box::new(other)]);
    stage.start("F-1");
    assert!(stage.ask(&register));
    let months = |stage: &Stage| {
        let rows = stage.proposals("F-1", true);
        let rows = rows.into_iter().filter(|row| row.field == "lavoro.anzianita_mesi");
        rows.map(|row| (row.id, row.state)).collect::<Vec<_>>()
    };
    let row = stage.gateway.books.folder("H501", "F-1").unwrap().unwrap();
    let id = months(&stage)[0].0;
    stage.gateway.decide_proposal(&row, id, false, "operatore").unwrap();
    stage.start("F-1");
    assert!(stage.ask(&register));
    let states: Vec<_> = months(&stage).into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, ["superseded", "proposed"]);
    assert!(stage.gateway.decide_proposal(&row, id, true, "operatore").is_err(), "it is over");
    assert!(stage.gateway.decide_proposal(&row, 999, true, "operatore").is_err());
}
