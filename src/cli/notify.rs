//! Tells the service manager that the server is ready, or stops (systemd's `sd_notify(3)`).

use std::os::unix::net::UnixDatagram;

/// Sends a state where the manager asked for it; without one nothing happens.
pub fn tell(state: &str) {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    // An abstract socket begins with `@`; systemd's own is a path.
    let sent = UnixDatagram::unbound().and_then(|socket| socket.send_to(state.as_bytes(), &path));
    if let Err(error) = sent {
        tracing::warn!(%error, "the service manager could not be told: {state}");
    }
}
