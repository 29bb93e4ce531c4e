//! The HTTP client, and the only file that names reqwest: rustls, a time limit
//! for each phase, a limit on the answer's size, connections that are reused.
//!
//! It knows requests and answers, no recipient and no flow. It never repeats a
//! request by itself; an error says whether the request may have left, because
//! "perhaps delivered" is a state that others must know about.

use std::error::Error as StdError;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Certificate, Client, Identity, Url, redirect};
use thiserror::Error;

use super::trace;
use crate::personal::Personal;

/// Redirects of one GET that are followed, within the same origin.
const MAX_REDIRECTS: usize = 3;

/// How the client behaves towards one recipient.
pub struct HttpSettings {
    pub connect_timeout_ms: u64,
    /// Longest silence while the answer is read.
    pub read_timeout_ms: u64,
    /// The whole exchange.
    pub total_timeout_ms: u64,
    pub max_response_bytes: usize,
    pub max_idle_connections: usize,
    /// Plain http beyond loopback; for test networks only.
    pub allow_plain_http: bool,
    /// Further certificate authorities, PEM.
    pub authorities_pem: Option<Vec<u8>>,
    /// Our certificate chain and private key, PEM, for mutual TLS.
    pub identity_pem: Option<Vec<u8>>,
    /// A socket on this machine to go through instead of the network.
    pub unix_socket: Option<std::path::PathBuf>,
    /// Requests carry the trace in which they are made (`traceparent`).
    pub send_trace: bool,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout_ms: 5_000,
            read_timeout_ms: 30_000,
            total_timeout_ms: 60_000,
            max_response_bytes: 16 * 1024 * 1024,
            max_idle_connections: 8,
            allow_plain_http: false,
            authorities_pem: None,
            identity_pem: None,
            unix_socket: None,
            send_trace: false,
        }
    }
}

/// The methods that flows use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

/// One request. Holds credentials and personal data: no Debug.
pub struct Request {
    pub method: Method,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Personal<Vec<u8>>,
}

impl Request {
    /// A GET without headers.
    pub fn get(url: impl Into<String>) -> Self {
        Self { method: Method::Get, url: url.into(), headers: Vec::new(), body: Personal::new(Vec::new()) }
    }

    /// A POST of some bytes.
    pub fn post(url: impl Into<String>, content_type: &str, body: Vec<u8>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { method: Method::Post, url: url.into(), headers, body: Personal::new(body) }
    }

    /// The same request with one more header.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// One answer of any status. Header names are lower-case; values that are not text are left out.
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Personal<Vec<u8>>,
}

impl Response {
    /// The first header of this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Which phase failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendErrorKind {
    /// No connection: wrong or refused address, name not found.
    Connect,
    Timeout,
    /// The answer exceeds the limit.
    TooLarge,
    /// Certificates, protocol versions, or plain http where it is not allowed.
    Tls,
    /// A redirect to another host, or one too many.
    Redirect,
    /// Anything else, such as a connection that broke.
    Broken,
}

/// Why there is no answer. Holds no address, header or body.
#[derive(Debug, Error)]
#[error("{kind:?}: {reason}")]
pub struct SendError {
    pub kind: SendErrorKind,
    /// Whether the recipient may have received the request.
    pub sent_maybe: bool,
    pub reason: String,
}

/// Why a client could not be made.
#[derive(Debug, Error)]
#[error("HTTP client: {0}")]
pub struct HttpSettingsError(String);

/// A client with its pool of connections; clones share the pool.
#[derive(Clone)]
pub struct HttpClient {
    client: Client,
    max_response_bytes: usize,
    allow_plain_http: bool,
    send_trace: bool,
}

impl HttpClient {
    /// Makes a client; fails on certificates that cannot be read.
    pub fn new(settings: &HttpSettings) -> Result<Self, HttpSettingsError> {
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .retry(reqwest::retry::never())
            .connect_timeout(Duration::from_millis(settings.connect_timeout_ms))
            .read_timeout(Duration::from_millis(settings.read_timeout_ms))
            .timeout(Duration::from_millis(settings.total_timeout_ms))
            .pool_max_idle_per_host(settings.max_idle_connections);
        if let Some(pem) = &settings.authorities_pem {
            let authorities = Certificate::from_pem_bundle(pem).map_err(HttpSettingsError::from)?;
            builder = builder.tls_certs_merge(authorities);
        }
        if let Some(pem) = &settings.identity_pem {
            builder = builder.identity(Identity::from_pem(pem).map_err(HttpSettingsError::from)?);
        }
        if let Some(socket) = &settings.unix_socket {
            builder = builder.unix_socket(socket.as_path());
        }
        let client = builder.build().map_err(HttpSettingsError::from)?;
        Ok(Self {
            client,
            max_response_bytes: settings.max_response_bytes,
            allow_plain_http: settings.allow_plain_http,
            send_trace: settings.send_trace,
        })
    }

