//! Reports that start by themselves: each firing once, whatever the clock, the process and the
//! configuration do.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use raccordo::audit::{Event, EventKind, link};
use raccordo::channel::offer::OfferDesk;
use raccordo::gateway::{CalendarView, Clock, Gateway, RunRequest};
use raccordo::ledger::Tx;
use raccordo::node;
use serde_json::{Value, json};

use crate::cli::raccordo;
use crate::serving::{ALL, FLOW, ROME, Site, configure, generated};

/// A clock that a test holds.
#[derive(Clone)]
pub struct Held(Arc<AtomicI64>);

impl Held {
    pub fn at(text: &str) -> Self {
        let held = Self(Arc::default());
        held.set(text);
        held
    }

    pub fn set(&self, text: &str) {
        let at: jiff::Timestamp = text.parse().unwrap();
        self.0.store(at.as_millisecond(), Ordering::SeqCst);
    }
}

impl Clock for Held {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Opens the installation of `dir` with these calendar tables on a held clock.
pub fn open(dir: &Path, tables: &str, clock: &Held) -> Gateway {
    let config = configure(dir, "unused.json", "");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text + tables).unwrap();
    let settings = crate::ledgers::load(&config);
    Gateway::open(settings, node::load_catalog().unwrap(), Box::new(clock.clone())).unwrap()
}

fn table(cron: &str) -> String {
    format!(
        "\n[[calendar]]\nid = \"quarterly\"\nenti = [\"H501\", \"F205\"]\nflow = \"{FLOW}\"\ncron = \"{cron}\"\nperiod = \
         \"previous-quarter\"\nwindow = \"2d\"\ndeadline = \"45 days\"\n"
    )
}

/// The tenth day after each quarter, 02:30 in Rome.
const QUARTERLY: &str = "30 2 10 1,4,7,10 *";

fn ticks(gateway: &Gateway, clock: &Held, times: &[&str]) {
    for time in times {
        clock.set(time);
        node::tick(gateway).unwrap();
    }
}

fn runs(gateway: &Gateway) -> usize {
    gateway.books.runs(None, 100).unwrap().len()
}

fn shown(gateway: &Gateway) -> CalendarView {
    gateway.calendar().unwrap().remove(0)
}

#[test]
fn each_firing_opens_each_ente_s_run_once() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Held::at("2026-10-01T08:00:00Z");
    let gateway = open(dir.path(), &table(QUARTERLY), &clock);
    for folder in generated(5) {
        gateway.save_bytes(folder.to_string().as_bytes(), "test").unwrap();
    }
    ticks(&gateway, &clock, &["2026-10-01T08:00:00Z", "2026-10-10T00:29:59Z"]);
    assert_eq!(runs(&gateway), 0, "not yet, and nothing of the past");
    let next = shown(&gateway).next.unwrap();
    assert_eq!((next.at.as_str(), next.period.as_str()), ("2026-10-10T00:30:00.000Z", "2026-T3"));
    assert_eq!((next.deadline.as_deref(), next.slack_days), (Some("2026-11-14"), Some(35)));
    ticks(&gateway, &clock, &["2026-10-10T00:30:00Z", "2026-10-10T00:30:30Z", "2026-11-20T00:00:00Z"]);
    let heads = gateway.books.runs(None, 10).unwrap();
    assert_eq!(heads.len(), 2);
    for head in &heads {
        assert_eq!((head.period.as_str(), head.actor.as_str()), ("2026-T3", "calendar quarterly"));
        assert!(!head.selecting && head.balance.closes());
    }
    assert!(heads.iter().any(|head| head.ente == "H501" && head.balance.selected > 0));
    let last = shown(&gateway).last.unwrap();
    assert_eq!((last.runs.len(), last.slack_days), (2, Some(-6)), "over by six days: shown, not enforced");
    assert!(shown(&gateway).missed.is_empty());
    assert!(gateway.verify_audit().unwrap().is_ok());
}

