//! A full disk: a clear error, nothing half-done, and it works again once there is room.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{raccordo, write_lines};
use crate::serving::{configure, generated};

/// A small file system of its own; unmounted when dropped.
struct Small(PathBuf);

impl Small {
    fn mount(at: &Path, size: &str) -> Self {
        std::fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size},mode=0700"), "tmpfs"]).arg(at);
        let output = mount.output().expect("mount");
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "this test mounts a small file system, as root: {why}");
        Self(at.to_owned())
    }

    fn resize(&self, size: &str) {
        let mut mount = Command::new("mount");
        let done = mount.args(["-o", &format!("remount,size={size}")]).arg(&self.0).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[test]
fn a_full_disk_is_told_and_nothing_is_half_done() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    configure(at, "unused.json", "");
    let disk = Small::mount(&at.join("data"), "1m");
    let folders = generated(2000);
    write_lines(at, "folders.ndjson", &folders);
    let told = raccordo(at, &["--json", "import", "--all", "folders.ndjson"]);
    assert_eq!(told.code, 1, "{}", told.err);
    let saved = told.out.lines().filter(|line| line.contains("\"outcome\":\"saved\"")).count();
    let failed: Vec<_> = told.out.lines().filter(|line| line.contains("\"outcome\":\"failed\"")).collect();
    assert!(saved < 2000 && !failed.is_empty(), "{saved}");
    assert!(failed.iter().all(|line| line.contains("full")), "{}", failed[0]);
    disk.resize("64m");
    // Just what was acknowledged is there, whole; and the rest goes in now.
    let books = raccordo::ledger::Books::open(&at.join("data")).unwrap();
    assert_eq!(books.folder_count().unwrap(), saved as u64);
    drop(books);
    raccordo(at, &["audit", "verify"]).exit(0);
    let again = raccordo(at, &["import", "folders.ndjson"]).exit(0);
    assert!(again.out.contains("2000 folders saved"), "{}", again.out);
    raccordo(at, &["audit", "verify"]).exit(0);
}

#[test]
fn without_room_for_a_ledger_there_is_no_half_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    configure(at, "unused.json", "");
    let disk = Small::mount(&at.join("data"), "48k");
    let told = raccordo(at, &["readiness"]).exit(2);
    assert!(told.err.contains("full") || told.err.contains("space"), "{}", told.err);
    assert!(raccordo(at, &["doctor"]).code <= 1);
    disk.resize("16m");
    raccordo(at, &["readiness"]).exit(0);
    raccordo(at, &["audit", "verify"]).exit(0);
}

/// Whoever writes the log to the disk that is full has no log; the work goes on.
#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    configure(dir.path(), "unused.json", "log.filter = \"debug\"\n");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let serve = ["--config", "raccordo.toml", "serve"];
    let mut child = super::command(dir.path()).args(serve).stderr(full).spawn().unwrap();
    let socket = dir.path().join("data/raccordo.sock");
    let began = std::time::Instant::now();
    while !socket.exists() {
        assert!(began.elapsed().as_secs() < 30 && child.try_wait().unwrap().is_none(), "it does not serve");
        std::thread::park_timeout(std::time::Duration::from_millis(20));
    }
    write_lines(dir.path(), "folders.ndjson", &generated(20));
    assert!(raccordo(dir.path(), &["import", "folders.ndjson"]).exit(0).out.contains("20 folders saved"));
    raccordo(dir.path(), &["runs", "list"]).exit(0);
    assert!(child.try_wait().unwrap().is_none(), "it lives");
    let term = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(term.success() && child.wait().unwrap().success());
}
