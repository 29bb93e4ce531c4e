//! `sandbox`: simulated recipients for a running gateway, with scripted faults: a PDND and an INPS
//! that polls, a health register, a home care service and the labour side's that are pushed to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;

use super::Outcome;
use crate::gateway::Settings;
use crate::gateway::settings::Channel;
use crate::node;
use crate::sandbox::inps::Script;
use crate::sandbox::platform::{Entitlement, Platform};
use crate::sandbox::{clock, health, home_care, labour};

/// Simulated recipients.
#[derive(Args)]
pub struct Sandbox {
    /// The gateway's configuration: its offered routes are polled.
    #[arg(long)]
    gateway: PathBuf,
    /// Where the simulated platform gives vouchers and keys; where the configuration's `jwks` points when left out.
    #[arg(long)]
    platform: Option<std::net::SocketAddr>,
    /// A TOML file that says how it misbehaves: refuse, fail, duplicate, late, lose, rewind_every, ...
    #[arg(long)]
    script: Option<PathBuf>,
    /// A TOML file that says how the health register misbehaves: refuse, attribution, [transaction], ...
    #[arg(long)]
    health_script: Option<PathBuf>,
    /// A TOML file that says how the home care service misbehaves: pending, refuse, [upload], ...
    #[arg(long)]
    home_care_script: Option<PathBuf>,
    /// A TOML file that says how the labour side's service misbehaves: escaping, [faults.send], ...
    #[arg(long)]
    labour_script: Option<PathBuf>,
    /// Directory of the recipients' books.
    #[arg(long, default_value = "inps")]
    books: PathBuf,
    /// Seconds between cycles.
    #[arg(long, default_value_t = 5)]
    every: u64,
    /// Stop after so many cycles; 0 = never.
    #[arg(long, default_value_t = 0)]
    cycles: u64,
}

/// What the offered routes of a configuration ask of vouchers.
pub fn entitlements(settings: &Settings) -> Vec<Entitlement> {
    let offered = settings.route.iter().filter(|route| route.channel == Channel::Offer);
    let entitlement = |route: &crate::gateway::settings::Route| {
        let voucher = route.voucher.as_ref()?;
        Some(Entitlement {
            route: route.id.clone(),
            audience: voucher.audience.clone(),
            eservice_id: voucher.eservice_id.clone(),
            producer_id: voucher.producer_id.clone(),
            descriptor_id: voucher.descriptor_ids.first()?.clone(),
            consumer_id: voucher.consumer_id.clone(),
            purpose_id: voucher.purposes.first()?.clone(),
        })
    };
    offered.filter_map(entitlement).collect()
}

/// The issuer that the routes of a configuration expect.
pub fn issuer(settings: &Settings) -> String {
    let first = settings.route.iter().find_map(|route| route.voucher.as_ref());
    first.map(|voucher| voucher.issuer.clone()).unwrap_or_default()
}

/// Reads a script, or takes the kind one.
pub fn script(path: Option<&Path>) -> anyhow::Result<Script> {
    script_of(path)
}

/// `raccordo sandbox`.
pub fn run(sandbox: &Sandbox, json: bool) -> anyhow::Result<Outcome> {
    let settings = node::config::load(Some(&sandbox.gateway))?;
    let entitlements = entitlements(&settings);
    let pushed = settings.route.iter().any(|route| route.channel == Channel::Push);
    if entitlements.is_empty() && !pushed {
        bail!("{} neither offers nor pushes: there is no recipient to simulate", sandbox.gateway.display());
    }
    let script = script(sandbox.script.as_deref())?;
    std::fs::create_dir_all(&sandbox.books)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(poll(sandbox, &settings, entitlements, script, json))
}

/// The register to which this machine's pushed routes lead, if there are any.
async fn health_register(sandbox: &Sandbox, settings: &Settings) -> anyhow::Result<Option<health::Server>> {
    let Some(bind) = address(settings, health::PROTOCOL)? else { return Ok(None) };
    let script = script_of(sandbox.health_script.as_deref())?;
    let config = health::Config::new(bind, script, Some(sandbox.books.join("health-register.jsonl")));
    let server = health::Server::start(config, clock::system()).await?;
    eprintln!("health register at {}", server.base_url());
    Ok(Some(server))
}

