//! The judge: the ledger's book against the recipient's, and what is left lying about.

use std::path::{Path, PathBuf};
use std::process::Command;

use raccordo::exchange::Bucket;

use crate::chaos::installation::Installation;
use crate::chaos::privacy::{Forbidden, search};
use crate::chaos::{binary, opened};
use crate::queue::broker::Running;

use super::ledger::Copy;
use super::stage::Stage;

/// How each of our messages begins.
const MESSAGE: &[u8] = b"{\"submission\":";

impl Stage {
    /// Everything that is wrong at the end, and the figures.
    pub fn judge(&mut self, place: &Installation, broker: Option<&Running>) -> Vec<String> {
        let mut wrong = std::mem::take(&mut self.wrong);
        wrong.extend(std::mem::take(&mut self.products.losses));
        let (saved, again) = (self.products.acknowledged, self.products.resent);
        println!("{saved} changes acknowledged, {again} sent again");
        println!("{} containers were with the recipient when the gateway died", self.under_way);
        self.books(&Copy::of(place), &mut wrong);
        self.runs(place, &mut wrong);
        if let Some(broker) = broker {
            self.on_disk(broker, &mut wrong);
        }
        let (scanned, found) = search(place, &Forbidden::of(self.products.people()));
        println!("privacy: {} KiB of log and ledger searched, {} places", scanned / 1024, found.len());
        wrong.extend(found.into_iter().map(|place| format!("personal data in {place}")));
        audit(place, &mut wrong);
        wrong
    }

    /// No person in the broker's files, and something of ours that was searched.
    fn on_disk(&self, broker: &Running, wrong: &mut Vec<String>) {
        wrong.extend(self.people_in(broker.place()));
        let seen: usize = files(broker.place()).iter().map(|path| messages(path)).sum();
        println!("{seen} messages of ours on the broker's disk");
        if seen == 0 {
            wrong.push("no message of ours was found on the broker's disk: nothing was searched".into());
        }
    }

    /// Both books, and what each folder wants against what the register holds.
    fn books(&self, copy: &Copy, wrong: &mut Vec<String>) {
        let register = format!("register = '{}'", self.register);
        let held = copy.rows(&format!(
            "SELECT id || '.' || held_generation FROM record WHERE held_content IS NOT NULL AND {register} ORDER BY id",
        ));
        let book = self.server.book();
        let differences = book.compare(&held);
        println!(
            "{} transactions took effect; {} held by the ledger, {} by the recipient; {} differences, {} anomalies",
            book.commits(),
            held.len(),
            book.held().len(),
            differences.len(),
            book.anomalies().len()
        );
        wrong.extend(differences);
        wrong.extend(book.anomalies().iter().cloned());
        wrong.extend(copy.lost(&register));
        let differs = "held_content IS DISTINCT FROM desired_content";
        let of = |state: &str| copy.count(&format!("SELECT count(*) FROM operation WHERE state = '{state}'"));
        println!(
            "{} submissions settled, {} attempts ({} questions); operations: {} accepted, {} refused, {} superseded, \
             {} parked; {} records differ because the recipient refused them",
            copy.count("SELECT count(*) FROM submission WHERE state = 'settled'"),
            copy.count("SELECT count(*) FROM attempt"),
            copy.count("SELECT count(*) FROM attempt WHERE what = 'ask'"),
            of("accepted"),
            of("refused"),
            of("superseded"),
            of("parked"),
            copy.count(&format!(
                "SELECT count(*) FROM record WHERE {register} AND desired = 'present' AND {differs}"
            )),
        );
    }

    fn runs(&self, place: &Installation, wrong: &mut Vec<String>) {
        let runs = opened(place).books.runs(None, 1_000_000).unwrap();
        // A cancel that no run had counted waits for a person there (ADR 0008); the reports at the end
        // counted what was left of them.
        let held: u64 = runs.iter().map(|run| run.balance.count(Bucket::Held)).sum();
        let looks = self.looks;
        println!("{} runs, {looks} looks at balances on the way, {held} held for approval", runs.len());
        for run in runs.iter().filter(|run| run.register == self.register) {
            let open =
                [Bucket::Uncertain, Bucket::Parked].into_iter().any(|bucket| run.balance.count(bucket) > 0);
            if run.selecting || open || !run.balance.is_settled() || !run.balance.closes() {
                wrong.push(format!("run {} is not settled or does not close: {:?}", run.id, run.balance));
            }
        }
    }

    /// Files of a directory that name a person.
    pub fn people_in(&self, directory: &Path) -> Vec<String> {
        let forbidden = Forbidden::of(self.products.people());
        let named = |path: &PathBuf| std::fs::read(path).is_ok_and(|bytes| forbidden.count(&bytes) > 0);
        let found = files(directory).into_iter().filter(named);
        found.map(|path| format!("personal data in {}", path.display())).collect()
    }
}

fn messages(path: &Path) -> usize {
    let bytes = std::fs::read(path).unwrap_or_default();
    bytes.windows(MESSAGE.len()).filter(|window| *window == MESSAGE).count()
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => all.extend(files(&entry.path())),
            Ok(kind) if kind.is_file() => all.push(entry.path()),
            _ => {}
        }
    }
    all
}

/// What an auditor would type.
fn audit(place: &Installation, wrong: &mut Vec<String>) {
    let mut command = Command::new(binary());
    let said = command.arg("--config").arg(&place.config).args(["audit", "verify"]).output().unwrap();
    println!("audit: {}", String::from_utf8_lossy(&said.stdout).trim());
    if !said.status.success() {
        wrong.push(format!("audit verify: {}", String::from_utf8_lossy(&said.stderr)));
    }
}
