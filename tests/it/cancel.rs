//! Cancelling a run, act by act over the real ledger: what has left goes its way, what has not
//! and is wanted by no one else is withdrawn, and every balance closes at each moment.

use jiff::civil::date;
use raccordo::exchange::*;
use raccordo::ledger::books::RunOrder;
use raccordo::ledger::{Books, FolderRow, Tx};
use tempfile::TempDir;

const NOW: Millis = 1_700_000_000_000;

struct Ente {
    books: Books,
    folder: i64,
    _directory: TempDir,
}

fn ente() -> Ente {
    let directory = TempDir::new().unwrap();
    let books = crate::ledgers::books(directory.path());
    let row = FolderRow {
        id: 0,
        ente: "E".into(),
        folder_id: "F-1".into(),
        version: None,
        wrapped_key: vec![1],
        person: [1; 32],
        content: [2; 32],
        body: vec![3],
        saved_at: NOW,
        look_again: None,
    };
    let folder = books.write(move |tx| tx.put_folder(&row)).unwrap();
    Ente { books, folder, _directory: directory }
}

impl Ente {
    /// Saves records I0, I1, ... of these contents; those whose index is in `annulled` must go.
    fn save(&self, contents: &[u8], annulled: &[usize]) {
        let key = |index: usize| format!("I{index}");
        let day = date(2026, 3, 1);
        let record = |(index, content): (usize, &u8)| DesiredRecord {
            group: None,
            key: key(index),
            source: key(index),
            from: day,
            to: day,
            needs: None,
            content: Some(([*content; 32], [100 + u8::try_from(index).unwrap(); 32])),
        };
        let stays = |(index, _): &(usize, &u8)| !annulled.contains(index);
        let set = DesiredSet {
            records: contents.iter().enumerate().filter(stays).map(record).collect(),
            named: (0..contents.len()).map(key).collect(),
            annulled: annulled.iter().copied().map(key).collect(),
            ..DesiredSet::default()
        };
        let folder = self.folder;
        let place = move || Place { ente: "E", register: "R", flow: "f/1", folder, powers: Powers::CANCEL };
        self.books.write(move |tx| reconcile(tx, place(), &set, NOW)).unwrap();
    }

    fn open(&self, hold_above: u64) -> i64 {
        let order = RunOrder {
            ente: "E".into(),
            register: "R".into(),
            flow: "f/1".into(),
            period: "2026".into(),
            until: None,
            folder: None,
            order: Order { route: "offered".into(), interactive: false },
            hold_above,
            actor: "test".into(),
            now: NOW,
        };
        self.books.write(move |tx| tx.open_run(&order)).unwrap()
    }

    fn select(&self, run: i64, limit: usize) -> bool {
        self.books.write(move |tx| tx.select_chunk(run, limit, NOW)).unwrap()
    }

    fn report(&self) -> i64 {
        let run = self.open(100);
        while self.select(run, 10) {}
        run
    }

    fn poll(&self, limit: usize) -> Vec<Offered> {
        let act = move |tx: &mut Tx<'_>| {
            let name = |_: &Record, day: &str, number: u32| format!("E.{day}.{number:07}");
            let policy = OfferPolicy {
                name: &name,
                since_tolerance: 1000,
                sequences: &["R/E".to_owned()],
                progressive_jump: 1000,
                taken_over: false,
            };
            poll(tx, Poll { route: "offered", since: 0, limit, now: NOW, day: "20260301" }, &policy)
        };
        self.books.write(act).unwrap().flows
    }

    fn answer(&self, offered: &Offered, answer: Answer) {
        let receipt = Receipt {
            name: offered.submission.name.clone(),
            timestamp: offered.submission.timestamp,
            answer,
            code: "X".into(),
            text: None,
            acquired_as: None,
        };
        self.books.write(move |tx| settle(tx, "offered", &receipt, NOW)).unwrap();
    }

    fn accept_all(&self) {
        loop {
            let page = self.poll(10);
            if page.is_empty() {
                return;
            }
            page.iter().for_each(|offered| self.answer(offered, Answer::Accepted));
        }
    }

    fn cancel(&self, run: i64) -> (u64, u64) {
        self.books.write(move |tx| tx.begin_cancel(run, NOW)).unwrap();
        let (mut after, mut sum) = (0, (0, 0));
        loop {
            let done = self.books.write(move |tx| withdraw(tx, run, after, 2, NOW)).unwrap();
            self.all_close();
            sum = (sum.0 + done.records, sum.1 + done.operations);
            match done.last {
                Some(last) => after = last,
                None => break,
            }
        }
        self.books.write(move |tx| tx.end_cancel(run)).unwrap();
        sum
    }

    fn all_close(&self) {
        assert!(self.books.runs(None, 100).unwrap().iter().all(|run| run.balance.closes()));
    }

    /// Terms of a run's balance: queued, held, waiting, superseded, accepted.
    fn terms(&self, run: i64) -> [u64; 5] {
        let head = self.books.runs(Some(run), 1).unwrap().remove(0);
        assert!(head.balance.closes());
        [Bucket::Queued, Bucket::Held, Bucket::Waiting, Bucket::Superseded, Bucket::Accepted]
            .map(|bucket| head.balance.count(bucket))
    }
}

