//! `demo --stay`: the demo's data to look at, its recipients still at work, until told to stop.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::Stage;
use crate::cli::speech::said;
use crate::cli::user::new_password;
use crate::gateway::rights::{Grant, Role};
use crate::personal::Personal;

/// Who looks at the demo. One person alone has here what an installation gives to several.
const ACCOUNT: &str = "demo";
const ROLES: [Role; 3] = [Role::ReportingOfficer, Role::Operator, Role::Administrator];
/// Between two polls of the simulated INPS: soon enough for somebody who waits.
const POLL_EVERY: Duration = Duration::from_millis(500);

/// How the console is reached once the demo is over.
pub fn how_to_look(dir: &Path, config: &Path) {
    let (dir, config) = (dir.display(), config.display());
    println!("\n{}", said("The console on these data, with the recipients at work, until Ctrl-C:"));
    println!("  raccordo demo --dir {dir} --stay      http://127.0.0.1:8780/console");
    println!("{}", said("or on what stands here now:"));
    println!("  raccordo --config {config} user add anna --role reporting-officer");
    println!("  raccordo --config {config} serve      http://127.0.0.1:8780/console");
}

/// Lets somebody in, and the recipients work, until Ctrl-C or SIGTERM.
pub async fn stay(stage: &mut Stage, api: SocketAddr) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let password = new_password()?;
    let (gateway, secret) = (Arc::clone(&stage.gateway), Personal::new(password.clone()));
    let grants = ROLES.map(Grant::everywhere);
    tokio::task::spawn_blocking(move || gateway.add_account(ACCOUNT, &secret, &grants, "demo")).await??;
    tell(api, &password, stage.json);
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            () = tokio::time::sleep(POLL_EVERY) => {}
        }
        if let Err(error) = stage.sandbox.cycle().await {
            // The next poll tries again, as a recipient would.
            eprintln!("raccordo: {error:#}");
        }
    }
}

fn tell(api: SocketAddr, password: &str, as_json: bool) {
    let console = format!("http://{api}/console");
    if as_json {
        println!("{}", json!({ "console": console, "account": ACCOUNT, "password": password }));
        return;
    }
    println!("\n{}", said("The console, with the recipients at work, until Ctrl-C:"));
    println!("  {console}");
    println!("  {}", said(&format!("account {ACCOUNT}, password, shown only now: {password}")));
}
