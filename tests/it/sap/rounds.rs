//! Two hundred rounds over HTTP: we send a policy, and another writer reads at one moment of our
//! delivery and sends at a later one, in every combination in turn.

use std::sync::{Arc, Mutex};

use raccordo::channel::courier::Courier;
use raccordo::flow::OperationKind::{Cancel, Insert, Replace};
use raccordo::sandbox::sap::{Book, Script};

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

#[tokio::test]
async fn no_policy_is_lost_or_doubled_in_two_hundred_rounds() {
    let server = server(Script::default()).await;
    let foreign = [item("00000000000", "P0", "A03"), item("L219C000009", "P0", "A02")];
    server.book().open(PERSON, &foreign);
    let courier = courier(&server, 60_000);
    let other = Arc::new(Mutex::new(Other { own: Vec::new(), read: None, repairs: 0 }));
    let pairs = pairs();
    let (mut expected, mut ours_again) = (Vec::new(), 0);
    for round in 0..ROUNDS {
        let (read, send) = pairs[round % pairs.len()];
        let new = format!("T{round}");
        // Now and then the other one takes an item of its own away.
        let gone = (round % 7 == 6).then(|| other.lock().unwrap().own.remove(0));
        other.lock().unwrap().own.push(item(THEM, &new, "A03"));
        let writer = Arc::clone(&other);
        server.set_writer(Some(Box::new(move |moment, book| {
            let at = (moment.call - 1) * 2 + usize::from(moment.after);
            let mut writer = writer.lock().unwrap();
            if at == read {
                writer.look(book);
            }
            if at == send {
                writer.send(book);
            }
        })));
        let id = format!("P{round}");
        let mut works = vec![(Insert, id.as_str(), "A02")];
        let (before, older) =
            (format!("P{}", round.saturating_sub(1)), format!("P{}", round.saturating_sub(3)));
        match round % 5 {
            3 => works.push((Replace, before.as_str(), "C05")),
            4 => works.push((Cancel, older.as_str(), "A02")),
            _ => {}
        }
        let outcome = courier.deliver(&parcel(&format!("{round}"), &works), NOW).await;
        let (word, code) = told(&outcome);
        assert_eq!(word, "answered", "round {round}, {read} to {send}: {code}");
        ours_again += code.matches("lost").count();
        expected.push(policy(US, &id));
        if round % 5 == 4 {
            expected.retain(|policy| policy.id != older);
        }
        server.set_writer(None);
        other.lock().unwrap().look_back(&mut server.book());
        let book = server.book();
        let entry = book.entry(PERSON).unwrap();
        assert_eq!(entry.items[..2], foreign, "round {round}");
        let all = entry.policies();
        let of = |promoter: &str| -> Vec<_> {
            all.iter().filter(|policy| policy.promoter == promoter).cloned().collect()
        };
        let sorted = |mut list: Vec<_>| {
            list.sort();
            list
        };
        assert_eq!(sorted(of(US)), sorted(expected.clone()), "round {round}, {read} to {send}: {code}");
        let mut theirs: Vec<_> = entry.items.iter().filter(|item| item.contains(THEM)).cloned().collect();
        let mut own = other.lock().unwrap().own.clone();
        theirs.sort();
        own.sort();
        assert_eq!(theirs, own, "round {round}, {read} to {send}");
        assert!(gone.is_none_or(|gone| !entry.items.contains(&gone)), "round {round}: it came back");
    }
    let theirs_again = other.lock().unwrap().repairs;
    println!(
        "{ROUNDS} rounds, {} interleavings of fetch and send: none lost, none doubled; \
         {ours_again} sends of ours repeated, {theirs_again} of the other's",
        pairs.len()
    );
    assert!(ours_again > 0 && theirs_again > 0);
}
