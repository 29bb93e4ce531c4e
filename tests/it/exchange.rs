//! The exchange over the real ledger, act by act: one run carries a replacement to its end,
//! silence never cancels, a refused cancel can be tried again.

use jiff::civil::date;
use raccordo::exchange::*;
use raccordo::ledger::books::RunOrder;
use raccordo::ledger::{Books, FolderRow};
use tempfile::TempDir;

const NOW: Millis = 1_700_000_000_000;
const ROUTE: &str = "offered";

struct Ente {
    books: Books,
    folder: i64,
    _directory: TempDir,
}

fn order() -> Order {
    Order { route: ROUTE.into(), interactive: false }
}

fn ente() -> Ente {
    let directory = TempDir::new().unwrap();
    let books = crate::ledgers::books(directory.path());
    let folder = folder(&books, "F-1");
    Ente { books, folder, _directory: directory }
}

fn folder(books: &Books, id: &str) -> i64 {
    let row = FolderRow {
        id: 0,
        ente: "E".into(),
        folder_id: id.into(),
        version: None,
        wrapped_key: vec![1],
        person: [1; 32],
        content: [2; 32],
        body: vec![3],
        saved_at: NOW,
        look_again: None,
    };
    books.write(move |tx| tx.put_folder(&row)).unwrap()
}

impl Ente {
    /// Saves a folder that maps to these contents under the keys I0, I1, ...
    fn save(&self, contents: &[u8], annulled: &[&str]) -> Reconciled {
        let key = |index: usize| format!("I{index}");
        let day = date(2026, 3, 1);
        let register_key = |index: usize| [u8::try_from(90 + 10 * self.folder).unwrap() + index as u8; 32];
        let record = |(index, content): (usize, &u8)| DesiredRecord {
            key: key(index),
            source: key(index),
            from: day,
            to: day,
            needs: None,
            group: None,
            content: Some(([*content; 32], register_key(index))),
        };
        let set = DesiredSet {
            records: contents.iter().enumerate().map(record).collect(),
            named: (0..contents.len()).map(key).collect(),
            annulled: annulled.iter().map(|&key| key.to_owned()).collect(),
            ..DesiredSet::default()
        };
        let folder = self.folder;
        let place = move || Place { ente: "E", register: "R", flow: "f/1", folder, powers: Powers::CANCEL };
        self.books.write(move |tx| reconcile(tx, place(), &set, NOW)).unwrap()
    }

    fn report(&self) -> i64 {
        self.start_run(false)
    }

    fn sync(&self) -> i64 {
        self.start_run(true)
    }

    fn start_run(&self, interactive: bool) -> i64 {
        let run = self.open_run(interactive, 100);
        while self.books.write(move |tx| tx.select_chunk(run, 10, NOW)).unwrap() {}
        run
    }

    fn open_run(&self, interactive: bool, hold_above: u64) -> i64 {
        let run = RunOrder {
            ente: "E".into(),
            register: "R".into(),
            flow: "f/1".into(),
            period: "2026".into(),
            until: None,
            folder: interactive.then_some(self.folder),
            order: Order { interactive, ..order() },
            hold_above,
            actor: "test".into(),
            now: NOW,
        };
        self.books.write(move |tx| tx.open_run(&run)).unwrap()
    }

    /// INPS asks from the beginning; what is still out comes again, then what is new.
    fn poll(&self) -> Vec<Offered> {
        let act = |tx: &mut raccordo::ledger::Tx<'_>| {
            let name = |_: &Record, day: &str, number: u32| format!("E.{day}.{number:07}");
            let policy = OfferPolicy {
                name: &name,
                since_tolerance: 1000,
                sequences: &["R/E".to_owned()],
                progressive_jump: 1000,
                taken_over: false,
            };
            poll(tx, Poll { route: ROUTE, since: 0, limit: 10, now: NOW, day: "20260301" }, &policy)
        };
        self.books.write(act).unwrap().flows
    }

    fn answer(&self, offered: &Offered, answer: Answer) -> Settled {
        let receipt = Receipt {
            name: offered.submission.name.clone(),
            timestamp: offered.submission.timestamp,
            answer,
            code: "X".into(),
            text: None,
            acquired_as: None,
        };
        self.books.write(move |tx| settle(tx, ROUTE, &receipt, NOW)).unwrap()
    }

    fn bucket(&self, run: i64, bucket: Bucket) -> u64 {
        let head = self.books.runs(Some(run), 1).unwrap().remove(0);
        assert!(head.balance.closes());
        head.balance.count(bucket)
    }

    /// Sends and accepts whatever there is.
    fn accept_all(&self) {
        for offered in self.poll() {
            self.answer(&offered, Answer::Accepted);
        }
    }
}

