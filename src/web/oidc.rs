//! The OpenID provider as we ask it: its document and keys, fetched when needed and kept for a while;
//! access tokens for the API; the exchange of a code for an ID token.

use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::auth::hexadecimal;
use crate::channel::push::{HttpClient, HttpSettings, Request};
use crate::gateway::oidc_settings::Oidc;
use crate::gateway::rights::Grant;
use crate::personal::Personal;
use crate::trust::jwks::{KeySet, may_fetch};
use crate::trust::oidc::{Expected, Fault, Provider, access_token, id_token};

/// Keys older than this are fetched anew, so that withdrawn ones go; seconds.
const KEYS_AGE_S: i64 = 600;
/// An unknown key makes us ask again, so often at most; seconds.
const ASK_AGAIN_S: i64 = 2;
/// Largest document of a provider, bytes.
const DOCUMENT_MOST: usize = 256 * 1024;

/// Who was signed in by the provider.
pub struct Person {
    /// Of the account: stable for this person at this provider.
    pub name: String,
    pub grants: Vec<Grant>,
}

/// Why nobody was signed in. Holds no token.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    #[error("the provider could not be asked: {0}")]
    Unreachable(String),
    #[error("the provider's token is not believed: {0}")]
    Token(#[from] Fault),
    #[error("the provider gave no token: it answered {0}")]
    Refused(u16),
}

/// A provider, with what is known of it.
pub struct OidcClient {
    pub settings: Oidc,
    http: HttpClient,
    known: Mutex<Known>,
}

struct Known {
    provider: Option<Provider>,
    keys: KeySet,
    asked_at_s: Option<i64>,
}

impl OidcClient {
    /// A client of a provider; nothing is asked yet.
    pub fn new(settings: Oidc) -> Result<Self, String> {
        let limits = HttpSettings {
            total_timeout_ms: 10_000,
            max_response_bytes: DOCUMENT_MOST,
            ..HttpSettings::default()
        };
        let http = HttpClient::new(&limits).map_err(|error| error.to_string())?;
        let known = Mutex::new(Known { provider: None, keys: KeySet::empty(), asked_at_s: None });
        Ok(Self { settings, http, known })
    }

    /// Whom an access token lets in; `None` where it is no token of this provider for our API.
    pub async fn bearer(&self, token: &str, now_s: i64) -> Option<Person> {
        if self.settings.audience.is_empty() || token.matches('.').count() != 2 {
            return None;
        }
        let expected = self.expected(&self.settings.audience);
        let judged = self.judge(now_s, |keys| access_token(token, keys, expected, now_s)).await;
        match judged {
            Ok(claims) => Some(self.person(&claims)),
            Err(error) => {
                tracing::info!(%error, "an access token was turned away");
                None
            }
        }
    }

    /// Where a browser is sent to sign in.
    pub async fn authorization_url(
        &self,
        (state, nonce, challenge): (&str, &str, &str),
        now_s: i64,
    ) -> Result<String, OidcError> {
        let provider = self.provider(now_s).await?;
        let joint = if provider.authorization_endpoint.contains('?') { '&' } else { '?' };
        let parameters = form(&[
            ("response_type", "code"),
            ("client_id", &self.settings.client_id),
            ("redirect_uri", &self.redirect_uri()),
            ("scope", &self.settings.scopes),
            ("state", state),
            ("nonce", nonce),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ]);
        Ok(format!("{}{joint}{parameters}", provider.authorization_endpoint))
    }

