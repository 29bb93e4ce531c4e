//! Durable import through the gateway into a fresh ledger, beside bare group commits.

use anyhow::{Result, ensure};
use raccordo::gateway::new_import;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::measure::{Span, best, child, memory_mb, number};
use super::table::{Table, thousands};
use super::{ROUNDS, material};

/// Rows of this part.
pub fn measure(table: &mut Table) -> Result<()> {
    let (records, _) = material::sizes();
    material::generate(records)?;
    let (mut imports, mut anchors) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        imports.push(child(&["import", &records.to_string(), "ledger-import"])?);
        anchors.push(child(&["anchor", &(5 * records).to_string()])?);
    }
    let (by_wall, by_cpu) = (best(&imports, "wall_s")?, best(&imports, "cpu_s")?);
    let rate = |answer: &Value, of: &str, per: &str| {
        Ok::<_, anyhow::Error>(number(answer, of)? / number(answer, per)?)
    };
    let anchor_wall = rate(best(&anchors, "wall_s")?, "rows", "wall_s")?;
    let anchor_cpu = 1e6 / rate(best(&anchors, "cpu_s")?, "rows", "cpu_s")?;
    for (what, of) in [("folders", "folders"), ("records", "records"), ("ledger rows", "rows")] {
        let (wall, cpu) = (rate(by_wall, of, "wall_s")?, 1e6 / rate(by_cpu, of, "cpu_s")?);
        table.row(
            &format!("durable import, {what} ({})", thousands(number(by_wall, of)?)),
            &format!("{}/s, {cpu:.0} µs CPU each", thousands(wall)),
            &format!(
                "{:.2} × bare SQLite's {} rows/s by wall clock; CPU {:.1} × its {anchor_cpu:.0} µs",
                wall / anchor_wall,
                thousands(anchor_wall),
                cpu / anchor_cpu
            ),
        );
    }
    table.row(
        "– the best round",
        &format!("{:.2} s wall, {:.2} s CPU", number(by_wall, "wall_s")?, number(by_cpu, "cpu_s")?),
        &format!("peak {:.0} MB", number(by_cpu, "peak_mb")?),
    );
    Ok(())
}

/// The child: imports the folders of `records` records into `target/bench/<ledger>`.
pub fn run(records: usize, ledger: &str) -> Result<Value> {
    let directory = material::fresh(ledger)?;
    let gateway = material::gateway(&directory.display().to_string(), "file")?;
    let span = Span::begin()?;
    let summary = gateway.import(material::folders(records)?, &new_import()?, "bench", |_| ())?;
    let (cpu, wall) = span.seconds()?;
    ensure!(summary.not_saved == 0 && summary.withheld == 0, "generated folders were refused");
    drop(gateway);
    let rows = rows(&directory.join("ledger.sqlite"))?;
    Ok(json!({
        "cpu_s": cpu, "wall_s": wall, "folders": summary.saved, "records": summary.records, "rows": rows,
        "peak_mb": memory_mb("self", "VmHWM:")?,
    }))
}

/// Rows of all tables.
fn rows(path: &std::path::Path) -> Result<i64> {
    let connection = Connection::open(path)?;
    let mut names = connection.prepare("SELECT name FROM sqlite_master WHERE type = 'table'")?;
    let names: Vec<String> = names.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut rows = 0;
    for name in names {
        let count = format!("SELECT count(*) FROM \"{name}\"");
        rows += connection.query_row(&count, [], |row| row.get::<_, i64>(0))?;
    }
    Ok(rows)
}
