//! Alerts on transitions only, once for each cause, whatever restarts; and sinks that hear of them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use raccordo::exchange::{AlertKind, Ledger, RouteState};
use raccordo::gateway::{AlertView, Gateway};
use serde_json::{Value, json};

use crate::calendar::{Held, open};
use crate::python::python;
use crate::serving::{ALL, Site, request, secret};

/// A pushed route, of which the breaker opens by a row.
const PUSHED: &str = "
[[route]]
id = \"pushed\"
register = \"siuss\"
channel = \"push\"
enti = [\"H501\"]
[route.push]
protocol = \"fhir\"
url = \"http://127.0.0.1:9/\"
";

fn breaks(gateway: &Gateway, failures: u32) {
    let until = gateway.clock.now_ms() + 60_000;
    let act = move |tx: &mut raccordo::ledger::Tx<'_>| {
        let open_until = (failures > 0).then_some(until);
        tx.put_route(&RouteState { failures, open_until, ..RouteState::new("pushed") })
    };
    gateway.books.write(act).unwrap();
}

fn open_ones(gateway: &Gateway) -> Vec<AlertView> {
    gateway.alerts().unwrap().into_iter().filter(|alert| alert.ended_at.is_none()).collect()
}

#[test]
fn a_dead_recipient_is_one_alert_told_once_whatever_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Held::at("2026-11-23T08:00:00Z");
    let gateway = open(dir.path(), PUSHED, &clock);
    breaks(&gateway, 5);
    assert_eq!(gateway.look_for_alerts().unwrap(), 0, "it may pass by itself");
    assert!(gateway.alerts().unwrap().is_empty());
    clock.set("2026-11-23T08:05:00Z");
    drop(gateway);
    // What was seen before a death counts after it.
    let gateway = open(dir.path(), PUSHED, &clock);
    assert_eq!(gateway.look_for_alerts().unwrap(), 0);
    clock.set("2026-11-23T08:10:00Z");
    assert_eq!(gateway.look_for_alerts().unwrap(), 1);
    let told = open_ones(&gateway);
    assert_eq!(
        (told.len(), told[0].kind.as_str(), told[0].cause.as_str()),
        (1, "recipient-unreachable", "pushed")
    );
    assert!(told[0].text.it.contains("non risponde") && told[0].text.en.contains("does not answer"));
    drop(gateway);
    let gateway = open(dir.path(), PUSHED, &clock);
    assert_eq!(gateway.look_for_alerts().unwrap(), 0, "a restart repeats nothing");
    breaks(&gateway, 0);
    assert_eq!(gateway.look_for_alerts().unwrap(), 1, "and forgets nothing: its end is told");
    assert_eq!(gateway.look_for_alerts().unwrap(), 0);
    assert!(open_ones(&gateway).is_empty() && gateway.alerts().unwrap()[0].ended_at.is_some());
    // The next time is another alert.
    breaks(&gateway, 5);
    clock.set("2026-11-23T09:00:00Z");
    assert_eq!(gateway.look_for_alerts().unwrap(), 0);
    breaks(&gateway, 0);
    assert_eq!(gateway.look_for_alerts().unwrap(), 0, "it passed before it was told");
}

#[test]
fn a_broken_chain_is_told_with_its_event() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Held::at("2026-11-23T08:00:00Z");
    let gateway = open(dir.path(), "", &clock);
    gateway.look_for_alerts().unwrap();
    let act = |tx: &mut raccordo::ledger::Tx<'_>| tx.append_audit(1, "{\"at\":\"x\"}", &[7; 32]);
    gateway.books.write(act).unwrap();
    gateway.walk_audit().unwrap();
    assert_eq!(gateway.look_for_alerts().unwrap(), 1);
    assert_eq!(open_ones(&gateway)[0].kind, AlertKind::Audit.word());
    assert!(open_ones(&gateway)[0].text.en.contains("event 1"));
}

#[test]
fn a_run_of_which_too_much_is_refused_is_one_alert() {
    let site = Site::open();
    site.fill(15);
    let page = site.flussi("since=0&limit=30");
    let esiti: Vec<Value> = page
        .iter()
        .map(|flusso| {
            json!({
                "id_flusso": flusso["id_flusso"], "tipo": flusso["tipo"], "ts_flusso": flusso["ts_flusso"],
                "ts_acquisizione": flusso["ts_flusso"], "codice_esito": "RICHIESTA_INVALIDA",
            })
        })
        .collect();
    assert!(esiti.len() >= 20);
    let answered = site.esiti(json!({ "elenco_esiti": esiti }).to_string().as_bytes());
    assert_eq!(answered.status, 204, "{}", answered.text());
    site.gateway.look_for_alerts().unwrap();
    let told: Vec<_> =
        open_ones(&site.gateway).into_iter().filter(|alert| alert.kind == "many-refusals").collect();
    assert_eq!((told.len(), told[0].cause.as_str(), told[0].count), (1, "H501/siuss", page.len() as u64));
    let metrics = super::samples(&request(site.api, "GET", "/metrics", &[], b"").text());
    assert!(metrics.contains_key("raccordo_alert{kind=\"many-refusals\",cause=\"H501/siuss\"}"));
    for folder in crate::serving::generated(15) {
        for value in ["id", "cognome"] {
            let value = folder[value].as_str().or(folder["persona"][value].as_str()).unwrap();
            assert!(!json!(told).to_string().contains(value), "an alert tells {value}");
        }
    }
}

