//! What goes wrong on our side of a pushed route: damaged payloads, a key that is not the
//! installation's, a lease that another worker has taken.

use std::sync::atomic::Ordering;
use std::time::Duration;

use raccordo::exchange::Bucket;
use raccordo::ledger::Tx;
use raccordo::ledger::sql::Bind;

use super::Stage;
use super::courier::Fate;

impl Stage {
    /// Changes the ledger behind the gateway's back; returns how many rows.
    fn tamper(&self, sql: &str) -> usize {
        let sql = sql.to_owned();
        tokio::task::block_in_place(|| self.gateway.books.write(move |tx| tx.run(&sql, []))).unwrap()
    }

    /// Moves the first bytes of each wrapped key to its end: they say which key file it needs.
    fn turn_keys(&self, by: usize) -> usize {
        let turn = move |tx: &mut Tx<'_>| {
            let known = "SELECT id, wrapped_key FROM folder";
            let keys = tx.many(known, [], |row| Ok((row.get::<i64>(0)?, row.get::<Vec<u8>>(1)?)))?;
            for (id, mut key) in keys.clone() {
                let by = by % key.len();
                key.rotate_left(by);
                let values: &[&dyn Bind; 2] = &[&id, &key];
                tx.run("UPDATE folder SET wrapped_key = ?2 WHERE id = ?1", values)?;
            }
            Ok(keys.len())
        };
        tokio::task::block_in_place(|| self.gateway.books.write(turn)).unwrap()
    }

    /// One number of the ledger.
    fn number(&self, sql: &str) -> i64 {
        self.gateway.books.look(|tx| tx.one("the number", sql, [], |row| row.get(0))).unwrap()
    }

    async fn until(&self, what: impl Fn(&Self) -> bool) {
        let wait = async {
            while !what(self) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), wait).await.expect("it comes to pass");
    }

    fn close_the_gate(&self) {
        self.courier.gate.forget_permits(self.courier.gate.available_permits());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_payload_is_a_persons_affair_and_its_neighbours_are_sent() {
    let mut stage = Stage::open(4, &[]).await;
    let damaged =
        "UPDATE payload SET sealed = substr(sealed, 1, 0) WHERE record = (SELECT min(record) FROM payload)";
    assert_eq!(stage.tamper(damaged), 1);
    stage.deliver();
    let run = stage.run(None).await;
    let balance = stage.settled(run).await;
    assert_eq!(balance.count(Bucket::Parked), 1);
    assert!(balance.count(Bucket::Accepted) > 1);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_not_the_installations_parks_nothing_and_is_waited_for() {
    let mut stage = Stage::open(2, &[]).await;
    let size = stage.number("SELECT max(length(wrapped_key)) FROM folder");
    assert_eq!(stage.turn_keys(8), 2);
    stage.deliver();
    let run = stage.run(None).await;
    // More often than the route has patience with its recipient.
    stage.until(|stage| stage.number("SELECT coalesce(max(number), 0) FROM attempt") > 6).await;
    let balance = stage.balance(run);
    assert_eq!((balance.count(Bucket::Parked), balance.count(Bucket::Uncertain)), (0, 0));
    assert_eq!(
        stage.number("SELECT coalesce(max(failures), 0) FROM route"),
        0,
        "the recipient is not to blame"
    );
    assert_eq!(stage.turn_keys(usize::try_from(size).unwrap() - 8), 2);
    let balance = stage.settled(run).await;
    assert!(balance.count(Bucket::Accepted) > 0 && balance.count(Bucket::Parked) == 0);
    assert!(stage.courier.asked.lock().unwrap().is_empty(), "nothing had left: there was nothing to ask");
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lost_its_lease_still_tells_what_the_recipient_said_and_frees_nobody_elses() {
    let mut stage = Stage::open(1, &[]).await;
    stage.close_the_gate();
    stage.deliver();
    let run = stage.run(None).await;
    stage.until(|stage| !stage.courier.sent.lock().unwrap().is_empty()).await;
    let taken = stage.tamper("UPDATE submission SET lease_token = 'another' WHERE lease_token IS NOT NULL");
    assert!(taken > 0);
    stage.courier.gate.add_permits(1000);
    assert!(stage.settled(run).await.count(Bucket::Accepted) > 0);
    let held = stage.number("SELECT count(*) FROM submission WHERE lease_token = 'another'");
    assert_eq!(usize::try_from(held).unwrap(), taken);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_be_asked_has_not_answered() {
    let mut stage = Stage::open(1, &[Fate::Lost; 50]).await;
    stage.courier.mute.store(true, Ordering::SeqCst);
    stage.deliver();
    let run = stage.run(None).await;
    let parked = stage.settled(run).await.count(Bucket::Parked);
    assert!(parked > 0);
    assert_eq!(u64::try_from(stage.number("SELECT coalesce(max(failures), 0) FROM route")).unwrap(), parked);
    stage.stop().await;
}