#[test]
fn a_firing_whose_process_died_before_it_selected_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Held::at("2026-10-01T08:00:00Z");
    let gateway = open(dir.path(), &table(QUARTERLY), &clock);
    for folder in generated(5) {
        gateway.save_bytes(folder.to_string().as_bytes(), "test").unwrap();
    }
    node::tick(&gateway).unwrap();
    clock.set("2026-10-10T00:30:00Z");
    assert_eq!(gateway.fire_calendar().unwrap(), 2, "opened, not selected: here it dies");
    drop(gateway);
    let gateway = open(dir.path(), &table(QUARTERLY), &clock);
    node::tick(&gateway).unwrap();
    let heads = gateway.books.runs(None, 10).unwrap();
    assert_eq!(heads.len(), 2);
    assert!(heads.iter().all(|head| !head.selecting));
    assert!(heads.iter().any(|head| head.balance.selected > 0));
}

#[test]
fn after_an_absence_the_latest_starts_inside_its_window_and_else_is_shown_as_missed() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Held::at("2026-01-01T08:00:00Z");
    let gateway = open(dir.path(), &table(QUARTERLY), &clock);
    node::tick(&gateway).unwrap();
    drop(gateway);
    // Down from January until two days after the firing of July: those of January and April are passed over.
    clock.set("2026-07-12T00:30:00Z");
    let gateway = open(dir.path(), &table(QUARTERLY), &clock);
    node::tick(&gateway).unwrap();
    assert_eq!(runs(&gateway), 2, "caught up once, not three times");
    let last = shown(&gateway).last.unwrap();
    assert_eq!((last.period.as_str(), last.enti[0].passed_over), ("2026-T2", 2));
    drop(gateway);
    clock.set("2026-10-12T00:30:01Z");
    let gateway = open(dir.path(), &table(QUARTERLY), &clock);
    ticks(&gateway, &clock, &["2026-10-12T00:30:01Z", "2026-10-12T00:31:00Z"]);
    assert_eq!(runs(&gateway), 2, "too late to start");
    let missed = shown(&gateway).missed;
    assert_eq!(missed.len(), 2, "one per ente");
    assert!(missed.iter().all(|row| row.what == "missed" && row.period == "2026-T3"));
    assert!(gateway.verify_audit().unwrap().is_ok());
}

#[test]
fn another_cron_fires_nothing_of_the_past_and_a_clock_set_back_nothing_again() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Held::at("2026-10-09T08:00:00Z");
    let gateway = open(dir.path(), &table("0 6 * * *"), &clock);
    ticks(&gateway, &clock, &["2026-10-09T08:00:00Z", "2026-10-10T04:00:00Z", "2026-10-11T04:00:00Z"]);
    assert_eq!(runs(&gateway), 4);
    ticks(&gateway, &clock, &["2026-10-09T09:00:00Z", "2026-10-10T04:00:00Z", "2026-10-11T04:00:10Z"]);
    assert_eq!(runs(&gateway), 4, "the same two days again: nothing again");
    ticks(&gateway, &clock, &["2026-10-12T04:00:00Z"]);
    assert_eq!(runs(&gateway), 6, "and then on");
    drop(gateway);
    clock.set("2026-10-12T12:00:00Z");
    let gateway = open(dir.path(), &table("0 8 * * *"), &clock);
    ticks(&gateway, &clock, &["2026-10-12T12:00:00Z", "2026-10-12T12:01:00Z"]);
    assert_eq!(runs(&gateway), 6, "eight o'clock had passed when the table was changed");
    ticks(&gateway, &clock, &["2026-10-13T06:00:00Z"]);
    assert_eq!(runs(&gateway), 8);
}

#[test]
fn half_past_two_happens_once_on_both_clock_changes() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Held::at("2026-03-28T12:00:00Z");
    let gateway = open(dir.path(), &table("30 2 * * *"), &clock);
    let minutes = |from: &str, count: i64| {
        let from: jiff::Timestamp = from.parse().unwrap();
        for minute in 0..count {
            let at = from + jiff::SignedDuration::from_mins(minute);
            clock.set(&at.to_string());
            gateway.fire_calendar().unwrap();
        }
    };
    minutes("2026-03-29T00:00:00Z", 180);
    assert_eq!(runs(&gateway), 2, "one per ente on the day that has no half past two");
    gateway.fire_calendar().unwrap();
    clock.set("2026-10-24T12:00:00Z");
    gateway.fire_calendar().unwrap();
    let before = runs(&gateway);
    minutes("2026-10-24T22:00:00Z", 300);
    assert_eq!(runs(&gateway), before + 2, "one per ente on the day that has two");
}

