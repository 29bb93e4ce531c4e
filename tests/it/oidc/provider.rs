//! The provider's process: node from Debian, the package as `tests/oidc/package-lock.json` pins it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::serving::request;

/// Where the provider sends browsers back: the test takes them on to where raccordo really listens.
pub const RETURN: &str = "http://127.0.0.1:9/console/sign-in/oidc/return";

/// A provider at work; ends with this value.
pub struct Provider {
    pub issuer: String,
    at: SocketAddr,
    process: Child,
    /// Kept open: a provider that may not say what it likes to say dies of it.
    _said: BufReader<ChildStdout>,
}

impl Provider {
    pub fn start() -> Self {
        let mut process = Command::new("node")
            .arg("provider.mjs")
            .arg(RETURN)
            .current_dir(installed())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node starts: `.ci/packages node` installs it");
        let mut issuer = String::new();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        said.read_line(&mut issuer).expect("the provider says where it listens");
        let issuer = issuer.trim().to_owned();
        let at = issuer.trim_start_matches("http://").parse().expect("an address");
        Self { issuer, at, process, _said: said }
    }

    /// A program's token for an API.
    pub fn access_token(&self, resource: &str) -> String {
        let body = format!(
            "grant_type=client_credentials&client_id=csi&client_secret=secret-of-csi&scope=api&resource={}",
            resource.replace(':', "%3A")
        );
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            // "csi:secret-of-csi"
            ("authorization", "Basic Y3NpOnNlY3JldC1vZi1jc2k="),
        ];
        let body = body.replace("&client_id=csi&client_secret=secret-of-csi", "");
        let answer = request(self.at, "POST", "/token", &headers, body.as_bytes());
        let token: Value = answer.good(200);
        token["access_token"].as_str().expect("a token").to_owned()
    }

    /// From now on it signs with another key, and knows the former no more.
    pub fn rotate(&self) {
        assert_eq!(request(self.at, "POST", "/test/rotate", &[], b"").status, 200);
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The directory with the provider and what it needs, as the lock file says it.
fn installed() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (from, to) = (root.join("tests/oidc"), root.join("target/oidc"));
    std::fs::create_dir_all(&to).expect("a directory");
    // Tests run in processes of their own: one installs, the others wait.
    let lock = std::fs::File::create(root.join("target/oidc.lock")).expect("the lock is made");
    lock.lock().expect("it is free at last");
    let pinned = std::fs::read(from.join("package-lock.json")).expect("the lock file is there");
    if std::fs::read(to.join("ready.json")).ok().as_ref() != Some(&pinned) {
        for file in ["package.json", "package-lock.json"] {
            std::fs::copy(from.join(file), to.join(file)).expect("it is copied");
        }
        let done = Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(&to)
            .stdin(Stdio::null())
            .status()
            .expect("npm starts: `.ci/packages node` installs it");
        assert!(done.success(), "npm could not install the provider");
        std::fs::write(to.join("ready.json"), pinned).expect("it is noted");
    }
    std::fs::copy(from.join("provider.mjs"), to.join("provider.mjs")).expect("it is copied");
    to
}