/// The service to which this machine's home care routes lead, if there are any.
async fn home_care_service(
    sandbox: &Sandbox,
    settings: &Settings,
) -> anyhow::Result<Option<home_care::Server>> {
    let Some(bind) = address(settings, home_care::PROTOCOL)? else { return Ok(None) };
    let script = script_of(sandbox.home_care_script.as_deref())?;
    let server = home_care::Server::start(home_care::Config::new(bind, script)).await?;
    eprintln!("home care service at {}", server.base_url());
    Ok(Some(server))
}

/// The service to which this machine's labour routes lead, if there are any.
async fn labour_service(sandbox: &Sandbox, settings: &Settings) -> anyhow::Result<Option<labour::Server>> {
    let Some(bind) = address(settings, labour::PROTOCOL)? else { return Ok(None) };
    let script = script_of(sandbox.labour_script.as_deref())?;
    let server = labour::Server::start(labour::Config::new(bind, script)).await?;
    eprintln!("labour side's service at {}", server.url());
    Ok(Some(server))
}

/// Where the first route of a protocol leads.
fn address(settings: &Settings, protocol: &str) -> anyhow::Result<Option<std::net::SocketAddr>> {
    let pushes = settings.route.iter().filter_map(|route| route.push.as_ref());
    let Some(push) = pushes.into_iter().find(|push| push.protocol == protocol) else { return Ok(None) };
    let url = &push.url;
    let host = url.trim_start_matches("http://").split('/').next().unwrap_or_default();
    let bind = host.parse();
    bind.map(Some).with_context(|| format!("{url} is no address of this machine: nothing to simulate"))
}

/// Where the platform's keys are asked for, if that is this machine.
fn platform_at(sandbox: &Sandbox, settings: &Settings) -> std::net::SocketAddr {
    let jwks = settings.route.iter().find_map(|route| Some(&route.voucher.as_ref()?.jwks));
    let host = jwks.and_then(|jwks| jwks.strip_prefix("http://")?.split('/').next());
    let asked = sandbox.platform.or_else(|| host?.parse().ok());
    asked.unwrap_or_else(|| std::net::SocketAddr::from(([127, 0, 0, 1], 8790)))
}

/// Reads a register's script, or takes the kind one.
fn script_of<S: Default + serde::de::DeserializeOwned>(path: Option<&Path>) -> anyhow::Result<S> {
    let Some(path) = path else { return Ok(S::default()) };
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    toml::from_str(&text).with_context(|| path.display().to_string())
}

async fn poll(
    sandbox: &Sandbox,
    settings: &Settings,
    entitlements: Vec<Entitlement>,
    script: Script,
    json: bool,
) -> anyhow::Result<Outcome> {
    let base = format!("http://{}{}", settings.offer.listen, settings.offer.base_path);
    let routes: Vec<String> = entitlements.iter().map(|entitlement| entitlement.route.clone()).collect();
    let at = platform_at(sandbox, settings);
    let platform = Platform::start(at, &issuer(settings), entitlements, clock::system()).await?;
    eprintln!("vouchers and keys at {}; polling {base} for {} routes", platform.jwks_url(), routes.len());
    let mut pollers = Vec::new();
    for route in &routes {
        let book = sandbox.books.join(format!("{route}.jsonl"));
        pollers.push((route, platform.inps(route, &base, script.clone(), Some(&book), clock::system())?));
    }
    let health = health_register(sandbox, settings).await?;
    let home_care = home_care_service(sandbox, settings).await?;
    let _labour = labour_service(sandbox, settings).await?;
    let mut anomalies = 0;
    for cycle in 1_u64.. {
        anomalies = health.as_ref().map_or(0, |health| health.book().anomalies().len());
        anomalies += home_care.as_ref().map_or(0, |service| service.book().anomalies().len());
        for (route, inps) in &mut pollers {
            match inps.cycle().await {
                Ok(report) if json => println!(
                    "{}",
                    json!({ "route": route, "acquired": report.acquired, "ok": report.ok, "refused": report.refused, "held": inps.book().held().len() })
                ),
                Ok(report) => println!(
                    "{route}: {} acquired, {} OK, {} refused; {} held",
                    report.acquired,
                    report.ok,
                    report.refused,
                    inps.book().held().len()
                ),
                Err(error) => eprintln!("{route}: {error}"),
            }
            anomalies += inps.book().anomalies().len();
        }
        if cycle == sandbox.cycles {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(sandbox.every)) => {}
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    Ok(if anomalies > 0 { Outcome::Findings } else { Outcome::Fine })
}
