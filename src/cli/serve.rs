//! `serve`: the process that works until told to stop.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::{Outcome, notify};
use crate::gateway::settings::Log;
use crate::node;

/// Serving.
#[derive(clap::Args)]
pub struct Serve {
    /// What this process does, with commas: api, planner, worker, scheduler; else as configured.
    #[arg(long, value_name = "ROLES")]
    roles: Option<String>,
}

/// `raccordo serve`.
pub fn run(serve: &Serve, config: Option<&Path>) -> anyhow::Result<Outcome> {
    let mut settings = node::config::load(config)?;
    if let Some(roles) = &serve.roles {
        settings.node.roles = roles.parse()?;
    }
    log(&settings.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let gateway = Arc::new(node::open(settings)?);
    let served = runtime.block_on(async {
        let node = gateway.node.id().to_owned();
        let roles = gateway.settings.node.roles.to_string();
        let running = node::start(gateway).await?;
        let (api, offer) = (running.api.map(|at| at.to_string()), running.offer.map(|at| at.to_string()));
        tracing::info!(node, roles, api, offer, "raccordo serves");
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        notify::tell("READY=1");
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        notify::tell("STOPPING=1");
        tracing::info!("stopping after the requests at hand");
        running.stop().await;
        anyhow::Ok(Outcome::Fine)
    });
    // What blocks a thread beyond the grace time ends with the process: the ledger keeps what is whole.
    runtime.shutdown_timeout(Duration::from_secs(1));
    served
}

/// Logs go to standard error: ids, counts and hashes, never a personal value.
fn log(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.filter)?;
    // A log that cannot be written is no reason to fail: telling of it would go to the same place, and panic.
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let builder = builder.log_internal_errors(false);
    match log.format.as_str() {
        "json" => builder.json().init(),
        _ => builder.init(),
    }
    Ok(())
}
