//! `health`: whether the `serve` of this installation is ready for work; for containers and scripts.

use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

use super::Outcome;
use super::runs::duration;
use super::speech::said;
use crate::channel::push::{HttpClient, HttpSettings, Request};
use crate::node;

/// Ask the running server how it is.
#[derive(Args)]
#[command(after_help = "Examples:
  raccordo health                the server of this installation, by its local socket
  raccordo health --wait 10s     after a start: until it is ready")]
pub struct Health {
    /// How long to wait until it is ready: `10s`.
    #[arg(long, default_value = "0s", value_parser = duration)]
    wait: Duration,
}

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// `raccordo health`. Exit 1 when it answers and is not ready, 2 when nothing answers.
pub fn run(health: &Health, config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let server = Server::of(config)?;
    let mut left = health.wait.as_millis() / LOOK_EVERY.as_millis();
    loop {
        match server.ready() {
            Some((200, told)) => return Ok(say(&told, true, json)),
            Some((_, told)) if left == 0 => return Ok(say(&told, false, json)),
            None if left == 0 => bail!("no `raccordo serve` answers here"),
            _ => {}
        }
        left -= 1;
        server.pause(LOOK_EVERY);
    }
}

fn say(told: &Value, ready: bool, as_json: bool) -> Outcome {
    if as_json {
        println!("{}", json!({ "ready": ready, "told": told }));
    } else if ready {
        println!("{}", said("The server is ready."));
    } else {
        println!("{}", said(&format!("The server is not ready: {told}")));
    }
    if ready { Outcome::Fine } else { Outcome::Findings }
}

/// The running server, by its local socket.
struct Server {
    runtime: tokio::runtime::Runtime,
    settings: HttpSettings,
}

impl Server {
    fn of(config: Option<&Path>) -> anyhow::Result<Self> {
        let data = node::config::load(config)?.data;
        let settings = HttpSettings {
            unix_socket: Some(Path::new(&data).join(node::SOCKET)),
            total_timeout_ms: 5_000,
            ..HttpSettings::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime, settings })
    }

    /// Status and body of its own word on being ready; `None` where nothing answers.
    fn ready(&self) -> Option<(u16, Value)> {
        self.runtime.block_on(async {
            let client = HttpClient::new(&self.settings).ok()?;
            let answer = client.send(Request::get("http://localhost/readyz")).await.ok()?;
            Some((answer.status, serde_json::from_slice(answer.body.expose()).unwrap_or_default()))
        })
    }

    fn pause(&self, time: Duration) {
        self.runtime.block_on(async { tokio::time::sleep(time).await });
    }
}
