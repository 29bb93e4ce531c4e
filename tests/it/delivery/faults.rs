//! What goes wrong on our side of a pushed route.

use std::time::Duration;

use raccordo::exchange::Bucket;

use super::Stage;

impl Stage {
    /// Changes the ledger behind the gateway's back; returns how many rows.
    fn tamper(&self, sql: &str) -> usize {
        let ledger = rusqlite::Connection::open(self.gateway.books.path()).unwrap();
        ledger.busy_timeout(Duration::from_secs(10)).unwrap();
        ledger.execute(sql, []).unwrap()
    }

    /// One number of the ledger.
    fn number(&self, sql: &str) -> i64 {
        self.gateway.books.read(|c| c.query_row(sql, [], |row| row.get(0))).unwrap()
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