/// A receiver of posts that answers as told; it gives what came, head and body.
fn receiver(answers: &'static [u16]) -> (String, mpsc::Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/alerts", listener.local_addr().unwrap());
    let (came, coming) = mpsc::channel();
    std::thread::spawn(move || {
        for (stream, status) in listener.incoming().zip(answers) {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut head, mut line) = (String::new(), String::new());
            while reader.read_line(&mut line).unwrap() > 2 {
                head.push_str(&line.to_ascii_lowercase());
                line.clear();
            }
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let mut body = vec![0; length.trim().parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
            came.send((head, String::from_utf8(body).unwrap())).unwrap();
        }
    });
    (address, coming)
}

fn tell(gateway: &Gateway) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(gateway.tell_sinks());
}

#[test]
fn a_webhook_is_signed_and_tried_until_it_takes_it() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Held::at("2026-11-23T08:00:00Z");
    let (url, coming) = receiver(&[503, 204, 204]);
    secret(&dir.path().join("hook"), "s3cret\n");
    let more = format!(
        "{PUSHED}\n[alerts]\nunreachable_min = 0\n[alerts.webhook]\nurl = \"{url}\"\nsecret_file = \"hook\"\n"
    );
    let gateway = open(dir.path(), &more, &clock);
    breaks(&gateway, 5);
    assert_eq!(gateway.look_for_alerts().unwrap(), 1);
    tell(&gateway);
    coming.recv_timeout(Duration::from_secs(10)).expect("it was tried");
    tell(&gateway);
    assert!(coming.try_recv().is_err(), "not at once again");
    clock.set("2026-11-23T08:01:00Z");
    drop(gateway);
    let gateway = open(dir.path(), &more, &clock);
    tell(&gateway);
    let (head, body) = coming.recv_timeout(Duration::from_secs(10)).expect("and again, by another process");
    let told: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&told["what"], &told["alert"]["cause"]), (&json!("begins"), &json!("pushed")));
    let signed =
        head.lines().find_map(|line| line.strip_prefix("raccordo-signature: ")).expect("a signature");
    let (at, signature) = signed.trim().strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"s3cret");
    let tag = aws_lc_rs::hmac::sign(&key, format!("{at}.{body}").as_bytes());
    let expected: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(signature, expected);
    breaks(&gateway, 0);
    gateway.look_for_alerts().unwrap();
    tell(&gateway);
    let (_, body) = coming.recv_timeout(Duration::from_secs(10)).expect("its end too");
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["what"], "ends");
    tell(&gateway);
    assert!(coming.try_recv().is_err(), "once");
}

/// A real mail server, which prints what it takes.
struct MailServer {
    child: Child,
    port: u16,
    lines: mpsc::Receiver<String>,
}

impl MailServer {
    fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/mail.py");
        let mut child = Command::new(python())
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let out = BufReader::new(child.stdout.take().unwrap());
        let (line, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for text in out.lines().map_while(Result::ok) {
                let _ = line.send(text);
            }
        });
        let port = lines.recv_timeout(Duration::from_secs(60)).expect("its port").parse().unwrap();
        Self { child, port, lines }
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_letter_reaches_a_real_mail_server_in_the_language_of_the_house() {
    let server = MailServer::start();
    let dir = tempfile::tempdir().unwrap();
    let clock = Held::at("2026-11-23T08:00:00Z");
    let more = format!(
        "{PUSHED}\n[alerts]\nunreachable_min = 0\n[alerts.email]\nserver = \"127.0.0.1:{}\"\nsecurity = \"none\"\n\
         from = \"raccordo@comune.example.it\"\nto = [\"ced@comune.example.it\", \"sociale@comune.example.it\"]\n",
        server.port
    );
    let gateway = open(dir.path(), &more, &clock);
    breaks(&gateway, 5);
    gateway.look_for_alerts().unwrap();
    tell(&gateway);
    let line = server.lines.recv_timeout(Duration::from_secs(30)).expect("a letter");
    let letter: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(letter["to"], json!(["ced@comune.example.it", "sociale@comune.example.it"]));
    assert_eq!(letter["subject"], "[raccordo] inizia: recipient-unreachable (pushed)");
    let text = letter["text"].as_str().unwrap();
    assert!(text.starts_with("Il destinatario della rotta pushed non risponde"), "{text}");
    assert!(text.contains("The recipient of the route pushed does not answer"));
}

#[test]
fn the_api_shows_alerts_to_who_may_see_all() {
    let site = Site::open();
    assert_eq!(site.api("GET", "/alerts", b"").good(200)["alerts"], json!([]));
    assert_eq!(site.api("GET", "/forecast", b"").good(200)["forecast"], json!([]));
    site.api_as(crate::serving::ROME, "GET", "/alerts", b"").problem(403);
    site.fill(5);
    let told = site.api("GET", "/forecast", b"").good(200);
    let run = &told["forecast"][0];
    assert!(run["left"].as_u64() > Some(5) && run["outlook"] == "unknown", "{told}");
    assert!(run["reasons"][0]["it"].as_str().unwrap().contains("ritirato"), "{told}");
    let headers = [("authorization", &*format!("Bearer {ALL}"))];
    assert!(!request(site.api, "GET", "/api/v1/forecast", &headers, b"").text().contains("cognome"));
}