#[test]
fn what_has_left_goes_its_way_and_the_rest_is_withdrawn() {
    let ente = ente();
    ente.save(&[1, 1, 1, 1, 1], &[]);
    let run = ente.report();
    let out = ente.poll(2);
    assert_eq!(ente.terms(run), [3, 0, 2, 0, 0]);
    assert_eq!(ente.cancel(run), (3, 3));
    assert_eq!(ente.terms(run), [0, 0, 2, 3, 0]);
    assert_eq!(ente.cancel(run), (0, 0), "twice is once");
    assert_eq!(ente.poll(10), out, "what is out is served as before, and nothing else");
    out.iter().for_each(|offered| ente.answer(offered, Answer::Accepted));
    assert_eq!(ente.terms(run), [0, 0, 0, 3, 2]);
    // Nothing is lost: the next run takes up what this one gave back.
    let again = ente.report();
    assert_eq!(ente.terms(again)[0], 3);
    ente.accept_all();
    assert_eq!(ente.terms(again)[4], 3);
}

#[test]
fn what_another_run_wants_stays_queued_for_it() {
    let ente = ente();
    ente.save(&[1, 1], &[]);
    let (first, second) = (ente.report(), ente.report());
    assert_eq!(ente.cancel(first), (2, 0));
    assert_eq!((ente.terms(first)[3], ente.terms(second)[0]), (2, 2));
    assert_eq!(ente.cancel(second), (2, 2));
    assert!(ente.poll(10).is_empty());
}

#[test]
fn held_cancels_of_a_run_are_given_up_and_another_run_s_stay_held() {
    let ente = ente();
    ente.save(&[1, 1], &[]);
    ente.report();
    ente.accept_all();
    ente.save(&[1, 1], &[0, 1]);
    let held = ente.open(0);
    while ente.select(held, 10) {}
    let other = ente.open(0);
    while ente.select(other, 10) {}
    assert_eq!((ente.terms(held)[1], ente.terms(other)[1]), (2, 2));
    ente.cancel(held);
    assert_eq!((ente.terms(held)[3], ente.terms(other)[1]), (2, 2));
    // A run that did not hold them queues them; cancelling it leaves the other's approval open.
    let bold = ente.report();
    assert_eq!(ente.terms(bold)[0], 2);
    assert_eq!(ente.cancel(bold), (2, 2));
    assert_eq!(ente.terms(other)[1], 2);
    let order = Order { route: "offered".into(), interactive: false };
    assert_eq!(ente.books.write(move |tx| approve(tx, other, &order, NOW)).unwrap(), 2);
    assert_eq!(ente.poll(10).len(), 2);
}

#[test]
fn the_second_half_of_a_replacement_is_never_withdrawn() {
    let ente = ente();
    ente.save(&[1, 1], &[]);
    ente.report();
    ente.accept_all();
    ente.save(&[2, 2], &[]);
    let run = ente.report();
    let cancel = ente.poll(1).remove(0);
    assert_eq!(cancel.operation.kind, Kind::Cancel);
    // One replacement has begun, the other not: only that one is given up.
    assert_eq!(ente.cancel(run), (1, 1));
    ente.answer(&cancel, Answer::Accepted);
    assert_eq!(ente.terms(run)[0], 1, "the insert follows its cancel all the same");
    assert_eq!(ente.cancel(run), (0, 0), "and stays");
    let insert = ente.poll(10);
    assert_eq!((insert.len(), insert[0].operation.kind), (1, Kind::Insert));
    ente.answer(&insert[0], Answer::Accepted);
    assert_eq!(ente.terms(run), [0, 0, 0, 1, 1]);
}

#[test]
fn an_insert_that_was_withdrawn_once_can_be_withdrawn_again() {
    let ente = ente();
    ente.save(&[1], &[]);
    let first = ente.report();
    ente.cancel(first);
    let second = ente.report();
    assert_eq!(ente.cancel(second), (1, 1), "no cancel was ever accepted: no unit to complete");
}

#[test]
fn a_run_that_still_selects_stops() {
    let ente = ente();
    ente.save(&[1, 1, 1, 1, 1], &[]);
    let run = ente.open(100);
    assert!(ente.select(run, 2));
    assert_eq!(ente.cancel(run), (2, 2));
    assert!(!ente.select(run, 2), "nothing more is selected");
    assert!(ente.books.write(|tx| tx.unfinished_runs()).unwrap().is_empty());
    assert_eq!(ente.terms(run), [0, 0, 0, 2, 0]);
}

#[test]
fn a_cancel_that_a_death_interrupted_is_known_and_there_is_no_run_to_invent() {
    let ente = ente();
    ente.save(&[1], &[]);
    let run = ente.report();
    assert!(ente.books.write(move |tx| tx.begin_cancel(run, NOW)).unwrap());
    assert_eq!(ente.books.write(|tx| tx.unfinished_cancels()).unwrap(), [run]);
    assert!(!ente.books.write(move |tx| tx.begin_cancel(run, NOW)).unwrap());
    ente.cancel(run);
    assert!(ente.books.write(|tx| tx.unfinished_cancels()).unwrap().is_empty());
    let none = ente.books.write(|tx| tx.begin_cancel(99, NOW));
    assert!(matches!(none, Err(LedgerError::Missing(_))));
}