#[test]
fn a_table_that_does_not_fit_is_told_with_the_mend() {
    let wrong = [
        (QUARTERLY, "61 * * * *", "cron `61 * * * *`"),
        (QUARTERLY, "0 6 31 2 *", "never fires"),
        ("previous-quarter", "next-week", "previous-month"),
        ("window = \"2d\"", "window = \"soon\"", "3d, 36h, 90m"),
        ("45 days", "in time", "day 20"),
        ("\"F205\"]\nflow", "\"A001\"]\nflow", "ente A001 has no [[ente]]"),
        ("[\"H501\", \"F205\"]\nflow", "[]\nflow", "`enti` is empty"),
        ("flow = \"siuss", "flow = \"siusz", "no flow `siusz"),
        ("deadline =", "route = \"file-H501\"\ndeadline =", "ente F205 has no such route"),
    ];
    for (what, with, told) in wrong {
        let dir = tempfile::tempdir().unwrap();
        let config = configure(dir.path(), "unused.json", "");
        let tables = table(QUARTERLY);
        assert!(tables.contains(what), "{what}");
        let text = std::fs::read_to_string(&config).unwrap();
        std::fs::write(&config, text + &tables.replacen(what, with, 1)).unwrap();
        raccordo(dir.path(), &["runs", "list"]).refused(told);
        let doctor = raccordo(dir.path(), &["doctor"]).exit(1).out;
        let line = doctor.lines().find(|line| line.contains(told));
        assert!(line.is_some_and(|_| doctor.contains("calendar quarterly")), "{told}: {doctor}");
    }
}

#[test]
fn the_calendar_is_shown_by_the_api_and_the_command() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Held::at("2026-10-01T08:00:00Z");
    let gateway = open(dir.path(), &table(QUARTERLY), &clock);
    ticks(&gateway, &clock, &["2026-10-01T08:00:00Z", "2026-10-10T00:30:00Z"]);
    drop(gateway);
    let told = raccordo(dir.path(), &["--json", "calendar"]).exit(0).json();
    let entry = &told["calendar"][0];
    assert_eq!((&entry["id"], &entry["last"]["period"]), (&json!("quarterly"), &json!("2026-T3")));
    let runs = entry["last"]["runs"].as_array().unwrap();
    assert!(runs.len() == 2 && runs.iter().all(|run| run["balance"]["closes"] == true), "{entry}");
    let human = raccordo(dir.path(), &["calendar"]).exit(0).out;
    assert!(human.contains("quarterly") && human.contains("2026-T3") && human.contains("started"), "{human}");
    let site = Site::open();
    assert_eq!(site.api("GET", "/calendar", b"").good(200), json!({ "calendar": [] }));
    assert!(raccordo(site.dir.path(), &["calendar"]).exit(0).out.contains("[[calendar]]"));
}

#[test]
fn a_token_sees_its_own_enti_of_the_calendar_and_of_the_runs() {
    let site = Site::with("");
    let start = |ente: &str| {
        let run = json!({"ente": ente, "flow": FLOW}).to_string();
        site.api("POST", "/runs", run.as_bytes()).good(201)
    };
    start("H501");
    (0..5).for_each(|_| drop(start("F205")));
    let list = |token: &str, path: &str| -> Vec<Value> {
        site.api_as(token, "GET", path, b"").good(200)["runs"].as_array().unwrap().clone()
    };
    assert_eq!(list(ROME, "/runs?limit=2").len(), 1, "the limit counts the caller's own runs");
    assert_eq!(list(ALL, "/runs?limit=2").len(), 2);
    assert_eq!(list(ALL, "/runs?limit=2&ente=H501").len(), 1);
    site.api_as(ROME, "GET", "/runs?ente=F205", b"").problem(403);
}

