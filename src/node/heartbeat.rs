//! The signs of life of a process, and its taking over from those that gave none.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::exchange::LedgerError;
use crate::gateway::Gateway;

/// Beats once; for the start of a process, before it takes on anything.
pub async fn beat(gateway: &Arc<Gateway>) -> Result<(), LedgerError> {
    let at_work = Arc::clone(gateway);
    let beaten = tokio::task::spawn_blocking(move || at_work.beat(&at_work.settings.node.roles)).await;
    beaten.unwrap_or_else(|_| Err(LedgerError::Corrupt("a beat panicked; see the log".into()))).map(drop)
}

/// Beats until everything else has ended, then says farewell.
pub async fn run(gateway: Arc<Gateway>, mut ended: watch::Receiver<bool>) {
    let mut fails = false;
    loop {
        tokio::select! {
            _ = ended.wait_for(|ended| *ended) => break,
            () = sleep(gateway.node.interval()) => {}
        }
        match beat(&gateway).await {
            Ok(()) => fails = false,
            Err(error) if !fails => {
                fails = true;
                tracing::error!(%error, "this process can give no sign of life: others will take over its work");
            }
            Err(_) => {}
        }
    }
    let at_work = Arc::clone(&gateway);
    let left = tokio::task::spawn_blocking(move || at_work.leave()).await;
    if let Ok(Err(error)) = left {
        tracing::warn!(%error, "no farewell could be written: others will take over in a lease");
    }
}
