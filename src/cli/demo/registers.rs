//! The demo's recipients, each simulated with a book of its own and with its bad days: an INPS that
//! polls, a health register, the ministry's upload service for home care, the labour side's service.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use crate::cli::sandbox::{entitlements, issuer};
use crate::flow::Catalog;
use crate::gateway::Gateway;
use crate::gateway::settings::{Channel, Settings};
use crate::sandbox::inps::{self, Inps, Script};
use crate::sandbox::platform::Platform;
use crate::sandbox::{clock, health, home_care, labour};

/// A family of registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Polls us.
    Inps,
    Health,
    HomeCare,
    Labour,
}

impl Family {
    pub const ALL: [Self; 4] = [Self::Inps, Self::Health, Self::HomeCare, Self::Labour];

    /// Its flows, in the order in which they are reported.
    pub const fn flows(self) -> &'static [&'static str] {
        match self {
            Self::Inps => &[inps::FLOW, inps::CHILDREN_FLOW],
            Self::Health => &[health::FLOW],
            Self::HomeCare => &home_care::FLOWS,
            Self::Labour => &[labour::FLOW],
        }
    }

    /// What it is called, in English.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inps => "INPS",
            Self::Health => "health register",
            Self::HomeCare => "home care",
            Self::Labour => "labour side",
        }
    }

    /// The port at which `raccordo sandbox` simulates it.
    pub const fn port(self) -> u16 {
        match self {
            Self::Inps => 8790,
            Self::Health => 8791,
            Self::HomeCare => 8792,
            Self::Labour => 8793,
        }
    }

    /// How it is reached: protocol of its route and path of its address; `None` where it polls us.
    pub const fn push(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Inps => None,
            Self::Health => Some((health::PROTOCOL, health::PATH)),
            Self::HomeCare => Some((home_care::PROTOCOL, home_care::PATH)),
            Self::Labour => Some((labour::PROTOCOL, labour::PATH)),
        }
    }
}

/// The registers behind each family's flows, and the keys that these need.
pub struct Registers {
    by_family: Vec<(Family, Vec<String>)>,
    keys: BTreeSet<String>,
}

impl Registers {
    /// As the catalog names them.
    pub fn in_catalog(catalog: &Catalog) -> anyhow::Result<Self> {
        let register = |id: &&str| {
            let flow = catalog.find(id).with_context(|| format!("the flow {id} is not loaded"))?;
            Ok::<_, anyhow::Error>(flow.register().to_owned())
        };
        let of =
            |family: Family| Ok((family, family.flows().iter().map(register).collect::<Result<_, _>>()?));
        let flows = Family::ALL.into_iter().flat_map(Family::flows).filter_map(|id| catalog.find(id));
        let keys = flows.flat_map(|flow| flow.mapping.flow.keys.keys().cloned()).collect();
        Ok(Self { by_family: Family::ALL.into_iter().map(of).collect::<anyhow::Result<_>>()?, keys })
    }

    /// The names of the keys by which an ente makes pseudonyms.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }

    /// Those of a family, in the order of its flows.
    pub fn of(&self, family: Family) -> &[String] {
        self.by_family.iter().find(|(known, _)| *known == family).map_or(&[], |(_, registers)| registers)
    }
}

/// Whether something of a folder may go to the health register.
pub fn is_ready(gateway: &Gateway, folder: &Value) -> bool {
    let (Some(ente), Some(id)) = (folder["ente"].as_str(), folder["id"].as_str()) else { return false };
    let row = gateway.books.folder(ente, id).ok().flatten();
    let read = row.and_then(|row| gateway.open_folder(&row).ok());
    let Some((folder, flow)) = read.zip(gateway.catalog.find(health::FLOW)) else { return false };
    let Some(ente) = gateway.settings.ente(ente) else { return false };
    let mapped = flow.map(&folder, &gateway.context(ente));
    let first = folder.body.expose()["interventi"][0]["id"].as_str().unwrap_or("?");
    let service =
        |record: &crate::flow::MappedRecord| record.fragment.is_some() && record.key.ends_with(first);
    mapped.records.iter().any(service)
}

/// An employment centre that writes the same files.
pub const OTHERS: &str = "H501C000523";

/// All recipients.
pub struct Sandbox {
    platform: Platform,
    pub pollers: Vec<(String, Inps)>,
    pub health: health::Server,
    pub home_care: home_care::Server,
    pub labour: labour::Server,
}

