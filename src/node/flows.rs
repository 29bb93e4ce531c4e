//! Which flows a process works with: those of the binary, with a directory laid over them where
//! one is named by `--flows`, by `RACCORDO_FLOWS`, or by `flows` in the configuration.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::{StartError, config};
use crate::flow::Catalog;
use crate::flow::files::{Embedded, Files, Overlay};

/// A process works with one set of flows.
static CHOICE: OnceLock<Choice> = OnceLock::new();

/// What the command line says of the flows.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// `--flows`: before what the configuration says.
    pub flows: Option<PathBuf>,
    /// The configuration file, for commands that need nothing else of it.
    pub config: Option<PathBuf>,
}

/// From here on flows come from there; the first choice stands.
pub fn choose_flows(choice: Choice) {
    CHOICE.get_or_init(|| choice);
}

/// The directory of `--flows`.
pub(super) fn chosen() -> Option<&'static Path> {
    CHOICE.get()?.flows.as_deref()
}

/// Where flows of one's own are worked on: the directory of `--flows`, else the working directory.
pub fn flows_of_ones_own() -> PathBuf {
    chosen().map(Path::to_owned).unwrap_or_default()
}

/// The files of this process's flows.
pub fn flow_files() -> Result<Box<dyn Files>, StartError> {
    let directory = match CHOICE.get() {
        Some(Choice { flows: Some(flows), .. }) => flows.display().to_string(),
        Some(Choice { config: Some(config), .. }) => config::flows(config)?,
        _ => String::new(),
    };
    files_in(&directory)
}

/// The flows of the binary under those of a directory; empty = the binary's alone.
pub(super) fn files_in(directory: &str) -> Result<Box<dyn Files>, StartError> {
    match directory {
        "" => Ok(Box::new(Embedded)),
        directory if Path::new(directory).is_dir() => Ok(Box::new(Overlay::new(directory))),
        directory => Err(StartError::NoFlows(directory.to_owned())),
    }
}

/// Loads and checks the flows.
pub fn load_catalog() -> Result<Catalog, StartError> {
    Catalog::load(&*flow_files()?).map_err(StartError::Flows)
}
