//! The end of what is kept: what must stay stays, what went was not needed, nobody waits for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use raccordo::channel::offer::{OfferDesk, Served};
use raccordo::exchange::{Answer, Receipt};
use raccordo::gateway::{Gateway, RunRequest};
use raccordo::ledger::books::Kept;
use raccordo::ledger::{Books, Turn, Tx};
use rusqlite::{Connection, params};
use serde_json::Value;

use crate::calendar::{Held, open};
use crate::serving::{FLOW, generated};

const ROUTE: &str = "waas-H501";

struct Stage {
    gateway: Arc<Gateway>,
    runtime: tokio::runtime::Runtime,
    since: i64,
}

impl Stage {
    fn save(&self, folders: &[Value]) {
        for folder in folders {
            self.gateway.save_bytes(folder.to_string().as_bytes(), "test").unwrap();
        }
    }

    fn report(&self) -> i64 {
        let request = RunRequest {
            ente: "H501".into(),
            flow: FLOW.into(),
            period: None,
            folder: None,
            route: Some(ROUTE.into()),
            actor: "test".into(),
        };
        self.gateway.start_run(&request).unwrap()
    }

    /// Everything that is offered is fetched and accepted, page after page.
    fn accepted(&mut self) -> Vec<Served> {
        let mut all = Vec::new();
        loop {
            let page = self.runtime.block_on(self.gateway.page(ROUTE, self.since, 100)).unwrap();
            if page.is_empty() {
                return all;
            }
            let receipts = page.iter().map(|served| Receipt {
                name: served.name.clone(),
                timestamp: served.timestamp,
                answer: Answer::Accepted,
                code: "OK".into(),
                text: Some(b"what it wrote".to_vec()),
                acquired_as: None,
            });
            self.runtime.block_on(self.gateway.settle(ROUTE, receipts.collect())).unwrap();
            self.since = page.last().unwrap().timestamp;
            all.extend(page);
        }
    }

    fn pruned(&self) -> usize {
        let mut rows = 0;
        loop {
            let pruned = self.gateway.prune().unwrap();
            rows += pruned.rows;
            if !pruned.more {
                return rows;
            }
        }
    }
}

fn count(gateway: &Gateway, sql: &str) -> i64 {
    let ledger = Connection::open(gateway.books.place()).unwrap();
    ledger.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_cancel_finds_what_it_needs_after_everything_else_went() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Held::at("2026-11-23T08:00:00Z");
    let more = "\n[retention]\nattempt_days = 1\ntransition_days = 1\nrun_days = 1\nreceipt_text_days = 1\n";
    let gateway = Arc::new(open(dir.path(), more, &clock));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut stage = Stage { gateway, runtime, since: 0 };
    let mut folders = generated(12);
    stage.save(&folders);
    let run = stage.report();
    let sent = stage.accepted();
    assert!(sent.len() > 12);
    let kept = count(&stage.gateway, "SELECT count(*) FROM payload");
    clock.set("2031-11-23T08:00:00Z");
    assert!(stage.pruned() > 0);
    assert_eq!(stage.pruned(), 0, "it ends");
    // What the register holds stays, with its names, hashes and outcomes, and so does the proof.
    assert_eq!(count(&stage.gateway, "SELECT count(*) FROM payload"), kept);
    let operations = i64::try_from(sent.len()).unwrap();
    assert_eq!(count(&stage.gateway, "SELECT count(*) FROM operation WHERE state = 'accepted'"), operations);
    assert_eq!(count(&stage.gateway, "SELECT count(*) FROM submission"), operations);
    assert_eq!(count(&stage.gateway, "SELECT count(*) FROM receipt WHERE text IS NULL"), operations);
    assert_eq!(count(&stage.gateway, "SELECT count(*) FROM transition"), 2 * operations, "first and last");
    assert!(stage.gateway.books.runs(Some(run), 1).unwrap().is_empty());
    assert!(stage.gateway.verify_audit().unwrap().is_ok());
    // Everybody's interventions are withdrawn: each cancel is built from what was acknowledged.
    for folder in &mut folders {
        for intervention in folder["interventi"].as_array_mut().unwrap() {
            intervention["stato"] = "annullato".into();
        }
    }
    stage.save(&folders);
    let run = stage.report();
    stage.gateway.approve_run(run, "test").unwrap();
    let cancels = stage.accepted();
    assert_eq!(cancels.len(), sent.len(), "none is missing its payload");
    // Now nothing needs the fragments.
    clock.set("2032-11-23T08:00:00Z");
    stage.pruned();
    assert_eq!(count(&stage.gateway, "SELECT count(*) FROM payload"), 0);
}

