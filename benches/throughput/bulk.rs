//! Peak memory where the input grows fivefold, and the bulk files of a whole run.

use anyhow::{Context, Result};
use raccordo::gateway::RunRequest;
use serde_json::{Value, json};

use super::material;
use super::measure::{Span, child, memory_mb, number};
use super::table::{Table, thousands};

/// Rows of this part.
pub fn measure(table: &mut Table) -> Result<()> {
    let (few, many) = material::sizes();
    for records in [few, many] {
        material::generate(records)?;
        let imported = child(&["import", &records.to_string(), "ledger-bulk"])?;
        let made = child(&["bulk", "ledger-bulk"])?;
        let count = number(&imported, "records")?;
        table.row(
            &format!("import of {} records", thousands(count)),
            &format!("peak {:.0} MB", number(&imported, "peak_mb")?),
            &format!(
                "{:.1} s wall, {:.0} µs CPU a record",
                number(&imported, "wall_s")?,
                1e6 * number(&imported, "cpu_s")? / count
            ),
        );
        table.row(
            &format!("run of {} records to {} bulk files", thousands(count), number(&made, "files")?),
            &format!("peak {:.0} MB", number(&made, "peak_mb")?),
            &format!(
                "{:.1} s wall, {:.0} µs CPU a record (selection {:.0})",
                number(&made, "wall_s")?,
                1e6 * number(&made, "cpu_s")? / count,
                1e6 * number(&made, "select_cpu_s")? / count
            ),
        );
    }
    Ok(())
}

/// The child: selects all records of the ledger and writes their bulk files.
pub fn run(ledger: &str) -> Result<Value> {
    let directory = material::path(ledger)?;
    let gateway = material::gateway(&directory.display().to_string(), "file")?;
    let span = Span::begin()?;
    let run = gateway.start_run(&whole())?;
    let (select_cpu_s, _) = span.seconds()?;
    let route = gateway.settings.route.first().context("no route")?;
    let files = gateway.build_files(route)?.len();
    let (cpu, wall) = span.seconds()?;
    Ok(json!({
        "cpu_s": cpu, "wall_s": wall, "select_cpu_s": select_cpu_s, "files": files, "run": run,
        "peak_mb": memory_mb("self", "VmHWM:")?,
    }))
}

/// Everything of the ente.
pub fn whole() -> RunRequest {
    RunRequest {
        ente: material::ENTE.to_owned(),
        flow: material::FLOW.to_owned(),
        period: None,
        folder: None,
        route: None,
        actor: "bench".to_owned(),
    }
}
