//! The acts of the gateway, each over ledger, flows and seal: save a folder, import many,
//! bring records up to date, offer, settle, decide, adopt. What the API, the CLI and the
//! offered routes have in common stands here once.

pub mod accounts;
mod adopt;
mod alert_settings;
mod alerts;
mod asking;
mod broker;
mod calendar;
mod calendar_entry;
mod chain;
mod clock;
mod consistency;
mod containers;
mod coverage;
mod delivery;
mod delivery_settings;
mod desk;
mod duties;
mod dry_run;
mod erase;
mod explain;
mod feed;
mod files;
mod forecast;
mod gather;
mod guarded;
mod health;
mod import;
mod indicators;
mod inquiry;
mod inquiry_end;
mod keeping;
mod lineage;
mod ledger_settings;
mod look;
mod membership;
pub mod oidc_settings;
mod once;
mod payload;
mod prepare;
mod proofs;
mod meters;
mod proposals;
mod pseudonym_keys;
mod push;
mod readiness;
mod refresh;
mod replay;
mod retention;
pub mod rights;
mod roles;
mod runs;
mod save;
mod search;
pub mod settings;
pub mod tokens;
mod spans;
mod tell;
mod trial;
mod upgrade;
mod versions;
mod watch;

pub use adopt::{AdoptError, Adopted};
pub use alerts::AlertView;
pub use asking::Inquiries;
pub use calendar::{CalendarView, FiringView};
pub use calendar_entry::calendar_defects;
pub use clock::{Clock, SystemClock};
pub use consistency::Duplicate;
pub use coverage::flows_of as coverage_flows;
pub use delivery::Delivery;
pub use dry_run::{DryRun, RuleImpact, SampleRow};
pub use duties::{Duty, SCHEDULER, is_off_duty};
pub use erase::Erasure;
pub use explain::{Bodies, Explained, ExplainedFinding};
pub use forecast::{DeadlineView, RunForecast};
pub use guarded::Guard;
pub use health::{Check, Checks};
pub use import::{ImportSummary, LineResult, new_import};
pub use indicators::{IndicatorError, IndicatorRequest, Indicators};
pub use inquiry::{InquiryError, InquiryRequest, Worked as AskingWorked};
pub use lineage::Lineage;
pub use membership::Membership;
pub use once::Once;
pub use payload::Payload;
pub use proposals::ProposalView;
pub use pseudonym_keys::{KeyStanding, KeyView, key_views};
pub use replay::{ReplayError, ReplayRequest};
pub use retention::Pruned;
pub use roles::{NoRole, Role, Roles};
pub use runs::{RunError, RunRequest};
pub use save::{SaveError, Saved};
pub use search::{Search, SearchError, moment};
pub use settings::Settings;
pub use spans::{Field, Span, SpanSink};
pub use trial::{Trial, TriedRecord};
pub use upgrade::{UpgradeImpact, UpgradeRequest};
pub use watch::{AuditWalk, Heavy, Watch};

use std::collections::{HashMap, HashSet};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use crate::exchange::LedgerError;
use crate::flow::{Catalog, Context, EnteSettings};
use crate::folder::FolderSchema;
use crate::ledger::Books;
use crate::ledger::books::RouteView;
use crate::queue::{Queue, QueueState};
use crate::seal::{KeyFileError, MasterKey, SealError, Sealer};

/// Everything that an act needs. One per process, shared.
pub struct Gateway {
    pub books: Arc<Books>,
    pub catalog: Arc<Catalog>,
    pub folders: FolderSchema,
    pub sealer: Sealer,
    pub settings: Settings,
    pub clock: Box<dyn Clock>,
    /// What whoever watches this process asks it.
    pub watch: Watch,
    /// This process among those that share the ledger.
    pub node: Membership,
    /// Whether runs are selected here; else a planner does it.
    plans: AtomicBool,
    /// Pseudonym keys, as they compare with those of the ledger.
    ring: pseudonym_keys::KeyRing,
    /// Containers in the hands of this process's workers.
    at_work: Mutex<HashSet<i64>>,
    /// One builder of files at a time in this process, however long a file takes.
    building: Mutex<()>,
    /// Rung when there may be something to send: the route's feeder looks at once.
    bells: HashMap<String, tokio::sync::Notify>,
    /// Rung when there may be somebody to ask about.
    inquiry_bell: tokio::sync::Notify,
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
    #[error(
        "the key file in {0} is not the one by which this installation seals: copy `raccordo.key` from a \
         process that works, and start again"
    )]
    OtherKey(String),
    #[error("the folder's schema does not compile: {0}")]
    FolderSchema(String),
}