    /// Sends one request and reads the whole answer, whatever its status. A
    /// redirected GET is followed within its origin; any other 3xx is an answer.
    pub async fn send(&self, request: Request) -> Result<Response, SendError> {
        let mut url = self.admitted(&request.url)?;
        let headers = header_map(&request.headers)?;
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.exchange(&request, &url, headers.clone()).await?;
            match redirected(&request, &url, &answer)? {
                Some(next) => url = next,
                None => return self.read(answer).await,
            }
        }
        Err(error(SendErrorKind::Redirect, true, "too many redirects"))
    }

    async fn exchange(
        &self,
        request: &Request,
        url: &Url,
        headers: HeaderMap,
    ) -> Result<reqwest::Response, SendError> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut builder = self.client.request(method, url.clone()).headers(headers);
        if let Some(context) = trace::current().filter(|_| self.send_trace) {
            builder = builder.header("traceparent", context.to_string());
        }
        if !request.body.expose().is_empty() {
            builder = builder.body(request.body.expose().clone());
        }
        builder.send().await.map_err(failure)
    }

    /// https anywhere; http to this machine only, unless the settings say otherwise.
    fn admitted(&self, url: &str) -> Result<Url, SendError> {
        let url = Url::parse(url).map_err(|_| error(SendErrorKind::Connect, false, "not a URL"))?;
        let loopback = match url.host_str() {
            Some("localhost") => true,
            Some(host) => {
                let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
                address.is_ok_and(|address| address.is_loopback())
            }
            None => false,
        };
        match url.scheme() {
            "https" => Ok(url),
            "http" if loopback || self.allow_plain_http => Ok(url),
            "http" => {
                Err(error(SendErrorKind::Tls, false, "plain http beyond loopback is not allowed: use https"))
            }
            _ => Err(error(SendErrorKind::Connect, false, "the URL is neither https nor http")),
        }
    }

    async fn read(&self, mut answer: reqwest::Response) -> Result<Response, SendError> {
        let too_large = || error(SendErrorKind::TooLarge, true, "the answer exceeds the size limit");
        let limit = self.max_response_bytes;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failure)? {
            if body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        let headers = answer.headers().iter().filter_map(text).collect();
        Ok(Response { status: answer.status().as_u16(), headers, body: Personal::new(body) })
    }
}

impl From<reqwest::Error> for HttpSettingsError {
    fn from(error: reqwest::Error) -> Self {
        Self(chain(&error.without_url()))
    }
}

/// Where to go next, if this answer sends a GET elsewhere within its origin.
fn redirected(request: &Request, url: &Url, answer: &reqwest::Response) -> Result<Option<Url>, SendError> {
    let location = answer.headers().get(LOCATION).filter(|_| answer.status().is_redirection());
    let (Some(location), Method::Get | Method::Head) = (location, request.method) else {
        return Ok(None);
    };
    let next = location.to_str().ok().and_then(|location| url.join(location).ok());
    match next {
        Some(next) if next.origin() == url.origin() => Ok(Some(next)),
        _ => Err(error(SendErrorKind::Redirect, true, "the recipient redirects to another host")),
    }
}

fn header_map(headers: &[(String, String)]) -> Result<HeaderMap, SendError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let pair = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
        let (name, mut value) =
            pair.ok_or_else(|| error(SendErrorKind::Broken, false, "a header cannot be written"))?;
        value.set_sensitive(name == reqwest::header::AUTHORIZATION);
        map.append(name, value);
    }
    Ok(map)
}

fn error(kind: SendErrorKind, sent_maybe: bool, reason: &str) -> SendError {
    SendError { kind, sent_maybe, reason: reason.to_owned() }
}

fn failure(cause: reqwest::Error) -> SendError {
    let cause = cause.without_url();
    let connecting = cause.is_connect();
    let kind = if has_tls_cause(&cause) {
        SendErrorKind::Tls
    } else if cause.is_timeout() {
        SendErrorKind::Timeout
    } else if connecting {
        SendErrorKind::Connect
    } else {
        SendErrorKind::Broken
    };
    let kept_out = connecting || cause.is_builder() || is_turned_away(&cause);
    SendError { kind, sent_maybe: !kept_out, reason: chain(&cause) }
}

/// Whether the recipient ended the handshake over our certificate. In TLS 1.3 that comes when
/// our side already counts as connected, but nothing was read before it (RFC 8446 §4.4.2.4).
fn is_turned_away(error: &(dyn StdError + 'static)) -> bool {
    use rustls::AlertDescription as Alert;
    let turned_away = |cause: &(dyn StdError + 'static)| {
        let Some(rustls::Error::AlertReceived(alert)) = cause.downcast_ref() else { return false };
        matches!(
            alert,
            Alert::CertificateRequired
                | Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::AccessDenied
        )
    };
    causes(error).any(turned_away)
}

fn has_tls_cause(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| cause.is::<rustls::Error>())
}

/// The causes of an error. An I/O error hides what it wraps from `source`: look inside.
fn causes<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let cause = next?;
        let inside = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = inside.map(|inside| inside as &(dyn StdError + 'static)).or_else(|| cause.source());
        Some(cause)
    })
}

fn chain(error: &(dyn StdError + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
#[path = "push_tests.rs"]
mod tests;