#[test]
fn one_run_carries_a_replacement_from_cancel_to_insert() {
    let ente = ente();
    ente.save(&[1], &[]);
    ente.report();
    ente.accept_all();
    ente.save(&[2], &[]);
    let run = ente.report();
    let cancel = ente.poll();
    assert_eq!(cancel[0].operation.kind, Kind::Cancel);
    assert_eq!(ente.bucket(run, Bucket::Waiting), 1);
    ente.answer(&cancel[0], Answer::Accepted);
    assert_eq!(ente.bucket(run, Bucket::Queued), 1, "the insert follows in the cancel's own transaction");
    let insert = ente.poll();
    assert_eq!((insert[0].operation.kind, insert[0].operation.generation), (Kind::Insert, 3));
    ente.answer(&insert[0], Answer::Accepted);
    assert_eq!(ente.bucket(run, Bucket::Accepted), 1);
}

impl Ente {
    /// A correction of what the register holds is queued: a cancel that makes room.
    fn queue_a_correction(&self) -> i64 {
        self.save(&[1], &[]);
        self.report();
        self.accept_all();
        self.save(&[2], &[]);
        self.report()
    }

    fn gather(&self) -> Option<Submission> {
        let act = |tx: &mut raccordo::ledger::Tx<'_>| {
            let name = |_: &Record, day: &str, number: u32| format!("E.{day}.{number:07}");
            let (limit, max_bytes) = (10, 1000);
            let batch = Batch { route: ROUTE, limit, max_bytes, now: NOW, day: "20260301", name: &name };
            gather(tx, &batch)
        };
        self.books.write(act).unwrap()
    }

    /// The folder's record must go, and nothing queued was decided again.
    fn annul_silently(&self) {
        let act = |tx: &mut raccordo::ledger::Tx<'_>| {
            let mut record = tx.record(1)?;
            record.desired = Desired::Absent(Absence::Annulled);
            tx.put_record(&record)
        };
        self.books.write(act).unwrap();
    }
}

#[test]
fn what_turned_into_a_cancel_while_queued_waits_for_a_person() {
    let ente = ente();
    let run = ente.queue_a_correction();
    ente.save(&[], &["I0"]);
    assert_eq!(ente.bucket(run, Bucket::Held), 1);
    assert!(ente.poll().is_empty(), "no cancel leaves that no run counted");
    let approved = ente.books.write(move |tx| approve(tx, run, &order(), NOW)).unwrap();
    assert_eq!(approved, 1);
    let cancel = ente.poll().remove(0);
    assert_eq!((cancel.operation.kind, cancel.operation.generation), (Kind::Cancel, 3));
    ente.answer(&cancel, Answer::Accepted);
    assert_eq!(ente.bucket(run, Bucket::Accepted), 1);
}

#[test]
fn what_is_annulled_while_a_run_selects_counts_towards_its_threshold() {
    let ente = ente();
    ente.save(&[1, 1, 1, 1], &[]);
    ente.report();
    ente.accept_all();
    let run = ente.open_run(false, 2);
    let select = |limit: usize| ente.books.write(move |tx| tx.select_chunk(run, limit, NOW)).unwrap();
    assert!(select(1));
    ente.save(&[], &["I0", "I1", "I2", "I3"]);
    while select(1) {}
    let counts = [Bucket::Unchanged, Bucket::Queued, Bucket::Held].map(|bucket| ente.bucket(run, bucket));
    assert_eq!(counts, [1, 2, 1], "no more than the threshold goes unapproved");
}

#[test]
fn what_turned_into_a_cancel_is_held_at_release_too() {
    let offered = ente();
    let run = offered.queue_a_correction();
    offered.annul_silently();
    assert!(offered.poll().is_empty());
    assert_eq!(offered.bucket(run, Bucket::Held), 1);
    let filed = ente();
    let run = filed.queue_a_correction();
    filed.annul_silently();
    assert_eq!(filed.gather(), None);
    assert_eq!(filed.bucket(run, Bucket::Held), 1);
}

#[test]
fn a_cancel_that_follows_an_insert_waits_for_a_person() {
    let ente = ente();
    ente.save(&[1], &[]);
    let run = ente.report();
    let insert = ente.poll().remove(0);
    ente.save(&[], &["I0"]);
    ente.answer(&insert, Answer::Accepted);
    assert_eq!(ente.bucket(run, Bucket::Held), 1);
    assert!(ente.poll().is_empty());
}

#[test]
fn a_sync_of_one_folder_carries_what_turned_into_a_cancel() {
    let ente = ente();
    ente.save(&[1], &[]);
    ente.report();
    ente.accept_all();
    ente.save(&[2], &[]);
    let run = ente.sync();
    ente.save(&[], &["I0"]);
    assert_eq!(ente.poll()[0].operation.kind, Kind::Cancel, "a person asked for this citizen");
    assert_eq!(ente.bucket(run, Bucket::Waiting), 1);
}

