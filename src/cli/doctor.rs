//! `doctor`: configuration, keys, clock, flows, outboxes, platform keys: what is wrong and
//! what to do.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::Outcome;
use crate::gateway::settings::{Channel, QueueKind, Settings};
use crate::gateway::{Clock, KeyStanding, SystemClock, calendar_defects, key_views};
use crate::ledger::Books;
use crate::node;

struct Look {
    what: String,
    wrong: Option<String>,
}

/// `raccordo doctor`.
pub fn run(config: Option<&Path>, json: bool) -> anyhow::Result<Outcome> {
    let mut looks = Vec::new();
    match node::config::load(config) {
        Ok(settings) => {
            looks.push(fine("configuration"));
            installation(&settings, &mut looks);
            calendar(&settings, &mut looks);
        }
        Err(error) => looks.push(wrong("configuration", error.to_string())),
    }
    looks.push(flows());
    looks.push(clock());
    for look in &looks {
        match (&look.wrong, json) {
            (wrong, true) => println!("{}", json!({ "what": look.what, "wrong": wrong })),
            (None, false) => println!("ok     {}", look.what),
            (Some(why), false) => println!("WRONG  {}: {why}", look.what),
        }
    }
    let sound = looks.iter().all(|look| look.wrong.is_none());
    Ok(if sound { Outcome::Fine } else { Outcome::Findings })
}

fn fine(what: &str) -> Look {
    Look { what: what.to_owned(), wrong: None }
}

fn wrong(what: &str, why: String) -> Look {
    Look { what: what.to_owned(), wrong: Some(why) }
}

fn installation(settings: &Settings, looks: &mut Vec<Look>) {
    let data = Path::new(&settings.data);
    looks.push(writable(data, "data directory"));
    let key = data.join("raccordo.key");
    looks.push(match crate::seal::MasterKey::load(&key) {
        _ if !key.exists() => fine("key file (made at first start)"),
        Ok(_) => fine("key file"),
        Err(error) => wrong("key file", error.to_string()),
    });
    // While `raccordo serve` runs, the ports are its own.
    let served = std::os::unix::net::UnixStream::connect(data.join("raccordo.sock")).is_ok();
    let offered = settings.route.iter().any(|route| route.channel == Channel::Offer);
    let listeners =
        [("API", &settings.api.listen, true), ("offered routes", &settings.offer.listen, offered)];
    for (what, address, used) in listeners {
        if used && !served && !address.is_empty() {
            looks.push(listener(what, address));
        }
    }
    if settings.ente.is_empty() {
        looks.push(wrong("enti", "none is configured: add an [[ente]] table".into()));
    }
    for route in &settings.route {
        let what = format!("route {}", route.id);
        match route.channel {
            Channel::File => looks.push(writable(Path::new(&route.outbox), &what)),
            Channel::Offer => looks.push(platform_keys(settings, &route.id, &what)),
            Channel::Push | Channel::Inquiry => {}
        }
    }
    match node::load_catalog().map(|catalog| node::delivery::couriers(settings, &Arc::new(catalog))) {
        Ok(Ok(couriers)) => looks.extend(couriers.keys().map(|route| fine(&format!("route {route}")))),
        Ok(Err(why)) => looks.push(wrong("pushed routes", why)),
        // The flows have their own look.
        Err(_) => {}
    }
    match node::delivery::inquirers(settings) {
        Ok(inquirers) => looks.extend(inquirers.keys().map(|route| fine(&format!("route {route}")))),
        Err(why) => looks.push(wrong("routes that ask", why)),
    }
    if settings.ledger.is_shared() {
        looks.push(ledger(settings));
    }
    if settings.queue.kind == QueueKind::Rabbitmq {
        looks.push(broker(settings));
    }
    pseudonym_keys(settings, looks);
}

/// Whether the server of the ledger answers, and what it holds.
fn ledger(settings: &Settings) -> Look {
    let seen = settings.ledger.place().and_then(|place| Books::visit(&place.unwrap_or_default()));
    match seen {
        Ok(words) => fine(&format!("ledger ({words})")),
        Err(error) => wrong("ledger", error.to_string()),
    }
}

