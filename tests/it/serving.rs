//! A whole installation in a temporary directory: configuration, gateway with its listeners,
//! a simulated platform that gives vouchers; and a client that reads what really comes over the wire.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use raccordo::gateway::{Clock, Gateway, SystemClock};
use raccordo::node::{self, Running};
use raccordo::sandbox::platform::{Entitlement, Platform};
use raccordo::sandbox::token_service::VoucherChanges;
use raccordo::sandbox::{clock, people};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

pub const FLOW: &str = "siuss-ps-psa-sina/2018-12";
pub const ISSUER: &str = "sandbox.raccordo.example";
/// Token of a CSI product that speaks for all enti, and of one that speaks for H501 only.
pub const ALL: &str = "token-of-all";
pub const ROME: &str = "token-of-rome";
const ENTI: [&str; 2] = ["H501", "F205"];

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn kind(&self) -> &str {
        self.headers.get("content-type").map_or("", String::as_str)
    }

    /// Asserts a problem of a status, as RFC 9457 wants it; returns its detail.
    #[track_caller]
    pub fn problem(&self, status: u16) -> String {
        assert_eq!((self.status, self.kind()), (status, "application/problem+json"), "{}", self.text());
        let body = self.json();
        assert_eq!(body["status"], status);
        assert!(body["title"].is_string() && body["type"].is_string());
        body["detail"].as_str().expect("a detail").to_owned()
    }

    /// Asserts a status; returns the JSON.
    #[track_caller]
    pub fn good(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }

    /// The lines of an NDJSON answer.
    pub fn lines(&self) -> Vec<Value> {
        let lines = self.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).expect("a line of JSON")).collect()
    }
}

/// One HTTP/1.1 request on a connection of its own.
pub fn request(at: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    let mut stream = TcpStream::connect(at).expect("the listener");
    stream.write_all(head.as_bytes()).expect("the head goes out");
    // A server that refuses a large body may close before it has read all of it.
    let _ = stream.write_all(body);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
    let head = std::str::from_utf8(&bytes[..end]).expect("a head of text");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status line");
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        // What comes several times, such as cookies: a line each.
        let known = headers.entry(name.to_ascii_lowercase()).or_default();
        *known = if known.is_empty() { value.to_owned() } else { format!("{known}\n{value}") };
    }
    let rest = &bytes[end + 4..];
    let chunked = headers.get("transfer-encoding").is_some_and(|encoding| encoding == "chunked");
    let body = if chunked { dechunk(rest) } else { rest.to_vec() };
    Answer { status: status.parse().expect("a number"), headers, body }
}

fn dechunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&rest[..end]).ok().and_then(|hex| usize::from_str_radix(hex, 16).ok());
        let size = size.expect("a chunk's size");
        if size == 0 {
            break;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 4 + size..];
    }
    body
}

/// An installation at work, in this process.
pub struct Site {
    pub gateway: Arc<Gateway>,
    pub platform: Platform,
    pub api: SocketAddr,
    pub offer: SocketAddr,
    running: Option<Running>,
    pub runtime: Runtime,
    pub dir: tempfile::TempDir,
}

impl Site {
    pub fn open() -> Self {
        Self::with("")
    }

    /// With more configuration, at the top of the file.
    pub fn with(more: &str) -> Self {
        Self::configured(|dir, jwks| configure(dir, jwks, more))
    }

    /// As a configuration says that is written for a directory and the platform's keys.
    pub fn configured(configuration: impl FnOnce(&Path, &str) -> PathBuf) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let entitlements = ENTI.iter().map(|ente| entitlement(ente)).collect();
        let bind = SocketAddr::from(([127, 0, 0, 1], 0));
        let platform =
            runtime.block_on(Platform::start(bind, ISSUER, entitlements, clock::system())).unwrap();
        let config = configuration(dir.path(), &platform.jwks_url());
        let gateway = Arc::new(node::open(crate::ledgers::load(&config)).unwrap());
        let running = runtime.block_on(node::start(Arc::clone(&gateway))).unwrap();
        let (api, offer) = (running.api.unwrap(), running.offer.unwrap());
        Self { gateway, platform, api, offer, running: Some(running), runtime, dir }
    }

    /// Stops the listeners, and starts them again as a new process over what the ledger holds on disk.
    pub fn restart(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
        let dir = tempfile::tempdir().unwrap();
        let config = configure(dir.path(), &self.platform.jwks_url(), "");
        let (from, to) = (self.dir.path().join("data"), dir.path().join("data"));
        std::fs::create_dir(&to).unwrap();
        for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
            }
        }
        self.gateway = Arc::new(node::open(crate::ledgers::load(&config)).unwrap());
        let running = self.runtime.block_on(node::start(Arc::clone(&self.gateway))).unwrap();
        (self.api, self.offer) = (running.api.unwrap(), running.offer.unwrap());
        (self.running, self.dir) = (Some(running), dir);
    }

    /// A voucher for the route of H501.
    pub fn voucher(&self, changes: &VoucherChanges) -> String {
        self.voucher_of("H501", changes)
    }

    pub fn voucher_of(&self, ente: &str, changes: &VoucherChanges) -> String {
        let grant = self.platform.grant_of(&route(ente)).expect("a grant");
        self.platform.service().issue(&grant, changes).expect("a voucher")
    }

    /// A GET of the offered API with a good voucher.
    pub fn waas(&self, path: &str) -> Answer {
        self.waas_as(path, &self.voucher(&VoucherChanges::default()))
    }

    pub fn waas_as(&self, path: &str, voucher: &str) -> Answer {
        let authorization = format!("Bearer {voucher}");
        request(self.offer, "GET", &format!("/waas/v1{path}"), &[("authorization", &authorization)], b"")
    }

    /// A POST of receipts with a good voucher.
    pub fn esiti(&self, body: &[u8]) -> Answer {
        let authorization = format!("Bearer {}", self.voucher(&VoucherChanges::default()));
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        request(self.offer, "POST", "/waas/v1/esiti", &headers, body)
    }

    /// A request of the API, below `/api/v1`, with the token that may do all.
    pub fn api(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        self.api_as(ALL, method, path, body)
    }

    pub fn api_as(&self, token: &str, method: &str, path: &str, body: &[u8]) -> Answer {
        let authorization = format!("Bearer {token}");
        let headers = [
            ("authorization", authorization.as_str()),
            ("content-type", "application/json"),
            ("raccordo-reason", "a test"),
        ];
        request(self.api, method, &format!("/api/v1{path}"), &headers, body)
    }

    /// Saves generated folders of H501 and queues all their records.
    pub fn fill(&self, folders: u64) {
        let mut lines = Vec::new();
        for folder in generated(folders) {
            lines.extend(folder.to_string().into_bytes());
            lines.push(b'\n');
        }
        let answer = self.api("POST", "/import", &lines);
        assert_eq!(answer.lines().last().unwrap()["summary"]["saved"], folders, "{}", answer.text());
        self.report();
    }

    /// Starts a run over everything of H501.
    pub fn report(&self) -> Value {
        self.api("POST", "/runs", json!({"ente": "H501", "flow": FLOW}).to_string().as_bytes()).good(201)
    }

    /// The flows of a page.
    #[track_caller]
    pub fn flussi(&self, query: &str) -> Vec<Value> {
        let page = self.waas(&format!("/flussi?{query}")).good(200);
        page["elenco_flussi"].as_array().expect("a list").clone()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }
}

