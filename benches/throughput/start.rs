//! Start-up and idle memory: of the flows alone, of a gateway, of the binary itself.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::measure::{best, child, command, memory_mb, number, thread_cpu};
use super::table::Table;
use super::{ROUNDS, material};

const BINARY: &str = env!("CARGO_BIN_EXE_raccordo");

/// Rows of this part.
pub fn measure(table: &mut Table) -> Result<()> {
    material::fresh("ledger-start")?;
    let mut opened = Vec::new();
    let mut check = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        opened.push(child(&["open", "ledger-start"])?);
        let (cpu, wall) = command(&[BINARY, "check"])?;
        check = (check.0.min(cpu), check.1.min(wall));
    }
    let ms = |name: &str| Ok::<_, anyhow::Error>(1e3 * number(best(&opened, name)?, name)?);
    let megabytes = number(best(&opened, "idle_mb")?, "idle_mb")?;
    table.row(
        "flows loaded and checked",
        &format!("{:.1} ms CPU", ms("catalog_s")?),
        "`raccordo check` inside",
    );
    table.row(
        "flows loaded and a gateway opened on its ledger",
        &format!("{:.1} ms CPU", ms("open_s")?),
        &format!("{megabytes:.0} MB resident"),
    );
    table.row(
        "`raccordo check`, the whole process",
        &format!("{:.0} ms CPU", 1e3 * check.0),
        &format!("{:.0} ms wall", 1e3 * check.1),
    );
    let (ready, idle) = serve()?;
    table.row(
        "`raccordo serve` until it listens, all flows",
        &format!("{:.0} ms wall", 1e3 * ready),
        &format!("idle {idle:.1} MB resident"),
    );
    Ok(())
}

/// The child: loads the flows, opens a gateway and rests.
pub fn run(ledger: &str) -> Result<Value> {
    let begun = thread_cpu()?;
    let catalog = material::catalog()?;
    let loaded = thread_cpu()?;
    drop(catalog);
    let directory = material::path(ledger)?.display().to_string();
    let before = thread_cpu()?;
    let gateway = material::gateway(&directory, "file")?;
    let opened = thread_cpu()?;
    let idle = memory_mb("self", "VmRSS:")?;
    drop(gateway);
    let (catalog_s, both_s) = ((loaded - begun).as_secs_f64(), (opened - before).as_secs_f64());
    Ok(json!({ "catalog_s": catalog_s, "open_s": both_s, "idle_mb": idle }))
}

/// Seconds until the server says that it serves (best of the rounds), and its resident memory after
/// a first request.
fn serve() -> Result<(f64, f64)> {
    let (mut ready, mut idle) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let directory = material::fresh("serve")?;
        let config = directory.join("raccordo.toml");
        let data = directory.display().to_string();
        fs::write(&config, format!("data = {data:?}\n[api]\nlisten = \"127.0.0.1:0\"\n"))?;
        let begun = Instant::now();
        let mut serve = Command::new(BINARY);
        serve.arg("--config").arg(&config).arg("serve").stderr(Stdio::piped());
        let mut server = Server(serve.spawn()?);
        let log = server.0.stderr.take().context("no log")?;
        let mut log = BufReader::new(log).lines();
        ensure!(log.any(|line| line.is_ok_and(|line| line.contains("raccordo serves"))), "it does not serve");
        ready = ready.min(begun.elapsed().as_secs_f64());
        let mut socket = UnixStream::connect(directory.join("raccordo.sock"))?;
        socket.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        socket.read_to_end(&mut Vec::new())?;
        idle = idle.min(memory_mb(&server.0.id().to_string(), "VmRSS:")?);
    }
    Ok((ready, idle))
}

/// A server that ends with its part.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
