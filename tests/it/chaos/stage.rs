//! What stands while gateways come and go: products, simulated INPS, portal, and the work
//! that they do together.

use std::path::Path;

use raccordo::flow::Catalog;
use raccordo::sandbox::clock;
use raccordo::sandbox::inps::{Inps, InpsError, Script};
use raccordo::sandbox::platform::Platform;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::installation::{FILE_ROUTE, FILED, ISSUER, Installation, OFFERED, entitlement};
use super::life::{Gone, Life};
use super::oracle::Oracle;
use super::portal::Portal;
use super::random::Random;

const FOLDERS: u64 = 60;
/// The route that another stage's judge looks after, where both share a gateway.
pub const ELSEWHERE: &str = "pushed";

/// Everything but the gateway.
pub struct Stage {
    pub catalog: Catalog,
    pub flow: String,
    pub register: String,
    pub inps: Vec<Inps>,
    pub oracle: Oracle,
    pub portal: Portal,
    pub random: Random,
    /// Lives that ended before they served.
    pub stillborn: u64,
    pub looks: u64,
    pub polls: u64,
    /// What was seen that must never be.
    pub faults: Vec<String>,
    runtime: Runtime,
    _platform: Platform,
}

impl Stage {
    /// Sets everything up around an installation that it makes.
    pub fn set(directory: &Path, seed: u64) -> (Self, Installation) {
        let catalog = raccordo::node::load_catalog().map_err(|error| error.to_string()).unwrap();
        let flow = catalog.find(crate::serving::FLOW).unwrap();
        let (flow, register) = (flow.id().to_owned(), flow.register().to_owned());
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let bind = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let entitlements = (0..OFFERED.len()).map(entitlement).collect();
        let platform =
            runtime.block_on(Platform::start(bind, ISSUER, entitlements, clock::system())).unwrap();
        let place = Installation::make(directory, &register, &platform.jwks_url());
        let base = format!("http://{}/waas/v1", place.offer);
        let inps = (0..OFFERED.len()).map(|number| {
            let route = entitlement(number).route;
            let book = directory.join(format!("inps-{number}.jsonl"));
            platform.inps(&route, &base, misbehaviour(number, seed), Some(&book), clock::system()).unwrap()
        });
        let stage = Self {
            inps: inps.collect(),
            catalog,
            flow,
            register,
            oracle: Oracle::new(FOLDERS, seed),
            portal: Portal::default(),
            random: Random::new(seed),
            stillborn: 0,
            looks: 0,
            polls: 0,
            faults: Vec::new(),
            runtime,
            _platform: platform,
        };
        (stage, place)
    }

    /// One round of everybody's work.
    pub fn work(&mut self, life: &Life<'_>, place: &Installation) -> Result<(), Gone> {
        self.oracle.look(life)?;
        self.save(life)?;
        let offered = *self.random.pick(&OFFERED);
        self.report(life, FILED)?;
        self.report(life, offered)?;
        life.call("POST", &format!("/api/v1/routes/{FILE_ROUTE}/files"), b"")?;
        self.take(place);
        self.poll(life)?;
        self.portal.answer(life)?;
        Self::decide(life)?;
        if self.random.chance(50) {
            Self::approve(life)?;
        }
        self.balances(life, 4)
    }

    /// The portal takes what is in the outbox.
    pub fn take(&mut self, place: &Installation) {
        let Self { portal, catalog, flow, .. } = self;
        portal.take(&place.outbox, catalog.find(flow).unwrap());
    }

    fn save(&mut self, life: &Life<'_>) -> Result<(), Gone> {
        let (filed, offered) = (self.oracle.of(true), self.oracle.of(false));
        for _ in 0..2 {
            let number = *self.random.pick(&filed);
            self.oracle.put(life, number, &mut self.random)?;
            let number = *self.random.pick(&offered);
            self.oracle.put(life, number, &mut self.random)?;
        }
        let mut several: Vec<usize> = (0..4).map(|_| *self.random.pick(&offered)).collect();
        several.sort_unstable();
        several.dedup();
        self.oracle.import(life, &several, &mut self.random)
    }

