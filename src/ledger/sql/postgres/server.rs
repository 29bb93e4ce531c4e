//! Where the server is, and how one connects to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{Config, Error};

use super::failure::{Failure, is_final};
use super::session::Session;
use super::tls::Tls;
use super::waiting::{rest, wait};
use crate::exchange::LedgerError;

type R<T> = Result<T, LedgerError>;

/// How long a node looks for its server: as long as a restart or a change of servers takes.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// One try to connect.
const TRY: Duration = Duration::from_secs(5);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(200);
/// A node that stands still in a transaction, or whose connection is gone without a word, loses it
/// before those who wait for their turn give up; a statement is given up after a minute.
const SETTINGS: &str = "SET statement_timeout = '60s'; SET lock_timeout = '45s';
    SET idle_in_transaction_session_timeout = '20s'; SET default_transaction_isolation = 'read committed';
    SET client_min_messages = 'warning'; SET jit = off; SET synchronous_commit = on";

/// Where the ledger is, as `[ledger]` in the configuration says it.
#[derive(Clone, Default)]
pub struct Place {
    /// `postgres://user@host:port/database`; several hosts with commas.
    pub url: String,
    /// From a file; empty where the server asks for none.
    pub password: String,
    /// Certificate authorities beside the machine's, PEM.
    pub authorities: String,
}

/// A server that connections are made to. Its I/O has a thread of its own, so that they may be
/// used from any.
pub struct Server {
    config: Config,
    tls: Tls,
    io: Option<Runtime>,
    /// Tells this process's writer from all others.
    pub(super) node: String,
}

impl Server {
    /// # Errors
    /// [`LedgerError::Refused`] where the address or the authorities cannot be used. Nothing is
    /// connected yet.
    pub fn new(place: &Place) -> R<Arc<Self>> {
        let unfit = |why: String| LedgerError::Refused(format!("the ledger's address cannot be used: {why}"));
        let mut config: Config = place.url.parse().map_err(|error: Error| unfit(error.to_string()))?;
        if !place.password.is_empty() {
            config.password(&place.password);
        }
        let near = config.get_hosts().iter().all(is_near);
        if !place.url.contains("sslmode=") {
            config.ssl_mode(if near { SslMode::Disable } else { SslMode::Require });
        }
        let tls = match config.get_ssl_mode() {
            SslMode::Disable => Tls::unused(),
            _ => Tls::trusting(&place.authorities),
        };
        config
            .application_name("raccordo")
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .connect_timeout(TRY)
            .tcp_user_timeout(Duration::from_secs(30))
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(4);
        let io = Builder::new_multi_thread().worker_threads(1).thread_name("ledger-io").enable_all().build();
        let io = io.map_err(|error| LedgerError::Store(Box::new(error)))?;
        let node = uuid::Uuid::now_v7().to_string();
        Ok(Arc::new(Self { config, tls: tls.map_err(unfit)?, io: Some(io), node }))
    }

    /// The hosts and the database, without user or password.
    pub fn name(&self) -> String {
        let host = |host: &Host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        };
        let hosts: Vec<String> = self.config.get_hosts().iter().map(host).collect();
        format!("{}/{}", hosts.join(","), self.config.get_dbname().unwrap_or_default())
    }

    /// Connects, trying again for as long as [`PATIENCE`] lasts.
    pub(super) fn connect(&self) -> R<Session> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.attempt() {
                Ok(session) => return Ok(session),
                Err((failure, true)) => return Err(failure),
                Err((failure, false)) if Instant::now() >= until => return Err(failure),
                Err(_) => rest(PAUSE),
            }
        }
    }

    /// One try; with its failure, whether that is final.
    fn attempt(&self) -> Result<Session, (LedgerError, bool)> {
        let io = self.io.as_ref().ok_or_else(|| (Failure::of("the ledger is closed"), true))?;
        let (config, tls) = (self.config.clone(), self.tls.clone());
        let made = io.spawn(async move {
            let (client, connection) = config.connect(tls).await?;
            let mover = tokio::spawn(async move { drop(connection.await) });
            Ok::<_, Error>((client, mover))
        });
        match wait(made, TRY * 2) {
            Some(Ok(Ok((client, mover)))) => {
                let mut session = Session::new(client, mover);
                session.batch(SETTINGS).map_err(|failure| (failure, false))?;
                Ok(session)
            }
            Some(Ok(Err(error))) => Err((Failure::from(&error), is_final(&error))),
            Some(Err(_)) | None => Err((Failure::of("the server does not answer"), false)),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(io) = self.io.take() {
            // Waits for nobody: this may be one of tokio's own threads.
            io.shutdown_background();
        }
    }
}

/// On this machine, where nobody listens in between.
fn is_near(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    }
}
