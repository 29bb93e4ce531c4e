//! The acts of the gateway, each over ledger, flows and seal: save a folder, import many,
//! bring records up to date, offer, settle, decide, adopt. What the API, the CLI and the
//! offered routes have in common stands here once.

pub mod accounts;
mod adopt;
mod broker;
mod calendar;
mod calendar_entry;
mod chain;
mod clock;
mod containers;
mod delivery;
mod delivery_settings;
mod desk;
mod dry_run;
mod files;
mod import;
mod keeping;
mod push;
mod replay;
pub mod rights;
mod runs;
mod save;
pub mod settings;

pub use adopt::{AdoptError, Adopted};
pub use calendar::{CalendarView, FiringView};
pub use calendar_entry::calendar_defects;
pub use clock::{Clock, SystemClock};
pub use delivery::Delivery;
pub use dry_run::{DryRun, SampleRow};
pub use import::{ImportSummary, LineResult, new_import};
pub use replay::{ReplayError, ReplayRequest};
pub use runs::{RunError, RunRequest};
pub use save::{SaveError, Saved};
pub use settings::Settings;

use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use crate::exchange::LedgerError;
use crate::flow::{Catalog, Context, EnteSettings};
use crate::folder::FolderSchema;
use crate::ledger::Books;
use crate::ledger::sqlite::RouteView;
use crate::queue::{Queue, QueueState};
use crate::seal::{KeyFileError, MasterKey, SealError, Sealer};

/// Everything that an act needs. One per process, shared.
pub struct Gateway {
    pub books: Books,
    pub catalog: Arc<Catalog>,
    pub folders: FolderSchema,
    pub sealer: Sealer,
    pub settings: Settings,
    pub clock: Box<dyn Clock>,
    /// One builder of files at a time in this process, however long a file takes.
    building: Mutex<()>,
    /// Rung when there may be something to send: the feeder looks at once.
    bell: tokio::sync::Notify,
    /// What carries the work to this process's workers, once there are any.
    queue: OnceLock<Arc<dyn Queue>>,
}

/// A gateway that could not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("the folder's schema does not compile: {0}")]
    FolderSchema(String),
}

impl Gateway {
    /// Opens the ledger and the key file of an installation, making them at first start.
    pub fn open(settings: Settings, catalog: Catalog, clock: Box<dyn Clock>) -> Result<Self, OpenError> {
        let data = Path::new(&settings.data);
        // Whoever reaches the socket in it may do everything: for the installation's user only.
        let mut directory = std::fs::DirBuilder::new();
        let made = directory.recursive(true).mode(0o700).create(data);
        made.map_err(|error| LedgerError::Store(Box::new(error)))?;
        let books = Books::open(data)?;
        for flow in catalog.flows() {
            let (family, powers) = (flow.family().to_owned(), flow.powers());
            books.write(move |tx| tx.set_powers(&family, powers))?;
        }
        let path = data.join("raccordo.key");
        // A ledger without its key is never given another: what it holds would be lost for good.
        let first_start = books.folder_count()? == 0;
        let key = if first_start { MasterKey::load_or_create(&path)? } else { MasterKey::load(&path)? };
        let sealer = Sealer::new(&key)?;
        let folders = FolderSchema::embedded().map_err(|error| OpenError::FolderSchema(error.to_string()))?;
        let catalog = Arc::new(catalog);
        Ok(Self {
            books,
            catalog,
            folders,
            sealer,
            settings,
            clock,
            building: Mutex::new(()),
            bell: tokio::sync::Notify::new(),
            queue: OnceLock::new(),
        })
    }

    /// The queue that carries the work of this process.
    pub fn carried_by(&self, queue: Arc<dyn Queue>) {
        // The first one stands: a process delivers once.
        let _ = self.queue.set(queue);
    }

    /// How the queue stands; `None` in a process that delivers nothing.
    pub fn queue_state(&self) -> Option<QueueState> {
        self.queue.get().map(|queue| queue.state())
    }

    /// There may be something to send.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }

    /// How each configured route stands.
    pub fn route_views(&self) -> Result<Vec<RouteView>, LedgerError> {
        let ids: Vec<&str> = self.settings.route.iter().map(|route| route.id.as_str()).collect();
        self.books.routes(&ids)
    }

    /// What a mapping may know today of an ente.
    pub fn context(&self, ente: &settings::Ente) -> Context {
        Context { today: self.clock.today(), ente: container_settings(ente) }
    }
}

/// The container fields of an ente.
pub fn container_settings(ente: &settings::Ente) -> EnteSettings {
    EnteSettings {
        code: ente.code.clone(),
        name: ente.name.clone(),
        seat: ente.seat.clone(),
        operator: ente.operator.as_ref().map(|operator| operator.expose().clone()),
        flow: ente.settings.clone(),
        keys: Arc::clone(&ente.secrets),
    }
}
