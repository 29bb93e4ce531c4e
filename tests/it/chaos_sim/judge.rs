//! The judge of a simulation: everything comes to rest by itself, then the books are compared.

use raccordo::exchange::Bucket;

use super::ROUTES;
use super::world::World;
use crate::chaos_push::ledger::Copy;

const MOVING: [&str; 6] = ["queued", "sending", "retrying", "waiting", "uncertain", "parked"];
/// Within this time of the simulation everything must have come to rest.
const REST_MS: i64 = 6 * 3_600_000;

impl World {
    /// Nobody fails any more: all comes to rest, and another report finds nothing to do.
    pub fn judge(&mut self) {
        self.be_kind();
        for _ in 0..3 {
            for route in 0..ROUTES.len() {
                self.run(route, None);
            }
            self.rest();
            self.balances();
        }
        let accepted = self.last_runs_moved();
        if accepted {
            self.wrong.push("a report after rest finds work".into());
        }
        self.stored();
        self.end();
        for (route, recipient) in ROUTES.iter().zip(&self.recipients) {
            let wrong = recipient.wrong();
            self.wrong.extend(wrong.into_iter().map(|what| format!("{}: {what}", route.id)));
        }
        self.books();
        let copy = Copy::of_file(&self.data(), |_| ());
        self.wrong.extend(copy.without_next_step());
        self.wrong.extend(copy.lost("1 = 1"));
    }

    /// Time passes until nothing moves.
    fn rest(&mut self) {
        let end = self.time.passed() + REST_MS;
        let mut pause = 5_000;
        while self.wrong.is_empty() {
            self.until(Some(self.time.passed() + pause));
            let moving = self.moving();
            if moving.is_empty() {
                return;
            }
            pause *= 2;
            if self.time.passed() > end {
                self.wrong.push(format!("after {REST_MS} ms: {}", moving.join(", ")));
            }
        }
    }

    fn moving(&self) -> Vec<String> {
        let of = |state: &&str| self.gateway().books.operations(Some(*state), None, 100).unwrap();
        let moving = MOVING.iter().flat_map(of);
        moving.map(|operation| format!("{} is {}", operation.operation, operation.state)).collect()
    }

    fn balances(&mut self) {
        let runs = self.gateway().books.runs(None, 1000).unwrap();
        let open = runs.iter().filter(|run| run.selecting || !run.balance.closes());
        let open: Vec<_> =
            open.map(|run| format!("run {} does not close: {:?}", run.id, run.balance)).collect();
        self.wrong.extend(open);
    }

    /// Whether one of the last reports, one per route, had anything to bring.
    fn last_runs_moved(&self) -> bool {
        let runs = self.gateway().books.runs(None, ROUTES.len()).unwrap();
        runs.iter().any(|run| run.balance.count(Bucket::Accepted) > 0)
    }

    /// Every folder is there as it was last saved.
    fn stored(&mut self) {
        for (folder, version) in self.folders.clone() {
            let id = folder["id"].as_str().unwrap();
            let row = self.gateway().books.folder("H501", id).unwrap();
            if row.is_none_or(|row| row.version != Some(version)) {
                self.wrong.push(format!("revision {version} of a folder is lost"));
            }
        }
    }

    /// Both books of each register.
    fn books(&mut self) {
        for (route, recipient) in ROUTES.iter().zip(&self.recipients) {
            let register = self.gateway().catalog.find(route.flow).unwrap().register();
            let held = self.gateway().books.held("H501", register).unwrap();
            let mut ours: Vec<_> = held.into_iter().map(|held| held.operation).collect();
            ours.sort();
            let theirs = recipient.held();
            if ours != theirs {
                self.wrong.push(format!("{}: the ledger holds {ours:?}, the recipient {theirs:?}", route.id));
            }
        }
    }
}
