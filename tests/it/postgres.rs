//! What a shared ledger is for and what it must survive: several writers, another version's hands, a
//! server that dies, an answer that never comes. The server is a real one; what kills one starts its own.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use raccordo::exchange::{Ledger, LedgerError};
use raccordo::gateway::settings::LedgerSettings;
use raccordo::ledger::Books;
use tempfile::TempDir;

use crate::ledgers;

fn server_of(place: &Path, verb: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres");
    let done = Command::new(script).arg(verb).arg(place).status().unwrap();
    assert!(done.success(), "tests/postgres {verb}");
}

/// A server of one's own, to be killed; it ends with this.
struct Server {
    place: PathBuf,
    _directory: TempDir,
}

impl Server {
    fn start() -> Self {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let directory = TempDir::new_in(target).unwrap();
        let place = directory.path().join("server");
        server_of(&place, "start");
        Self { place, _directory: directory }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        server_of(&self.place, "stop");
    }
}

fn open(settings: &LedgerSettings) -> Result<Books, LedgerError> {
    Books::connect(&settings.place()?.unwrap(), |_| Ok(()))
}

/// The next number of a route's day, kept.
fn next(books: &Books) -> Result<u32, LedgerError> {
    books.write(|tx| tx.next_progressive("r", "2026-03-01"))
}

#[test]
fn two_nodes_never_give_the_same_number() {
    let directory = TempDir::new().unwrap();
    let settings = ledgers::on(&ledgers::server(), directory.path());
    let nodes: Vec<_> = (0..2)
        .map(|_| {
            let settings = settings.clone();
            std::thread::spawn(move || {
                let books = open(&settings).unwrap();
                (0..40).map(|_| next(&books).unwrap()).collect::<Vec<_>>()
            })
        })
        .collect();
    let given: Vec<u32> = nodes.into_iter().flat_map(|node| node.join().unwrap()).collect();
    assert_eq!(given.iter().collect::<HashSet<_>>().len(), 80);
    assert_eq!(given.iter().max(), Some(&80));
}

#[test]
fn a_newer_ledger_is_worked_on_as_long_as_it_only_gained_something() {
    let directory = TempDir::new().unwrap();
    let settings = ledgers::on(&ledgers::server(), directory.path());
    let books = open(&settings).unwrap();
    let newer = |sql: &'static str| books.write(move |tx| tx.run(sql, [])).unwrap();
    newer("UPDATE ledger SET version = version + 1");
    assert!(open(&settings).is_ok(), "what it does not know was only added");
    newer("UPDATE ledger SET compatible_from = version");
    let Err(LedgerError::Refused(why)) = open(&settings) else { panic!("it does not understand that") };
    assert!(why.contains("start the newer raccordo"), "{why}");
}

#[test]
fn a_failed_job_takes_nobody_with_it_and_one_that_hides_a_failure_is_undone() {
    let directory = TempDir::new().unwrap();
    let books = open(&ledgers::on(&ledgers::server(), directory.path())).unwrap();
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let first = books.submit(move |tx| gate.recv().map_or(Ok(0), |()| tx.next_progressive("a", "d")));
    let wrong = books.submit(|tx| tx.run("INSERT INTO progressive VALUES ('a', 'd', NULL)", []));
    let hides = books.submit(|tx| {
        drop(tx.run("INSERT INTO progressive VALUES ('a', 'd', NULL)", []));
        Ok(())
    });
    let last = books.submit(|tx| tx.next_progressive("a", "d"));
    go.send(()).unwrap();
    assert_eq!(first.wait().unwrap(), 1);
    assert!(matches!(wrong.wait(), Err(LedgerError::Store(_))));
    assert!(matches!(hides.wait(), Err(LedgerError::Store(_))));
    assert_eq!(last.wait().unwrap(), 2);
}

