//! Two hundred rounds over HTTP: we send a policy, and another writer reads at one moment of our
//! delivery and sends at a later one, in every combination in turn.

use std::sync::{Arc, Mutex};

use raccordo::channel::courier::{Courier, Parcel};
use raccordo::flow::OperationKind::{Cancel, Insert, Replace};
use raccordo::sandbox::sap::{Book, Entry, Policy, Script, Writer};

use super::{NOW, PERSON, THEM, US, courier, item, parcel, policy, server, told};

const ROUNDS: usize = 200;
/// Before and after each of our calls: find, fetch, fetch, send, fetch.
const MOMENTS: usize = 10;
/// The send takes effect between these two.
const BEFORE_SEND: usize = 6;

/// Another promoter: it knows its own items, fetches, puts them in and sends.
struct Other {
    own: Vec<String>,
    read: Option<Vec<String>>,
    repairs: usize,
}

impl Other {
    fn look(&mut self, book: &Book) {
        self.read = book.entry(PERSON).map(|entry| entry.items.clone());
    }

    /// Its merge: what is not its own stays, its own is what it says.
    fn send(&mut self, book: &mut Book) {
        let Some(read) = self.read.take() else { return };
        let mark = format!("<codice_ente_promotore>{THEM}</codice_ente_promotore>");
        let mut items: Vec<String> = read.into_iter().filter(|item| !item.contains(&mark)).collect();
        items.extend(self.own.iter().cloned());
        book.overwrite(PERSON, items);
    }

    /// It looks back, and sends again what is gone.
    fn look_back(&mut self, book: &mut Book) {
        let stands = book.entry(PERSON).map(|entry| entry.items.clone()).unwrap_or_default();
        if !self.own.iter().all(|item| stands.contains(item)) {
            self.repairs += 1;
            self.look(book);
            self.send(book);
        }
    }
}

/// Every pair of moments in which it may read and send; what it read before our send it has sent
/// before we look back, because it takes less time than we rest.
fn pairs() -> Vec<(usize, usize)> {
    let all = (0..MOMENTS).flat_map(|read| (read..MOMENTS).map(move |send| (read, send)));
    all.filter(|(read, send)| *read > BEFORE_SEND || *send < MOMENTS - 1).collect()
}

/// The other writer reads at one moment of a delivery and sends at another.
fn between(other: &Arc<Mutex<Other>>, read: usize, send: usize) -> Writer {
    let other = Arc::clone(other);
    Box::new(move |moment, book| {
        let at = (moment.call - 1) * 2 + usize::from(moment.after);
        let mut other = other.lock().unwrap();
        if at == read {
            other.look(book);
        }
        if at == send {
            other.send(book);
        }
    })
}

/// What we want to stand: a new policy each round, now and then a change or a cancel.
#[derive(Default)]
struct Us {
    wanted: Vec<Policy>,
}

impl Us {
    fn next(&mut self, round: usize) -> Parcel {
        let id = |back: usize| format!("P{}", round.saturating_sub(back));
        let (new, before, older) = (id(0), id(1), id(3));
        let mut works = vec![(Insert, new.as_str(), "A02")];
        self.wanted.push(policy(US, &new));
        match round % 5 {
            3 => works.push((Replace, before.as_str(), "C05")),
            4 => {
                works.push((Cancel, older.as_str(), "A02"));
                self.wanted.retain(|policy| policy.id != older);
            }
            _ => {}
        }
        parcel(&round.to_string(), &works)
    }
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list
}

/// Everything once: foreign items first as they were, ours, the other's.
fn judge(entry: &Entry, foreign: &[String], us: &Us, other: &Other, of: &str) {
    assert_eq!(entry.items[..foreign.len()], *foreign, "{of}");
    let ours = entry.policies().into_iter().filter(|policy| policy.promoter == US).collect();
    assert_eq!(sorted(ours), sorted(us.wanted.clone()), "{of}");
    let theirs = entry.items.iter().filter(|item| item.contains(THEM)).cloned().collect();
    assert_eq!(sorted(theirs), sorted(other.own.clone()), "{of}");
}

#[tokio::test]
async fn no_policy_is_lost_or_doubled_in_two_hundred_rounds() {
    let server = server(Script::default()).await;
    let foreign = [item("00000000000", "P0", "A03"), item("L219C000009", "P0", "A02")];
    server.book().open(PERSON, &foreign);
    let courier = courier(&server, 60_000);
    let other = Arc::new(Mutex::new(Other { own: Vec::new(), read: None, repairs: 0 }));
    let (mut us, mut again, pairs) = (Us::default(), 0, pairs());
    for round in 0..ROUNDS {
        let (read, send) = pairs[round % pairs.len()];
        {
            // Now and then the other one takes an item of its own away: it must not come back.
            let mut other = other.lock().unwrap();
            if round % 7 == 6 {
                other.own.remove(0);
            }
            other.own.push(item(THEM, &format!("T{round}"), "A03"));
        }
        server.set_writer(Some(between(&other, read, send)));
        let (word, code) = told(&courier.deliver(&us.next(round), NOW).await);
        let of = format!("round {round}, {read} to {send}: {code}");
        assert_eq!(word, "answered", "{of}");
        again += code.matches("lost").count();
        server.set_writer(None);
        other.lock().unwrap().look_back(&mut server.book());
        judge(server.book().entry(PERSON).unwrap(), &foreign, &us, &other.lock().unwrap(), &of);
    }
    let theirs = other.lock().unwrap().repairs;
    println!(
        "{ROUNDS} rounds, {} interleavings of fetch and send: none lost, none doubled; {again} sends of ours \
         repeated, {theirs} of the other's",
        pairs.len()
    );
    assert!(again > 0 && theirs > 0);
}
