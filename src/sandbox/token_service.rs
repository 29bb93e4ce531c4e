//! A simulated PDND token endpoint: checks client assertions as the platform
//! does, flattens every refusal as it does, and mints vouchers, good and bad.

mod form;
mod mint;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::clock::Clock;
use crate::trust::assertion::{self, AssertionFault};
use crate::trust::jwks::KeySet;
use crate::trust::signing::{SigningError, SigningKey};
pub use mint::{Forgery, Grant, VoucherChanges};

/// A client that the simulated platform knows.
#[derive(Clone)]
pub struct KnownClient {
    /// A uuid.
    pub client_id: String,
    /// Its uploaded public keys.
    pub keys: KeySet,
    /// What it may ask for, one per purpose.
    pub grants: Vec<Grant>,
}

/// The simulated platform.
pub struct TokenServiceConfig {
    /// A loopback address; port 0 lets the system choose.
    pub bind: SocketAddr,
    /// `iss` of the vouchers.
    pub issuer: String,
    /// `aud` that assertions must have.
    pub assertion_audience: String,
    pub clients: Vec<KnownClient>,
}

/// Why the simulated platform could not start or mint.
#[derive(Debug, Error)]
pub enum TokenServiceError {
    #[error("the simulated token service binds to this machine only, not to {0}")]
    NotLoopback(SocketAddr),
    #[error("the simulated token service could not listen: {0}")]
    Listen(#[from] std::io::Error),
    #[error(transparent)]
    Signing(#[from] SigningError),
}

/// The running service; it ends when dropped.
pub struct TokenService {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

struct Shared {
    config: TokenServiceConfig,
    key: SigningKey,
    clock: Clock,
    last_fault: Mutex<Option<AssertionFault>>,
}

impl TokenService {
    /// Makes an RSA key and listens.
    pub async fn start(config: TokenServiceConfig, clock: Clock) -> Result<Self, TokenServiceError> {
        if !config.bind.ip().is_loopback() {
            return Err(TokenServiceError::NotLoopback(config.bind));
        }
        let listener = TcpListener::bind(config.bind).await?;
        let address = listener.local_addr()?;
        let key = SigningKey::generate()?;
        let shared = Arc::new(Shared { config, key, clock, last_fault: Mutex::new(None) });
        let router = Router::new()
            .route("/.well-known/jwks.json", get(jwks))
            .route("/token.oauth2", post(token))
            .layer(DefaultBodyLimit::max(64 * 1024))
            .with_state(Arc::clone(&shared));
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let end = async move { stopped.await.unwrap_or_default() };
            // A loop that cannot accept any more shows as refused connections.
            let _ = axum::serve(listener, router).with_graceful_shutdown(end).await;
        });
        Ok(Self { shared, address, stop: Some(stop), task })
    }

    /// Where vouchers are asked for.
    pub fn token_url(&self) -> String {
        format!("http://{}/token.oauth2", self.address)
    }

    /// Where the public keys are.
    pub fn jwks_url(&self) -> String {
        format!("http://{}/.well-known/jwks.json", self.address)
    }

    /// The public keys themselves.
    pub fn jwks(&self) -> String {
        self.shared.key.jwks()
    }

    /// A voucher for this grant with these changes, without any question asked.
    pub fn issue(&self, grant: &Grant, changes: &VoucherChanges) -> Result<String, TokenServiceError> {
        Ok(mint::voucher(&self.shared.key, &self.shared.config.issuer, grant, changes, self.shared.now_s())?)
    }

    /// What the last refusal really was; the platform would not tell.
    pub fn last_fault(&self) -> Option<AssertionFault> {
        *self.shared.last_fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops listening and waits for the last answer.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        // A task that panicked has nothing more to say here.
        let _ = self.task.await;
    }
}

impl Shared {
    fn now_s(&self) -> i64 {
        (self.clock)().div_euclid(1_000)
    }

    /// The grant that an assertion is entitled to.
    fn judge(&self, body: &[u8]) -> Result<(&KnownClient, &Grant), AssertionFault> {
        let form = form::parse(body).ok_or(fault("0006", "badForm"))?;
        let field = |name: &str| form.get(name).map(String::as_str);
        ensure(field("client_assertion_type") == Some(assertion::ASSERTION_TYPE), "0002")?;
        ensure(field("grant_type") == Some(assertion::GRANT_TYPE), "0003")?;
        let token = field("client_assertion").ok_or(fault("0006", "badForm"))?;
        let mut verdict = Err(fault("0015", "kidNotFound"));
        for client in &self.config.clients {
            verdict = self.judge_as(client, token, field("client_id"));
            match verdict {
                Err(AssertionFault { code: "0015", .. }) => {}
                _ => break,
            }
        }
        verdict
    }

    fn judge_as<'s>(
        &'s self,
        client: &'s KnownClient,
        token: &str,
        client_id: Option<&str>,
    ) -> Result<(&'s KnownClient, &'s Grant), AssertionFault> {
        let audience = self.config.assertion_audience.as_str();
        let checked = assertion::check(token, client_id, &[audience], &client.keys, self.now_s())?;
        ensure(checked.client_id == client.client_id, "0013")?;
        let purpose = checked.purpose_id.ok_or(fault("0030", "purposeIdNotProvided"))?;
        let grant = client.grants.iter().find(|grant| grant.purpose_id == purpose);
        Ok((client, grant.ok_or(fault("0020", "inactivePurpose"))?))
    }
}

async fn jwks(State(shared): State<Arc<Shared>>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], shared.key.jwks()).into_response()
}

async fn token(State(shared): State<Arc<Shared>>, body: axum::body::Bytes) -> Response {
    match shared.judge(&body) {
        Err(fault) => {
            *shared.last_fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
            problem(400, "015-0008", "The request contains bad syntax or cannot be fulfilled.", "Bad request")
        }
        Ok((client, grant)) => {
            let mut changes = VoucherChanges::default();
            for name in ["sub", "client_id"] {
                changes.claims.insert(name.to_owned(), json!(client.client_id));
            }
            match mint::voucher(&shared.key, &shared.config.issuer, grant, &changes, shared.now_s()) {
                Ok(voucher) => granted(&voucher, grant.lifetime_s),
                Err(_) => problem(500, "015-0000", "The request couldn't be fulfilled.", "Server error"),
            }
        }
    }
}

fn granted(voucher: &str, lifetime_s: i64) -> Response {
    let body = json!({"access_token": voucher, "token_type": "Bearer", "expires_in": lifetime_s});
    answer(200, "application/json", &body)
}

/// The one shape in which the platform says no.
fn problem(status: u16, code: &str, title: &str, detail: &str) -> Response {
    let correlation = uuid::Uuid::now_v7().to_string();
    let error = json!({"code": code, "detail": "Unable to generate a token for the given request"});
    let body = json!({"type": "about:blank", "title": title, "status": status, "detail": detail,
        "errors": [error], "correlationId": correlation});
    answer(status, "application/problem+json", &body)
}

fn answer(status: u16, content_type: &'static str, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-cache, no-store")];
    (status, headers, body.to_string()).into_response()
}

fn ensure(holds: bool, code: &'static str) -> Result<(), AssertionFault> {
    let rule = match code {
        "0002" => "invalidAssertionType",
        "0003" => "invalidGrantType",
        _ => "invalidSubject",
    };
    if holds { Ok(()) } else { Err(fault(code, rule)) }
}

const fn fault(code: &'static str, rule: &'static str) -> AssertionFault {
    AssertionFault { code, rule, hint: "seen by the simulated platform only" }
}

#[cfg(test)]
mod tests;
