//! Sends of ours of which nobody knows whether, or when, they took effect. One that comes late
//! replaces a newer section 6 by an old one: that is the only way in which we can have removed
//! what another writer put there after our last look.
//!
//! So for each such send we keep the state that it wrote and what we saw instead of it since. If
//! what stands is exactly what our stale send wrote, the merge starts from what it overwrote. An
//! item that is missing in any other state was taken away by somebody else, and stays away.
//!
//! Kept in memory, for a while, for a bounded number of persons: after a restart what stands is
//! taken as it is.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::document::{Sap, State};
use crate::exchange::Millis;
use crate::personal::Personal;

/// How long a send may take to come late, ms.
const LONGEST_MS: Millis = 15 * 60_000;
/// Persons, and sends of one person, that are kept.
const MOST_PERSONS: usize = 2_048;
const MOST_SENDS: usize = 4;

struct Doubt {
    id: u64,
    /// Name of the container that was sent.
    parcel: String,
    sent: State,
    since: Millis,
    /// What stood there instead, when we last looked.
    seen: Option<Sap>,
}

/// The sends in doubt of one service, by person.
#[derive(Default)]
pub(super) struct Doubts(Mutex<HashMap<String, Vec<Doubt>>>);

impl Doubts {
    fn with<T>(&self, person: &Personal<String>, now: Millis, then: impl FnOnce(&mut Vec<Doubt>) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, doubts| {
            doubts.retain(|doubt| doubt.since + LONGEST_MS > now);
            !doubts.is_empty()
        });
        let full = all.len() >= MOST_PERSONS;
        let mut none = Vec::new();
        let known = all.contains_key(person.expose());
        let doubts = match all.get_mut(person.expose()) {
            Some(doubts) => doubts,
            None => &mut none,
        };
        let result = then(doubts);
        if !known && !none.is_empty() && !full {
            all.insert(person.expose().clone(), none);
        }
        result
    }

    /// Notes a send before it leaves.
    pub fn sending(&self, person: &Personal<String>, parcel: &str, sent: State, now: Millis) -> u64 {
        self.with(person, now, |doubts| {
            if doubts.len() == MOST_SENDS {
                doubts.remove(0);
            }
            let id = doubts.last().map_or(1, |last| last.id + 1);
            doubts.push(Doubt { id, parcel: parcel.to_owned(), sent, since: now, seen: None });
            id
        })
    }

    /// The send was answered: it took effect then, or never will.
    pub fn answered(&self, person: &Personal<String>, id: u64, now: Millis) {
        self.with(person, now, |doubts| doubts.retain(|doubt| doubt.id != id));
    }

    /// What a container ordered stands: its sends are no longer in doubt.
    pub fn stands(&self, person: &Personal<String>, parcel: &str, now: Millis) {
        self.with(person, now, |doubts| doubts.retain(|doubt| doubt.parcel != parcel));
    }

    /// Takes note of what stands there. If it is what a stale send of ours wrote over something
    /// that we had seen, that is returned.
    pub fn looked(&self, person: &Personal<String>, stands: &Sap, now: Millis) -> Option<Sap> {
        let state = stands.state();
        self.with(person, now, |doubts| {
            let stale = doubts.iter().find(|doubt| doubt.sent == state);
            let overwritten = stale.and_then(|doubt| doubt.seen.clone());
            for doubt in doubts.iter_mut().filter(|doubt| doubt.sent != state) {
                doubt.seen = Some(overwritten.as_ref().unwrap_or(stands).clone());
            }
            overwritten
        })
    }

    /// What a late send of this state overwrote was put back.
    pub fn mended(&self, person: &Personal<String>, state: State, now: Millis) {
        self.with(person, now, |doubts| doubts.retain(|doubt| doubt.sent != state));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sap(items: &str) -> Sap {
        let source = format!("<lavoratore><politiche_attive_lst>{items}</politiche_attive_lst></lavoratore>");
        Sap::read(&source, "", "").ok().unwrap()
    }

    #[test]
    fn only_a_stale_send_of_ours_gives_back_what_it_overwrote() {
        let (doubts, person) = (Doubts::default(), Personal::new("P".to_owned()));
        let (ours, theirs) = (sap("<a/>"), sap("<b/><c/>"));
        let first = doubts.sending(&person, "1", ours.state(), 0);
        assert!(doubts.looked(&person, &ours, 1).is_none(), "nothing was seen instead of it");
        assert!(doubts.looked(&person, &theirs, 2).is_none());
        assert!(doubts.looked(&person, &sap("<b/>"), 3).is_none(), "they took c away themselves");
        let back = doubts.looked(&person, &ours, 4).expect("it came late");
        assert!(back.state() == sap("<b/>").state());
        assert!(doubts.looked(&Personal::new("Q".to_owned()), &ours, 4).is_none());
        assert!(first == 1);
        doubts.mended(&person, ours.state(), 5);
        assert!(doubts.looked(&person, &ours, 6).is_none());
    }

    #[test]
    fn what_stands_is_no_longer_in_doubt() {
        let (doubts, person) = (Doubts::default(), Personal::new("P".to_owned()));
        let one = doubts.sending(&person, "1", sap("<a/>").state(), 0);
        doubts.sending(&person, "2", sap("<a/>").state(), 0);
        doubts.looked(&person, &sap("<b/>"), 1);
        doubts.answered(&person, one, 2);
        assert!(doubts.looked(&person, &sap("<a/>"), 3).is_some(), "the other one may come late");
        doubts.stands(&person, "2", 4);
        assert!(doubts.looked(&person, &sap("<a/>"), 5).is_none());
    }

    #[test]
    fn a_doubt_does_not_last_for_ever() {
        let (doubts, person) = (Doubts::default(), Personal::new("P".to_owned()));
        doubts.sending(&person, "1", sap("<a/>").state(), 0);
        doubts.looked(&person, &sap("<b/>"), 1);
        assert!(doubts.looked(&person, &sap("<a/>"), LONGEST_MS).is_none());
    }
}
