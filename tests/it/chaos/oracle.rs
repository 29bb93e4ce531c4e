//! What the CSI products know: every change they sent, and which were acknowledged.
//! A change without an answer is sent again, unaltered, until it has one.

use std::collections::BTreeSet;

use raccordo::folder::FolderSchema;
use raccordo::sandbox::people;
use serde_json::{Value, json};

use super::installation::{FILED, OFFERED};
use super::life::{Gone, Life};
use super::random::Random;

/// One folder as its product sees it.
pub struct Citizen {
    pub ente: String,
    pub id: String,
    first: Value,
    latest: Value,
    /// Revision of `latest`.
    sent: u64,
    acknowledged: u64,
}

/// The products of all enti.
pub struct Oracle {
    pub citizens: Vec<Citizen>,
    /// Saved since the last look.
    touched: BTreeSet<usize>,
    pub acknowledged: u64,
    pub resent: u64,
    pub losses: Vec<String>,
}

impl Oracle {
    pub fn new(count: u64, seed: u64) -> Self {
        let enti: Vec<&str> = OFFERED.iter().copied().chain([FILED]).collect();
        let today = raccordo::gateway::Clock::today(&raccordo::gateway::SystemClock);
        let schema = FolderSchema::embedded().unwrap();
        // A planted defect may make a folder none at all; that is another test's affair.
        let sound = move |made: &people::Generated| schema.parse(made.folder.to_string().as_bytes()).is_ok();
        let made = people::generate(2 * count, seed, 0.05, &enti, today).filter(sound).take(count as usize);
        let citizens = made.map(|made| Citizen {
            ente: made.folder["ente"].as_str().unwrap().to_owned(),
            id: made.folder["id"].as_str().unwrap().to_owned(),
            latest: made.folder.clone(),
            first: made.folder,
            sent: 0,
            acknowledged: 0,
        });
        let citizens = citizens.collect();
        Self { citizens, touched: BTreeSet::new(), acknowledged: 0, resent: 0, losses: Vec::new() }
    }

    /// The next change of a folder, or the one that has no answer yet.
    fn next(&mut self, number: usize, random: &mut Random) -> String {
        let citizen = &mut self.citizens[number];
        if citizen.sent == citizen.acknowledged {
            if citizen.sent > 0 {
                change(citizen, random);
            }
            citizen.sent += 1;
            citizen.latest["versione"] = json!(citizen.sent);
        } else {
            self.resent += 1;
        }
        self.touched.insert(number);
        citizen.latest.to_string()
    }

    fn acknowledge(&mut self, number: usize) {
        self.citizens[number].acknowledged = self.citizens[number].sent;
        self.acknowledged += 1;
    }

    /// Saves a folder's next change.
    pub fn put(&mut self, life: &Life<'_>, number: usize, random: &mut Random) -> Result<(), Gone> {
        let body = self.next(number, random);
        let answer =
            life.call("PUT", &format!("/api/v1/folders/{}", self.citizens[number].id), body.as_bytes())?;
        match answer.status {
            200 | 201 => self.acknowledge(number),
            _ if life.excuses(&answer) => {}
            other => {
                self.losses.push(format!("{}: a save was answered with {other}", self.citizens[number].id))
            }
        }
        Ok(())
    }

    /// Imports several folders' next changes; every result line counts for itself.
    pub fn import(&mut self, life: &Life<'_>, numbers: &[usize], random: &mut Random) -> Result<(), Gone> {
        let lines: Vec<String> = numbers.iter().map(|number| self.next(*number, random)).collect();
        let answer = life.call("POST", "/api/v1/import", (lines.join("\n") + "\n").as_bytes())?;
        for line in answer.body.split(|byte| *byte == b'\n') {
            let line: Value = serde_json::from_slice(line).unwrap_or_default();
            let saved = line["outcome"].as_str().is_some_and(|outcome| outcome.starts_with("saved"));
            let number = numbers.iter().find(|number| line["id"] == self.citizens[**number].id.as_str());
            if let (true, Some(number)) = (saved, number) {
                self.acknowledge(*number);
            }
        }
        Ok(())
    }

    /// Looks whether what was saved lately is there.
    pub fn look(&mut self, life: &Life<'_>) -> Result<(), Gone> {
        while let Some(number) = self.touched.first().copied() {
            self.verify(life, number, "")?;
            self.touched.remove(&number);
        }
        Ok(())
    }

    /// Looks whether every folder is there as it was last acknowledged, word for word.
    pub fn look_at_all(&mut self, life: &Life<'_>) -> Result<(), Gone> {
        let sent = |number: &usize| self.citizens[*number].sent > 0;
        let known: Vec<usize> = (0..self.citizens.len()).filter(sent).collect();
        known.into_iter().try_for_each(|number| self.verify(life, number, "&body=true"))
    }

    fn verify(&mut self, life: &Life<'_>, number: usize, more: &str) -> Result<(), Gone> {
        let citizen = &self.citizens[number];
        let path = format!("/api/v1/folders/{}?ente={}{more}", citizen.id, citizen.ente);
        let shown = life.call("GET", &path, b"")?;
        if life.excuses(&shown) {
            return Ok(());
        }
        let version = if shown.good() { shown.json()["version"].as_u64().unwrap_or(0) } else { 0 };
        let whole = more.is_empty()
            || citizen.sent != citizen.acknowledged
            || shown.json()["folder"] == citizen.latest;
        if version < citizen.acknowledged || version > citizen.sent || !whole {
            self.losses.push(format!(
                "{}: revision {} acknowledged, {} sent, {version} stored, body as sent: {whole}",
                citizen.id, citizen.acknowledged, citizen.sent
            ));
        }
        Ok(())
    }

    /// Folders whose last change has no answer yet.
    pub fn unanswered(&self) -> Vec<usize> {
        (0..self.citizens.len())
            .filter(|n| self.citizens[*n].sent != self.citizens[*n].acknowledged)
            .collect()
    }

    /// The people that nobody may find outside.
    pub fn people(&self) -> impl Iterator<Item = &Value> {
        self.citizens.iter().map(|citizen| &citizen.first["persona"])
    }

    /// The folders of the file route, or those of the offered ones.
    pub fn of(&self, filed: bool) -> Vec<usize> {
        (0..self.citizens.len()).filter(|number| (self.citizens[*number].ente == FILED) == filed).collect()
    }
}

/// Another fee, an annulment and its withdrawal, all as it was at first, or nothing at all.
fn change(citizen: &mut Citizen, random: &mut Random) {
    let first = &citizen.first["interventi"][0];
    let now = &mut citizen.latest["interventi"][0];
    match random.within(0..10) {
        0..5 => now["quota_richiesta"] = json!(random.pick(&["512.00", "100.00", "77.50", "18.20"])),
        5..7 if now["stato"] == "annullato" => now["stato"] = first["stato"].clone(),
        5..7 => now["stato"] = json!("annullato"),
        7..9 => *now = first.clone(),
        _ => {}
    }
}
