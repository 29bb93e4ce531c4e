//! `demo --stay`: the demo's data can be looked at, and its recipients still answer.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::{command, raccordo, write_lines};
use crate::serving::request;

/// A demo at work; ended whatever happens.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts it and reads until it says where its console is.
fn start(at: &Path) -> (Demo, Value) {
    let arguments = ["--json", "demo", "--folders", "24", "--stay", "--listen", "127.0.0.1:0", "--dir"];
    let child = command(Path::new("/"))
        .args(arguments)
        .arg(at)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut demo = Demo(child);
    let lines = BufReader::new(demo.0.stdout.take().unwrap()).lines();
    let mut documents =
        lines.map_while(Result::ok).filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    let told = documents.find(|document| document["console"].is_string());
    let told = told.unwrap_or_else(|| {
        let mut why = String::new();
        std::io::Read::read_to_string(demo.0.stderr.as_mut().unwrap(), &mut why).unwrap();
        panic!("it never stayed: {why}")
    });
    (demo, told)
}

/// A folder of which INPS holds something, with one fee changed.
fn changed(at: &Path) -> Value {
    let shown =
        raccordo(at, &["--json", "submissions", "--state", "accepted", "--limit", "500"]).exit(0).json();
    let known = |row: &&Value| {
        row["route"].as_str().unwrap().starts_with("siuss-")
            && row["submission"].as_str().unwrap().contains(".PS.")
    };
    let id =
        shown["operations"].as_array().unwrap().iter().find(known).expect("a record at INPS")["folder_id"]
            .clone();
    let arguments =
        ["generate", "--folders", "24", "--seed", "2026", "--faulty", "0.02", "--enti", "H501,F205,L219"];
    let made = raccordo(at, &arguments).exit(0).out;
    let folders = made.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut folder = folders.into_iter().find(|folder| folder["id"] == id).expect("the folder");
    folder["versione"] = Value::from(folder["versione"].as_u64().unwrap_or(1) + 9);
    for intervention in folder["interventi"].as_array_mut().unwrap() {
        intervention["quota_richiesta"] = "317.00".into();
    }
    folder
}

#[test]
fn a_demo_that_stays_lets_its_account_in_and_its_recipients_answer_until_it_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let at = &dir.path().join("demo");
    let (mut demo, told) = start(at);
    let (console, password) = (told["console"].as_str().unwrap(), told["password"].as_str().unwrap());
    let address: SocketAddr = console["http://".len()..].trim_end_matches("/console").parse().unwrap();
    assert!(address.ip().is_loopback() && password.len() >= 20);

    let form = format!("nome={}&password={password}&poi=/console", told["account"].as_str().unwrap());
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let entered = request(address, "POST", "/console/entra", &headers, form.as_bytes());
    assert_eq!(entered.status, 303, "{}", entered.text());
    let cookie = entered.headers["set-cookie"].split(';').next().unwrap().to_owned();
    for page in ["/console", "/console/invii", "/console/giornale"] {
        let read = request(address, "GET", page, &[("cookie", &cookie)], b"");
        assert!(read.status == 200 && read.text().contains("<html lang=\"it\">"), "{page}: {}", read.status);
    }

    // Beside it the command line works, and INPS still polls.
    let folder = changed(at);
    write_lines(at, "changed.ndjson", std::slice::from_ref(&folder));
    raccordo(at, &["import", "changed.ndjson", "--all"]);
    let (id, ente) = (folder["id"].as_str().unwrap(), folder["ente"].as_str().unwrap());
    let arguments = ["--json", "sync", id, "--to", "siuss", "--ente", ente, "--wait", "20s"];
    let run = raccordo(at, &arguments).exit(0).json()["runs"][0].clone();
    let terms = &run["balance"]["terms"];
    assert!(terms["accepted"].as_u64() > Some(0) || terms["refused"].as_u64() > Some(0), "{run}");
    assert_eq!(run["balance"]["settled"], true, "{run}");

    let told = Command::new("kill").arg(demo.0.id().to_string()).status().unwrap();
    assert!(told.success());
    assert!(demo.0.wait().unwrap().success(), "SIGTERM ends it as asked");
}