#[test]
fn a_run_s_balance_closes_while_it_goes() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Held::at("2026-11-23T08:00:00Z");
    let more = "\n[retention]\nrun_days = 1\npayload_days = 0\nbatch = 3\nbatches = 1\n";
    let gateway = Arc::new(open(dir.path(), more, &clock));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut stage = Stage { gateway, runtime, since: 0 };
    stage.save(&generated(5));
    let old = stage.report();
    clock.set("2026-12-23T08:00:00Z");
    for _ in 0..10 {
        stage.gateway.prune().unwrap();
    }
    assert!(stage.gateway.books.runs(Some(old), 1).unwrap()[0].balance.selected > 0, "not over: it stays");
    stage.accepted();
    let mut steps = 0;
    while let Some(head) = stage.gateway.books.runs(Some(old), 1).unwrap().pop() {
        assert!(head.balance.closes(), "{:?}", head.balance);
        stage.gateway.prune().unwrap();
        steps += 1;
        assert!(steps < 200, "it comes to an end");
        clock.set("2027-12-23T08:00:00Z");
    }
    assert!(steps > 3, "little by little");
}

/// A ledger with so many fragments that nothing needs.
fn burdened(at: &std::path::Path, rows: i64) {
    drop(Books::open(at).unwrap());
    let mut ledger = Connection::open(at.join("ledger.sqlite")).unwrap();
    let tx = ledger.transaction().unwrap();
    let folder = "INSERT INTO folder (id, ente, folder_id, wrapped_key, person, content, body, saved_at)
                  VALUES (1, 'H501', 'F', x'01', zeroblob(32), zeroblob(32), x'02', 5)";
    tx.execute(folder, []).unwrap();
    let record = "INSERT INTO record (id, ente, register, flow, folder, key, source, from_day, to_day, desired, powers)
                  VALUES (?1, 'H501', 'siuss', 'f/1', 1, ?2, 's', '2026-01-01', '2026-01-01', 'nothing', 2)";
    let payload = "INSERT INTO payload (record, content, sealed) VALUES (?1, ?2, zeroblob(400))";
    for row in 1..=rows {
        tx.execute(record, params![row, format!("K-{row}")]).unwrap();
        tx.execute(payload, params![row, row.to_be_bytes().repeat(4)]).unwrap();
    }
    tx.commit().unwrap();
}

#[test]
fn nobody_waits_for_the_pruning_of_a_hundred_thousand_rows() {
    let dir = tempfile::tempdir().unwrap();
    burdened(dir.path(), 100_000);
    let books = Books::open(dir.path()).unwrap();
    let (mut worst, mut waits, mut pruned) = (Duration::ZERO, Vec::new(), 0);
    std::thread::scope(|threads| {
        let pruner = threads.spawn(|| {
            let mut rows = 0;
            loop {
                let act = |tx: &mut Tx<'_>| tx.prune(Kept::Payload, 10, 10, 500);
                let stretch = books.write(act).unwrap();
                rows += stretch.pruned;
                if !stretch.more {
                    return rows;
                }
            }
        });
        while !pruner.is_finished() {
            let began = Instant::now();
            books.write_in(Turn::First, |tx| tx.remember("test", 1, "")).unwrap();
            let waited = began.elapsed();
            worst = worst.max(waited);
            waits.push(waited);
        }
        pruned = pruner.join().unwrap();
    });
    waits.sort();
    let p99 = waits[waits.len() * 99 / 100];
    println!("{} writes beside the pruning: p99 {p99:?}, worst {worst:?}", waits.len());
    assert_eq!(pruned, 100_000);
    // One stretch at most stands before whoever goes first.
    assert!(p99 < Duration::from_millis(500), "{p99:?}");
    books.write(|tx| tx.give_back(100_000)).unwrap();
    let ledger = Connection::open(books.place()).unwrap();
    let free: i64 = ledger.query_row("PRAGMA freelist_count", [], |row| row.get(0)).unwrap();
    assert_eq!(free, 0, "free pages are given back");
}
