//! The offered route through the gateway, without HTTP: pages of 100, then their receipts.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use raccordo::channel::offer::{OfferDesk, Served};
use raccordo::exchange::{Answer, Receipt, Settled};
use serde_json::{Value, json};

use super::material;
use super::measure::{Span, child, memory_mb, number};
use super::table::{Table, thousands};

/// Flows and receipts of one call.
const PAGE: usize = 100;

/// Rows of this part.
pub fn measure(table: &mut Table) -> Result<()> {
    let (records, _) = material::sizes();
    material::generate(records)?;
    child(&["import", &records.to_string(), "ledger-offer"])?;
    let done = child(&["offer", "ledger-offer"])?;
    let count = number(&done, "flows")?;
    for (what, name) in [
        ("flow served", "serve"),
        ("flow served again, same `since`", "again"),
        ("receipt settled", "settle"),
    ] {
        let (cpu, wall) =
            (number(&done, &format!("{name}_cpu_s"))?, number(&done, &format!("{name}_wall_s"))?);
        table.row(
            &format!("{what}, {PAGE} a page ({})", thousands(count)),
            &format!("{:.0} µs CPU each", 1e6 * cpu / count),
            &format!(
                "{}/s; {:.1} ms wall a page",
                thousands(count / wall),
                1e3 * wall / (count / PAGE as f64)
            ),
        );
    }
    table.row("– the offering process", &format!("peak {:.0} MB", number(&done, "peak_mb")?), "");
    Ok(())
}

/// The child: offers every record of the ledger and settles it.
pub fn run(ledger: &str) -> Result<Value> {
    let directory = material::path(ledger)?;
    let gateway = Arc::new(material::gateway(&directory.display().to_string(), "offer")?);
    gateway.start_run(&super::bulk::whole())?;
    let route = gateway.settings.route.first().context("no route")?.id.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let span = Span::begin()?;
    let first = runtime.block_on(all(&gateway, &route))?;
    let (serve_cpu, serve_wall) = span.seconds()?;
    let span = Span::begin()?;
    let again = runtime.block_on(all(&gateway, &route))?;
    let (again_cpu, again_wall) = span.seconds()?;
    ensure!(first.len() == again.len(), "a second poll brought other flows");
    let span = Span::begin()?;
    let settled = runtime.block_on(settle(&gateway, &route, &first))?;
    let (settle_cpu, settle_wall) = span.seconds()?;
    ensure!(settled == first.len(), "a receipt moved nothing");
    Ok(json!({
        "flows": first.len(), "serve_cpu_s": serve_cpu, "serve_wall_s": serve_wall, "again_cpu_s": again_cpu,
        "again_wall_s": again_wall, "settle_cpu_s": settle_cpu, "settle_wall_s": settle_wall,
        "peak_mb": memory_mb("self", "VmHWM:")?,
    }))
}

/// Polls from zero to the end; keeps names and timestamps, as the recipient does.
async fn all(gateway: &Arc<raccordo::gateway::Gateway>, route: &str) -> Result<Vec<(String, i64)>> {
    let (mut flows, mut since) = (Vec::new(), 0);
    loop {
        let page: Vec<Served> = gateway.page(route, since, PAGE).await?;
        let Some(last) = page.last() else { return Ok(flows) };
        since = last.timestamp;
        flows.extend(page.into_iter().map(|served| (served.name, served.timestamp)));
    }
}

async fn settle(
    gateway: &Arc<raccordo::gateway::Gateway>,
    route: &str,
    flows: &[(String, i64)],
) -> Result<usize> {
    let mut moved = 0;
    for page in flows.chunks(PAGE) {
        let receipts = page.iter().map(|(name, timestamp)| Receipt {
            name: name.clone(),
            timestamp: *timestamp,
            answer: Answer::Accepted,
            code: "OK".to_owned(),
            text: None,
            acquired_as: Some("1".to_owned()),
        });
        let settled = gateway.settle(route, receipts.collect()).await?;
        moved += settled.iter().filter(|settled| matches!(settled, Settled::Moved(_))).count();
    }
    Ok(moved)
}
