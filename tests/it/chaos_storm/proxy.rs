//! A TCP proxy of the tests' own between two processes. It passes everything on until it is told to be
//! slow, to cut, to close halves or to swallow.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;

/// What happens to what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mood {
    Clear,
    /// Every piece waits so many milliseconds.
    Slow(u64),
    /// Connections are reset, those that come too.
    Reset,
    /// The far side seems to have closed its half; what is sent to it still arrives.
    HalfClosed,
    /// Nothing passes, nothing is closed: what was under way arrives when it clears up.
    BlackHole,
}

/// A listener on the loopback in front of another.
pub struct Proxy {
    pub address: SocketAddr,
    mood: watch::Sender<Mood>,
    carried: Arc<AtomicU64>,
}

impl Proxy {
    /// Listens from now on; works on the runtime of `handle`.
    pub fn start(handle: &Handle, to: SocketAddr) -> Self {
        let listener = handle.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let (mood, told) = watch::channel(Mood::Clear);
        let (address, carried) = (listener.local_addr().unwrap(), Arc::new(AtomicU64::new(0)));
        handle.spawn(accept(listener, to, told, Arc::clone(&carried)));
        Self { address, mood, carried }
    }

    pub fn set(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    /// Connections so far.
    pub fn carried(&self) -> u64 {
        self.carried.load(Ordering::Relaxed)
    }
}

async fn accept(listener: TcpListener, to: SocketAddr, mood: watch::Receiver<Mood>, carried: Arc<AtomicU64>) {
    while let Ok((client, _)) = listener.accept().await {
        carried.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(carry(client, to, mood.clone()));
    }
}

/// One connection, until both directions have ended or it is reset.
async fn carry(client: TcpStream, to: SocketAddr, mood: watch::Receiver<Mood>) {
    if *mood.borrow() == Mood::Reset {
        return drop(client.set_zero_linger());
    }
    // Nobody there: the client's connection ends as if it had been refused.
    let Ok(server) = TcpStream::connect(to).await else { return };
    let (_, _) = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let there = pump(from_client, to_server, mood.clone(), false);
    let back = pump(from_server, to_client, mood, true);
    tokio::join!(there, back);
}

/// Passes one direction on; `back` is the one that a half-closed connection loses.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut mood: watch::Receiver<Mood>, back: bool) {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let length = tokio::select! {
            biased;
            ended = mood.wait_for(|mood| *mood == Mood::Reset || back && *mood == Mood::HalfClosed) => {
                if ended.is_ok_and(|mood| *mood == Mood::Reset) {
                    // The last handle that is dropped sends a reset instead of an orderly end.
                    drop(to.as_ref().set_zero_linger());
                    return to.forget();
                }
                break;
            }
            length = from.read(&mut bytes) => length.unwrap_or(0),
        };
        let now = *mood.borrow();
        match now {
            Mood::Slow(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Mood::BlackHole => drop(mood.wait_for(|mood| *mood != Mood::BlackHole).await),
            _ => {}
        }
        if length == 0 || to.write_all(&bytes[..length]).await.is_err() {
            break;
        }
    }
    drop(to.shutdown().await);
}

mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net;

    /// A proxy before an echo, a connection through it, and the runtime that carries both.
    fn before_an_echo() -> (Proxy, net::TcpStream, tokio::runtime::Runtime) {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let echo = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = echo.local_addr().unwrap();
        std::thread::spawn(move || {
            for mut stream in echo.incoming().flatten() {
                let mut piece = [0; 64];
                while let Ok(length @ 1..) = stream.read(&mut piece) {
                    let _gone = stream.write_all(&piece[..length]);
                }
            }
        });
        let proxy = Proxy::start(runtime.handle(), address);
        let stream = net::TcpStream::connect(proxy.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        (proxy, stream, runtime)
    }

    fn echoed(stream: &mut net::TcpStream, word: &[u8; 4]) -> bool {
        let mut back = [0; 4];
        stream.write_all(word).is_ok() && stream.read_exact(&mut back).is_ok() && back == *word
    }

    #[test]
    fn it_passes_and_waits_on() {
        let (proxy, mut stream, _runtime) = before_an_echo();
        assert!(echoed(&mut stream, b"pass"));
        proxy.set(Mood::BlackHole);
        stream.write_all(b"held").unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let mut back = [0; 4];
        assert!(stream.read_exact(&mut back).is_err(), "nothing passes");
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        proxy.set(Mood::Clear);
        stream.read_exact(&mut back).unwrap();
        assert_eq!(&back, b"held");
    }

    #[test]
    fn it_cuts_and_closes_halves() {
        let (proxy, mut stream, _runtime) = before_an_echo();
        assert!(echoed(&mut stream, b"pass"));
        proxy.set(Mood::HalfClosed);
        assert_eq!(stream.read(&mut [0; 4]).unwrap(), 0, "the far side has closed its half");
        stream.write_all(b"more").unwrap();
        let (proxy, mut stream, _runtime) = before_an_echo();
        assert!(echoed(&mut stream, b"pass"));
        proxy.set(Mood::Reset);
        let told = stream.read(&mut [0; 4]);
        assert_eq!(told.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    }
}
