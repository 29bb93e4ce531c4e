//! Pushed containers end to end, each with its receipt in the ledger, beside the bare broker
//! client; and how long one person waits while a bulk run is on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use raccordo::exchange::Bucket;
use serde_json::{Value, json};

use super::installation::{BULK, Installation, OTHERS};
use super::measure::{Span, best, child, memory_mb, number};
use super::table::{Table, thousands};
use super::{ROUNDS, broker};

/// As many messages the bare client has under way as the queue has.
const BARE_IN_FLIGHT: &str = "512";
/// Queue, recipient, workers of the route.
const BULK_ROWS: [[&str; 3]; 5] = [
    ["embedded", "instant", "32"],
    ["rabbitmq", "instant", "32"],
    ["rabbitmq", "instant", "4"],
    ["rabbitmq", "http", "32"],
    ["rabbitmq", "http", "4"],
];
/// Folders synced one after another: while the bulk run is on, and with nothing else to do.
const SAMPLES: usize = 500;
const AT_REST: usize = 100;

/// People of a bulk run (default 3,000).
fn people() -> u64 {
    std::env::var("RACCORDO_BENCH_PEOPLE").ok().and_then(|text| text.parse().ok()).unwrap_or(3_000)
}

/// Rows of this part.
pub fn measure(table: &mut Table) -> Result<()> {
    let mut bare: f64 = 0.0;
    let mut rounds = vec![Vec::new(); BULK_ROWS.len()];
    for _ in 0..ROUNDS {
        bare = bare.max(broker::rate(BARE_IN_FLIGHT)?);
        for ([queue, recipient, workers], answers) in BULK_ROWS.into_iter().zip(&mut rounds) {
            answers.push(child(&["push", queue, recipient, workers])?);
        }
    }
    broker::row(table, BARE_IN_FLIGHT, bare);
    for (what, answers) in BULK_ROWS.into_iter().zip(&rounds) {
        bulk_row(table, what, answers, bare)?;
    }
    for queue in ["embedded", "rabbitmq"] {
        let waited = child(&["on-demand", queue, "4"])?;
        on_demand_row(table, queue, &waited)?;
    }
    Ok(())
}

fn bulk_row(
    table: &mut Table,
    [queue, recipient, workers]: [&str; 3],
    answers: &[Value],
    bare: f64,
) -> Result<()> {
    let done = best(answers, "wall_s")?;
    let of = |name: &str| number(done, name);
    let (containers, wall) = (of("containers")?, of("wall_s")?);
    let recipient = if recipient == "http" { "simulated server over HTTP" } else { "accepts at once" };
    let ratio = match queue {
        "rabbitmq" => format!("{:.3} × bare lapin; ", containers / wall / bare),
        _ => String::new(),
    };
    table.row(
        &format!(
            "pushed with receipt, {queue}, recipient {recipient}, {workers} workers ({} containers)",
            thousands(containers)
        ),
        &format!("{}/s", thousands(containers / wall)),
        &format!(
            "{ratio}{} operations/s; {:.0} µs CPU a container; selection {:.2} of {wall:.2} s; peak {:.0} MB",
            thousands(of("operations")? / wall),
            1e6 * of("cpu_s")? / containers,
            of("select_s")?,
            of("peak_mb")?,
        ),
    );
    Ok(())
}

fn on_demand_row(table: &mut Table, queue: &str, waited: &Value) -> Result<()> {
    for (when, name) in [("while a bulk run is on", "busy"), ("nothing else to do", "rest")] {
        let of = |what: &str| number(&waited[name], what);
        table.row(
            &format!("one folder on demand, {queue}, HTTP, 4 workers + 1; {when} ({})", of("count")?),
            &format!("p50 {:.1} ms, p99 {:.1} ms", of("p50_ms")?, of("p99_ms")?),
            &format!("longest {:.1} ms", of("max_ms")?),
        );
    }
    Ok(())
}

/// The child: one run over everybody, from its start to its last receipt.
pub fn run(queue: &str, recipient: &str, workers: usize) -> Result<Value> {
    let installation = Installation::start(queue, recipient, workers, &[(BULK, people())])?;
    let span = Span::begin()?;
    let run = installation.run(BULK, None)?;
    let (_, select_s) = span.seconds()?;
    let balance = installation.closed(run)?;
    let (cpu_s, wall_s) = span.seconds()?;
    let (containers, operations) = (installation.containers()?, balance.count(Bucket::Accepted));
    ensure!(operations > 0 && balance.count(Bucket::Refused) == 0, "{balance:?}");
    installation.stop()?;
    Ok(json!({
        "cpu_s": cpu_s, "wall_s": wall_s, "select_s": select_s, "containers": containers,
        "operations": operations, "peak_mb": memory_mb("self", "VmHWM:")?,
    }))
}

/// The child: single folders of another ente, while a run over everybody of the first is on, and after it.
pub fn run_on_demand(queue: &str, workers: usize) -> Result<Value> {
    let others = (SAMPLES + AT_REST) as u64;
    let installation = Installation::start(queue, "http", workers, &[(BULK, people()), (OTHERS, others)])?;
    let over = AtomicBool::new(false);
    let mut folders = 0..others;
    let (bulk, busy) = std::thread::scope(|scope| {
        let bulk = scope.spawn(|| {
            let run = installation.run(BULK, None)?;
            let settled = installation.closed(run);
            over.store(true, Ordering::SeqCst);
            settled
        });
        let busy = samples(&installation, folders.by_ref().take(SAMPLES), &over);
        (bulk.join(), busy)
    });
    ensure!(bulk.is_ok_and(|settled| settled.is_ok()), "the bulk run did not settle");
    let rest = samples(&installation, folders.take(AT_REST), &AtomicBool::new(false))?;
    installation.stop()?;
    Ok(json!({ "busy": figures(busy?)?, "rest": figures(rest)? }))
}

/// Waiting times of folders with something to send, one after another, until it is `over`.
fn samples(
    installation: &Installation,
    folders: impl Iterator<Item = u64>,
    over: &AtomicBool,
) -> Result<Vec<Duration>> {
    let mut waited = Vec::new();
    for number in folders {
        let begun = Instant::now();
        let run = installation.run(OTHERS, Some(format!("CS-{number:07}")))?;
        let balance = installation.settled(run, Duration::from_millis(1))?;
        if over.load(Ordering::SeqCst) {
            break;
        }
        if balance.count(Bucket::Accepted) > 0 {
            waited.push(begun.elapsed());
        }
    }
    Ok(waited)
}

fn figures(mut waited: Vec<Duration>) -> Result<Value> {
    ensure!(!waited.is_empty(), "the bulk run was over before anybody asked");
    waited.sort();
    let rank = |share: usize| waited[(waited.len() * share).div_ceil(100) - 1].as_secs_f64() * 1e3;
    Ok(json!({ "count": waited.len(), "p50_ms": rank(50), "p99_ms": rank(99), "max_ms": rank(100) }))
}
