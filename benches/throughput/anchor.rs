//! The anchor of durable work: bare SQLite on the same disk, rows of 1 KB in batches of 100.

use anyhow::Result;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::material;
use super::measure::Span;

const ROW_BYTES: usize = 1_024;
const BATCH: usize = 100;

/// The child: inserts `rows` rows, WAL, synchronous=FULL.
pub fn run(rows: usize) -> Result<Value> {
    let directory = material::fresh("anchor")?;
    let connection = Connection::open(directory.join("anchor.sqlite"))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE row (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;",
    )?;
    let mut body = [0_u8; ROW_BYTES];
    let span = Span::begin()?;
    for batch in 0..rows.div_ceil(BATCH) {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let mut insert = connection.prepare_cached("INSERT INTO row (body) VALUES (?1)")?;
        for row in 0..BATCH {
            body[..8].copy_from_slice(&((batch * BATCH + row) as u64).to_le_bytes());
            insert.execute([&body[..]])?;
        }
        connection.execute_batch("COMMIT")?;
    }
    let (cpu, wall) = span.seconds()?;
    Ok(json!({ "cpu_s": cpu, "wall_s": wall, "rows": rows.div_ceil(BATCH) * BATCH }))
}
