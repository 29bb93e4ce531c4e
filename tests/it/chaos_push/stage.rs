//! What stands while gateway and broker come and go: the recipient, the products, their work.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use raccordo::sandbox::clock;
use raccordo::sandbox::fhir::{Attribution, Fault, FhirServer, FhirServerConfig, Script};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::chaos::installation::Installation;
use crate::chaos::life::{self, Gone, Life};
use crate::chaos::random::Random;
use crate::chaos::stage::ELSEWHERE;
use crate::queue::broker::Running;

use super::installation::{ENTI, make};
use super::products::{PROBES, Products};

const FLOW: &str = "fhir-social-care/r4-1";
const FOLDERS: usize = 60;
/// Changes saved at once before each fault.
const RUSH: usize = 40;
/// Within this time something new must have arrived after a fault.
const BOUND: Duration = Duration::from_secs(60);
/// Within this time everything must have come to rest.
const REST: Duration = Duration::from_secs(180);
const MOVING: [&str; 6] = ["queued", "sending", "retrying", "waiting", "uncertain", "parked"];

/// Everything but gateway and broker.
pub struct Stage {
    pub server: FhirServer,
    pub products: Products,
    pub random: Random,
    pub register: String,
    pub looks: u64,
    /// Containers that were with the recipient, as far as the ledger knew, when the gateway died.
    pub under_way: u64,
    /// What was seen that must never be.
    pub wrong: Vec<String>,
    seed: u64,
    probes: usize,
    runtime: Runtime,
}

impl Stage {
    /// Sets everything up, with the installation.
    pub fn set(directory: &Path, broker: &Running, seed: u64) -> (Self, Installation) {
        let stage = Self::new(seed, 0);
        let place = make(directory, &stage.register, &stage.server.base_url(), &broker.file("url"));
        (stage, place)
    }

    /// The recipient and the products, whose people are generated from the `first` on; the installation
    /// is someone else's affair.
    pub fn new(seed: u64, first: usize) -> Self {
        let catalog = raccordo::node::load_catalog().map_err(|error| error.to_string()).unwrap();
        let register = catalog.find(FLOW).unwrap().register().to_owned();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let config = FhirServerConfig::new(([127, 0, 0, 1], 0).into(), misbehaviour(seed), None);
        let server = runtime.block_on(FhirServer::start(config, clock::system())).unwrap();
        let products = Products::new(FOLDERS, first, seed, &register);
        Self {
            server,
            products,
            random: Random::new(seed),
            register,
            looks: 0,
            under_way: 0,
            wrong: Vec::new(),
            seed,
            probes: 0,
            runtime,
        }
    }

