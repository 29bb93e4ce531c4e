//! One simulated installation: what comes when, what fails when, and the process that dies and comes back.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use raccordo::channel::courier::Courier;
use raccordo::exchange::Millis;
use raccordo::gateway::{Delivery, Gateway, RunRequest};
use raccordo::queue::Queue;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::ROUTES;
use super::queue::Broker;
use super::recipient::Recipient;
use super::steps::Steps;
use super::template::Template;
use super::time::Time;
use crate::chaos::random::Random;

/// Within this time of the simulation the trouble happens.
const TROUBLE_MS: u64 = 120_000;
const TICK_MS: Millis = 30_000;
/// More steps than this at one moment: somebody runs in a circle.
const MOST_STEPS: u64 = 20_000;
const HOUR_MS: Millis = 3_600_000;

/// What may happen.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    Save(usize),
    Report(usize),
    Sync(usize, usize),
    /// The process dies, so many steps later.
    Kill(u64),
    Stop,
    Wipe,
    Down,
    Up,
    Jump(Millis),
    Tick,
}

/// A process and what it lives in.
pub struct World {
    gateway: Option<Arc<Gateway>>,
    pub time: Time,
    pub recipients: Vec<Arc<Recipient>>,
    pub wrong: Vec<String>,
    pub folders: Vec<(Value, u64)>,
    pub deaths: u64,
    pub steps: u64,
    pub events: u64,
    broker: Option<Arc<Broker>>,
    queue: Arc<Broker>,
    process: Option<Steps>,
    stop: watch::Sender<bool>,
    random: Random,
    agenda: BTreeMap<(Millis, u64), Event>,
    config: PathBuf,
    template: Arc<Template>,
    home: PathBuf,
    blocking: Handle,
    seed: u64,
}

impl World {
    /// An installation of the seed's kind, in a directory of its own.
    pub fn new(template: &Arc<Template>, directory: &Path, seed: u64, blocking: Handle) -> Self {
        let mut random = Random::new(seed);
        let time = Time::default();
        let config = template.lay(&directory.join("first"), &mut random);
        let (atomic, polled) = (random.chance(50), random.chance(30));
        let recipient = |number: u64| Recipient::new(time.clone(), seed ^ (number << 32), atomic, polled);
        let recipients = (1..=ROUTES.len() as u64).map(|number| Arc::new(recipient(number))).collect();
        let queue = Arc::new(Broker::new(time.clone(), seed.rotate_left(17)));
        let broker = random.chance(60).then(|| Arc::clone(&queue));
        let mut world = Self {
            gateway: Some(template.open(&config, &time)),
            time,
            recipients,
            wrong: Vec::new(),
            folders: template.folders.iter().map(|folder| (folder.clone(), 1)).collect(),
            deaths: 0,
            steps: 0,
            events: 0,
            broker,
            queue,
            process: None,
            stop: watch::channel(false).0,
            random,
            agenda: BTreeMap::new(),
            config,
            template: Arc::clone(template),
            home: directory.to_owned(),
            blocking,
            seed,
        };
        world.plan();
        world.begin();
        world
    }

    pub fn gateway(&self) -> &Arc<Gateway> {
        self.gateway.as_ref().expect("a process lives")
    }

    /// What happens when, by the seed.
    fn plan(&mut self) {
        let folders = self.folders.len() as u64;
        for number in 0..ROUTES.len() {
            self.put(Event::Report(number), 1_000);
        }
        for _ in 0..self.random.within(4..10) {
            let folder = self.random.within(0..folders) as usize;
            self.put(Event::Save(folder), TROUBLE_MS);
        }
        for _ in 0..self.random.within(3..8) {
            let route = self.random.within(0..ROUTES.len() as u64) as usize;
            let folder = self.random.within(0..folders) as usize;
            let event =
                if self.random.chance(40) { Event::Report(route) } else { Event::Sync(route, folder) };
            self.put(event, TROUBLE_MS);
        }
        for _ in 0..self.random.within(0..5) {
            let steps = self.random.within(0..60);
            self.put(Event::Kill(steps), TROUBLE_MS);
        }
        for _ in 0..self.random.within(0..3) {
            let hour = if self.random.chance(50) { HOUR_MS } else { -HOUR_MS };
            for event in [Event::Wipe, Event::Down, Event::Up, Event::Jump(hour)] {
                self.put(event, TROUBLE_MS);
            }
            // Sooner or later somebody sets it right; else what was to be tried again waits the hour.
            if self.random.chance(90) {
                self.put(Event::Jump(-hour), TROUBLE_MS);
            }
        }
        if self.random.chance(30) {
            self.put(Event::Stop, TROUBLE_MS);
        }
    }

    fn put(&mut self, event: Event, within_ms: u64) {
        let at = self.random.within(0..within_ms) as Millis;
        self.put_at(event, at);
    }

    fn put_at(&mut self, event: Event, at: Millis) {
        self.events += 1;
        self.agenda.insert((at, self.events), event);
    }

