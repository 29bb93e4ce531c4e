//! Everything around the gateway of a storm: products, simulated INPS, portal, health recipient, and
//! the services with the lines to them. One ledger for an offered, a filed and a pushed register.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use tokio::runtime::Runtime;

use crate::chaos::installation::Installation;
use crate::chaos::life::{Gone, Life};
use crate::chaos::random::Random;
use crate::chaos::stage::Stage as Offered;
use crate::chaos_push::installation::pushed_route;
use crate::chaos_push::ledger::DATABASE;
use crate::chaos_push::stage::Stage as Pushed;
use crate::queue::broker::Running;
use crate::serving::secret;

use super::Choice;
use super::database::Database;
use super::proxy::Proxy;
use super::weather::{Line, Services, Weather};

/// The pushed side's people are others than those of the offered one.
const OTHERS: usize = 1_000;

pub struct World {
    pub offered: Offered,
    pub pushed: Pushed,
    pub weather: Weather,
    pub random: Random,
    _lines: Runtime,
}

impl World {
    /// Sets everything up around an installation that it makes; the weather is calm.
    pub fn set(directory: &Path, seed: u64, choice: &Choice) -> (Self, Installation) {
        let (offered, place) = Offered::set(directory, seed);
        let pushed = Pushed::new(seed.wrapping_add(1), OTHERS);
        let broker = choice.rabbitmq.then(|| Running::own(&choice.name));
        let database = choice.postgres.then(|| Database::own(&choice.name));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut lines = BTreeMap::new();
        let mut line = |which: Line, to: SocketAddr| {
            let proxy = Proxy::start(runtime.handle(), to);
            let address = proxy.address;
            lines.insert(which, proxy);
            address
        };
        let recipient = pushed.server.address();
        let through = line(Line::Recipient, recipient).to_string();
        let url = pushed.server.base_url().replacen(&recipient.to_string(), &through, 1);
        assert!(url.contains(&through), "{url} does not lead through the proxy");
        let mut more =
            format!("[[register]]\nname = \"{}\"\nhold_cancels_above = 1000000\n", pushed.register);
        more.push_str(&pushed_route(&pushed.register, &url));
        if let Some(broker) = &broker {
            let url = through_line(&broker.file("url"), |to| line(Line::Broker, to));
            more.push_str(&format!(
                "[queue]\nkind = \"rabbitmq\"\nurl = \"{url}?heartbeat=2\"\nconfirm_timeout_ms = 2000\n"
            ));
        }
        if let Some(database) = &database {
            fs::write(directory.join(DATABASE), database.whole_url()).unwrap();
            let password = directory.join("password");
            secret(&password, &database.password());
            let url = through_line(&database.url(), |to| line(Line::Database, to));
            more.push_str(&format!("[ledger]\nurl = \"{url}\"\npassword_file = {password:?}\n"));
            // What a dead process had under way is taken over soon: it dies often.
            more.push_str("[node]\nlease_ms = 2000\n");
        }
        let mut text = fs::read_to_string(&place.config).unwrap();
        if choice.kills > 100 {
            text = text.replace("filter = \"debug\"", "filter = \"info\"");
        }
        fs::write(&place.config, text + &more).unwrap();
        let weather = Weather::over(Services { broker, database, lines }, seed.wrapping_add(2));
        let random = Random::new(seed.wrapping_add(3));
        (Self { offered, pushed, weather, random, _lines: runtime }, place)
    }

    /// One round of the work of one side or the other.
    pub fn round(&mut self, life: &Life<'_>, place: &Installation) -> Result<(), Gone> {
        if self.random.chance(45) { self.offered.work(life, place) } else { self.pushed.work(life) }
    }

    /// What was complained of, here and there.
    pub fn complaints(&mut self) -> Vec<String> {
        let mut all = std::mem::take(&mut self.offered.faults);
        all.append(&mut self.pushed.wrong);
        all
    }
}

/// The same address with the proxy's port in it.
fn through_line(url: &str, mut line: impl FnMut(SocketAddr) -> SocketAddr) -> String {
    let (before, after) = url.split_once("127.0.0.1:").expect("a server on the loopback");
    let digits = after.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(after.len());
    let to = SocketAddr::from(([127, 0, 0, 1], after[..digits].parse().unwrap()));
    format!("{before}{}{}", line(to), &after[digits..])
}
