//! What befalls the services that a gateway needs, one thing after another, while it works, dies and
//! comes back: its broker, its database server, and the lines to them and to its recipient.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::chaos::random::Random;
use crate::queue::broker::Running;

use super::database::Database;
use super::proxy::{Mood, Proxy};

/// One thing that may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gust {
    /// `kill -9` of the broker, and its start.
    BrokerCrash,
    /// An orderly restart.
    BrokerRestart,
    /// Killed, and all its queues and messages lost.
    BrokerWipe,
    /// Short of memory: publishers are blocked.
    BrokerAlarm,
    /// It says nothing any more; its sockets stay open.
    BrokerFreeze,
    /// An orderly restart of the database server (fast shutdown).
    DatabaseRestart,
    /// `kill -9` of all its processes, and a start with recovery.
    DatabaseCrash,
    /// As long as a failover takes, nobody answers.
    DatabasePause,
    Line(Line, Mood),
}

/// Which connections go through a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Line {
    Recipient,
    Broker,
    Database,
}

impl Gust {
    pub fn words(self) -> String {
        match self {
            Self::BrokerCrash => "broker: kill -9 and start".into(),
            Self::BrokerRestart => "broker: restart".into(),
            Self::BrokerWipe => "broker: kill -9, all data lost, start".into(),
            Self::BrokerAlarm => "broker: memory alarm".into(),
            Self::BrokerFreeze => "broker: frozen (SIGSTOP)".into(),
            Self::DatabaseRestart => "database: restart".into(),
            Self::DatabaseCrash => "database: kill -9 and start".into(),
            Self::DatabasePause => "database: frozen (SIGSTOP)".into(),
            Self::Line(line, mood) => {
                let mood = match mood {
                    Mood::Slow(ms) => format!("delay of {ms} ms"),
                    Mood::Reset => "reset".into(),
                    Mood::HalfClosed => "half-closed".into(),
                    _ => "black hole".into(),
                };
                format!("network to the {}: {mood}", format!("{line:?}").to_lowercase())
            }
        }
    }

    /// What counts as a restart of the broker.
    pub const fn restarts_broker(self) -> bool {
        matches!(self, Self::BrokerCrash | Self::BrokerRestart | Self::BrokerWipe)
    }

    pub const fn restarts_database(self) -> bool {
        matches!(self, Self::DatabaseRestart | Self::DatabaseCrash)
    }
}

/// The services of a storm, and the lines to them.
pub struct Services {
    pub broker: Option<Running>,
    pub database: Option<Database>,
    pub lines: BTreeMap<Line, Proxy>,
}

impl Services {
    /// One deck of everything that can befall these services.
    fn deck(&self) -> Vec<Gust> {
        let moods = [Mood::Slow(40), Mood::Reset, Mood::HalfClosed, Mood::BlackHole];
        let mut deck: Vec<_> =
            self.lines.keys().flat_map(|line| moods.map(|mood| Gust::Line(*line, mood))).collect();
        if self.broker.is_some() {
            use Gust::{BrokerAlarm, BrokerCrash, BrokerFreeze, BrokerRestart, BrokerWipe};
            deck.extend([BrokerCrash, BrokerWipe, BrokerRestart, BrokerCrash, BrokerWipe, BrokerRestart]);
            deck.extend([BrokerCrash, BrokerWipe, BrokerAlarm, BrokerFreeze]);
        }
        if self.database.is_some() {
            use Gust::{DatabaseCrash, DatabasePause, DatabaseRestart};
            deck.extend([DatabaseRestart, DatabaseCrash, DatabaseRestart, DatabaseCrash, DatabasePause]);
        }
        deck
    }

