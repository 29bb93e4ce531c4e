//! Each way in which a request can fail, against servers on this machine.

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Redirect;
use axum::routing::{get, post};
use tokio::net::TcpListener;

use super::*;

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn client(settings: HttpSettings) -> HttpClient {
    HttpClient::new(&settings).unwrap()
}

async fn failed(client: &HttpClient, request: Request) -> (SendErrorKind, bool) {
    let error = client.send(request).await.err().unwrap();
    assert!(!error.to_string().contains("127.0.0.1"), "{error}");
    (error.kind, error.sent_maybe)
}

#[tokio::test]
async fn any_status_is_an_answer() {
    let router = Router::new().route(
        "/echo",
        post(|headers: HeaderMap, body: String| async move {
            assert_eq!(headers["x-a"], "b");
            (StatusCode::UNPROCESSABLE_ENTITY, [(header::RETRY_AFTER, "7")], body)
        }),
    );
    let base = serve(router).await;
    let request = Request::post(format!("{base}/echo"), "text/plain", b"corpo".to_vec()).header("x-a", "b");
    let answer = client(HttpSettings::default()).send(request).await.unwrap();
    assert_eq!((answer.status, answer.is_success()), (422, false));
    assert_eq!(answer.header("retry-after"), Some("7"));
    assert_eq!(answer.body.expose(), b"corpo");
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_not_read_to_its_end() {
    let base = serve(Router::new().route("/", get(|| async { "x".repeat(1_001) }))).await;
    let settings = |max_response_bytes| HttpSettings { max_response_bytes, ..HttpSettings::default() };
    assert!(client(settings(1_001)).send(Request::get(&base)).await.is_ok());
    let verdict = failed(&client(settings(1_000)), Request::get(&base)).await;
    assert_eq!(verdict, (SendErrorKind::TooLarge, true));
}

#[tokio::test]
async fn only_a_get_is_redirected_and_only_within_its_origin() {
    let router = Router::new()
        .route("/here", get(|| async { Redirect::to("/there") }).post(|| async { Redirect::to("/there") }))
        .route("/there", get(|| async { "arrived" }))
        .route("/away", get(|| async { Redirect::to("http://127.0.0.2:9/") }))
        .route("/round", get(|| async { Redirect::to("/round") }));
    let base = serve(router).await;
    let client = client(HttpSettings::default());
    let answer = client.send(Request::get(format!("{base}/here"))).await.unwrap();
    assert_eq!(answer.body.expose(), b"arrived");
    let posted = client.send(Request::post(format!("{base}/here"), "text/plain", vec![1])).await.unwrap();
    assert_eq!((posted.status, posted.header("location")), (303, Some("/there")));
    for path in ["away", "round"] {
        let verdict = failed(&client, Request::get(format!("{base}/{path}"))).await;
        assert_eq!(verdict, (SendErrorKind::Redirect, true));
    }
}

#[tokio::test]
async fn an_address_where_nobody_listens_was_certainly_not_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let verdict = failed(&client(HttpSettings::default()), Request::get(format!("http://{address}/"))).await;
    assert_eq!(verdict, (SendErrorKind::Connect, false));
}

#[tokio::test]
async fn a_silent_recipient_may_have_received_it() {
    let base = serve(Router::new().route("/", get(std::future::pending::<String>))).await;
    let settings = HttpSettings { total_timeout_ms: 50, ..HttpSettings::default() };
    let verdict = failed(&client(settings), Request::get(&base)).await;
    assert_eq!(verdict, (SendErrorKind::Timeout, true));
}

#[tokio::test]
async fn a_broken_connection_may_have_received_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.readable().await.unwrap();
            drop(stream);
        }
    });
    let verdict = failed(&client(HttpSettings::default()), Request::get(format!("http://{address}/"))).await;
    assert_eq!(verdict, (SendErrorKind::Broken, true));
}

#[tokio::test]
async fn plain_http_leaves_this_machine_only_when_allowed() {
    let strict = client(HttpSettings::default());
    let far = || Request::get("http://ente.example.invalid/");
    assert_eq!(failed(&strict, far()).await, (SendErrorKind::Tls, false));
    assert_eq!(failed(&strict, Request::get("ftp://127.0.0.1/")).await, (SendErrorKind::Connect, false));
    let open = client(HttpSettings { allow_plain_http: true, ..HttpSettings::default() });
    assert_eq!(failed(&open, far()).await, (SendErrorKind::Connect, false));
}

#[tokio::test]
async fn a_plain_server_behind_an_https_address_is_a_tls_error() {
    let base = serve(Router::new()).await.replace("http://", "https://");
    let verdict = failed(&client(HttpSettings::default()), Request::get(base)).await;
    assert_eq!(verdict, (SendErrorKind::Tls, false));
}
