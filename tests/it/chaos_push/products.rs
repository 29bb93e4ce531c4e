//! What the products know: every change of a folder that they sent, and which were acknowledged.
//! A change without an answer is sent again, unaltered, until it has one.

use raccordo::gateway::{Clock, SystemClock};
use raccordo::sandbox::people;
use serde_json::{Value, json};

use crate::chaos::life::{Gone, Life};
use crate::chaos::random::Random;

use super::installation::ENTI;

/// Changed by probes only, so that each of their changes is one for the register.
pub const PROBES: usize = 4;

/// One folder as its product sees it.
struct Citizen {
    ente: String,
    id: String,
    first: Value,
    latest: Value,
    sent: u64,
    acknowledged: u64,
}

pub struct Products {
    citizens: Vec<Citizen>,
    /// Codes of comuni in which someone lives.
    places: Vec<Value>,
    register: String,
    pub acknowledged: u64,
    pub resent: u64,
    pub losses: Vec<String>,
}

impl Products {
    pub fn new(count: usize, first: usize, seed: u64, register: &str) -> Self {
        let made = people::generate((first + 8 * count) as u64, seed, 0.0, &ENTI, SystemClock.today());
        let made = made.skip(first).map(|made| made.folder).filter(|folder| agrees(folder, register));
        let (likely, others): (Vec<_>, Vec<_>) = made.take(count).partition(served);
        let citizens = likely.into_iter().chain(others).map(|folder| Citizen {
            ente: folder["ente"].as_str().unwrap().to_owned(),
            id: folder["id"].as_str().unwrap().to_owned(),
            latest: folder.clone(),
            first: folder,
            sent: 0,
            acknowledged: 0,
        });
        let citizens: Vec<_> = citizens.collect();
        assert!(citizens.len() == count && citizens[..PROBES].iter().all(|citizen| served(&citizen.first)));
        let places = citizens.iter().map(|citizen| citizen.first["residenze"][0]["comune"].clone());
        let places = places.filter(Value::is_string).collect();
        Self {
            citizens,
            places,
            register: register.to_owned(),
            acknowledged: 0,
            resent: 0,
            losses: Vec::new(),
        }
    }

    pub const fn len(&self) -> usize {
        self.citizens.len()
    }

    /// Where to sync a folder.
    pub fn sync_path(&self, number: usize) -> String {
        format!("/api/v1/folders/{}/sync?ente={}", self.citizens[number].id, self.citizens[number].ente)
    }

    /// Saves a folder's next change, or again the one that has no answer.
    pub fn put(&mut self, life: &Life<'_>, number: usize, random: &mut Random) -> Result<(), Gone> {
        let citizen = &mut self.citizens[number];
        if citizen.sent == citizen.acknowledged {
            if citizen.sent > 0 && number < PROBES {
                turn(citizen);
            } else if citizen.sent > 0 {
                change(citizen, &self.places, &self.register, random);
            }
            citizen.sent += 1;
            citizen.latest["versione"] = json!(citizen.sent);
        } else {
            self.resent += 1;
        }
        let path = format!("/api/v1/folders/{}", citizen.id);
        let answer = life.call("PUT", &path, citizen.latest.to_string().as_bytes())?;
        if answer.good() {
            citizen.acknowledged = citizen.sent;
            self.acknowledged += 1;
        } else if !life.excuses(&answer) {
            self.losses.push(format!("{}: a save was answered with {}", citizen.id, answer.status));
        }
        Ok(())
    }

    /// Folders whose last change has no answer yet.
    pub fn unanswered(&self) -> Vec<usize> {
        let open = |number: &usize| self.citizens[*number].sent != self.citizens[*number].acknowledged;
        (0..self.len()).filter(open).collect()
    }

    /// Looks whether every folder is there as it was last acknowledged, word for word.
    pub fn look_at_all(&mut self, life: &Life<'_>) -> Result<(), Gone> {
        for citizen in self.citizens.iter().filter(|citizen| citizen.acknowledged > 0) {
            let path = format!("/api/v1/folders/{}?ente={}&body=true", citizen.id, citizen.ente);
            if life.call("GET", &path, b"")?.json()["folder"] != citizen.latest {
                self.losses.push(format!("{}: revision {} is not there", citizen.id, citizen.acknowledged));
            }
        }
        Ok(())
    }

    /// The people that nobody may find outside.
    pub fn people(&self) -> impl Iterator<Item = &Value> {
        self.citizens.iter().map(|citizen| &citizen.first["persona"])
    }
}

fn consent<'a>(folder: &'a Value, register: &str) -> Option<&'a Value> {
    let list = folder["consensi"].as_array()?;
    list.iter().find(|consent| consent["destinatario"] == register)
}

fn agrees(folder: &Value, register: &str) -> bool {
    consent(folder, register).is_some_and(|consent| consent["prestato"] == true)
}

/// Whose first service is one that the register knows of.
fn served(folder: &Value) -> bool {
    ["attivo", "erogato"].iter().any(|state| folder["interventi"][0]["stato"] == *state)
}

/// An annulment, or its withdrawal: an operation in any case.
fn turn(citizen: &mut Citizen) {
    let first = citizen.first["interventi"][0]["stato"].clone();
    let now = &mut citizen.latest["interventi"][0]["stato"];
    *now = if *now == first { json!("annullato") } else { first };
}

/// A removal, an annulment, a frailty that ends, a consent withdrawn; all as it was; or nothing at all.
fn change(citizen: &mut Citizen, places: &[Value], register: &str, random: &mut Random) {
    match random.within(0..10) {
        0..4 => {
            if let Some(lives) = citizen.latest["residenze"].as_array_mut().and_then(|list| list.last_mut()) {
                lives["comune"] = random.pick(places).clone();
                lives["nazione"] = json!("380");
            }
        }
        4..6 => turn(citizen),
        6 => drop(citizen.latest["fragilita"].as_array_mut().and_then(Vec::pop)),
        7 => {
            let consents = citizen.latest["consensi"].as_array_mut().unwrap();
            let ours = consents.iter_mut().find(|consent| consent["destinatario"] == register).unwrap();
            ours["prestato"] = json!(ours["prestato"] != true);
        }
        8 => citizen.latest = citizen.first.clone(),
        _ => {}
    }
}