    /// Does one thing and undoes it: afterwards everything is up.
    fn blow(&self, gust: Gust, lasts: Duration) {
        let broker = |words: &[&str]| self.broker.iter().for_each(|broker| broker.control(words));
        let database = |words: &[&str]| self.database.iter().for_each(|database| database.control(words));
        match gust {
            Gust::BrokerCrash => ["crash", "start"].into_iter().for_each(|verb| broker(&[verb])),
            Gust::BrokerRestart => ["stop", "start"].into_iter().for_each(|verb| broker(&[verb])),
            Gust::BrokerWipe => broker(&["wipe"]),
            Gust::BrokerAlarm => {
                broker(&["alarm", "on"]);
                pass(lasts);
                broker(&["alarm", "off"]);
            }
            Gust::BrokerFreeze => {
                broker(&["freeze"]);
                pass(lasts);
                broker(&["thaw"]);
            }
            Gust::DatabaseRestart => ["stop", "start"].into_iter().for_each(|verb| database(&[verb])),
            Gust::DatabaseCrash => ["crash", "start"].into_iter().for_each(|verb| database(&[verb])),
            Gust::DatabasePause => {
                database(&["freeze"]);
                pass(lasts);
                database(&["thaw"]);
            }
            Gust::Line(line, mood) => {
                self.lines[&line].set(mood);
                pass(lasts);
                self.lines[&line].set(Mood::Clear);
            }
        }
    }
}

/// No fault of a service takes longer, on a busy machine too.
const LONGEST: Duration = Duration::from_secs(120);

/// Time that something shall last.
pub fn pass(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::thread::park_timeout(time.saturating_sub(began.elapsed()));
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Want {
    Storm,
    Calm,
    End,
}

struct Sky {
    want: Want,
    /// Something is under way.
    blows: bool,
    counts: BTreeMap<Gust, u64>,
}

/// A thread that lets one thing after another happen.
pub struct Weather {
    sky: Arc<(Mutex<Sky>, Condvar)>,
    pub services: Arc<Services>,
    thread: Option<JoinHandle<()>>,
}

impl Weather {
    /// Calm until [`Weather::storm`].
    pub fn over(services: Services, seed: u64) -> Self {
        let (services, sky) =
            (Arc::new(services), Sky { want: Want::Calm, blows: false, counts: BTreeMap::new() });
        let sky = Arc::new((Mutex::new(sky), Condvar::new()));
        let (under, at) = (Arc::clone(&sky), Arc::clone(&services));
        let thread = std::thread::spawn(move || rage(&under, &at, &mut Random::new(seed)));
        Self { sky, services, thread: Some(thread) }
    }

    pub fn storm(&self) {
        self.sky().want = Want::Storm;
        self.sky.1.notify_all();
    }

    /// Waits until nothing is broken any more.
    pub fn calm(&self) {
        let mut sky = self.sky();
        sky.want = Want::Calm;
        let waited = self.sky.1.wait_timeout_while(sky, LONGEST, |sky| sky.blows).unwrap();
        assert!(!waited.1.timed_out(), "a fault of a service does not end");
    }

    /// How often each thing happened so far.
    pub fn counts(&self) -> BTreeMap<Gust, u64> {
        self.sky().counts.clone()
    }

    fn sky(&self) -> MutexGuard<'_, Sky> {
        self.sky.0.lock().unwrap()
    }
}

impl Drop for Weather {
    fn drop(&mut self) {
        if let Ok(mut sky) = self.sky.0.lock() {
            sky.want = Want::End;
        }
        self.sky.1.notify_all();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn rage((sky, changed): &(Mutex<Sky>, Condvar), services: &Services, random: &mut Random) {
    let mut deck = Vec::new();
    loop {
        let mut now = changed.wait_while(sky.lock().unwrap(), |sky| sky.want == Want::Calm).unwrap();
        if now.want == Want::End {
            return;
        }
        now.blows = true;
        drop(now);
        if deck.is_empty() {
            deck = services.deck();
        }
        if !deck.is_empty() {
            let gust = deck.swap_remove(random.within(0..deck.len() as u64) as usize);
            services.blow(gust, Duration::from_millis(random.within(100..2_500)));
            *sky.lock().unwrap().counts.entry(gust).or_default() += 1;
        }
        sky.lock().unwrap().blows = false;
        changed.notify_all();
        // Between two things something may get through.
        pass(Duration::from_millis(random.within(20..400)));
    }
}
