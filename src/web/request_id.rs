//! A name for each request: in its answer, in the log and in its problem, so that they can be laid
//! side by side.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;
use uuid::Uuid;

/// The header that carries it.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// Longest name that is taken over from the caller, bytes.
const MOST: usize = 64;

tokio::task_local! {
    static NAME: String;
}

/// Names a request: as its sender does, where that is plain, else anew.
pub async fn name(request: Request, next: Next) -> Response {
    let given = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
    let name = given.filter(|name| plain(name)).map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
    let span = tracing::info_span!("request", id = %name, method = %request.method());
    let mut answer = NAME.scope(name.clone(), next.run(request)).instrument(span).await;
    if let Ok(value) = HeaderValue::from_str(&name) {
        answer.headers_mut().insert(HEADER, value);
    }
    answer
}

/// The name of the request that is being answered.
pub fn current() -> Option<String> {
    NAME.try_with(Clone::clone).ok()
}

fn plain(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=MOST).contains(&name.len()) && name.bytes().all(fits)
}
