//! What a request brings, read so that what is wrong with it is a problem like any other.
//!
//! axum's own extractors answer with plain text, and repeat what they were sent: an API whose
//! errors are problems, and carry no personal value, needs these instead.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::patience;
use super::problem::Problem;

/// A body of JSON, in and out.
pub struct Json<T>(pub T);

/// A body as it came, up to the limit of its resource.
pub struct Whole(pub Bytes);

/// The variable parts of a path.
pub struct Path<T>(pub T);

/// What stands after the question mark.
pub struct Query<T>(pub T);

impl<S: Send + Sync> FromRequest<S> for Whole {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Bytes::from_request(request, state).await.map(Self).map_err(|rejection| unread(&rejection))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Whole(body) = Whole::from_request(request, state).await?;
        serde_json::from_slice(&body).map(Self).map_err(|error| Problem::bad(wrong(&error)))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Path::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(value)| Self(value)).map_err(|_| {
            Problem::bad("The path names this resource wrongly: where it takes a number, write digits only.")
        })
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Query::from_request_parts(parts, state).await;
        read.map(|axum::extract::Query(value)| Self(value)).map_err(|_| {
            Problem::bad(
                "The query is not understood: numbers are digits, flags are `true` or `false`, and what the \
                 resource needs must be there, each name once.",
            )
        })
    }
}

fn unread(rejection: &BytesRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than this resource takes.")
        }
        _ if patience::was_slow(rejection) => {
            Problem::new(StatusCode::REQUEST_TIMEOUT, "The body came too slowly: send it again.")
        }
        _ => Problem::bad("The body broke off before its end: send it again."),
    }
}

/// Where the JSON is wrong and what was expected there; never what stood there.
fn wrong(error: &serde_json::Error) -> String {
    let place = format!("line {}, column {}", error.line(), error.column());
    if !error.is_data() {
        return format!("The body is not valid JSON ({place}).");
    }
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    // The end of serde's sentences names our own fields and types; their beginning repeats the sender's.
    match text.rsplit_once("expected ") {
        Some((_, expected)) => format!("The body does not fit: expected {expected} ({place})."),
        None if text.starts_with("missing field") => format!("The body does not fit: {text} ({place})."),
        None => format!("The body does not fit ({place})."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        #[serde(rename = "to")]
        _to: String,
    }

    #[test]
    fn what_was_sent_is_never_repeated() {
        for body in
            [r#"{"RSSMRA": 1}"#, r#"{"to": "RSSMRA", "to": 7}"#, r#"{"to": {"RSSMRA": 1}}"#, r#""RSSMRA""#]
        {
            let said = wrong(&serde_json::from_str::<Asked>(body).unwrap_err());
            assert!(said.contains("line 1") && !said.contains("RSSMRA"), "{said}");
        }
        assert!(wrong(&serde_json::from_str::<Asked>("{}").unwrap_err()).contains("missing field `to`"));
        assert!(wrong(&serde_json::from_str::<Asked>("{").unwrap_err()).contains("not valid JSON"));
    }
}