impl Sandbox {
    /// Starts them, and tells the settings where they are.
    pub async fn start(dir: &Path, settings: &mut Settings) -> anyhow::Result<Self> {
        let bind = SocketAddr::from(([127, 0, 0, 1], 0));
        let platform =
            Platform::start(bind, &issuer(settings), entitlements(settings), clock::system()).await?;
        for voucher in settings.route.iter_mut().filter_map(|route| route.voucher.as_mut()) {
            voucher.jwks = platform.jwks_url();
        }
        let config = health::Config::new(bind, bad_days(), Some(dir.join("health-register.jsonl")));
        let health = health::Server::start(config, clock::system()).await?;
        let home_care = home_care::Server::start(home_care::Config::new(bind, slow_days())).await?;
        let labour = labour::Server::start(labour::Config::new(bind, busy_days())).await?;
        for push in settings.route.iter_mut().filter_map(|route| route.push.as_mut()) {
            push.url = match push.protocol.as_str() {
                labour::PROTOCOL => labour.url(),
                home_care::PROTOCOL => home_care.base_url(),
                _ => health.base_url(),
            };
        }
        Ok(Self { platform, pollers: Vec::new(), health, home_care, labour })
    }

    /// Gives some citizens a file at the labour side, with policies of others that must stay there.
    pub fn open_files(&self, folders: &[Value]) {
        let mut book = self.labour.book();
        let with = folders.iter().filter(|folder| folder["politiche_attive"].is_array());
        for (number, folder) in with.enumerate().filter(|(number, _)| number % 3 == 0) {
            let Some(code) = folder["persona"]["codice_fiscale"].as_str() else { continue };
            let foreign = format!(
                "<politiche_attive><tipo_attivita>A03</tipo_attivita><codice_ente_promotore>{OTHERS}\
                 </codice_ente_promotore><identificativo_politica>F{number:010}</identificativo_politica>\
                 </politiche_attive>"
            );
            book.open(code, &[foreign]);
        }
    }

    /// Has INPS poll the offered routes at `base`.
    pub fn poll_at(&mut self, dir: &Path, gateway: &Gateway, base: &str) -> anyhow::Result<()> {
        // A mildly difficult INPS: refusals, late and repeated esiti, a cursor that goes back now and then.
        let script = Script {
            refuse: 0.01,
            duplicate: 0.05,
            late: 0.05,
            rewind_every: 7,
            garbage_every: 3,
            ..Script::default()
        };
        for route in gateway.settings.route.iter().filter(|route| route.channel == Channel::Offer) {
            let book = dir.join(format!("inps-{}.jsonl", route.id));
            let inps = self.platform.inps(&route.id, base, script.clone(), Some(&book), clock::system())?;
            self.pollers.push((route.enti[0].clone(), inps));
        }
        Ok(())
    }

    /// Each INPS polls once, acquires and answers.
    pub async fn cycle(&mut self) -> anyhow::Result<()> {
        for (_, poller) in &mut self.pollers {
            poller.cycle().await?;
        }
        Ok(())
    }
}

/// A health register that refuses now and then without saying what, is overloaded, and loses
/// answers after it has done what was asked.
fn bad_days() -> health::Script {
    let faults = [
        (health::Fault::ErrorBefore, 0.01),
        (health::Fault::UnavailableSeconds, 0.002),
        (health::Fault::ErrorAfter, 0.01),
        (health::Fault::ResetAfter, 0.01),
        (health::Fault::Truncated, 0.005),
    ];
    health::Script {
        refuse: 0.003,
        attribution: health::Attribution::None,
        transaction: faults.into_iter().collect(),
        ..health::Script::default()
    }
}

/// A labour side that says now and then that it was called too often, and loses answers.
fn busy_days() -> labour::Script {
    use labour::{Fault, Operation};
    let faults = [
        (Operation::Find, [(Fault::Limit, 0.01), (Fault::Unavailable, 0.01)]),
        (Operation::Send, [(Fault::Limit, 0.01), (Fault::ErrorAfter, 0.01)]),
    ];
    let faults = faults.into_iter().map(|(operation, shares)| (operation, shares.into_iter().collect()));
    labour::Script { faults: faults.collect(), ..labour::Script::default() }
}

/// An upload service that takes its time, is overloaded, and discards a record now and then.
fn slow_days() -> home_care::Script {
    use home_care::Fault;
    home_care::Script {
        pending: 2,
        refuse: 0.01,
        upload: [(Fault::Unavailable, 0.1)].into_iter().collect(),
        question: [(Fault::Unavailable, 0.05)].into_iter().collect(),
        ..home_care::Script::default()
    }
}