/// The keys that flows need, and whether they are those with which records were made.
fn pseudonym_keys(settings: &Settings, looks: &mut Vec<Look>) {
    let known = settings.ledger.place().and_then(|place| match place {
        None => Books::known_keys_in(Path::new(&settings.data)),
        Some(place) => Books::known_keys_at(&place),
    });
    let known = match known {
        Ok(known) => known,
        Err(error) => return looks.push(wrong("pseudonym keys", error.to_string())),
    };
    // The flows have their own look.
    let Ok(catalog) = node::load_catalog() else { return };
    looks.extend(key_views(settings, &catalog, &known).into_iter().map(|view| {
        let what = format!("pseudonym key {}/{}", view.ente, view.name);
        let (now, before) = (view.fingerprint.unwrap_or_default(), view.made_with.unwrap_or_default());
        match view.state {
            KeyStanding::Ready => fine(&what),
            KeyStanding::Missing => wrong(
                &what,
                "the ente's `keys` do not name it: no record of the flows that need it is made".into(),
            ),
            KeyStanding::Changed => wrong(
                &what,
                format!(
                    "records were made with {before}, the file now holds {now}: nothing new is made. Put the former \
                     key back; only if it is lost, `raccordo keys accept`: each person becomes another one"
                ),
            ),
        }
    }));
}

fn broker(settings: &Settings) -> Look {
    let url = &settings.queue.url;
    let what = format!("broker at {url}");
    if let Err(error) = settings.queue.broker() {
        return wrong(&what, error.to_string());
    }
    let tls = url.starts_with("amqps://");
    let host = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let address = if host.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:{}", if tls { 5671 } else { 5672 })
    };
    match std::net::TcpStream::connect(&address) {
        Ok(_) => fine(&what),
        Err(error) => wrong(
            &what,
            format!(
                "{error}; start the broker or correct `url` in [queue]. Until then work waits in the ledger"
            ),
        ),
    }
}

fn writable(directory: &Path, what: &str) -> Look {
    let what = format!("{what} ({})", directory.display());
    let probe = directory.join(".raccordo-probe");
    let tried = std::fs::create_dir_all(directory).and_then(|()| std::fs::write(&probe, b"probe"));
    drop(std::fs::remove_file(&probe));
    match tried {
        Ok(()) => fine(&what),
        Err(error) => {
            wrong(&what, format!("cannot be written: {error}; free space, or correct owner and rights"))
        }
    }
}

fn listener(what: &str, address: &str) -> Look {
    let what = format!("{what} at {address}");
    match std::net::TcpListener::bind(address) {
        Ok(_) => fine(&what),
        Err(error) => wrong(&what, format!("cannot listen: {error}; choose another `listen`, or free it")),
    }
}

fn platform_keys(settings: &Settings, route: &str, what: &str) -> Look {
    let voucher = settings.route(route).and_then(|route| route.voucher.as_ref());
    let Some(voucher) = voucher else { return wrong(what, "no [route.voucher]".into()) };
    let fetched = node::fetch_keys(settings, route);
    match fetched {
        Ok(count) if count > 0 => fine(&format!("{what}: {count} platform keys at {}", voucher.jwks)),
        Ok(_) => wrong(what, format!("{} holds no usable key", voucher.jwks)),
        Err(why) => wrong(what, format!("the platform's keys at {} cannot be had: {why}", voucher.jwks)),
    }
}

fn calendar(settings: &Settings, looks: &mut Vec<Look>) {
    // Flows that don't load are told below.
    let Ok(catalog) = node::load_catalog() else { return };
    let defects = calendar_defects(settings, &catalog);
    if defects.is_empty() && !settings.calendar.is_empty() {
        looks.push(fine(&format!("calendar ({} entries)", settings.calendar.len())));
    }
    looks.extend(defects.into_iter().map(|why| wrong("calendar", why)));
}

fn flows() -> Look {
    match node::load_catalog() {
        Ok(catalog) => fine(&format!(
            "{} flows",
            catalog.flows().len() + catalog.aggregates().len() + catalog.inbound().len()
        )),
        Err(error) => wrong("flows", error.to_string()),
    }
}

/// A clock years off refuses every voucher and mis-dates every container.
fn clock() -> Look {
    let year = SystemClock.today().year();
    if (2025..2100).contains(&year) {
        fine(&format!("clock ({}, Europe/Rome)", SystemClock.today()))
    } else {
        wrong("clock", format!("the year is {year}: set the machine's time (NTP)"))
    }
}
