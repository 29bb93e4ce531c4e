//! Wires the parts into a process: configuration, gateway, listeners, the ticks of the clock.

pub mod config;
pub mod delivery;
mod keys;
mod origin;
mod serve;
mod ticks;

pub use keys::fetch_keys;
pub use serve::{Running, ServeError, deliver, start};
pub use ticks::tick;

use crate::flow::Catalog;
use crate::flow::files::{Directory, Embedded, Files};
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
        "production runs on facts that no primary source confirms; read them, then add the flow to \
         `accept_unverified`:\n  {}",
        .0.join("\n  ")
    )]
    Unverified(Vec<String>),
    #[error("the calendar does not fit the flows:\n  {}", .0.join("\n  "))]
    Calendar(Vec<String>),
    #[error(transparent)]
    Open(#[from] OpenError),
}

fn lines(defects: &[Defect]) -> String {
    defects.iter().map(|defect| format!("  {defect}")).collect::<Vec<_>>().join("\n")
}

/// The files of the flows: a directory named by `RACCORDO_FLOWS` (with mappings/ and schemas/),
/// else those that travel in the binary.
pub fn flow_files() -> Box<dyn Files> {
    match std::env::var_os("RACCORDO_FLOWS") {
        Some(directory) => Box::new(Directory::new(directory)),
        None => Box::new(Embedded),
    }
}

/// Loads and checks the flows.
pub fn load_catalog() -> Result<Catalog, StartError> {
    Catalog::load(&*flow_files()).map_err(StartError::Flows)
}

/// Opens the gateway of a configuration on the machine's clock.
pub fn open(settings: Settings) -> Result<Gateway, StartError> {
    let catalog = load_catalog()?;
    // A flow without a route sends nothing: its facts concern nobody here.
    let routed = |register: &str| settings.route.iter().any(|route| route.leads_to(register));
    let flows = catalog.flows().iter().filter(|flow| routed(flow.register())).map(crate::flow::Flow::id);
    let open = origin::not_accepted(&settings, &*flow_files(), flows);
    if !open.is_empty() {
        return Err(StartError::Unverified(open));
    }
    let defects = calendar_defects(&settings, &catalog);
    if !defects.is_empty() {
        return Err(StartError::Calendar(defects));
    }
    Ok(Gateway::open(settings, catalog, Box::new(SystemClock))?)
}
