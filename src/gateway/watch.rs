//! The memory of whoever watches this process: its counters, the beats of its loops, the one probe
//! of the ledger's writer, and figures too heavy to count at each look. It ends with the process.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::Gateway;
use super::meters::Meters;
use crate::audit::{self, GENESIS};
use crate::exchange::{Balance, LedgerError, Millis};
use crate::ledger::Turn;
use crate::ledger::books::Standing;

/// A write that takes longer counts as one that does not come.
const PROBE_MOST: Duration = Duration::from_secs(2);
/// A probe is as good as a new one for so long.
const PROBE_FRESH: Duration = Duration::from_secs(1);
/// Figures that walk whole tables are counted at most so often.
const HEAVY_EVERY: Duration = Duration::from_secs(60);
/// Links of the audit chain looked at in one step.
const AUDIT_STEP: usize = 5_000;
/// The whole chain is looked at anew after this.
const AUDIT_AGAIN_MS: Millis = 24 * 3_600_000;

/// Where the probe of the writer stands.
#[derive(Clone, Debug, Default)]
enum Probe {
    #[default]
    Never,
    Running(Instant),
    Ended(Instant, Result<(), String>),
}

/// Figures that walk whole tables.
#[derive(Debug, Default)]
pub struct Heavy {
    pub folders: u64,
    pub operations: Vec<(String, u64)>,
    pub standings: Vec<Standing>,
}

/// How far the audit chain was looked at, and what was found.
#[derive(Clone, Debug)]
pub struct AuditWalk {
    pub verified: u64,
    head: [u8; 32],
    /// When the walk came to the chain's end; 0 before the first time.
    pub ended_at: Millis,
    began_at: Millis,
    /// The event at which it breaks.
    pub broken: Option<u64>,
}

impl Default for AuditWalk {
    fn default() -> Self {
        Self { verified: 0, head: GENESIS, ended_at: 0, began_at: 0, broken: None }
    }
}

/// What a watched process remembers.
#[derive(Default)]
pub struct Watch {
    pub meters: Meters,
    loops: Mutex<BTreeMap<&'static str, (Instant, Duration)>>,
    probe: watch::Sender<Probe>,
    heavy: Mutex<Option<(Instant, Arc<Heavy>)>>,
    audit: Mutex<AuditWalk>,
    /// Samples of each open run: when, and how many of its records were at their end.
    pub(super) samples: Mutex<HashMap<i64, VecDeque<(Millis, u64)>>>,
    /// Balances of open runs, and until when each counts as new.
    pub(super) counted: Mutex<HashMap<i64, (Instant, Balance)>>,
    /// Balances of runs that are over: they never change again.
    pub(super) over: Mutex<HashMap<i64, Balance>>,
    /// Where spans go, once somebody wants them.
    pub(super) spans: std::sync::OnceLock<super::spans::SpanSink>,
    /// Since when the ledger can't be written, as told to the sinks.
    pub(super) ledger_down: Mutex<Option<Millis>>,
}

/// What holds the lock leaves it whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watch {
    /// A loop is at its beginning again; it means to be there once more within `allowed`.
    pub fn beat(&self, name: &'static str, allowed: Duration) {
        lock(&self.loops).insert(name, (Instant::now(), allowed));
    }

    /// Each loop: how long ago it was at its beginning, and whether that is too long.
    pub fn loops(&self) -> Vec<(&'static str, Duration, bool)> {
        let ages = lock(&self.loops).clone().into_iter();
        ages.map(|(name, (last, allowed))| (name, last.elapsed(), last.elapsed() > allowed)).collect()
    }

    /// What is known of the audit chain.
    pub fn audit(&self) -> AuditWalk {
        lock(&self.audit).clone()
    }
}

impl Gateway {
    /// Whether the ledger can be written, in words if not. There is one probe at a time, however
    /// many ask: a writer that is stuck is not given more to do.
    pub async fn probe_writer(self: &Arc<Self>) -> Result<(), String> {
        let mut seen = self.watch.probe.subscribe();
        self.start_probe();
        let ended = seen.wait_for(|probe| matches!(probe, Probe::Ended(..)));
        match tokio::time::timeout(PROBE_MOST, ended).await {
            Ok(Ok(probe)) => match &*probe {
                Probe::Ended(_, result) => result.clone(),
                _ => Ok(()),
            },
            _ => {
                let since = match *self.watch.probe.borrow() {
                    Probe::Running(since) => since.elapsed(),
                    _ => PROBE_MOST,
                };
                Err(format!("the ledger's writer has not answered for {} s", since.as_secs()))
            }
        }
    }

    fn start_probe(self: &Arc<Self>) {
        let started = self.watch.probe.send_if_modified(|probe| {
            let fresh = match probe {
                Probe::Running(_) => true,
                Probe::Ended(at, result) => result.is_ok() && at.elapsed() < PROBE_FRESH,
                Probe::Never => false,
            };
            if !fresh {
                *probe = Probe::Running(Instant::now());
            }
            !fresh
        });
        if started {
            let gateway = Arc::clone(self);
            tokio::spawn(async move {
                let now = gateway.clock.now_ms();
                let write =
                    gateway.books.write_in_async(Turn::First, move |tx| tx.remember("probe", now, ""));
                let result = write.await.map_err(|error| error.to_string());
                gateway.watch.probe.send_replace(Probe::Ended(Instant::now(), result));
            });
        }
    }

    /// The heavy figures, at most a minute old. Not for async code.
    pub fn heavy_figures(&self) -> Result<Arc<Heavy>, LedgerError> {
        let mut kept = lock(&self.watch.heavy);
        if let Some((at, heavy)) = &*kept
            && at.elapsed() < HEAVY_EVERY
        {
            return Ok(Arc::clone(heavy));
        }
        let heavy = Arc::new(Heavy {
            folders: self.books.folder_count()?,
            operations: self.books.operation_counts()?,
            standings: self.books.standings()?,
        });
        *kept = Some((Instant::now(), Arc::clone(&heavy)));
        Ok(heavy)
    }

    /// Looks at the next links of the audit chain; true while there are more. From its end on,
    /// what is new is looked at; once a day all of it again.
    pub fn walk_audit(&self) -> Result<bool, LedgerError> {
        let now = self.clock.now_ms();
        let mut walk = self.watch.audit();
        if walk.broken.is_some() || now - walk.began_at > AUDIT_AGAIN_MS {
            let broken = walk.broken;
            walk = AuditWalk { began_at: now, ended_at: walk.ended_at, broken, ..AuditWalk::default() };
        }
        let after = i64::try_from(walk.verified).unwrap_or(i64::MAX);
        let rows = self.books.audit(after, AUDIT_STEP)?;
        let more = rows.len() == AUDIT_STEP;
        let mut broken = None;
        for (sequence, event, hash) in rows {
            let expected = walk.verified + 1;
            let event = serde_json::from_str(&event).ok();
            let head = event.map(|event| audit::link(&walk.head, &event));
            if sequence.unsigned_abs() != expected || head != Some(hash) {
                broken = Some(expected);
                break;
            }
            (walk.verified, walk.head) = (expected, hash);
        }
        if broken.is_some() || !more {
            (walk.broken, walk.ended_at) = (broken, now);
        }
        *lock(&self.watch.audit) = walk;
        Ok(more && broken.is_none())
    }
}
