//! How many acts of callers are under way at a time. What comes beyond waits a moment for a place and
//! is then told to come back: a ledger that is slow slows its callers down, and nothing piles up here.

use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::problem::Problem;

/// Acts on blocking threads at a time; a runtime has some hundreds of these, for everybody's work.
const ACTS: usize = 128;
/// Imports at a time: each has a thread per core, and a window of lines in memory.
const IMPORTS: usize = 4;
/// How long a caller waits for a place.
const PATIENCE: Duration = Duration::from_secs(5);
/// When a caller that got none shall come back, seconds.
pub const COME_BACK_S: &str = "5";

static ACT: Semaphore = Semaphore::const_new(ACTS);
static IMPORT: Semaphore = Semaphore::const_new(IMPORTS);

/// A place for one act.
pub async fn act() -> Result<SemaphorePermit<'static>, Problem> {
    place(&ACT).await
}

/// A place for one import, until its last line is answered.
pub async fn import() -> Result<SemaphorePermit<'static>, Problem> {
    place(&IMPORT).await
}

async fn place(places: &'static Semaphore) -> Result<SemaphorePermit<'static>, Problem> {
    let taken = timeout(PATIENCE, places.acquire()).await.ok().and_then(Result::ok);
    taken.ok_or_else(|| {
        let detail = "Too much is under way at the moment. Nothing was done: try again in a few seconds.";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    })
}