impl Gateway {
    /// Opens the ledger and the key file of an installation, making them at first start.
    pub fn open(
        settings: Settings,
        catalog: impl Into<Arc<Catalog>>,
        clock: Box<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let catalog: Arc<Catalog> = catalog.into();
        let data = Path::new(&settings.data);
        // Whoever reaches the socket in it may do everything: for the installation's user only.
        let mut directory = std::fs::DirBuilder::new();
        let made = directory.recursive(true).mode(0o700).create(data);
        made.map_err(|error| LedgerError::Store(Box::new(error)))?;
        let books = settings.ledger.open(data, |tx| {
            catalog.flows().iter().try_for_each(|flow| tx.set_powers(flow.family(), flow.powers()))
        })?;
        let path = data.join("raccordo.key");
        // A ledger without its key is never given another: what it holds would be lost for good.
        let first_start = books.folder_count()? == 0;
        let key = if first_start { MasterKey::load_or_create(&path)? } else { MasterKey::load(&path)? };
        Self::over(Arc::new(books), catalog, settings, &key, clock)
    }

    /// Another process's worth of the same installation, over the books of one that is open.
    pub fn beside(other: &Self, settings: Settings, clock: Box<dyn Clock>) -> Result<Self, OpenError> {
        let key = MasterKey::load(&Path::new(&other.settings.data).join("raccordo.key"))?;
        Self::over(Arc::clone(&other.books), Arc::clone(&other.catalog), settings, &key, clock)
    }

    fn over(
        books: Arc<Books>,
        catalog: Arc<Catalog>,
        settings: Settings,
        key: &MasterKey,
        clock: Box<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let sealer = Sealer::new(key)?;
        // Two processes that seal by different keys could never read what the other has written.
        if !agrees(&books, sealer.keyed_hash("installation", b"raccordo.key").to_vec())? {
            return Err(OpenError::OtherKey(settings.data.clone()));
        }
        let folders = FolderSchema::embedded().map_err(|error| OpenError::FolderSchema(error.to_string()))?;
        let ring = pseudonym_keys::KeyRing::compare(&settings, &books)?;
        let bells = settings.route.iter().map(|route| (route.id.clone(), tokio::sync::Notify::new()));
        Ok(Self {
            ring,
            books,
            catalog,
            folders,
            sealer,
            node: Membership::new(settings.node.lease_ms),
            plans: AtomicBool::new(true),
            bells: bells.collect(),
            settings,
            clock,
            watch: Watch::default(),
            at_work: Mutex::default(),
            building: Mutex::new(()),
            inquiry_bell: tokio::sync::Notify::new(),
            queue: OnceLock::new(),
        })
    }

    /// Runs are selected by another process, or by this one.
    pub fn plans_here(&self, here: bool) {
        self.plans.store(here, Ordering::Relaxed);
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
        self.bells.values().for_each(tokio::sync::Notify::notify_one);
    }

    /// There may be something to send on a route.
    fn ring_at(&self, route: &str) {
        if let Some(bell) = self.bells.get(route) {
            bell.notify_one();
        }
    }

    /// Waits until there may be something to send on a route.
    async fn rung_at(&self, route: &str) {
        match self.bells.get(route) {
            Some(bell) => bell.notified().await,
            None => std::future::pending().await,
        }
    }

    /// How each configured route stands.
    pub fn route_views(&self) -> Result<Vec<RouteView>, LedgerError> {
        let ids: Vec<&str> = self.settings.route.iter().map(|route| route.id.as_str()).collect();
        self.books.routes(&ids)
    }

    /// What a mapping may know today of an ente.
    pub fn context(&self, ente: &settings::Ente) -> Context {
        let keys = self.keys_of(&ente.code);
        Context { today: self.clock.today(), ente: EnteSettings { keys, ..container_settings(ente) } }
    }
}

/// Whether the key that a process seals by is the installation's; the first one's is.
fn agrees(books: &Books, mine: Vec<u8>) -> Result<bool, LedgerError> {
    let check = mine.clone();
    // Whoever opens a gateway may be a runtime's own thread, which must not wait.
    let standing = std::thread::scope(|scope| {
        scope.spawn(|| books.write(move |tx| tx.agree("raccordo.key", &check))).join()
    });
    let standing =
        standing.unwrap_or_else(|_| Err(LedgerError::Corrupt("comparing keys panicked".into())))?;
    Ok(standing == mine)
}

/// The container fields of an ente: no container needs a key.
pub fn container_settings(ente: &settings::Ente) -> EnteSettings {
    EnteSettings {
        code: ente.code.clone(),
        name: ente.name.clone(),
        seat: ente.seat.clone(),
        operator: ente.operator.as_ref().map(|operator| operator.expose().clone()),
        flow: ente.settings.clone(),
        keys: Arc::default(),
    }
}