    /// A process begins: its delivery, on what the ledger holds.
    fn begin(&mut self) {
        self.queue = self
            .broker
            .clone()
            .unwrap_or_else(|| Arc::new(Broker::new(self.time.clone(), self.seed.wrapping_add(self.deaths))));
        let couriers = ROUTES.iter().zip(&self.recipients);
        let couriers: HashMap<String, Arc<dyn Courier>> =
            couriers.map(|(route, to)| (route.id.to_owned(), Arc::clone(to) as Arc<dyn Courier>)).collect();
        let (stop, stopped) = watch::channel(false);
        let queue: Arc<dyn Queue> = Arc::clone(&self.queue) as _;
        let gateway = Arc::clone(self.gateway());
        let delivery = Arc::new(Delivery { gateway: Arc::clone(&gateway), queue, couriers });
        let steps = Steps::new(delivery.tasks(&stopped), gateway, self.blocking.clone());
        (self.process, self.stop) = (Some(steps), stop);
        self.put_at(Event::Tick, self.time.passed());
    }

    /// The process is gone with all that it had in mind; another one begins.
    fn die(&mut self) {
        self.deaths += 1;
        self.steps += self.process.as_ref().map_or(0, |process| process.taken);
        self.agenda.retain(|_, event| !matches!(event, Event::Tick));
        if let Some(broker) = &self.broker {
            broker.lost_client();
        }
        // Nothing of what an ending process may still write is seen by the next one.
        let next = self.home.join(self.deaths.to_string());
        self.config = Template::image(&self.config, &next);
        self.process = None;
        self.gateway = Some(self.template.open(&self.config, &self.time));
        self.begin();
    }

    /// Until nothing of the agenda is left but ticks, or the time has come.
    pub fn until(&mut self, end: Option<Millis>) {
        loop {
            self.go(MOST_STEPS);
            let only_ticks = self.agenda.values().all(|event| matches!(event, Event::Tick));
            let agenda = self.agenda.keys().next().map(|(due, _)| *due);
            let arrival = self.recipients.iter().filter_map(|recipient| recipient.next()).min();
            let next = [agenda, arrival, self.time.next()].into_iter().flatten().min();
            let Some(next) = next else { return };
            if end.map_or(only_ticks, |end| next > end) || !self.wrong.is_empty() {
                return;
            }
            self.time.advance(next);
            let now = self.time.passed();
            self.recipients.iter().for_each(|recipient| recipient.arrive(now));
            while let Some(first) = self.agenda.first_entry().filter(|first| first.key().0 <= now) {
                let event = first.remove();
                self.happen(event);
            }
        }
    }

    fn go(&mut self, most: u64) {
        let Some(process) = &mut self.process else { return };
        if !process.go(&mut self.random, most) && most == MOST_STEPS {
            self.wrong.push("the process runs in a circle".into());
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Save(folder) => self.save(folder),
            Event::Report(route) => self.run(route, None),
            Event::Sync(route, folder) => self.run(route, Some(folder)),
            Event::Kill(steps) => {
                self.go(steps);
                self.die();
            }
            Event::Stop => self.stop(),
            Event::Wipe => self.queue.wipe(),
            Event::Down => self.queue.down(true),
            Event::Up => self.queue.down(false),
            Event::Jump(by) => self.time.jump(by),
            Event::Tick => {
                if let Err(error) = raccordo::node::tick(self.gateway()) {
                    self.wrong.push(format!("a tick failed: {error}"));
                }
                self.put_at(Event::Tick, self.time.passed() + TICK_MS);
            }
        }
    }

    /// A product saves the next change of a folder.
    fn save(&mut self, number: usize) {
        let (folder, version) = &mut self.folders[number];
        *version += 1;
        folder["versione"] = json!(*version);
        self.template.change(folder, number, &mut self.random);
        if let Err(error) =
            self.gateway.as_ref().unwrap().save_bytes(folder.to_string().as_bytes(), "simulation")
        {
            self.wrong.push(format!("a save failed: {error}"));
        }
    }

    /// A report over everything, or a person wants a folder at the register, now.
    pub fn run(&mut self, route: usize, folder: Option<usize>) {
        let request = RunRequest {
            ente: "H501".into(),
            flow: ROUTES[route].flow.into(),
            period: None,
            folder: folder.map(|number| self.folders[number].0["id"].as_str().unwrap().to_owned()),
            route: None,
            actor: "simulation".into(),
        };
        if let Err(error) = self.gateway().start_run(&request) {
            self.wrong.push(format!("a run did not start: {error}"));
        }
    }

    /// Told to stop: it finishes what it has in hand within the time that a delivery takes.
    fn stop(&mut self) {
        self.stop.send_replace(true);
        let longest = self.time.passed() + HOUR_MS;
        loop {
            self.go(MOST_STEPS);
            if self.process.as_ref().is_none_or(Steps::ended) {
                break;
            }
            let arrival = self.recipients.iter().filter_map(|recipient| recipient.next()).min();
            let next = [arrival, self.time.next()].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next < longest) else {
                self.wrong.push("it does not stop".into());
                break;
            };
            self.time.advance(next);
            let now = self.time.passed();
            self.recipients.iter().for_each(|recipient| recipient.arrive(now));
        }
        self.die();
    }

    /// Nobody fails any more.
    pub fn be_kind(&mut self) {
        self.recipients.iter().for_each(|recipient| recipient.be_kind());
        self.queue.be_kind();
        if let Some(broker) = &self.broker {
            broker.be_kind();
        }
    }

    /// Where the ledger of the last process is.
    pub fn data(&self) -> PathBuf {
        self.config.with_file_name("data")
    }

    /// The last blow; what then is in the books is judged.
    pub fn end(&mut self) {
        self.steps += self.process.as_ref().map_or(0, |process| process.taken);
        self.process = None;
    }
}
