//! The judge: lets everything come to rest, then holds the books against one another.

use std::process::Command;

use raccordo::exchange::Bucket;
use serde_json::Value;

use super::binary;
use super::installation::{FILED, Installation, OFFERED};
use super::life::{Fault, Gone, Life};
use super::privacy::{Forbidden, search};
use super::stage::{ELSEWHERE, Stage};

/// Rounds in which everything must come to rest.
const ROUNDS: usize = 40;
const MOVING: [&str; 6] = ["queued", "sending", "retrying", "waiting", "uncertain", "parked"];

impl Stage {
    /// Nobody is killed any more: everything must come to rest by itself. Then the last blow.
    pub fn come_to_rest(&mut self, place: &Installation) {
        self.be_kind();
        let (mut life, ready) = Life::start(place, Fault::None);
        assert!(ready.is_ok(), "the gateway does not start any more");
        if self.rest(&life, place).is_err() {
            self.faults.push("the gateway died although nobody killed it".into());
        }
        life.kill();
        self.faults.append(&mut life.complaints.borrow_mut());
    }

    pub fn rest(&mut self, life: &Life<'_>, place: &Installation) -> Result<(), Gone> {
        self.catch_up(life)?;
        self.settle(life, place)?;
        // What rests in a difference would show in a second report.
        for ente in OFFERED.into_iter().chain([FILED]) {
            self.report(life, ente)?;
        }
        self.settle(life, place)?;
        for ente in OFFERED.into_iter().chain([FILED]) {
            let run = self.report(life, ente)?;
            let terms = &run["balance"]["terms"];
            let moved = MOVING.iter().chain(&["held"]).any(|state| terms[*state].as_u64() != Some(0));
            if moved {
                self.faults.push(format!("a report after rest finds work in {ente}: {terms}"));
            }
        }
        self.balances(life, 1000)?;
        self.oracle.look_at_all(life)
    }

    fn settle(&mut self, life: &Life<'_>, place: &Installation) -> Result<(), Gone> {
        for _ in 0..ROUNDS {
            Self::approve(life)?;
            life.call("POST", &format!("/api/v1/routes/{}/files", super::installation::FILE_ROUTE), b"")?;
            self.take(place);
            self.poll(life)?;
            self.portal.answer(life)?;
            Self::decide(life)?;
            if Self::moving(life)?.is_empty() {
                return Ok(());
            }
        }
        for (state, example) in Self::moving(life)? {
            self.faults.push(format!("still {state} after {ROUNDS} kind rounds: {example}"));
        }
        Ok(())
    }

    fn moving(life: &Life<'_>) -> Result<Vec<(&'static str, Value)>, Gone> {
        let mut moving = Vec::new();
        for state in MOVING {
            let found =
                life.call("GET", &format!("/api/v1/operations?state={state}&limit=10000"), b"")?.json();
            let mut ours = found["operations"].as_array().into_iter().flatten();
            if let Some(first) = ours.find(|operation| operation["route"] != ELSEWHERE) {
                moving.push((state, first.clone()));
            }
        }
        Ok(moving)
    }

    /// Everything that is wrong at the end, and the figures.
    pub fn judge(&mut self, place: &Installation) -> Vec<String> {
        let mut wrong = std::mem::take(&mut self.faults);
        wrong.extend(std::mem::take(&mut self.oracle.losses));
        wrong.extend(std::mem::take(&mut self.portal.anomalies));
        self.compare(place, &mut wrong);
        for entry in std::fs::read_dir(&place.outbox).unwrap().flatten() {
            if entry.path().extension().is_none_or(|extension| extension != "xml") {
                wrong.push(format!("{} is left in the outbox", entry.path().display()));
            }
        }
        let forbidden = Forbidden::of(self.oracle.people());
        let (scanned, found) = search(place, &forbidden);
        println!(
            "privacy: {} KiB of log and ledger searched, {} places with a person",
            scanned / 1024,
            found.len()
        );
        wrong.extend(found.into_iter().map(|place| format!("personal data in {place}")));
        self.command_line(place, &mut wrong);
        wrong
    }

    /// The books of ledger, simulated INPS and portal.
    fn compare(&self, place: &Installation, wrong: &mut Vec<String>) {
        let gateway = super::opened(place);
        let books = &gateway.books;
        let held = |ente: &str| -> Vec<String> {
            let mut names: Vec<_> =
                books.held(ente, &self.register).unwrap().into_iter().map(|held| held.submission).collect();
            names.sort();
            names
        };
        for (ente, inps) in OFFERED.iter().zip(&self.inps) {
            let (ours, book) = (held(ente), inps.book());
            println!(
                "{ente}: {} flows acquired, {} held by INPS, {} by the ledger, {} anomalies",
                book.acquired().count(),
                book.held().len(),
                ours.len(),
                book.anomalies().len()
            );
            wrong.extend(book.anomalies().iter().map(|anomaly| format!("{ente}: {anomaly}")));
            wrong.extend(book.compare(&ours).into_iter().map(|difference| format!("{ente}: {difference}")));
        }
        let (ours, theirs) = (held(FILED), self.portal.held());
        println!(
            "{FILED}: {} files, {} answers, {} held by the portal, {} by the ledger",
            self.portal.count(),
            self.portal.answered,
            theirs.len(),
            ours.len()
        );
        if ours != theirs {
            wrong.push(format!("{FILED}: the ledger and the portal hold other records"));
        }
        let runs = books.runs(None, 1_000_000).unwrap();
        println!("{} runs, {} looks at balances on the way", runs.len(), self.looks);
        for run in runs.iter().filter(|run| run.flow == self.flow) {
            let open = run.selecting || !run.balance.is_settled() || run.balance.count(Bucket::Held) > 0;
            if open || !run.balance.closes() {
                wrong.push(format!("run {} is not settled or does not close: {:?}", run.id, run.balance));
            }
        }
        for route in books.suspended_routes().unwrap() {
            wrong.push(format!("route {route} is suspended"));
        }
    }

    /// What an auditor would type.
    fn command_line(&self, place: &Installation, wrong: &mut Vec<String>) {
        let run = |arguments: &[&str]| {
            let mut command = Command::new(binary());
            command.arg("--config").arg(&place.config).args(arguments).output().unwrap()
        };
        let audit = run(&["audit", "verify"]);
        println!("audit: {}", String::from_utf8_lossy(&audit.stdout).trim());
        if !audit.status.success() {
            wrong.push(format!("audit verify: {}", String::from_utf8_lossy(&audit.stderr)));
        }
        // Every file was validated by the same code when it was taken; some also as a person would.
        let mut files: Vec<_> =
            std::fs::read_dir(&place.outbox).unwrap().flatten().map(|entry| entry.path()).collect();
        files.sort();
        for file in files.iter().step_by(files.len() / 4 + 1) {
            if !run(&["validate", "--flow", &self.flow, &file.display().to_string()]).status.success() {
                wrong.push(format!("{} is not valid", file.display()));
            }
        }
    }
}
