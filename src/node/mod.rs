//! Wires the parts into a process: configuration, gateway, listeners, the ticks of the clock.

pub mod config;
pub mod delivery;
mod flows;
mod heartbeat;
mod keys;
mod origin;
#[cfg(feature = "otlp")]
pub mod otlp;
mod serve;
mod ticks;
mod watch;

pub use flows::{Choice, choose_flows, flow_files, flows_of_ones_own, load_catalog};
pub use keys::fetch_keys;
pub use serve::{Running, SOCKET, ServeError, deliver, start};
pub use ticks::tick;

use crate::flow::Catalog;
use crate::gateway::{Gateway, OpenError, Settings, SystemClock, calendar_defects};
use crate::mapping::Defect;

/// A process that could not begin its work.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    #[error("the flows do not load:\n{}", lines(.0))]
    Flows(Vec<Defect>),
    #[error(
        "there is no directory {0} to take flows from: correct `--flows`, or `flows` in the configuration"
    )]
    NoFlows(String),
    #[error(
        "production runs on facts that no primary source confirms; read them, then add the flow to \
         `accept_unverified`:\n  {}",
        .0.join("\n  ")
    )]
    Unverified(Vec<String>),
    #[error("the calendar does not fit the flows:\n  {}", .0.join("\n  "))]
    Calendar(Vec<String>),
    #[error("the routes do not fit the flows:\n  {}", .0.join("\n  "))]
    Routes(Vec<String>),
    #[error(transparent)]
    Open(#[from] OpenError),
}

fn lines(defects: &[Defect]) -> String {
    defects.iter().map(|defect| format!("  {defect}")).collect::<Vec<_>>().join("\n")
}

/// Opens the gateway of a configuration on the machine's clock.
pub fn open(settings: Settings) -> Result<Gateway, StartError> {
    let files = flows::files_in(&settings.flows)?;
    let catalog = Catalog::load(&*files).map_err(StartError::Flows)?;
    // A flow without a route sends nothing: its facts concern nobody here.
    let routed = |register: &str| settings.route.iter().any(|route| route.leads_to(register));
    let flows = catalog.flows().iter().filter(|flow| routed(flow.register())).map(crate::flow::Flow::id);
    let asked = |register: &str| settings.route.iter().any(|route| route.asks(register));
    let inbound = catalog.inbound().iter().filter(|flow| asked(flow.register()));
    let flows = flows.chain(inbound.map(crate::flow::InboundFlow::id));
    let open = origin::not_accepted(&settings, &*files, flows);
    if !open.is_empty() {
        return Err(StartError::Unverified(open));
    }
    let defects = calendar_defects(&settings, &catalog);
    if !defects.is_empty() {
        return Err(StartError::Calendar(defects));
    }
    let defects = route_defects(&settings, &catalog);
    if !defects.is_empty() {
        return Err(StartError::Routes(defects));
    }
    Ok(Gateway::open(settings, catalog, Box::new(SystemClock))?)
}

/// Records that need those of another register leave by a route that leads to both: what is
/// missing there goes before them.
fn route_defects(settings: &Settings, catalog: &Catalog) -> Vec<String> {
    let mut defects = Vec::new();
    for route in &settings.route {
        for flow in catalog.flows().iter().filter(|flow| route.leads_to(flow.register())) {
            for needed in flow.needs_registers().filter(|needed| !route.leads_to(needed)) {
                defects.push(format!(
                    "route {}: {} needs what the register {needed} holds: add it to `also`",
                    route.id,
                    flow.register()
                ));
            }
        }
    }
    defects
}