    /// The first life, with every folder saved and a report under way.
    pub fn begin<'a>(&mut self, place: &'a Installation) -> Life<'a> {
        let (life, ready) = Life::start(place, life::Fault::None);
        let saved = ready.and_then(|()| self.save_all(&life));
        assert!(saved.is_ok(), "the gateway died although nobody killed it");
        life
    }

    pub fn save_all(&mut self, life: &Life<'_>) -> Result<(), Gone> {
        for number in 0..self.products.len() {
            self.products.put(life, number, &mut self.random)?;
        }
        ENTI.into_iter().try_for_each(|ente| Self::report(life, ente).map(drop))
    }

    /// More than the recipient can take at once, so that a fault meets full queues.
    pub fn rush(&mut self, life: &Life<'_>) -> Result<(), Gone> {
        for _ in 0..RUSH {
            let number = self.random.within(PROBES as u64..self.products.len() as u64) as usize;
            self.products.put(life, number, &mut self.random)?;
        }
        ENTI.into_iter().try_for_each(|ente| Self::report(life, ente).map(drop))
    }

    /// One round of everybody's work.
    pub fn work(&mut self, life: &Life<'_>) -> Result<(), Gone> {
        for _ in 0..2 {
            let number = self.random.within(PROBES as u64..self.products.len() as u64) as usize;
            self.products.put(life, number, &mut self.random)?;
            if self.random.chance(40) {
                self.sync(life, number)?;
            }
        }
        if self.random.chance(15) {
            let ente = *self.random.pick(&ENTI);
            Self::report(life, ente)?;
        }
        self.balances(life, 6)
    }

    /// Starts a run over all records of an ente.
    fn report(life: &Life<'_>, ente: &str) -> Result<Value, Gone> {
        let body = json!({ "ente": ente, "flow": FLOW }).to_string();
        Ok(life.call("POST", "/api/v1/runs", body.as_bytes())?.json())
    }

    /// A person wants a folder at the register, now.
    fn sync(&self, life: &Life<'_>, number: usize) -> Result<Value, Gone> {
        let body = json!({ "to": self.register }).to_string();
        Ok(life.call("POST", &self.products.sync_path(number), body.as_bytes())?.json())
    }

    /// Transactions that the recipient has made.
    fn commits(&self) -> u64 {
        self.server.book().commits()
    }

    /// A new change must arrive without any manual act. How long until the next transaction, and
    /// until that change was settled.
    pub fn probe(&mut self, life: &Life<'_>) -> Result<(Duration, Duration), Gone> {
        let (began, before) = (Instant::now(), self.commits());
        self.probes = (self.probes + 1) % PROBES;
        self.products.put(life, self.probes, &mut self.random)?;
        let run = self.sync(life, self.probes)?["runs"][0]["id"].clone();
        let mut resumed = None;
        loop {
            if resumed.is_none() && self.commits() > before {
                resumed = Some(began.elapsed());
            }
            let shown = life.call("GET", &format!("/api/v1/runs/{run}"), b"")?.json();
            let moving = MOVING.iter().any(|state| shown["balance"]["terms"][*state] != 0);
            if let (Some(resumed), false) = (resumed, moving) {
                return Ok((resumed, began.elapsed()));
            }
            if began.elapsed() > BOUND {
                self.wrong.push(format!("after {BOUND:?} a new change has not arrived: {shown}"));
                return Ok((resumed.unwrap_or(BOUND), BOUND));
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// Every balance closes, whenever one looks.
    fn balances(&mut self, life: &Life<'_>, limit: usize) -> Result<(), Gone> {
        let runs = life.call("GET", &format!("/api/v1/runs?limit={limit}"), b"")?.json();
        for run in runs["runs"].as_array().into_iter().flatten() {
            self.looks += 1;
            if run["balance"]["closes"] != true {
                self.wrong.push(format!("run {} does not close: {}", run["id"], run["balance"]));
            }
        }
        Ok(())
    }

    /// Nothing fails any more: everything must come to rest by itself. Then the last blow.
    pub fn come_to_rest(&mut self, mut life: Life<'_>, place: &Installation) {
        self.be_kind();
        if self.rest(&life).is_err() {
            self.wrong.push("the gateway died although nobody killed it".into());
        }
        life.kill();
        self.wrong.append(&mut life.complaints.borrow_mut());
        self.wait_for_recipient();
        self.wrong.extend(super::ledger::Copy::of(place).without_next_step());
    }

    /// From now on the recipient answers as it should.
    pub fn be_kind(&self) {
        self.server.set_script(Script { seed: self.seed, ..Script::default() });
    }

    /// All that the recipient does for requests that are gone.
    pub fn wait_for_recipient(&self) {
        self.runtime.block_on(self.server.idle());
    }

    pub fn rest(&mut self, life: &Life<'_>) -> Result<(), Gone> {
        for number in self.products.unanswered() {
            self.products.put(life, number, &mut self.random)?;
        }
        // What was refused, or rested in a difference, shows in a second report.
        for _ in 0..2 {
            for ente in ENTI {
                Self::report(life, ente)?;
            }
            self.settle(life)?;
        }
        for ente in ENTI {
            let run = Self::report(life, ente)?["id"].clone();
            // What needs a refused record is queued by each report, and set aside at once.
            self.settle(life)?;
            let shown = life.call("GET", &format!("/api/v1/runs/{run}"), b"")?.json();
            let terms = &shown["balance"]["terms"];
            if MOVING.iter().chain(&["held", "accepted"]).any(|state| terms[*state] != 0) {
                self.wrong.push(format!("a report after rest finds work in {ente}: {terms}"));
            }
        }
        self.balances(life, 1000)?;
        self.products.look_at_all(life)
    }

    fn settle(&mut self, life: &Life<'_>) -> Result<(), Gone> {
        let began = Instant::now();
        loop {
            let mut moving = Vec::new();
            for state in MOVING {
                let found =
                    life.call("GET", &format!("/api/v1/operations?state={state}&limit=10000"), b"")?;
                let found = found.json()["operations"].as_array().cloned().unwrap_or_default();
                let ours = found.iter().find(|operation| operation["route"] == ELSEWHERE);
                moving.extend(ours.map(|first| format!("{state}: {first}")));
            }
            if moving.is_empty() {
                return Ok(());
            }
            if began.elapsed() > REST {
                self.wrong.extend(moving.into_iter().map(|what| format!("after {REST:?} still {what}")));
                return Ok(());
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}

/// A recipient that is difficult, but answers most of the time; it does not say which entry it
/// refuses, so that containers are halved.
fn misbehaviour(seed: u64) -> Script {
    let transaction = [
        (Fault::ErrorBefore, 0.03),
        (Fault::ResetBefore, 0.03),
        (Fault::UnavailableSeconds, 0.02),
        (Fault::ErrorAfter, 0.03),
        (Fault::ResetAfter, 0.05),
        (Fault::SilentAfter, 0.02),
        (Fault::Twice, 0.02),
    ];
    let search = [(Fault::ErrorBefore, 0.05), (Fault::ResetBefore, 0.03)];
    Script {
        seed,
        delay: 0.3,
        delay_ms: 30,
        attribution: Attribution::None,
        refuse: 0.02,
        transaction: BTreeMap::from(transaction),
        search: BTreeMap::from(search),
        ..Script::default()
    }
}
