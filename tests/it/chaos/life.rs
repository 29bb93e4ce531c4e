//! One life of the gateway: from its start to its death, by a failpoint or by the killer.

use std::cell::{Cell, RefCell};
use std::fs::OpenOptions;
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::client::{Answer, ask};
use super::installation::Installation;

/// A bound for what takes milliseconds.
const BOUND: Duration = Duration::from_secs(30);

/// The gateway no longer answers.
pub struct Gone;

/// How a life shall end.
#[derive(Clone, Copy)]
pub enum Fault {
    /// The process aborts at the `count`-th passage of a point.
    Point { name: &'static str, count: u64 },
    /// `kill -9`, `jitter_us` after the `after`-th step of the work.
    Kill { after: u64, jitter_us: u64 },
    /// It lives until it is buried.
    None,
}

/// Steps of the work, for the killer to count.
#[derive(Default)]
struct Progress {
    steps: Mutex<u64>,
    moved: Condvar,
}

impl Progress {
    fn step(&self, by: u64) {
        let mut steps = self.steps.lock().unwrap();
        *steps = steps.saturating_add(by);
        self.moved.notify_all();
    }
}

/// A running gateway. Dropping it kills it.
pub struct Life<'a> {
    place: &'a Installation,
    child: Arc<Mutex<Child>>,
    progress: Arc<Progress>,
    killer: Option<JoinHandle<()>>,
    /// What should not have been answered.
    pub complaints: RefCell<Vec<String>>,
    /// Something that it needs is broken: it may say so with 5xx.
    pub tolerant: Cell<bool>,
}

impl<'a> Life<'a> {
    /// Starts the gateway; `Gone` inside when it dies before it serves.
    pub fn start(place: &'a Installation, fault: Fault) -> (Self, Result<(), Gone>) {
        let log = OpenOptions::new().create(true).append(true).open(&place.log).unwrap();
        // A write beyond a limit that a test sets is an error to it, as on a full disk, and no signal.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(super::binary());
        command.arg("serve").arg("--config").arg(&place.config);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).env_remove("RACCORDO_FAILPOINT");
        if let Fault::Point { name, count } = fault {
            command.env("RACCORDO_FAILPOINT", format!("{name}:{count}"));
        }
        let child = Arc::new(Mutex::new(command.spawn().unwrap()));
        let progress = Arc::new(Progress::default());
        let killer = match fault {
            Fault::Kill { after, jitter_us } => Some(killer(&child, &progress, after, jitter_us)),
            _ => None,
        };
        let complaints = RefCell::default();
        let life = Self { place, child, progress, killer, complaints, tolerant: Cell::new(false) };
        let ready = life.ready();
        (life, ready)
    }

    /// `kill -9` from now on at any moment: `jitter_us` after the `after`-th step of the work.
    pub fn doom(&mut self, after: u64, jitter_us: u64) {
        let steps = *self.progress.steps.lock().unwrap();
        self.killer = Some(killer(&self.child, &self.progress, steps + after, jitter_us));
    }

    /// As an operator stops it: it ends by itself, and well.
    pub fn stop(mut self) {
        self.terminate();
        assert_eq!(self.stopped().1, Some(0), "it did not stop well");
    }

    /// SIGTERM: from now on it finishes what it has in hand.
    pub fn terminate(&self) {
        assert!(Command::new("kill").args(["-TERM", &self.pid()]).status().unwrap().success());
    }

    /// Waits for the end of a life that was told to stop: how long it took, and its exit code.
    pub fn stopped(&mut self) -> (Duration, Option<i32>) {
        let began = Instant::now();
        while self.lives() && began.elapsed() < BOUND {
            std::thread::park_timeout(Duration::from_millis(2));
        }
        let (took, code) = (began.elapsed(), self.ended().and_then(|status| status.code()));
        self.kill();
        (took, code)
    }

    pub fn pid(&self) -> String {
        self.child.lock().unwrap().id().to_string()
    }

    /// Whether an answer only says what is known: that something is broken just now.
    pub fn excuses(&self, answer: &Answer) -> bool {
        self.tolerant.get() && answer.status >= 500
    }

    /// The offered routes are the last listener to open; then the API is asked once.
    fn ready(&self) -> Result<(), Gone> {
        let began = Instant::now();
        while TcpStream::connect(self.place.offer).is_err() {
            if self.ended().is_some() {
                return Err(Gone);
            }
            assert!(began.elapsed() < BOUND, "the gateway does not open its listeners");
            std::thread::park_timeout(Duration::from_millis(1));
        }
        // Whether all that it needs is up is not asked here.
        ask(self.place.api, Installation::token(), "GET", "/readyz", b"").map(drop).map_err(|_| Gone)
    }

    /// Asks the API. What it answers with 5xx while it lives is a complaint.
    pub fn call(&self, method: &str, path: &str, body: &[u8]) -> Result<Answer, Gone> {
        let answer = ask(self.place.api, Installation::token(), method, path, body).map_err(|_| Gone)?;
        if answer.status >= 500 && !self.tolerant.get() {
            let detail = answer.json()["detail"].to_string();
            self.complaints.borrow_mut().push(format!("{method} {path}: {} {detail}", answer.status));
        }
        self.step();
        Ok(answer)
    }

    /// A step of the work was done.
    pub fn step(&self) {
        self.progress.step(1);
    }

    fn ended(&self) -> Option<ExitStatus> {
        self.child.lock().unwrap().try_wait().unwrap()
    }

    /// Whether it lives.
    pub fn lives(&self) -> bool {
        self.ended().is_none()
    }

    /// After `Gone`: waits for the end and says what it was.
    pub fn died(&mut self) -> End {
        let began = Instant::now();
        let status = loop {
            match self.ended() {
                Some(status) => break status,
                None if began.elapsed() > BOUND => {
                    self.complaints
                        .borrow_mut()
                        .push("an answer broke off although the process lives".into());
                    return self.kill();
                }
                None => std::thread::park_timeout(Duration::from_millis(1)),
            }
        };
        self.join();
        match (status.signal(), status.code()) {
            (Some(6), _) => End::Aborted,
            (Some(9), _) => End::Killed,
            (signal, code) => {
                self.complaints.borrow_mut().push(format!("it ended with code {code:?}, signal {signal:?}"));
                End::Killed
            }
        }
    }

    /// `kill -9`, now.
    pub fn kill(&mut self) -> End {
        drop(self.child.lock().unwrap().kill());
        drop(self.child.lock().unwrap().wait());
        self.join();
        End::Killed
    }

    fn join(&mut self) {
        self.progress.step(u64::MAX);
        if let Some(killer) = self.killer.take() {
            drop(killer.join());
        }
    }
}

/// How a life ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// At a failpoint.
    Aborted,
    Killed,
}

impl Drop for Life<'_> {
    fn drop(&mut self) {
        self.kill();
    }
}

fn killer(child: &Arc<Mutex<Child>>, progress: &Arc<Progress>, after: u64, jitter_us: u64) -> JoinHandle<()> {
    let (child, progress) = (Arc::clone(child), Arc::clone(progress));
    std::thread::spawn(move || {
        let steps = progress.steps.lock().unwrap();
        drop(progress.moved.wait_while(steps, |steps| *steps < after).unwrap());
        // The blow falls inside whatever comes next, not always at its edge.
        let struck = Instant::now() + Duration::from_micros(jitter_us);
        while Instant::now() < struck {
            std::thread::yield_now();
        }
        drop(child.lock().unwrap().kill());
    })
}
