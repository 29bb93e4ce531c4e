//! How a command reaches the gateway: through the socket of a running `serve`, else by
//! opening the ledger itself. Either way it speaks the API.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use serde_json::Value;
use tower::ServiceExt;

use crate::channel::push::{self, HttpClient, HttpSettings};
use crate::gateway::Gateway;
use crate::node::{self, Running};
use crate::web::{self, Trust};

/// Largest answer that a command reads, bytes.
const ANSWER_MOST: usize = 256 * 1024 * 1024;

/// The way to the gateway.
pub struct Link {
    runtime: tokio::runtime::Runtime,
    way: Way,
    delivering: Option<Running>,
}

enum Way {
    InProcess { router: Router, gateway: Arc<Gateway> },
    Socket(HttpClient),
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(delivering) = self.delivering.take() {
            self.runtime.block_on(delivering.stop());
        }
    }
}

impl Link {
    /// Finds the way for a configuration.
    pub fn open(config: Option<&Path>) -> anyhow::Result<Self> {
        let settings = node::config::load(config)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let socket = Path::new(&settings.data).join("raccordo.sock");
        if std::os::unix::net::UnixStream::connect(&socket).is_ok() {
            let settings = HttpSettings {
                unix_socket: Some(socket),
                total_timeout_ms: 3_600_000,
                read_timeout_ms: 3_600_000,
                max_response_bytes: ANSWER_MOST,
                ..HttpSettings::default()
            };
            let client = runtime.block_on(async { HttpClient::new(&settings) })?;
            return Ok(Self { runtime, way: Way::Socket(client), delivering: None });
        }
        let gateway = Arc::new(node::open(settings)?);
        let router = web::router(Arc::clone(&gateway), Trust::Local);
        Ok(Self { runtime, way: Way::InProcess { router, gateway }, delivering: None })
    }

    /// Where no server runs, what this command queues leaves while it waits.
    pub fn deliver(&mut self) -> anyhow::Result<()> {
        if let Way::InProcess { gateway, .. } = &self.way {
            let started = self.runtime.block_on(async { node::deliver(gateway) });
            self.delivering = Some(started?);
        }
        Ok(())
    }

    /// The gateway itself, where this process has it.
    pub fn gateway(&self) -> Option<&Arc<Gateway>> {
        match &self.way {
            Way::InProcess { gateway, .. } => Some(gateway),
            Way::Socket(_) => None,
        }
    }

    /// Lets time pass between two looks; what runs in this process goes on meanwhile.
    pub fn pause(&self, time: std::time::Duration) {
        self.runtime.block_on(async { tokio::time::sleep(time).await });
    }

    /// A GET of the API, below `/api/v1`.
    pub fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call("GET", path, Vec::new(), "application/json")
    }

    /// A POST of JSON.
    pub fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call("POST", path, body.to_string().into_bytes(), "application/json")
    }

    /// A POST of any bytes; the answer's text.
    pub fn post_bytes(&self, path: &str, body: Vec<u8>, kind: &str) -> anyhow::Result<Vec<u8>> {
        let (status, bytes) = self.runtime.block_on(self.exchange("POST", path, body, kind))?;
        problem_or(status, bytes)
    }

    fn call(&self, method: &str, path: &str, body: Vec<u8>, kind: &str) -> anyhow::Result<Value> {
        let (status, bytes) = self.runtime.block_on(self.exchange(method, path, body, kind))?;
        let bytes = problem_or(status, bytes)?;
        if bytes.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&bytes)?) }
    }

    async fn exchange(
        &self,
        method: &str,
        path: &str,
        body: Vec<u8>,
        kind: &str,
    ) -> anyhow::Result<(u16, Vec<u8>)> {
        let url = format!("/api/v1{path}");
        match &self.way {
            Way::InProcess { router, .. } => {
                let request = Request::builder()
                    .method(method)
                    .uri(url)
                    .header(header::CONTENT_TYPE, kind)
                    .body(Body::from(body))?;
                let answer = router.clone().oneshot(request).await?;
                let status = answer.status().as_u16();
                Ok((status, to_bytes(answer.into_body(), ANSWER_MOST).await?.to_vec()))
            }
            Way::Socket(client) => {
                let url = format!("http://localhost{url}");
                let request = match method {
                    "GET" => push::Request::get(url),
                    _ => push::Request::post(url, kind, body),
                };
                let answer = client.send(request).await.context("the running raccordo did not answer")?;
                Ok((answer.status, answer.body.into_exposed()))
            }
        }
    }
}

/// The body of a good answer, or the problem in words.
fn problem_or(status: u16, bytes: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    if (200..300).contains(&status) {
        return Ok(bytes);
    }
    let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    match problem["detail_en"].as_str().or(problem["detail"].as_str()) {
        Some(detail) => bail!("{detail}"),
        None => bail!("the gateway answered {status}"),
    }
}
