//! What the gateway costs, beside an anchor measured in the same run (`make bench`).
//!
//! Every part runs in a child process of its own, so that peaks of memory and CPU times do
//! not mix; children answer with one JSON object. The second word of a row names what it is
//! compared with. Nothing here is a figure of another day. `cargo bench -- pipeline import`
//! runs only the parts named; sizes come from RACCORDO_BENCH_RECORDS (and ..._MANY).

#[path = "throughput/anchor.rs"]
mod anchor;
#[path = "throughput/broker.rs"]
mod broker;
#[path = "throughput/bulk.rs"]
mod bulk;
#[path = "throughput/import.rs"]
mod import;
#[path = "throughput/installation.rs"]
mod installation;
#[path = "throughput/material.rs"]
mod material;
#[path = "throughput/measure.rs"]
mod measure;
#[path = "throughput/offer.rs"]
mod offer;
#[path = "throughput/pipeline.rs"]
mod pipeline;
#[path = "throughput/push.rs"]
mod push;
#[path = "throughput/search.rs"]
mod search;
#[path = "throughput/start.rs"]
mod start;
#[path = "throughput/table.rs"]
mod table;

use anyhow::{Result, bail};
use serde_json::Value;

use table::Table;

/// Alternations of a part with its anchor; the best of each counts.
const ROUNDS: usize = 3;

type Part = (&'static str, fn(&mut Table) -> Result<()>);

/// What is measured, in this order.
const PARTS: [Part; 8] = [
    ("pipeline", pipeline::measure),
    ("import", import::measure),
    ("bulk", bulk::measure),
    ("offer", offer::measure),
    ("broker", broker::measure),
    ("push", push::measure),
    ("search", search::measure),
    ("start", start::measure),
];

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if words.first().is_some_and(|word| word == "--child") {
        let answer = child(&words[1..])?;
        println!("{answer}");
        return Ok(());
    }
    if let Some(unknown) = words.iter().find(|word| PARTS.iter().all(|(name, _)| name != word)) {
        bail!("there is no part `{unknown}`: pipeline, import, bulk, offer, broker, push, search, start");
    }
    let mut table = Table::begin();
    for (name, part) in PARTS {
        if words.is_empty() || words.iter().any(|word| word == name) {
            part(&mut table)?;
        }
    }
    table.end();
    Ok(())
}

/// What a child process does.
fn child(words: &[String]) -> Result<Value> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["pipeline", records] => pipeline::run(records.parse()?),
        ["import", records, ledger] => import::run(records.parse()?, ledger),
        ["anchor", rows] => anchor::run(rows.parse()?),
        ["broker", in_flight] => broker::run(in_flight.parse()?),
        ["push", queue, recipient, workers] => push::run(queue, recipient, workers.parse()?),
        ["on-demand", queue, workers] => push::run_on_demand(queue, workers.parse()?),
        ["recipient"] => installation::recipient(),
        ["bulk", ledger] => bulk::run(ledger),
        ["offer", ledger] => offer::run(ledger),
        ["search", count, ledger] => search::run(count.parse()?, ledger),
        ["open", ledger] => start::run(ledger),
        other => bail!("a child cannot do {other:?}"),
    }
}
