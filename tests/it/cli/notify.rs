//! `serve` under a service manager: it says when it is ready, and when it stops.

use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{command, raccordo};
use crate::serving::configure;

#[test]
fn a_server_tells_its_manager_when_it_is_ready_and_when_it_stops() {
    let dir = tempfile::tempdir().unwrap();
    configure(dir.path(), "unused.json", "");
    let manager = UnixDatagram::bind(dir.path().join("notify")).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let heard = || {
        let mut state = [0_u8; 64];
        let read = manager.recv(&mut state).expect("a word of the server");
        String::from_utf8_lossy(&state[..read]).into_owned()
    };
    let mut server = command(dir.path())
        .args(["--config", "raccordo.toml", "serve"])
        .env("NOTIFY_SOCKET", dir.path().join("notify"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!(heard(), "READY=1");
    raccordo(dir.path(), &["health"]).exit(0);
    let stopped = Command::new("kill").arg(server.id().to_string()).status().unwrap();
    assert!(stopped.success());
    assert_eq!(heard(), "STOPPING=1");
    assert!(server.wait().unwrap().success());
}