#[test]
fn a_run_is_cancelled_by_the_api_and_the_command_once() {
    let site = Site::open();
    site.fill(4);
    let out = site.flussi("since=0&limit=1").len() as u64;
    let cancelled = site.api("POST", "/runs/1/cancel", b"").good(200);
    let terms = &cancelled["balance"]["terms"];
    assert_eq!((&cancelled["cancelled_now"], &terms["waiting"]), (&json!(true), &json!(out)));
    assert!(terms["queued"] == 0 && terms["superseded"].as_u64() > Some(0), "{terms}");
    assert_eq!(site.flussi("since=0&limit=100").len() as u64, out);
    assert_eq!(site.api("POST", "/runs/1/cancel", b"").good(200)["cancelled_now"], false);
    site.api("POST", "/runs/1/approve", b"").problem(409);
    site.api("POST", "/runs/99/cancel", b"").problem(404);
    let at = site.dir.path();
    assert!(raccordo(at, &["runs", "cancel", "1"]).exit(0).out.contains("cancelled"));
    raccordo(at, &["runs", "cancel", "99"]).refused("no run 99");
    let foreign = json!({"ente": "F205", "flow": FLOW}).to_string();
    let foreign = site.api("POST", "/runs", foreign.as_bytes()).good(201)["id"].clone();
    site.api_as(ROME, "POST", &format!("/runs/{foreign}/cancel"), b"").problem(404);
    raccordo(at, &["audit", "verify"]).exit(0);
}

/// The audit events of a kind, with their details.
fn events(gateway: &Gateway, kind: &str) -> Vec<Value> {
    let rows = gateway.books.audit(0, 100_000).unwrap();
    let events = rows.iter().map(|(_, event, _)| serde_json::from_str::<Value>(event).unwrap());
    events.filter(|event| event["what"] == kind).collect()
}

#[test]
fn what_has_no_receipt_in_time_is_told_to_the_audit_chain_once() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Held::at("2026-10-01T08:00:00Z");
    let gateway = Arc::new(open(dir.path(), "", &clock));
    for folder in generated(5) {
        gateway.save_bytes(folder.to_string().as_bytes(), "test").unwrap();
    }
    let request = RunRequest {
        ente: "H501".into(),
        flow: FLOW.into(),
        period: None,
        folder: None,
        route: None,
        actor: "test".into(),
    };
    gateway.start_run(&request).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(gateway.page("waas-H501", 0, 3)).unwrap().len(), 3);
    ticks(&gateway, &clock, &["2026-10-20T08:00:00Z"]);
    assert!(events(&gateway, "receipt-overdue").is_empty());
    ticks(&gateway, &clock, &["2026-11-05T08:00:00Z", "2026-11-05T08:01:00Z"]);
    let told = events(&gateway, "receipt-overdue");
    assert_eq!((told.len(), &told[0]["detail"]["operations"]), (1, &json!("3")));
    assert_eq!(told[0]["subject"], "waas-H501");
}

#[test]
fn a_chain_longer_than_a_chunk_is_verified_to_its_last_link() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = open(dir.path(), "", &Held::at("2026-10-01T08:00:00Z"));
    let event = |number: i64| Event {
        at: "2026-10-01T08:00:00Z".into(),
        actor: "test".into(),
        what: EventKind::ChainVerified,
        subject: None,
        detail: [("number".to_owned(), number.to_string())].into(),
    };
    let append = move |tx: &mut Tx<'_>, count: i64, sound: bool| {
        for _ in 0..count {
            let (last, head) = tx.audit_head()?;
            let event = event(last + 1);
            let hash = if sound { link(&head, &event) } else { [9; 32] };
            tx.append_audit(last + 1, &serde_json::to_string(&event).unwrap(), &hash)?;
        }
        Ok(())
    };
    gateway.books.write(move |tx| append(tx, 10_500, true)).unwrap();
    assert_eq!(gateway.verify_audit().unwrap().unwrap().count, 10_500);
    gateway.books.write(move |tx| append(tx, 1, false)).unwrap();
    assert_eq!(gateway.verify_audit().unwrap().unwrap_err().sequence, 10_501);
    gateway.books.write(|tx| tx.append_audit(10_502, "{", &[0; 32])).unwrap();
    assert!(gateway.verify_audit().unwrap().is_err(), "the first break is told");
}
