//! The keys by which an ente's flows make pseudonyms: the one with which the first records were made
//! is remembered by its check value, and another in its place makes nothing until a person accepts it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;

use super::chain::{Note, append};
use super::{Gateway, Settings};
use crate::audit::EventKind;
use crate::exchange::{Hash, LedgerError};
use crate::flow::{Catalog, Flow};
use crate::folder::finding::{Finding, Severity, Text, Verdict};
use crate::ledger::Books;
use crate::ledger::books::KnownKey;
use crate::mapping::keyed::{KeyState, Keys};

/// The keys of each ente as this process may use them.
pub(super) struct KeyRing(RwLock<BTreeMap<String, Arc<Keys>>>);

/// How one key of an ente stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyView {
    pub ente: String,
    pub name: String,
    pub state: KeyStanding,
    /// Tells the configured key from others, and does not give it away.
    pub fingerprint: Option<String>,
    /// That of the key with which records were made.
    pub made_with: Option<String>,
}

/// What can be done with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyStanding {
    Ready,
    /// Another one than that of the records: nothing new is made.
    Changed,
    /// Records need it and the configuration names none.
    Missing,
}

impl KeyRing {
    /// Compares the configured keys with those of the ledger, and says where they differ.
    pub fn compare(settings: &Settings, books: &Books) -> Result<Self, LedgerError> {
        let known = books.known_keys()?;
        let mut ring = BTreeMap::new();
        for ente in &settings.ente {
            let mut keys = Keys::clone(&ente.secrets);
            for (name, state) in &mut keys.0 {
                if is_other(&known, &ente.code, name, state) {
                    tracing::error!(
                        ente = ente.code,
                        key = name,
                        "the pseudonym key is not the one with which records were made: nothing new is made"
                    );
                    *state = KeyState::Changed;
                }
            }
            ring.insert(ente.code.clone(), Arc::new(keys));
        }
        Ok(Self(RwLock::new(ring)))
    }

    fn of(&self, ente: &str) -> Arc<Keys> {
        let ring = self.0.read().unwrap_or_else(PoisonError::into_inner);
        ring.get(ente).cloned().unwrap_or_default()
    }

    fn put(&self, ente: &str, name: &str, state: KeyState) {
        let mut ring = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut keys = ring.get(ente).map(|keys| Keys::clone(keys)).unwrap_or_default();
        keys.0.insert(name.to_owned(), state);
        ring.insert(ente.to_owned(), Arc::new(keys));
    }
}

fn is_other(known: &[KnownKey], ente: &str, name: &str, state: &KeyState) -> bool {
    let KeyState::Ready(key) = state else { return true };
    let mut of_key = known.iter().filter(|known| known.ente == ente && known.name == name);
    of_key.any(|known| known.check_value != key.check_value())
}

