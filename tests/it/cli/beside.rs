//! Commands over the ledger: alone, beside a running server, and beside another process.

use serde_json::{Value, json};

use super::{command, raccordo, said, write_lines};
use crate::serving::{FLOW, Site, configure, generated};

#[test]
fn the_whole_way_by_commands_alone() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    configure(at, "unused.json", "");
    write_lines(at, "folders.ndjson", &generated(12));
    assert!(raccordo(at, &["import", "folders.ndjson"]).exit(0).out.contains("12 folders saved"));
    let ready = raccordo(at, &["--json", "readiness"]).exit(0).json();
    assert_eq!(ready["readiness"][0]["ente"], "H501");
    let report = raccordo(at, &["--json", "report", "--flow", FLOW, "--period", "2026"]).exit(0).json();
    assert_eq!(report["runs"].as_array().unwrap().len(), 2, "a run per ente");
    assert!(report["runs"].as_array().unwrap().iter().all(|run| run["balance"]["closes"] == true));
    for arguments in [
        &["runs", "list"][..],
        &["runs", "show", "1"],
        &["submissions"],
        &["routes", "list"],
        &["audit", "verify"],
        &["sync", "CS-0000001", "--to", "siuss"],
        &["routes", "suspend", "waas-H501"],
        &["routes", "resume", "waas-H501"],
    ] {
        raccordo(at, arguments).exit(0);
    }
    raccordo(at, &["runs", "show", "99"]).refused("no run 99");
    raccordo(at, &["runs", "approve", "99"]).refused("99");
    raccordo(at, &["decide", "99", "--holds"]).refused("99");
    raccordo(at, &["sync", "none", "--to", "siuss"]).refused("none");
    raccordo(at, &["sync", "CS-0000001", "--to", "nowhere"]).refused("nowhere");
    raccordo(at, &["report", "--flow", "none/1", "--period", "2026"]).refused("none/1");
    raccordo(at, &["report", "--flow", FLOW, "--period", "soon"]).refused("soon");
    raccordo(at, &["submissions", "none"]).refused("no submission");
    raccordo(at, &["import", "nothing.ndjson"]).refused("nothing.ndjson");
    raccordo(at, &["outcome", "none", "--all", "accepted"]).refused("no submission");
}

#[test]
fn import_says_what_each_line_came_to() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    configure(at, "unused.json", "");
    let mut folders = generated(20);
    folders[16] = json!({"schema": "1"});
    write_lines(at, "folders.ndjson", &folders);
    let told = raccordo(at, &["import", "folders.ndjson"]).exit(1);
    assert!(
        told.out.contains("line 17, –: invalid") && told.out.contains("19 folders saved"),
        "{}",
        told.out
    );
    let lines = raccordo(at, &["--json", "import", "--all", "folders.ndjson"]).exit(1).out;
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[20]["summary"]["not_saved"]), (21, &json!(1)));
    let file = std::fs::File::open(at.join("folders.ndjson")).unwrap();
    let piped = command(at).args(["--config", "raccordo.toml", "import", "-"]).stdin(file).output().unwrap();
    assert!(said(piped).exit(1).out.contains("19 folders saved"));
}

/// More lines than three requests through the socket hold, with ids that come again early and late.
#[test]
fn of_an_id_that_comes_twice_the_first_stands_whichever_way_the_lines_go() {
    let mut folders = generated(1203);
    let again = [(1_usize, 0), (600, 7), (1201, 600), (1202, 3)];
    for (line, first) in again {
        let mut second = folders[first].clone();
        second["interventi"] = json!([]);
        folders[line] = second;
    }
    let duplicates = |at: &std::path::Path| {
        write_lines(at, "folders.ndjson", &folders);
        let told = raccordo(at, &["--json", "import", "folders.ndjson"]).exit(1).out;
        let told = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let told = told.filter(|line| line["outcome"] == "duplicate");
        told.map(|line| line["line"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let alone = tempfile::tempdir().unwrap();
    configure(alone.path(), "unused.json", "");
    assert_eq!(duplicates(alone.path()), [2, 601, 1202, 1203]);
    let site = Site::open();
    assert_eq!(duplicates(site.dir.path()), [2, 601, 1202, 1203]);
    assert_eq!(site.gateway.books.folder_count().unwrap(), 1199);
}

#[test]
fn beside_a_running_server_commands_go_through_its_socket() {
    let site = Site::open();
    let at = site.dir.path();
    let folders = generated(1203);
    let mut broken = folders.clone();
    broken[1201] = json!(17);
    write_lines(at, "folders.ndjson", &broken);
    let told = raccordo(at, &["import", "folders.ndjson"]).exit(1);
    assert!(told.out.contains("line 1202, –: invalid"), "line numbers are the file's: {}", told.out);
    assert!(told.out.contains("1202 folders saved"), "{}", told.out);
    assert_eq!(site.gateway.books.folder_count().unwrap(), 1202);
    let report = raccordo(at, &["--json", "report", "--ente", "H501", "--flow", FLOW, "--period", "2026"]);
    assert_eq!(report.exit(0).json()["runs"][0]["balance"]["closes"], true);
    assert!(!site.flussi("since=0").is_empty());
    raccordo(at, &["audit", "verify"]).exit(0);
    raccordo(at, &["doctor"]).exit(0);
    raccordo(at, &["runs", "show", "99"]).refused("no run 99");
    // A second server is told who is there, and disturbs nothing.
    raccordo(at, &["serve"]).refused("another raccordo process");
    raccordo(at, &["runs", "list"]).exit(0);
}

#[test]
fn with_the_ledger_taken_and_no_socket_it_says_so() {
    let dir = tempfile::tempdir().unwrap();
    configure(dir.path(), "unused.json", "");
    raccordo(dir.path(), &["readiness"]).exit(0);
    let books = raccordo::ledger::Books::open(&dir.path().join("data")).unwrap();
    raccordo(dir.path(), &["readiness"]).refused("another raccordo process works on the ledger");
    raccordo(dir.path(), &["import", "-"]).refused("another raccordo process");
    drop(books);
    raccordo(dir.path(), &["readiness"]).exit(0);
    // What a killed server leaves behind does not pass for a server.
    drop(std::os::unix::net::UnixListener::bind(dir.path().join("data/raccordo.sock")).unwrap());
    raccordo(dir.path(), &["readiness"]).exit(0);
}

#[test]
fn serve_stops_on_a_signal_and_leaves_the_ledger_free() {
    let dir = tempfile::tempdir().unwrap();
    configure(dir.path(), "unused.json", "");
    let mut child = command(dir.path())
        .args(["--config", "raccordo.toml", "serve"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("raccordo serves") {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut log, &mut line).unwrap() > 0, "it ended before it served");
    }
    let socket = dir.path().join("data/raccordo.sock");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&socket).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    raccordo(dir.path(), &["readiness"]).exit(0);
    let killed =
        std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success() && child.wait().unwrap().success());
    assert!(!socket.exists());
    raccordo(dir.path(), &["readiness"]).exit(0);
}
