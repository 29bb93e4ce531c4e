//! Who calls: a named token (kept as its SHA-256), or whoever reaches the local socket.

use std::sync::Arc;

use aws_lc_rs::{constant_time, digest};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use crate::gateway::Gateway;
use crate::gateway::settings::Token;

/// Who is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Bearers of a configured token.
    Tokens,
    /// Everyone: the listener is a socket that only the installation's user reaches.
    Local,
}

/// Who made a request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Name of the token, or `local`.
    pub name: String,
    /// The enti it may speak for; empty = all.
    enti: Vec<String>,
}

impl Caller {
    /// 403 unless the caller may speak for the ente.
    pub fn may_speak_for(&self, ente: &str) -> Result<(), Problem> {
        if self.enti.is_empty() || self.enti.iter().any(|code| code == ente) {
            return Ok(());
        }
        Err(Problem::new(StatusCode::FORBIDDEN, "This token does not speak for this ente."))
    }

    /// 403 unless the caller may speak for every ente: for acts on routes and whole ledgers.
    pub fn may_do_all(&self) -> Result<(), Problem> {
        if self.enti.is_empty() {
            return Ok(());
        }
        Err(Problem::new(StatusCode::FORBIDDEN, "This token speaks for single enti; this act concerns all."))
    }

    /// The enti whose rows may be shown, `None` = all: for lists that the ledger cuts.
    pub fn only(&self) -> Option<&[String]> {
        (!self.enti.is_empty()).then_some(self.enti.as_slice())
    }

    /// Whether an ente's rows may be shown.
    pub fn sees(&self, ente: &str) -> bool {
        self.enti.is_empty() || self.enti.iter().any(|code| code == ente)
    }
}

/// Lets a request in with its [`Caller`], or answers 401.
pub async fn require(
    State((gateway, trust)): State<(Arc<Gateway>, Trust)>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = match trust {
        Trust::Local => Some(Caller { name: "local".into(), enti: Vec::new() }),
        Trust::Tokens => bearer(&request).and_then(|token| recognise(&gateway.settings.api.tokens, token)),
    };
    match caller {
        Some(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        None => unauthorized(),
    }
}

fn bearer(request: &Request) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token)
}

fn recognise(tokens: &[Token], presented: &str) -> Option<Caller> {
    let presented = hexadecimal(digest::digest(&digest::SHA256, presented.as_bytes()).as_ref());
    let known = tokens.iter().find(|token| {
        constant_time::verify_slices_are_equal(
            token.sha256.to_ascii_lowercase().as_bytes(),
            presented.as_bytes(),
        )
        .is_ok()
    })?;
    Some(Caller { name: known.name.clone(), enti: known.enti.clone() })
}

/// Lower-case hexadecimal.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unauthorized() -> Response {
    let detail = "A bearer token of this installation is needed: `raccordo token new NAME` makes one.";
    let mut answer = Problem::new(StatusCode::UNAUTHORIZED, detail).into_response();
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
    answer
}
