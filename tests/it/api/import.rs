//! NDJSON import: a broken line stops nothing, and every result names its line.

use raccordo::gateway::new_import;
use serde_json::{Value, json};

use crate::serving::{ROME, Site, generated};

fn lines(folders: &[Value]) -> Vec<Vec<u8>> {
    folders.iter().map(|folder| folder.to_string().into_bytes()).collect()
}

fn outcome(results: &[Value], line: u64) -> &str {
    let found = results.iter().find(|result| result["line"] == line);
    found.map_or("(none)", |result| result["outcome"].as_str().unwrap())
}

#[test]
fn a_broken_line_17_stops_no_other() {
    let site = Site::open();
    let mut lines = lines(&generated(40));
    lines[16].truncate(30);
    let results = site.api("POST", "/import", &lines.join(&b'\n')).lines();
    assert_eq!(results.len(), 41);
    let numbers: Vec<_> = results[..40].iter().map(|result| result["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>(), "in the order of the lines");
    assert_eq!(outcome(&results, 17), "invalid");
    assert!(results[16]["findings"][0]["message"]["it"].is_string());
    let summary = &results[40]["summary"];
    assert_eq!(
        (&summary["lines"], &summary["saved"], &summary["not_saved"]),
        (&json!(40), &json!(39), &json!(1))
    );
    assert_eq!(site.gateway.books.folder_count().unwrap(), 39);
}

#[test]
fn a_token_of_one_ente_imports_that_entes_lines_and_no_others() {
    let site = Site::open();
    let mut folders = generated(3);
    folders[1]["ente"] = json!("F205");
    let text = lines(&folders).join(&b'\n');
    let results = site.api_as(ROME, "POST", "/import", &text).lines();
    let said: Vec<_> = [1, 2, 3].map(|line| outcome(&results, line)).into();
    assert_eq!(said, ["saved", "forbidden", "saved"], "{results:?}");
    assert_eq!(site.gateway.books.folder_count().unwrap(), 2);
}

#[test]
fn blank_lines_count_and_long_ones_are_passed_over() {
    let site = Site::with("folder_limit_bytes = 20000\n");
    let sound = lines(&generated(4));
    let mut text = Vec::new();
    for piece in [
        &b"\n  \n"[..],
        &sound[0],
        b"\r\n\n",
        &sound[1],
        b"\n",
        &vec![b'x'; 70_000],
        b"\n",
        &sound[2],
        b"\n",
        &[&sound[3][..], &vec![b' '; 30_000]].concat(),
    ] {
        text.extend_from_slice(piece);
    }
    let results = site.api("POST", "/import", &text).lines();
    let said: Vec<_> = [3, 5, 6, 7, 8].map(|line| outcome(&results, line)).into();
    assert_eq!(said, ["saved", "saved", "invalid", "saved", "invalid"], "{results:?}");
    assert_eq!(results.last().unwrap()["summary"]["lines"], 5);
    assert_eq!(site.api("POST", "/import", b"").lines().last().unwrap()["summary"]["lines"], 0);
    assert_eq!(site.api("POST", "/import", b"\n\n\n").lines().last().unwrap()["summary"]["lines"], 0);
}

#[test]
fn of_an_id_that_comes_twice_the_first_stands() {
    let site = Site::open();
    let mut folders = Vec::new();
    for folder in generated(60) {
        let mut second = folder.clone();
        second["interventi"] = json!([]);
        folders.extend([folder, second]);
    }
    let results = site.api("POST", "/import", &lines(&folders).join(&b'\n')).lines();
    for line in 1..=120 {
        let wanted = if line % 2 == 1 { "saved" } else { "duplicate" };
        assert_eq!(outcome(&results, line), wanted, "line {line}");
    }
    assert_eq!(results.last().unwrap()["summary"]["saved"], 60);
}

#[test]
fn an_import_in_several_requests_is_one_import() {
    let site = Site::open();
    let folders = generated(3);
    let import = |mark: &str, folders: &[Value]| {
        let path = format!("/import?import={mark}");
        let results = site.api("POST", &path, &lines(folders).join(&b'\n')).lines();
        (1..=folders.len() as u64).map(|line| outcome(&results, line).to_owned()).collect::<Vec<_>>()
    };
    let mark = new_import().unwrap();
    assert_eq!(import(&mark, &folders[..2]), ["saved", "saved"]);
    assert_eq!(import(&mark, &folders[1..]), ["duplicate", "saved"]);
    assert_eq!(import(&mark, &folders[..2]), ["duplicate", "duplicate"]);
    site.api("PUT", &format!("/folders/{}", folders[0]["id"].as_str().unwrap()), &lines(&folders)[0])
        .good(200);
    assert_eq!(import(&mark, &folders[..1]), ["duplicate"], "a save in between does not open it again");
    assert_eq!(import(&new_import().unwrap(), &folders), ["saved", "saved", "saved"]);
    for mark in ["", "x", "0123456789/abcdef", &"a".repeat(65)] {
        site.api("POST", &format!("/import?import={mark}"), b"{}").problem(400);
    }
}

#[test]
fn an_older_revision_in_an_import_is_told_per_line() {
    let site = Site::open();
    let mut folders = generated(3);
    folders.iter_mut().for_each(|folder| folder["versione"] = json!(9));
    site.api("POST", "/import", &lines(&folders).join(&b'\n'));
    folders[1]["versione"] = json!(8);
    let results = site.api("POST", "/import", &lines(&folders).join(&b'\n')).lines();
    assert_eq!([1, 2, 3].map(|line| outcome(&results, line)), ["saved", "older", "saved"]);
}

#[test]
fn an_upload_that_breaks_off_does_not_pass_for_a_whole_one() {
    use std::io::{Read, Write};
    let site = Site::open();
    let mut stream = std::net::TcpStream::connect(site.api).unwrap();
    let folders = lines(&generated(2)).join(&b'\n');
    let head = format!(
        "POST /api/v1/import HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-length: {}\r\n\r\n",
        crate::serving::ALL,
        folders.len() + 1000
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&folders).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    let text = String::from_utf8_lossy(&answer);
    assert!(!text.contains("\"summary\""), "{text}");
}