#[test]
fn what_a_person_waits_for_overtakes_the_bulk_work_it_was_queued_with() {
    let mut ente = ente();
    ente.save(&[1, 1], &[]);
    ente.folder = folder(&ente.books, "F-2");
    ente.save(&[2], &[]);
    let bulk = ente.report();
    let sync = ente.sync();
    ente.report();
    let leaving = ente.poll();
    let first = &leaving[0].operation;
    assert_eq!(
        (first.record, first.generation, first.interactive),
        (3, 1, true),
        "queued once, and it leads"
    );
    assert!(leaving[1..].iter().all(|offered| !offered.operation.interactive));
    assert_eq!((ente.bucket(bulk, Bucket::Waiting), ente.bucket(sync, Bucket::Waiting)), (3, 1));
    ente.save(&[4], &[]);
    ente.answer(&leaving[0], Answer::Accepted);
    let follows = ente.poll().into_iter().find(|offered| offered.operation.record == 3).unwrap();
    assert!(follows.operation.interactive, "bulk work that selects it later takes no urgency away");
}

#[test]
fn silence_never_cancels_and_a_word_does() {
    let ente = ente();
    ente.save(&[1, 1], &[]);
    ente.report();
    ente.accept_all();
    let done = ente.save(&[1], &[]);
    assert_eq!(done.vanished, ["I1"]);
    let run = ente.report();
    assert!(ente.poll().is_empty(), "nothing leaves for a record that vanished");
    assert_eq!(ente.bucket(run, Bucket::SetAside), 1);
    ente.save(&[1], &["I1"]);
    ente.report();
    assert_eq!(ente.poll()[0].operation.kind, Kind::Cancel);
}

#[test]
fn a_refused_cancel_rests_until_a_person_lets_it_go_again() {
    let ente = ente();
    ente.save(&[1], &[]);
    ente.report();
    ente.accept_all();
    ente.save(&[], &["I0"]);
    ente.report();
    let cancel = ente.poll().remove(0);
    ente.answer(&cancel, Answer::Refused);
    ente.report();
    assert!(ente.poll().is_empty());
    let operation = cancel.operation.id;
    ente.books.write(move |tx| try_again(tx, operation)).unwrap();
    ente.report();
    let again = ente.poll().remove(0);
    assert_eq!((again.operation.kind, again.operation.generation), (Kind::Cancel, 3));
    assert!(ente.books.write(move |tx| try_again(tx, operation)).is_err(), "only the newest refusal");
}

#[test]
fn what_a_former_system_left_at_the_register_is_not_inserted_again() {
    let ente = ente();
    ente.books.write(|tx| tx.put_unmatched("E", "R", &[100; 32], "E.PS.20250101.0000001", NOW)).unwrap();
    ente.save(&[1], &[]);
    let run = ente.report();
    assert_eq!(ente.bucket(run, Bucket::SetAside), 1);
    assert!(ente.poll().is_empty());
    ente.books.write(|tx| tx.drop_unmatched("E", "R", &[100; 32])).unwrap();
    ente.report();
    assert_eq!(ente.poll()[0].operation.kind, Kind::Insert);
}

#[test]
fn two_routes_of_an_ente_never_share_a_name() {
    let ente = ente();
    ente.save(&[1, 1], &[]);
    ente.report();
    let offered = ente.poll().remove(0).submission.name;
    let filed = ente.books.write(|tx| tx.next_progressive(&sequence("R", "E"), "20260301")).unwrap();
    assert!(!offered.ends_with(&format!("{filed:07}")), "{offered} and {filed}");
}

#[test]
fn a_second_process_is_refused_and_told_what_to_do() {
    let directory = TempDir::new().unwrap();
    let _first = Books::open(directory.path()).unwrap();
    let Err(LedgerError::Refused(why)) = Books::open(directory.path()) else { panic!("opened twice") };
    assert!(why.contains("another raccordo process"));
}

#[test]
fn a_failed_act_undoes_itself_alone() {
    let ente = ente();
    let failed = ente.books.submit(|tx| {
        tx.claim("E", "R", &[9; 32], 1)?;
        Err::<(), _>(LedgerError::Refused("no".into()))
    });
    let good = ente.books.submit(|tx| tx.claim("E", "R", &[8; 32], 1));
    assert!(failed.wait().is_err());
    good.wait().unwrap();
    let (gone, kept) = ente
        .books
        .write(|tx| Ok((tx.claimant("E", "R", &[9; 32])?, tx.claimant("E", "R", &[8; 32])?)))
        .unwrap();
    assert_eq!((gone, kept), (None, Some(1)));
}