#[test]
fn a_server_that_dies_loses_nothing_that_was_acknowledged_and_work_goes_on_by_itself() {
    let server = Server::start();
    let directory = TempDir::new().unwrap();
    let books = Arc::new(open(&ledgers::on(&server.place, directory.path())).unwrap());
    let stop = Arc::new(AtomicBool::new(false));
    let worker = {
        let (books, stop) = (Arc::clone(&books), Arc::clone(&stop));
        std::thread::spawn(move || {
            let mut given = Vec::new();
            while !stop.load(Ordering::SeqCst) {
                given.extend(next(&books));
            }
            given
        })
    };
    let sql = "SELECT coalesce(max(last), 0) FROM progressive";
    let kept = || books.look(|tx| tx.one("the number", sql, [], |row| row.get::<u32>(0)));
    let grows = || {
        let before = kept().unwrap();
        while kept().unwrap_or(before) <= before {}
    };
    for _ in 0..3 {
        grows();
        server_of(&server.place, "crash");
        server_of(&server.place, "start");
        grows();
    }
    stop.store(true, Ordering::SeqCst);
    let given = worker.join().unwrap();
    assert_eq!(given.iter().collect::<HashSet<_>>().len(), given.len(), "none twice");
    assert_eq!(given.last().copied(), Some(kept().unwrap()), "the last answer is what is kept");
}

/// Stands before a server and cuts the line at a commit: after it has passed, or before.
fn cutting(port: u16, armed: Arc<AtomicBool>, passes: bool) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let own = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(("127.0.0.1", port)).unwrap());
            let (mut answers, mut back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            let cut = Arc::new(AtomicBool::new(false));
            let mute = Arc::clone(&cut);
            std::thread::spawn(move || {
                let mut bytes = [0; 8192];
                while let Ok(read @ 1..) = answers.read(&mut bytes) {
                    if mute.load(Ordering::SeqCst) || back.write_all(&bytes[..read]).is_err() {
                        break;
                    }
                }
                drop(back.shutdown(Shutdown::Both));
            });
            let armed = Arc::clone(&armed);
            std::thread::spawn(move || carry(client, server, &armed, &cut, passes));
        }
    });
    own
}

fn carry(mut client: TcpStream, mut server: TcpStream, armed: &AtomicBool, cut: &AtomicBool, passes: bool) {
    let mut bytes = [0; 8192];
    while let Ok(read @ 1..) = client.read(&mut bytes) {
        let commits = bytes[..read].windows(6).any(|word| word == b"COMMIT");
        let now = commits && armed.swap(false, Ordering::SeqCst);
        cut.fetch_or(now, Ordering::SeqCst);
        if (now && !passes) || server.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    drop(server.shutdown(Shutdown::Both));
    drop(client.shutdown(Shutdown::Both));
}

#[test]
fn a_commit_whose_answer_is_lost_is_asked_about() {
    for passes in [true, false] {
        let directory = TempDir::new().unwrap();
        let mut settings = ledgers::on(&ledgers::server(), directory.path());
        let port: u16 =
            std::fs::read_to_string(ledgers::server().join("port")).unwrap().trim().parse().unwrap();
        let armed = Arc::new(AtomicBool::new(false));
        let proxy = cutting(port, Arc::clone(&armed), passes);
        settings.url = settings.url.replace(&format!(":{port}/"), &format!(":{proxy}/"));
        let books = open(&settings).unwrap();
        assert_eq!(next(&books).unwrap(), 1);
        armed.store(true, Ordering::SeqCst);
        let told = next(&books);
        assert!(!armed.load(Ordering::SeqCst), "the line was cut");
        assert_eq!(told.ok(), passes.then_some(2), "what it says is what is so");
        assert_eq!(next(&books).unwrap(), if passes { 3 } else { 2 });
    }
}

#[test]
fn tls_is_spoken_and_the_certificate_held_against_the_name() {
    let server = ledgers::server();
    let read = |file: &str| std::fs::read_to_string(server.join(file)).unwrap().trim().to_owned();
    let place = raccordo::ledger::Place {
        url: read("url-tls"),
        password: read("password"),
        authorities: read("tls/authority.pem"),
    };
    let seen = Books::visit(&place).unwrap();
    assert!(seen.starts_with("PostgreSQL ") && seen.contains(" at localhost/postgres"), "{seen}");
}

/// A recipient may write one into a name or a code; SQLite keeps it.
#[test]
fn a_nul_character_in_a_text_is_kept_as_a_sign_and_found_again() {
    let directory = TempDir::new().unwrap();
    let books = open(&ledgers::on(&ledgers::server(), directory.path())).unwrap();
    for expected in 1..=2 {
        assert_eq!(books.write(|tx| tx.next_progressive("a\0b", "d")).unwrap(), expected);
    }
    let kept = |tx: &raccordo::ledger::Tx<'_>| tx.many("SELECT route FROM progressive", [], |row| row.get(0));
    let kept: Vec<String> = books.look(kept).unwrap();
    assert_eq!(kept, ["a\u{fffd}b"]);
}