/// Folders of H501 without defects.
pub fn generated(folders: u64) -> Vec<Value> {
    let today = SystemClock.today();
    people::generate(folders, 4242, 0.0, &["H501"], today).map(|made| made.folder).collect()
}

pub fn route(ente: &str) -> String {
    format!("waas-{ente}")
}

fn id(ente: &str, kind: u32) -> String {
    let number = ENTI.iter().position(|code| *code == ente).unwrap_or(9);
    format!("00000000-0000-4000-8000-{kind:04}{number:08}")
}

fn entitlement(ente: &str) -> Entitlement {
    Entitlement {
        route: route(ente),
        audience: "SIUSS".into(),
        eservice_id: id(ente, 1),
        producer_id: id(ente, 2),
        descriptor_id: id(ente, 3),
        consumer_id: id(ente, 4),
        purpose_id: id(ente, 5),
    }
}

/// Writes a configuration with two enti, an offered route each, and a file route of H501.
pub fn configure(dir: &Path, jwks: &str, more: &str) -> PathBuf {
    let token = |name: &str, token: &str, enti: &str| {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
        let hash: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{{ name = \"{name}\", sha256 = \"{hash}\", enti = [{enti}] }}")
    };
    let mut text = format!(
        "{more}\ndata = {:?}\n[api]\nlisten = \"127.0.0.1:0\"\ntokens = [{}, {}]\n[offer]\nlisten = \
         \"127.0.0.1:0\"\n[[register]]\nname = \"siuss\"\n",
        dir.join("data"),
        token("csi", ALL, ""),
        token("csi-rome", ROME, "\"H501\""),
    );
    for ente in ENTI {
        text.push_str(&format!(
            "[[ente]]\ncode = \"{ente}\"\nname = \"Comune {ente}\"\nseat = \"{ente}\"\noperator_file = \
             \"operator\"\n[[route]]\nid = \"{}\"\nregister = \"siuss\"\nchannel = \"offer\"\nenti = \
             [\"{ente}\"]\n[route.voucher]\nissuer = \"{ISSUER}\"\naudience = \"SIUSS\"\neservice_id = \
             \"{}\"\nproducer_id = \"{}\"\ndescriptor_ids = [\"{}\"]\nconsumer_id = \"{}\"\npurposes = \
             [\"{}\"]\njwks = \"{jwks}\"\n",
            route(ente),
            id(ente, 1),
            id(ente, 2),
            id(ente, 3),
            id(ente, 4),
            id(ente, 5),
        ));
    }
    text.push_str(&format!(
        "[[route]]\nid = \"file-H501\"\nregister = \"siuss\"\nchannel = \"file\"\nenti = [\"H501\"]\noutbox = {:?}\n",
        dir.join("outbox"),
    ));
    secret(&dir.join("operator"), "XXXYYY80A01H501D\n");
    let config = dir.join("raccordo.toml");
    std::fs::write(&config, text).unwrap();
    config
}

/// Writes a file that only its owner reads.
pub fn secret(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// The authority's own files, where they are.
pub fn official(file: &str) -> Option<PathBuf> {
    let root = std::env::var_os("RACCORDO_OFFICIAL").map(PathBuf::from);
    let root = root.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/official"));
    let path = root.join(file);
    if path.exists() {
        return Some(path);
    }
    println!(
        "NOT CHECKED against {file}: {} is not there. It is public, in the repository INPS-it/WaaS.Comuni; \
         set RACCORDO_OFFICIAL to a directory that holds siuss/.",
        path.display()
    );
    None
}