    /// Sends again every change that has no answer.
    pub fn catch_up(&mut self, life: &Life<'_>) -> Result<(), Gone> {
        for number in self.oracle.unanswered() {
            self.oracle.put(life, number, &mut self.random)?;
        }
        Ok(())
    }

    /// Starts a run over all records of an ente.
    pub fn report(&mut self, life: &Life<'_>, ente: &str) -> Result<Value, Gone> {
        let body = json!({ "ente": ente, "flow": self.flow }).to_string();
        Ok(life.call("POST", "/api/v1/runs", body.as_bytes())?.json())
    }

    /// Each simulated INPS polls and answers.
    pub fn poll(&mut self, life: &Life<'_>) -> Result<(), Gone> {
        for inps in &mut self.inps {
            life.step();
            match self.runtime.block_on(inps.cycle()) {
                Ok(report) => self.polls += report.polls,
                Err(InpsError::Send(_)) if !life.lives() => return Err(Gone),
                // A connection of the life before; the next cycle opens another.
                Err(InpsError::Send(_)) => {}
                Err(InpsError::Answer { status: 500.., .. }) if life.tolerant.get() => {}
                Err(error) => self.faults.push(format!("INPS: {error}")),
            }
        }
        Ok(())
    }

    /// A person looks into the registers' books for what is in doubt, and decides.
    pub fn decide(life: &Life<'_>) -> Result<(), Gone> {
        for state in ["parked", "uncertain"] {
            let found =
                life.call("GET", &format!("/api/v1/operations?state={state}&limit=10000"), b"")?.json();
            let operations = found["operations"].as_array().into_iter().flatten();
            for operation in operations.filter(|operation| operation["route"] != ELSEWHERE) {
                // What failed had no effect: an insert is not held, what was to be cancelled still is.
                let body = json!({ "register_holds": operation["kind"] == "cancel" }).to_string();
                let path = format!("/api/v1/operations/{}/decision", operation["operation"]);
                life.call("POST", &path, body.as_bytes())?;
            }
        }
        Ok(())
    }

    /// A person approves the cancels that runs hold back.
    pub fn approve(life: &Life<'_>) -> Result<(), Gone> {
        let runs = life.call("GET", "/api/v1/runs?limit=1000", b"")?.json();
        for run in runs["runs"].as_array().into_iter().flatten() {
            if run["balance"]["terms"]["held"].as_u64() > Some(0) {
                life.call("POST", &format!("/api/v1/runs/{}/approve", run["id"]), b"")?;
            }
        }
        Ok(())
    }

    /// Every balance closes, whenever one looks.
    pub fn balances(&mut self, life: &Life<'_>, limit: usize) -> Result<(), Gone> {
        let runs = life.call("GET", &format!("/api/v1/runs?limit={limit}"), b"")?.json();
        for run in runs["runs"].as_array().into_iter().flatten() {
            self.looks += 1;
            if run["balance"]["closes"] != true {
                self.faults.push(format!("run {} does not close: {}", run["id"], run["balance"]));
            }
        }
        Ok(())
    }

    /// From now on nobody misbehaves and what was lost is sent.
    pub fn be_kind(&mut self) {
        for inps in &mut self.inps {
            inps.follow(Script::default());
            inps.recovering = true;
        }
    }
}

/// Each simulated INPS is difficult in its own way.
fn misbehaviour(number: usize, seed: u64) -> Script {
    let script = Script { seed, limit: 12, duplicate: 0.2, late: 0.2, ..Script::default() };
    match number {
        0 => Script { refuse: 0.03, garbage_every: 2, ..script },
        1 => Script { rewind_every: 3, fail: 0.05, limit: 5, ..script },
        _ => Script { lose: 0.1, refuse: 0.02, refusals_advance: false, rewind_every: 11, ..script },
    }
}
