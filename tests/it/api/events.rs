//! Server-sent events: what happens is heard by who may, and nothing is lost on the way back.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::serving::{ALL, FLOW, ROME, Site};

/// One who watches.
struct Watcher(BufReader<TcpStream>);

/// An event as it came.
#[derive(Debug)]
struct Heard {
    id: String,
    kind: String,
    data: Value,
}

impl Watcher {
    fn open(site: &Site, token: &str, last: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(site.api).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let last = last.map(|id| format!("last-event-id: {id}\r\n")).unwrap_or_default();
        let head = format!(
            "GET /api/v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\naccept-encoding: gzip\r\n{last}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 200"), "{line}");
        Self(reader)
    }

    fn next(&mut self) -> Heard {
        let mut heard = Heard { id: String::new(), kind: String::new(), data: Value::Null };
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).expect("an event comes") > 0, "the stream ended");
            match line.trim_end().split_once(": ") {
                Some(("id", id)) => heard.id = id.to_owned(),
                Some(("event", kind)) => heard.kind = kind.to_owned(),
                Some(("data", data)) => heard.data = serde_json::from_str(data).unwrap(),
                _ if !heard.kind.is_empty() && line.trim().is_empty() => return heard,
                _ => {}
            }
        }
    }

    /// The next event of a kind that fits.
    fn until(&mut self, kind: &str, fits: impl Fn(&Value) -> bool) -> Heard {
        loop {
            let heard = self.next();
            if heard.kind == kind && fits(&heard.data) {
                return heard;
            }
        }
    }
}

#[test]
fn what_happens_is_told_to_who_may_hear_it_and_again_to_who_comes_back() {
    let site = Site::open();
    site.fill(2);
    let mut all = Watcher::open(&site, ALL, None);
    let mut rome = Watcher::open(&site, ROME, None);
    assert_eq!(all.next().kind, "reload", "who begins reads everything first");
    assert_eq!(rome.next().kind, "reload");
    // A first look must have been made before what is new can be told from what was there.
    let began = Instant::now();
    let run = loop {
        let milan = json!({"ente": "F205", "flow": FLOW}).to_string();
        let run = site.api("POST", "/runs", milan.as_bytes()).good(201)["id"].clone();
        site.report();
        if began.elapsed() > Duration::from_millis(1500) {
            break run;
        }
    };
    let told = all.until("run", |data| data["id"] == run);
    assert_eq!((&told.data["ente"], &told.data["balance"]["closes"]), (&json!("F205"), &json!(true)));
    site.flussi("since=0&limit=1");
    let offered = all.until("submission", |data| data["state"] == "out");
    let ours = rome.until("submission", |data| data["submission"] == offered.data["submission"]);
    assert_eq!(ours.id, offered.id);
    all.until("route", |data| data["route"] == "waas-H501" && data["out"] == 1);
    drop(all);
    let mut again = Watcher::open(&site, ALL, Some(&told.id));
    assert_eq!(again.until("submission", |_| true).id, offered.id, "what was missed comes first");
    let mut stranger = Watcher::open(&site, ALL, Some("another-process-7"));
    assert_eq!(stranger.next().kind, "reload");
    // One ente's watcher hears nothing of another's, however long the stream.
    let mut all_of_rome =
        Watcher::open(&site, ROME, Some(&format!("{}-0", told.id.rsplit_once('-').unwrap().0)));
    let last = all_of_rome.until("submission", |_| true);
    assert_eq!(last.data["submission"], offered.data["submission"]);
    let began = Instant::now();
    drop(site);
    assert!(began.elapsed() < Duration::from_secs(10), "watchers do not keep the process from its end");
}
