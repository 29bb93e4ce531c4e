//! As much of a browser as signing in takes: cookies by host, redirects one by one.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::serving::{Answer, request};

/// A browser at raccordo's console and at the provider.
pub struct Browser {
    console: SocketAddr,
    /// By host, then by name.
    cookies: BTreeMap<SocketAddr, BTreeMap<String, String>>,
}

impl Browser {
    pub fn new(console: SocketAddr) -> Self {
        Self { console, cookies: BTreeMap::new() }
    }

    /// A page of the console.
    pub fn get(&mut self, path: &str) -> Answer {
        self.call(self.console, "GET", path, "")
    }

    fn call(&mut self, at: SocketAddr, method: &str, path: &str, body: &str) -> Answer {
        let jar = self.cookies.entry(at).or_default();
        let cookies: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut headers = vec![("content-type", "application/x-www-form-urlencoded")];
        if !cookies.is_empty() {
            headers.push(("cookie", cookies.as_str()));
        }
        let answer = request(at, method, path, &headers, body.as_bytes());
        for line in answer.headers.get("set-cookie").map_or("", String::as_str).lines() {
            let (pair, rest) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').unwrap();
            let gone = value.is_empty() || rest.contains("Max-Age=0") || rest.contains("1970");
            match gone {
                true => drop(jar.remove(name)),
                false => drop(jar.insert(name.to_owned(), value.to_owned())),
            }
        }
        answer
    }

    /// Goes to the provider and signs in there; returns the path by which it sends us back.
    pub fn sign_in(&mut self, name: &str) -> String {
        let off = self.get("/console/sign-in/oidc");
        assert_eq!(off.status, 303, "{}", off.text());
        let mut url = off.headers["location"].clone();
        assert!(url.contains("code_challenge_method=S256") && url.contains("nonce="), "{url}");
        // At the provider anew each time: a session there would sign in whoever was there before.
        let at = place(&url).0;
        self.cookies.remove(&at);
        for _ in 0..12 {
            let (at, path) = place(&url);
            if path.starts_with("/console/sign-in/oidc/return") {
                return path;
            }
            let mut answer = self.call(at, "GET", &path, "");
            if answer.status == 200 {
                let prompt = if answer.text().contains("name=\"login\"") { "login" } else { "consent" };
                let form = format!("prompt={prompt}&login={name}&password=x");
                answer = self.call(at, "POST", &path, &form);
            }
            assert!((300..400).contains(&answer.status), "{path}: {}", answer.text());
            let next = &answer.headers["location"];
            url = if next.starts_with('/') { format!("http://{at}{next}") } else { next.clone() };
        }
        panic!("the provider does not let {name} go");
    }
}

fn place(url: &str) -> (SocketAddr, String) {
    let rest = url.strip_prefix("http://").expect("plain http on this machine");
    let (host, path) = rest.split_once('/').expect("a path");
    (host.parse().expect("an address"), format!("/{path}"))
}
