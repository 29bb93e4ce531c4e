//! Start-up and idle memory: of the flows alone, of a gateway, of the binary itself.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::measure::{best, child, command, memory_mb, number, thread_cpu};
use super::table::Table;
use super::{ROUNDS, material};

const BINARY: &str = env!("CARGO_BIN_EXE_raccordo");
const PATIENCE: Duration = Duration::from_secs(30);

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
        "gateway opened on its ledger",
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

/// Seconds until the local socket stands (best of the rounds), and the resident memory then.
fn serve() -> Result<(f64, f64)> {
    let (mut ready, mut idle) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let directory = material::fresh("serve")?;
        let config = directory.join("raccordo.toml");
        fs::write(
            &config,
            format!("data = {:?}\n[api]\nlisten = \"127.0.0.1:0\"\n", directory.display().to_string()),
        )?;
        let begun = Instant::now();
        let mut server = Server(
            Command::new(BINARY).arg("--config").arg(&config).arg("serve").stderr(Stdio::null()).spawn()?,
        );
        let socket = directory.join("raccordo.sock");
        while !socket.exists() {
            if begun.elapsed() > PATIENCE || server.0.try_wait()?.is_some() {
                bail!("`raccordo serve` does not listen");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        ready = ready.min(begun.elapsed().as_secs_f64());
        // The first ticks of the clock belong to an idle server.
        std::thread::sleep(Duration::from_secs(1));
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
