//! Signing in and out, and the switch of languages.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::extract::{Form, Path, Query};
use super::frame::{Failure, Frame, page as shown};
use super::visitor::{Door, LANGUAGE, SESSION, Visitor, back, language as spoken, same_site};
use crate::gateway::Gateway;
use crate::gateway::accounts::{AccountError, HASHERS};
use crate::personal::Personal;
use crate::web::folders::blocking;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    frame: Frame,
    then: String,
    wrong: String,
    /// Whether one may sign in by an OpenID provider too.
    provider: bool,
}

/// Where to go once signed in.
#[derive(Deserialize)]
pub struct Then {
    #[serde(default)]
    poi: String,
}

/// A page of ours, or the first one.
fn ours(path: &str) -> &str {
    let inside = path == "/console" || path.starts_with("/console/");
    let plain = inside && !path.contains("//") && path.is_ascii();
    if plain && !path.contains(|c: char| c.is_ascii_control()) { path } else { "/console" }
}

/// `GET /console/entra`.
pub async fn page(
    Extension(door): Extension<Door>,
    headers: HeaderMap,
    Query(then): Query<Then>,
) -> Response {
    let frame = Frame::outside(spoken(&headers), ("Accesso", "Sign in"));
    let then = ours(&then.poi).to_owned();
    shown(&SignIn { frame, then, wrong: String::new(), provider: door.provider })
}

/// How long who signs in waits for those before them.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// What the form brings.
#[derive(Deserialize)]
pub struct Credentials {
    nome: String,
    password: String,
    #[serde(default)]
    poi: String,
}

/// `POST /console/entra`.
pub async fn enter(
    Extension(door): Extension<Door>,
    headers: HeaderMap,
    Form(credentials): Form<Credentials>,
) -> Response {
    let language = spoken(&headers);
    if !same_site(&headers) {
        return Failure::Forbidden(language).into_response();
    }
    let Credentials { nome, password, poi } = credentials;
    let (gateway, password) = (Arc::clone(&door.gateway), Personal::new(password));
    let turn = tokio::time::timeout(PATIENCE, HASHERS.acquire()).await;
    let Ok(Ok(turn)) = turn else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    // Hashing takes long on purpose: off the async threads, and to its end where nobody waits any more.
    let signed = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        gateway.sign_in(&nome, &password)
    });
    let signed = signed.await;
    match signed {
        Ok(Ok(token)) => {
            let mut answer = back(ours(&poi));
            set_cookie(&mut answer, SESSION, token.expose(), door.secure, None);
            answer
        }
        Ok(Err(why)) => {
            let frame = Frame::outside(language, ("Accesso", "Sign in"));
            let (status, wrong) = refusal(&frame, &why);
            let mut answer =
                shown(&SignIn { wrong, then: ours(&poi).to_owned(), frame, provider: door.provider });
            *answer.status_mut() = status;
            answer
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn refusal(frame: &Frame, why: &AccountError) -> (StatusCode, String) {
    let (status, italian, english) = match why {
        AccountError::Locked => (
            StatusCode::TOO_MANY_REQUESTS,
            "Troppi tentativi sbagliati: l’accesso è sospeso per qualche minuto.",
            "Too many wrong attempts: signing in is suspended for some minutes.",
        ),
        AccountError::Ledger(_) | AccountError::Hashing => (
            StatusCode::SERVICE_UNAVAILABLE,
            "In questo momento non si può accedere: riprovare.",
            "Signing in is not possible just now: try again.",
        ),
        _ => (StatusCode::UNAUTHORIZED, "Nome o password non sono giusti.", "Name or password are wrong."),
    };
    (status, frame.say(italian, english).to_owned())
}

/// What a form without fields of its own brings.
#[derive(Deserialize)]
pub struct Bare {
    pub modulo: String,
}

/// `POST /console/esci`.
pub async fn out(
    Extension(visitor): Extension<Visitor>,
    Extension(door): Extension<Door>,
    State(gateway): State<Arc<Gateway>>,
    Form(form): Form<Bare>,
) -> Result<Response, Failure> {
    visitor.sent(&form.modulo)?;
    let token = visitor.session.clone();
    blocking(move || Ok(gateway.sign_out(&token)?)).await?;
    let mut answer = back("/console/entra");
    set_cookie(&mut answer, SESSION, "", door.secure, Some(0));
    Ok(answer)
}

/// `GET /console/lingua/{code}`: Italian or English from now on.
pub async fn language(
    Extension(door): Extension<Door>,
    Path(code): Path<String>,
    Query(then): Query<Then>,
) -> Response {
    let mut answer = back(ours(&then.poi));
    let code = if code == "en" { "en" } else { "it" };
    set_cookie(&mut answer, LANGUAGE, code, door.secure, Some(31_536_000));
    answer
}

fn set_cookie(answer: &mut Response, name: &str, value: &str, secure: bool, age: Option<u32>) {
    let mut text = format!("{name}={value}; Path=/console; HttpOnly; SameSite=Strict");
    if secure {
        text.push_str("; Secure");
    }
    if let Some(age) = age {
        text.push_str(&format!("; Max-Age={age}"));
    }
    if let Ok(value) = text.parse() {
        answer.headers_mut().append(header::SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::ours;

    #[test]
    fn nobody_is_sent_elsewhere() {
        assert_eq!(ours("/console/invii"), "/console/invii");
        for path in ["", "https://evil.it/", "//evil.it", "/console//evil.it", "/api/v1/x", "/console/\n"] {
            assert_eq!(ours(path), "/console");
        }
    }
}