/// The first eight hexadecimal digits of a check value.
fn fingerprint(check_value: &Hash) -> String {
    check_value[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How each key stands that is configured, was used, or that a served flow needs.
pub fn key_views(settings: &Settings, catalog: &Catalog, known: &[KnownKey]) -> Vec<KeyView> {
    let mut views = Vec::new();
    for ente in &settings.ente {
        let used = known.iter().filter(|known| known.ente == ente.code).map(|known| known.name.as_str());
        let served = catalog.flows().iter().filter(|flow| settings.serves(&ente.code, flow.register()));
        let needed = served.flat_map(|flow| flow.mapping.flow.keys.keys().map(String::as_str));
        let configured = ente.secrets.0.keys().map(String::as_str);
        let names: std::collections::BTreeSet<&str> = used.chain(needed).chain(configured).collect();
        views.extend(names.into_iter().map(|name| view(&ente.code, name, &ente.secrets, known)));
    }
    views
}

fn view(ente: &str, name: &str, keys: &Keys, known: &[KnownKey]) -> KeyView {
    let configured = keys.get(name).and_then(|state| match state {
        KeyState::Ready(key) => Some(fingerprint(&key.check_value())),
        KeyState::Changed => None,
    });
    let made_with = known.iter().find(|known| known.ente == ente && known.name == name);
    let state = match keys.get(name) {
        None => KeyStanding::Missing,
        Some(state) if is_other(known, ente, name, state) => KeyStanding::Changed,
        Some(_) => KeyStanding::Ready,
    };
    KeyView {
        ente: ente.to_owned(),
        name: name.to_owned(),
        state,
        fingerprint: configured,
        made_with: made_with.map(|known| fingerprint(&known.check_value)),
    }
}

/// Another folder of the ente has the pseudonym: the register would take two persons for one.
pub(super) fn doubled_pseudonym() -> Finding {
    Finding {
        rule: "pseudonimo-doppio".into(),
        severity: Severity::Withhold,
        folder_path: "/id".into(),
        payload_path: None,
        message: Text::new(
            "Un'altra cartella dell'ente ha lo stesso pseudonimo: per il registro sarebbero la stessa persona.",
            "Another folder of the ente has the same pseudonym: the register would take both for one person.",
        ),
        hint: Text::new(
            "Se le cartelle sono due della stessa persona, tenerne una; altrimenti dare a questa un altro id.",
            "If both folders are of the same person, keep one; otherwise give this one another id.",
        ),
        verdict: Verdict::CorrectFolder,
        source: "raccordo: a pseudonym stands for one folder".into(),
    }
}

impl Gateway {
    /// The keys of an ente as they may be used now.
    pub(super) fn keys_of(&self, ente: &str) -> Arc<Keys> {
        self.ring.of(ente)
    }

    /// The keys that a flow uses for an ente, by name and check value.
    pub(super) fn check_values(&self, ente: &str, flow: &Flow) -> Vec<(String, Hash)> {
        let keys = self.keys_of(ente);
        let used = flow.mapping.flow.keys.keys().filter_map(|name| match keys.get(name)? {
            KeyState::Ready(key) => Some((name.clone(), key.check_value())),
            KeyState::Changed => None,
        });
        used.collect()
    }

    /// How the keys of all enti stand.
    pub fn key_views(&self) -> Result<Vec<KeyView>, LedgerError> {
        Ok(key_views(&self.settings, &self.catalog, &self.books.known_keys()?))
    }

    /// A person accepts that from now on pseudonyms are made with the configured key: every person
    /// becomes another one to the registers that know them by the former.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] unless the key is a changed one and `told` is its fingerprint.
    pub fn accept_key(&self, ente: &str, name: &str, told: &str, actor: &str) -> Result<(), LedgerError> {
        let refused = |why: String| Err(LedgerError::Refused(why));
        let configured = self.settings.ente(ente).and_then(|ente| ente.secrets.get(name));
        let Some(KeyState::Ready(key)) = configured else {
            return refused(format!("ente {ente} has no key {name} in its configuration"));
        };
        let check_value = key.check_value();
        if fingerprint(&check_value) != told {
            return refused(format!(
                "the fingerprint is not that of the configured key {name} of ente {ente}"
            ));
        }
        let note =
            Note::new(self.clock.rfc3339(), actor, EventKind::PseudonymKeyAccepted, format!("{ente}/{name}"));
        let (note, now) = (note.with("fingerprint", told), self.clock.now_ms());
        let (whose, which) = (ente.to_owned(), name.to_owned());
        let changed = self.books.write(move |tx| {
            let changed = tx.change_key(&whose, &which, &check_value, now)?;
            if changed > 0 {
                append(tx, note)?;
            }
            Ok(changed)
        })?;
        if changed == 0 {
            return refused(format!(
                "the key {name} of ente {ente} has not changed: there is nothing to accept"
            ));
        }
        tracing::warn!(ente, key = name, actor, "a person accepted another pseudonym key");
        self.ring.put(ente, name, KeyState::Ready(key.clone()));
        Ok(())
    }
}
