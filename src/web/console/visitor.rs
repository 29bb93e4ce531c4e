//! Who visits: the session behind the cookie, the token that every form must bring back, and the
//! headers that keep a page from doing what it should not.

use std::sync::Arc;

use aws_lc_rs::{constant_time, digest};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use super::frame::{Failure, Frame, SPOKEN};
use crate::gateway::Gateway;
use crate::gateway::accounts::Account;
use crate::gateway::rights::Right;
use crate::ledger::books::Scope;
use crate::web::Language;
use crate::web::auth::hexadecimal;
use crate::web::folders::blocking;

/// What the session's cookie is called.
pub const SESSION: &str = "raccordo_session";
/// What the language's cookie is called.
pub const LANGUAGE: &str = "raccordo_lingua";

/// What is needed to let somebody in.
#[derive(Clone)]
pub struct Door {
    pub gateway: Arc<Gateway>,
    /// Cookies travel by https only.
    pub secure: bool,
    /// An OpenID provider is configured.
    pub provider: bool,
}

/// Who is signed in, and how they want to be spoken to.
#[derive(Clone)]
pub struct Visitor {
    pub account: Account,
    pub language: Language,
    /// The path of the page, for the switch of languages.
    pub path: String,
    /// What a form must bring back.
    pub form_token: String,
    pub session: String,
    /// A page asks for a part of itself, by script.
    pub is_part: bool,
}

impl Visitor {
    /// 403 unless the visitor may.
    pub fn must(&self, right: Right, ente: Option<&str>, register: Option<&str>) -> Result<(), Failure> {
        if self.account.may(right, ente, register) { Ok(()) } else { Err(Failure::Forbidden(self.language)) }
    }

    /// Whether rows of an ente and register may be shown.
    pub fn sees(&self, ente: &str, register: &str) -> bool {
        self.account.may(Right::SeeMetadata, Some(ente), Some(register))
    }

    /// Whether anything of an ente may be shown.
    pub fn sees_ente(&self, ente: &str) -> bool {
        let mut grants = self.account.grants.iter();
        grants.any(|grant| grant.enti.is_empty() || grant.enti.iter().any(|code| code == ente))
    }

    /// The rows that may be shown, for the books to cut by.
    pub fn scope(&self, gateway: &Gateway) -> Scope {
        let pairs = self.pairs(gateway);
        let named = |pairs: &[(String, String)]| {
            Scope::of(pairs.iter().map(|(ente, register)| (ente.as_str(), register.as_str())))
        };
        pairs.as_deref().map_or_else(Scope::all, named)
    }

    /// The pairs of ente and register whose rows may be shown; `None` = all.
    pub fn pairs(&self, gateway: &Gateway) -> Option<Vec<(String, String)>> {
        if self.account.may(Right::SeeMetadata, None, None) {
            return None;
        }
        let pairs = gateway.pairs().into_iter();
        Some(pairs.filter(|(ente, register)| self.sees(ente, register)).collect())
    }

    /// 403 unless the form is one that this visitor was given.
    pub fn sent(&self, form_token: &str) -> Result<(), Failure> {
        let same = constant_time::verify_slices_are_equal(form_token.as_bytes(), self.form_token.as_bytes());
        same.map_err(|_| Failure::Forbidden(self.language))
    }

    /// The frame of a page.
    pub fn frame(&self, title: (&str, &str)) -> Frame {
        Frame::of(self, title)
    }
}

/// A cookie's value.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';')).find_map(|pair| {
        let (known, value) = pair.trim().split_once('=')?;
        (known == name).then_some(value)
    })
}

/// Italian, unless the visitor chose English.
pub fn language(headers: &HeaderMap) -> Language {
    match cookie(headers, LANGUAGE) {
        Some("en") => Language::English,
        _ => Language::Italian,
    }
}

/// What forms of a session must bring back: nobody can tell it without the session's token.
pub fn form_token(session: &str) -> String {
    let text = format!("raccordo form/{session}");
    hexadecimal(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

/// Lets a signed-in visitor in, and shows all others the door.
pub async fn admit(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let path = match request.uri().path() {
        "/" => "/console".to_owned(),
        below => format!("/console{below}"),
    };
    let language = language(request.headers());
    if request.method() == Method::POST && !same_site(request.headers()) {
        return Failure::Forbidden(language).into_response();
    }
    let is_part = request.headers().contains_key("hx-request");
    let to_door = |path: &str| if is_part { out_of_part() } else { to_door(path) };
    let Some(session) = cookie(request.headers(), SESSION).map(str::to_owned) else { return to_door(&path) };
    let (gateway, token) = (Arc::clone(&door.gateway), session.clone());
    let account = match blocking(move || Ok(gateway.signed_in(&token)?)).await {
        Ok(Some(account)) => account,
        Ok(None) => return to_door(&path),
        Err(problem) => return Failure::from(problem).into_response(),
    };
    let form_token = form_token(&session);
    request.extensions_mut().insert(Visitor { account, language, path, form_token, session, is_part });
    next.run(request).await
}

/// A part of a page that nobody is signed in for any more: the whole page goes to the door.
fn out_of_part() -> Response {
    (StatusCode::UNAUTHORIZED, [("hx-redirect", "/console/entra")]).into_response()
}

fn to_door(path: &str) -> Response {
    let wanted: String = path.chars().filter(|c| c.is_ascii_alphanumeric() || "/-._".contains(*c)).collect();
    Redirect::to(&format!("/console/entra?poi={wanted}")).into_response()
}

/// Whether a form was sent from one of our own pages, as far as the browser says.
pub fn same_site(headers: &HeaderMap) -> bool {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let fetched = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if fetched.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return false;
    }
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some("null"), _) => fetched == Some("same-origin"),
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, name)| name == host),
        (Some(_), None) => false,
        (None, _) => true,
    }
}

/// No page of ours loads, runs, sends or is framed by anything that is not ours.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
                      font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; \
                      base-uri 'none'";

/// Adds the headers that browsers obey; what is personal is not kept by anyone on the way.
pub async fn guarded(request: Request, next: Next) -> Response {
    let asset = request.uri().path().starts_with("/console/risorse/");
    let language = language(request.headers());
    let mut answer = SPOKEN.scope(language, next.run(request)).await;
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !asset {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    answer
}

/// Back to a page after an act.
pub fn back(path: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| {
                let name: header::HeaderName = name.parse().unwrap();
                (name, HeaderValue::from_static(value))
            })
            .collect()
    }

    #[test]
    fn only_our_own_pages_send_forms() {
        assert!(same_site(&headers(&[])));
        assert!(same_site(&headers(&[("origin", "https://a.it"), ("host", "a.it")])));
        assert!(!same_site(&headers(&[("origin", "https://b.it"), ("host", "a.it")])));
        assert!(!same_site(&headers(&[("origin", "null"), ("host", "a.it")])));
        assert!(!same_site(&headers(&[("sec-fetch-site", "cross-site")])));
        assert!(!same_site(&headers(&[("sec-fetch-site", "same-site"), ("host", "a.it")])));
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let headers = headers(&[("cookie", "a=1; raccordo_session=x=y;b=2")]);
        assert_eq!(cookie(&headers, SESSION), Some("x=y"));
        assert_eq!(cookie(&headers, "session"), None);
        assert_ne!(form_token("a"), form_token("b"));
    }
}
