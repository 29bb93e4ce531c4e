//! HTTP/1.1 on the wire, read and written by hand, because much of what a recipient can do wrong
//! happens below what an HTTP library would let it do.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

const HEAD_MOST: usize = 64 * 1024;

/// A connection, plain or through TLS.
pub(super) trait Socket: AsyncRead + AsyncWrite + Unpin + Send {
    fn tcp(&self) -> &TcpStream;
}

impl Socket for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Socket for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// A request as it came.
pub(super) struct Incoming {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Incoming {
    /// The first header of this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// An answer to be written.
#[derive(Clone)]
pub(super) struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    /// Head and body as they go over the wire; the length as told may be another than it is.
    pub fn bytes(&self, length: usize) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Simulated\r\n", self.status);
        for (name, value) in self.headers.iter().filter(|(name, _)| name != "content-length") {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {length}\r\n\r\n"));
        [head.into_bytes(), self.body.clone()].concat()
    }
}

/// One connection of a client.
pub(super) struct Connection<S> {
    stream: S,
    buffer: Vec<u8>,
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

impl<S: Socket> Connection<S> {
    pub fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// The next request; `None` when the client has left.
    pub async fn read(&mut self, body_most: usize) -> io::Result<Option<Incoming>> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            if self.buffer.len() > HEAD_MOST {
                return Err(invalid("the head is too long"));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        };
        let mut incoming = head(&self.buffer[..end])?;
        self.buffer.drain(..end + 4);
        if incoming.header("transfer-encoding").is_some() {
            return Err(invalid("a length is needed"));
        }
        let length: usize = match incoming.header("content-length") {
            Some(length) => length.parse().map_err(|_| invalid("not a length"))?,
            None => 0,
        };
        if length > body_most {
            return Err(invalid("the body is too long"));
        }
        while self.buffer.len() < length {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
        incoming.body = self.buffer.drain(..length).collect();
        Ok(Some(incoming))
    }

    /// Writes bytes as they are.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Says that nothing more comes.
    pub async fn close(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// Waits until the client leaves, whatever it still sends.
    pub async fn outwait(&mut self) {
        let mut rest = [0; 4096];
        while self.stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    }

    /// Breaks the connection: the client sees a reset.
    pub fn reset(self) {
        // Without it the client sees an orderly end; that is a fault too.
        let _ = self.stream.tcp().set_zero_linger();
    }
}

fn head(bytes: &[u8]) -> io::Result<Incoming> {
    let text = str::from_utf8(bytes).map_err(|_| invalid("the head is not text"))?;
    let mut lines = text.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target)) = (first.next(), first.next()) else {
        return Err(invalid("not a request"));
    };
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers = lines.map(header).collect::<Option<Vec<_>>>().ok_or_else(|| invalid("not a header"))?;
    Ok(Incoming { method: method.to_owned(), target: target.to_owned(), headers, body: Vec::new() })
}