    /// Exchanges a code for an ID token, and says who it is.
    pub async fn sign_in(
        &self,
        code: &str,
        (nonce, verifier): (&str, &str),
        now_s: i64,
    ) -> Result<Person, OidcError> {
        let provider = self.provider(now_s).await?;
        let redirect = self.redirect_uri();
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &redirect),
            ("code_verifier", verifier),
        ];
        if self.settings.client_secret.is_none() {
            fields.push(("client_id", &self.settings.client_id));
        }
        let kind = "application/x-www-form-urlencoded";
        let mut request = Request::post(provider.token_endpoint, kind, form(&fields).into_bytes());
        if let Some(secret) = &self.settings.client_secret {
            // RFC 6749, 2.3.1: both are form-encoded first.
            let pair = format!("{}:{}", encoded(&self.settings.client_id), encoded(secret.expose()));
            request = request.header("authorization", format!("Basic {}", STANDARD.encode(pair)));
        }
        let answer = self.http.send(request).await.map_err(unreachable)?;
        if !answer.is_success() {
            return Err(OidcError::Refused(answer.status));
        }
        let body: Value = serde_json::from_slice(answer.body.expose()).map_err(|_| Fault::Form)?;
        let token = Personal::new(body["id_token"].as_str().ok_or(Fault::Form)?.to_owned());
        let expected = self.expected(&self.settings.client_id);
        let judge = |keys: &KeySet| id_token(token.expose(), keys, expected, nonce, now_s);
        Ok(self.person(&self.judge(now_s, judge).await?))
    }

    /// Judges a token by the known keys, and once more where a key was unknown and new ones could be had.
    async fn judge(
        &self,
        now_s: i64,
        judge: impl Fn(&KeySet) -> Result<Map<String, Value>, Fault>,
    ) -> Result<Map<String, Value>, OidcError> {
        let mut known = self.known.lock().await;
        if known.keys.is_stale(now_s, KEYS_AGE_S) {
            self.refresh(&mut known, now_s).await?;
        }
        match judge(&known.keys) {
            Err(Fault::UnknownKey) => {
                self.refresh(&mut known, now_s).await?;
                Ok(judge(&known.keys)?)
            }
            judged => Ok(judged?),
        }
    }

    async fn provider(&self, now_s: i64) -> Result<Provider, OidcError> {
        let mut known = self.known.lock().await;
        if known.provider.is_none() {
            self.refresh(&mut known, now_s).await?;
        }
        known.provider.clone().ok_or_else(|| OidcError::Unreachable("it was asked a moment ago".into()))
    }

    /// Asks for document and keys, unless that was a moment ago; what is known stays where it fails.
    async fn refresh(&self, known: &mut Known, now_s: i64) -> Result<(), OidcError> {
        if !may_fetch(known.asked_at_s, now_s, ASK_AGAIN_S) {
            return Ok(());
        }
        known.asked_at_s = Some(now_s);
        let place = self.settings.issuer.trim_end_matches('/');
        let document = self.get(&format!("{place}/.well-known/openid-configuration")).await?;
        let provider = Provider::parse(&document, &self.settings.issuer)?;
        let keys = KeySet::parse(&self.get(&provider.jwks_uri).await?, now_s);
        known.keys = keys.map_err(|error| OidcError::Unreachable(error.to_string()))?;
        known.provider = Some(provider);
        Ok(())
    }

    async fn get(&self, url: &str) -> Result<String, OidcError> {
        let answer = self.http.send(Request::get(url)).await.map_err(unreachable)?;
        if !answer.is_success() {
            return Err(OidcError::Unreachable(format!("it answered {}", answer.status)));
        }
        String::from_utf8(answer.body.into_exposed()).map_err(|_| Fault::Form.into())
    }

    fn expected<'e>(&'e self, audience: &'e str) -> Expected<'e> {
        Expected { issuer: &self.settings.issuer, audience, leeway_s: self.settings.leeway_s }
    }

    fn redirect_uri(&self) -> String {
        format!("{}/console/sign-in/oidc/return", self.settings.public_url.trim_end_matches('/'))
    }

    fn person(&self, claims: &Map<String, Value>) -> Person {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        let shown = match text(&self.settings.name_claim) {
            "" => text("azp"),
            name => name,
        };
        let plain = |c: char| if c.is_ascii_alphanumeric() || ".-_@".contains(c) { c } else { '_' };
        let shown: String = shown.chars().take(48).map(plain).collect();
        let whole = format!("{}\n{}", self.settings.issuer, text("sub"));
        let hash = digest::digest(&digest::SHA256, whole.as_bytes());
        let mark = hexadecimal(&hash.as_ref()[..4]);
        Person { name: format!("oidc:{shown}#{mark}"), grants: self.settings.grants(claims) }
    }
}

/// The client of the configured provider, if there is one.
pub fn client(settings: Option<&Oidc>) -> Option<Arc<OidcClient>> {
    match OidcClient::new(settings?.clone()) {
        Ok(client) => Some(Arc::new(client)),
        Err(error) => {
            tracing::error!(error, "nobody can be signed in by the OpenID provider");
            None
        }
    }
}

/// What proves that a code is exchanged by who asked for it (RFC 7636, 4.2).
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

fn unreachable(error: crate::channel::push::SendError) -> OidcError {
    OidcError::Unreachable(error.to_string())
}

fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    pairs.join("&")
}

/// `application/x-www-form-urlencoded`, spaces as `%20`, which a query reads too.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte as char),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
