//! Signing in to the console by an OpenID provider: authorization code with PKCE, state and nonce. What
//! must survive the way there and back travels in a cookie of ours, bound by a keyed hash.

use std::sync::Arc;

use aws_lc_rs::{constant_time, rand};
use axum::Extension;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::frame::{Failure, say};
use super::visitor::{Door, SESSION, cookie, language as spoken};
use crate::gateway::Gateway;
use crate::web::Language;
use crate::web::auth::hexadecimal;
use crate::web::extract::Query;
use crate::web::folders::blocking;
use crate::web::oidc::{OidcClient, Person, challenge};

/// Keeps the way open while somebody is at the provider, seconds.
const COOKIE: &str = "raccordo_oidc";
const COOKIE_S: u32 = 600;
const PATH: &str = "/console/sign-in/oidc";

/// What was asked of the provider.
#[derive(Serialize, Deserialize)]
struct Asked {
    state: String,
    nonce: String,
    verifier: String,
}

/// `GET /console/sign-in/oidc`: off to the provider.
pub async fn begin(
    Extension(door): Extension<Door>,
    Extension(client): Extension<Arc<OidcClient>>,
    headers: HeaderMap,
) -> Response {
    let language = spoken(&headers);
    let Some(asked) = new_question() else { return fault(language) };
    let marks = (asked.state.as_str(), asked.nonce.as_str(), challenge(&asked.verifier));
    let now_s = door.gateway.clock.now_ms() / 1000;
    match client.authorization_url((marks.0, marks.1, &marks.2), now_s).await {
        Ok(url) => {
            let Some(kept) = sealed(&door.gateway, &asked) else { return fault(language) };
            let mut answer = (StatusCode::SEE_OTHER, [(header::LOCATION, url)]).into_response();
            // Lax: the provider's site sends the browser back here.
            set(
                &mut answer,
                &format!("{COOKIE}={kept}; Path={PATH}; SameSite=Lax; Max-Age={COOKIE_S}"),
                &door,
            );
            answer
        }
        Err(error) => {
            tracing::warn!(%error, "nobody can sign in by the OpenID provider");
            fault(language)
        }
    }
}

/// What the provider sends the browser back with.
#[derive(Deserialize)]
pub struct Back {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
}

/// `GET /console/sign-in/oidc/return`.
pub async fn end(
    Extension(door): Extension<Door>,
    Extension(client): Extension<Arc<OidcClient>>,
    headers: HeaderMap,
    Query(back): Query<Back>,
) -> Response {
    let language = spoken(&headers);
    let asked = cookie(&headers, COOKIE).and_then(|kept| opened(&door.gateway, kept));
    // Whose answer it is: our own question, of this browser (RFC 9700, 2.1 and 4.4).
    let ours = asked.filter(|asked| {
        let state = back.state.as_deref().unwrap_or_default().as_bytes();
        let issuer = back.iss.as_deref().is_none_or(|issuer| issuer == client.settings.issuer);
        issuer && constant_time::verify_slices_are_equal(asked.state.as_bytes(), state).is_ok()
    });
    let (Some(asked), Some(code)) = (ours, back.code) else { return denied(language) };
    let now_s = door.gateway.clock.now_ms() / 1000;
    match client.sign_in(&code, (&asked.nonce, &asked.verifier), now_s).await {
        Ok(person) => enter(&door, person, language).await,
        Err(error) => {
            tracing::warn!(%error, "somebody was not signed in by the OpenID provider");
            denied(language)
        }
    }
}

async fn enter(door: &Door, person: Person, language: Language) -> Response {
    if person.grants.is_empty() {
        return Failure::Forbidden(language).into_response();
    }
    let gateway = Arc::clone(&door.gateway);
    let signed = blocking(move || Ok(gateway.sign_in_federated(&person.name, &person.grants)?)).await;
    let token = match signed {
        Ok(Some(token)) => token,
        Ok(None) => return denied(language),
        Err(problem) => return problem.into_response(),
    };
    // A page, not a redirect: the next request then comes from our own site, with the strict cookie.
    let text = say(language, "Accesso riuscito: prosegui", "Signed in: go on");
    let html = format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" \
         content=\"0;url=/console\"><title>raccordo</title></head><body><p><a href=\"/console\">{text}</a></p>\
         </body></html>",
        language.code()
    );
    let mut answer = ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response();
    set(&mut answer, &format!("{SESSION}={}; Path=/console; SameSite=Strict", token.expose()), door);
    set(&mut answer, &format!("{COOKIE}=; Path={PATH}; SameSite=Lax; Max-Age=0"), door);
    answer
}

fn denied(language: Language) -> Response {
    let text = "L’accesso non è riuscito: ricominciare dalla pagina di accesso.";
    let english = "Signing in did not succeed: begin again at the sign-in page.";
    Failure::Wrong(StatusCode::UNAUTHORIZED, say(language, text, english).to_owned()).into_response()
}

fn fault(language: Language) -> Response {
    let text = "In questo momento il servizio di accesso non risponde: riprovare.";
    let english = "The sign-in service does not answer just now: try again.";
    Failure::Wrong(StatusCode::SERVICE_UNAVAILABLE, say(language, text, english).to_owned()).into_response()
}

fn set(answer: &mut Response, text: &str, door: &Door) {
    let secure = if door.secure { "; Secure" } else { "" };
    if let Ok(value) = format!("{text}; HttpOnly{secure}").parse() {
        answer.headers_mut().append(header::SET_COOKIE, value);
    }
}

fn new_question() -> Option<Asked> {
    let random = || {
        let mut bytes = [0_u8; 32];
        rand::fill(&mut bytes).ok().map(|()| URL_SAFE_NO_PAD.encode(bytes))
    };
    Some(Asked { state: random()?, nonce: random()?, verifier: random()? })
}

fn sealed(gateway: &Gateway, asked: &Asked) -> Option<String> {
    let text = URL_SAFE_NO_PAD.encode(serde_json::to_vec(asked).ok()?);
    let mark = hexadecimal(&gateway.sealer.keyed_hash("oidc", text.as_bytes()));
    Some(format!("{text}.{mark}"))
}

fn opened(gateway: &Gateway, kept: &str) -> Option<Asked> {
    let (text, mark) = kept.split_once('.')?;
    let wanted = hexadecimal(&gateway.sealer.keyed_hash("oidc", text.as_bytes()));
    constant_time::verify_slices_are_equal(wanted.as_bytes(), mark.as_bytes()).ok()?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}
