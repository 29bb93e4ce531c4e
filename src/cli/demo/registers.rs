//! The demo's recipients: an INPS that polls and a health register that is pushed to, each with a
//! book of its own, and with its bad days.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use super::install::Registers;
use crate::cli::sandbox::{entitlements, issuer};
use crate::flow::Catalog;
use crate::gateway::Gateway;
use crate::gateway::settings::{Channel, Settings};
use crate::sandbox::inps::{self, Inps, Script};
use crate::sandbox::platform::Platform;
use crate::sandbox::{clock, health};

/// The flow that is offered, or pushed.
pub const fn flow(pushed: bool) -> &'static str {
    if pushed { health::FLOW } else { inps::FLOW }
}

/// The registers behind the two flows.
pub fn of(catalog: &Catalog) -> anyhow::Result<Registers> {
    let register = |id: &str| {
        let flow = catalog.find(id).with_context(|| format!("the flow {id} is not loaded"))?;
        Ok::<_, anyhow::Error>(flow.register().to_owned())
    };
    Ok(Registers {
        offered: register(flow(false))?,
        pushed: register(flow(true))?,
        protocol: health::PROTOCOL,
        path: health::PATH,
    })
}

/// Whether something of a folder may go to the health register.
pub fn is_ready(gateway: &Gateway, folder: &Value) -> bool {
    let (Some(ente), Some(id)) = (folder["ente"].as_str(), folder["id"].as_str()) else { return false };
    let row = gateway.books.folder(ente, id).ok().flatten();
    let read = row.and_then(|row| gateway.open_folder(&row).ok());
    let Some((folder, flow)) = read.zip(gateway.catalog.find(flow(true))) else { return false };
    let Some(ente) = gateway.settings.ente(ente) else { return false };
    let mapped = flow.map(&folder, &gateway.context(ente));
    let first = folder.body.expose()["interventi"][0]["id"].as_str().unwrap_or("?");
    let service =
        |record: &crate::flow::MappedRecord| record.fragment.is_some() && record.key.ends_with(first);
    mapped.records.iter().any(service)
}

/// Both recipients.
pub struct Sandbox {
    platform: Platform,
    pub pollers: Vec<(String, Inps)>,
    pub health: health::Server,
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
        for push in settings.route.iter_mut().filter_map(|route| route.push.as_mut()) {
            push.url = health.base_url();
        }
        Ok(Self { platform, pollers: Vec::new(), health })
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
