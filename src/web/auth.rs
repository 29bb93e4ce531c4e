//! Who calls: a named token (of the configuration or of the ledger, kept as its SHA-256), or whoever
//! reaches the local socket; and what they may do.

use std::sync::Arc;

use aws_lc_rs::{constant_time, digest};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::folders::blocking;
use super::oidc::OidcClient;
use super::problem::Problem;
use crate::gateway::Gateway;
use crate::gateway::rights::{
    Grant, Reason, ReasonError, Right, allows, allows_at_ente, allows_somewhere, everything,
};
use crate::gateway::settings::Token;

/// The header in which whoever looks at a person says why.
pub const REASON: &str = "raccordo-reason";

/// Who is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Bearers of a token.
    Tokens,
    /// Everyone: the listener is a socket that only the installation's user reaches.
    Local,
}

/// Who made a request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Name of the token, or `local`.
    pub name: String,
    grants: Vec<Grant>,
    /// Why they look at a person, where they say it.
    reason: Option<String>,
    trust: Trust,
}

impl Caller {
    fn new(name: impl Into<String>, grants: Vec<Grant>) -> Self {
        Self { name: name.into(), grants, reason: None, trust: Trust::Tokens }
    }

    fn local() -> Self {
        Self { trust: Trust::Local, ..Self::new("local", everything(&[], &[])) }
    }

    /// Whether they came over the local socket.
    pub const fn is_local(&self) -> bool {
        matches!(self.trust, Trust::Local)
    }

    /// 403 unless the caller has the right at an ente and register; `None` asks for all of them.
    pub fn may(&self, right: Right, ente: Option<&str>, register: Option<&str>) -> Result<(), Problem> {
        if allows(&self.grants, right, ente, register) { Ok(()) } else { Err(self.lacks(right)) }
    }

    /// 403 unless the caller has the right at an ente, for whatever belongs to no register.
    pub fn may_at(&self, right: Right, ente: &str) -> Result<(), Problem> {
        if allows_at_ente(&self.grants, right, ente) { Ok(()) } else { Err(self.lacks(right)) }
    }

    /// 403 unless the caller has the right somewhere: asked before a request is read any further.
    pub fn may_somewhere(&self, right: Right) -> Result<(), Problem> {
        if allows_somewhere(&self.grants, right) { Ok(()) } else { Err(self.lacks(right)) }
    }

    fn lacks(&self, right: Right) -> Problem {
        let words = right.words();
        Problem::new(
            StatusCode::FORBIDDEN,
            match allows_somewhere(&self.grants, right) {
                true => format!("The right to {words} was given for other enti or registers only."),
                false => format!("This takes the right to {words}."),
            },
        )
    }

    /// The enti whose rows may be shown, `None` = all: for lists that the ledger cuts.
    pub fn only(&self) -> Option<Vec<String>> {
        let seeing = || self.grants.iter().filter(|grant| grant.role.rights().contains(&Right::SeeMetadata));
        let all = seeing().any(|grant| grant.enti.is_empty());
        (!all).then(|| seeing().flat_map(|grant| grant.enti.iter().cloned()).collect())
    }

    /// Whether an ente's rows may be shown, of some register at least.
    pub fn sees(&self, ente: &str) -> bool {
        allows_at_ente(&self.grants, Right::SeeMetadata, ente)
    }

    /// Whether rows of an ente and register may be shown.
    pub fn sees_at(&self, ente: &str, register: &str) -> bool {
        allows(&self.grants, Right::SeeMetadata, Some(ente), Some(register))
    }

    /// Whether rows of an ente at one of a route's registers may be shown.
    pub fn sees_by(&self, gateway: &Gateway, ente: &str, route: &str) -> bool {
        match gateway.settings.route(route) {
            Some(route) => route.registers().any(|register| self.sees_at(ente, register)),
            None => self.sees(ente),
        }
    }

    /// Why the caller looks at a person. Who reaches the local socket holds the key file too, and says it
    /// where they like.
    ///
    /// # Errors
    /// 400 where no reason is given, or one that names a person.
    pub fn reason(&self) -> Result<Reason, Problem> {
        match (&self.reason, self.trust) {
            (None, Trust::Local) => Ok(Reason::new("local command")?),
            (given, _) => Ok(Reason::new(given.as_deref().unwrap_or_default())?),
        }
    }
}

impl From<ReasonError> for Problem {
    fn from(error: ReasonError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}

/// Lets a request in with its [`Caller`], or answers 401.
pub async fn require(
    State((gateway, trust, provider)): State<(Arc<Gateway>, Trust, Option<Arc<OidcClient>>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = match (trust, bearer(&request)) {
        (Trust::Local, _) => Ok(Some(Caller::local())),
        (Trust::Tokens, None) => return unauthorized("Bearer"),
        (Trust::Tokens, Some(token)) => known(gateway, provider, token.to_owned()).await,
    };
    match caller {
        Ok(Some(mut caller)) => {
            caller.reason = reason(&request);
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Ok(None) => unauthorized("Bearer error=\"invalid_token\""),
        Err(problem) => problem.into_response(),
    }
}

/// Whom a token lets in.
async fn known(
    gateway: Arc<Gateway>,
    provider: Option<Arc<OidcClient>>,
    token: String,
) -> Result<Option<Caller>, Problem> {
    if let Some(caller) = recognise(&gateway.settings.api.tokens, &token) {
        return Ok(Some(caller));
    }
    if let Some(provider) = provider {
        let now_s = gateway.clock.now_ms() / 1000;
        if let Some(person) = provider.bearer(&token, now_s).await {
            return Ok(Some(Caller::new(person.name, person.grants)));
        }
    }
    let bearer = blocking(move || Ok(gateway.bearer(&token)?)).await?;
    Ok(bearer.map(|bearer| Caller::new(bearer.name, bearer.grants)))
}

fn bearer(request: &Request) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token)
}

/// The reason in the header, else in the query.
fn reason(request: &Request) -> Option<String> {
    if let Some(value) = request.headers().get(REASON) {
        return Some(String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    #[derive(serde::Deserialize)]
    struct Given {
        reason: Option<String>,
    }
    let query = axum::extract::Query::<Given>::try_from_uri(request.uri());
    query.ok().and_then(|axum::extract::Query(given)| given.reason)
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
    Some(Caller::new(&known.name, known.grants()))
}

/// Lower-case hexadecimal.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 401; `challenge` as RFC 6750, 3 wants it.
fn unauthorized(challenge: &'static str) -> Response {
    let detail = "A bearer token of this installation that has not ended is needed: `raccordo token add NAME \
                  --role ROLE` makes one.";
    let mut answer = Problem::new(StatusCode::UNAUTHORIZED, detail).into_response();
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    answer
}
