//! `serve`: the process that works until told to stop.

use std::path::Path;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::{Outcome, notify};
use crate::gateway::settings::Log;
use crate::node;

/// `raccordo serve`.
pub fn run(config: Option<&Path>) -> anyhow::Result<Outcome> {
    let settings = node::config::load(config)?;
    log(&settings.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let gateway = Arc::new(node::open(settings)?);
    runtime.block_on(async {
        let running = node::start(gateway).await?;
        let (api, offer) = (running.api.map(|at| at.to_string()), running.offer.map(|at| at.to_string()));
        tracing::info!(api, offer, "raccordo serves");
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
    })
}

/// Logs go to standard error: ids, counts and hashes, never a personal value.
fn log(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.filter)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log.format.as_str() {
        "json" => builder.json().init(),
        _ => builder.init(),
    }
    Ok(())
}
