//! The smallest HTTP client: one connection per request, so that a death is seen at once.
//! HTTP/1.0 lets every answer end with its connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Longer than any answer takes; a gateway that hangs must not hang the test.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was answered. A torn body is kept: what was acknowledged before the tear counts.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    pub const fn good(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Asks once.
pub fn ask(to: SocketAddr, token: &str, method: &str, path: &str, body: &[u8]) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = format!(
        "{method} {path} HTTP/1.0\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nRaccordo-Reason: a test\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer);
    let status = status(&answer);
    match (status, ended) {
        (Some(status), _) => {
            let begins =
                answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
            Ok(Answer { status, body: answer.split_off(begins) })
        }
        (None, Err(error)) => Err(error),
        (None, Ok(_)) => Err(std::io::ErrorKind::UnexpectedEof.into()),
    }
}

fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\r').next()?;
    std::str::from_utf8(line).ok()?.split(' ').nth(1)?.parse().ok()
}
