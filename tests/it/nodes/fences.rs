//! Duties and leases: one at a time, taken over within a lease, and worth nothing afterwards.

use std::time::{Duration, Instant};

use raccordo::exchange::{Bucket, LedgerError};
use raccordo::gateway::{Gateway, Roles, SCHEDULER, is_off_duty};
use raccordo::node;

use super::{Fate, LEASE_MS, Stage, fated};

/// Beats at one process only, until it has taken over from the others.
fn bury(survivor: &Gateway) -> Duration {
    let began = Instant::now();
    while survivor.beat(&Roles::all()).unwrap() == 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "nobody is buried");
        std::thread::park_timeout(survivor.node.interval());
    }
    began.elapsed()
}

#[test]
fn a_duty_is_one_processs_alone_and_its_fence_rises() {
    let stage = Stage::open(2, "");
    let [a, b] = [&stage.nodes[0], &stage.nodes[1]];
    let first = a.take_duty(SCHEDULER).unwrap().expect("nobody has it");
    assert!(b.take_duty(SCHEDULER).unwrap().is_none());
    assert!(a.take_duty(SCHEDULER).unwrap().is_none(), "not twice in one process either");
    a.leave().unwrap();
    let second = b.take_duty(SCHEDULER).unwrap().expect("it was left");
    assert!(second.fence() > first.fence());
    let refused = first.during(|| a.mark_overdue()).unwrap_err();
    assert!(is_off_duty(&refused), "{refused}");
    second.during(|| b.mark_overdue()).unwrap();
}

#[test]
fn who_gives_no_sign_of_life_is_taken_over_within_a_lease_and_changes_nothing_afterwards() {
    let stage = Stage::open(2, "");
    let [a, b] = [&stage.nodes[0], &stage.nodes[1]];
    let duty = a.take_duty(SCHEDULER).unwrap().expect("nobody has it");
    let took = bury(b);
    assert!(took <= Duration::from_millis(LEASE_MS * 2), "{took:?}");
    let next = b.take_duty(SCHEDULER).unwrap().expect("its holder is dead");
    // It was only stopped, and comes back.
    assert!(!a.node.is_sure_to_live(), "it knows that others may think it dead");
    let late = duty.during(|| a.refresh_inquiries().and_then(|_| a.mark_overdue()));
    assert!(late.is_err_and(|error| is_off_duty(&error)));
    a.beat(&Roles::all()).unwrap();
    assert!(a.node.is_sure_to_live() && a.take_duty(SCHEDULER).unwrap().is_none());
    assert_eq!(b.nodes().unwrap().0.len(), 2);
    next.during(|| b.mark_overdue()).unwrap();
}

#[test]
fn a_run_that_nobody_selects_here_is_selected_by_a_planner() {
    let stage = Stage::open(2, "");
    stage.save("H501", 2);
    let [api, planner] = [&stage.nodes[0], &stage.nodes[1]];
    api.plans_here(false);
    let run = api.start_run(&Stage::request("H501", None, "pushed")).unwrap();
    assert!(planner.books.runs(Some(run), 1).unwrap()[0].selecting);
    assert!(planner.has_unfinished_runs().unwrap());
    planner.resume_runs().unwrap();
    let head = planner.books.runs(Some(run), 1).unwrap().remove(0);
    assert!(!head.selecting && head.balance.count(Bucket::Queued) > 2);
    let id = stage.save("H501", 3).pop().unwrap();
    let sync = api.start_run(&Stage::request("H501", Some(&id), "pushed")).unwrap();
    assert!(!api.books.runs(Some(sync), 1).unwrap()[0].selecting, "a person waits for no planner");
}

#[test]
fn a_tick_of_one_process_needs_no_duty() {
    let stage = Stage::open(1, "");
    node::tick(&stage.nodes[0]).unwrap();
}

#[test]
fn a_process_with_another_key_does_not_join() {
    let stage = Stage::open(1, "");
    let one = &stage.nodes[0];
    let key = std::path::Path::new(&one.settings.data).join("raccordo.key");
    let kept = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    raccordo::seal::MasterKey::load_or_create(&key).unwrap();
    let load = || crate::ledgers::load(&key.parent().unwrap().with_file_name("raccordo.toml"));
    let joined = || Gateway::beside(one, load(), Box::new(raccordo::gateway::SystemClock));
    assert!(joined().err().unwrap().to_string().contains("copy `raccordo.key`"));
    std::fs::write(&key, kept).unwrap();
    assert!(joined().is_ok());
}

/// One worker has sent, and stands still before it stores what it heard. It is taken for dead; the
/// other asks and goes on. Then the first comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_worker_that_was_taken_for_dead_tells_what_it_heard_and_decides_nothing() {
    let mut stage = Stage::open(2, "concurrency = 1");
    fated(&mut stage, &[Fate::Refused]);
    stage.save("H501", 1);
    Stage::close(&stage.courier);
    stage.deliver(0);
    let run = stage.run("H501", None, "pushed").await;
    stage.until(|stage| stage.sent() > 0).await;
    // No sign of life from the first any more: its last task is the one that gives them.
    let heart = stage.stops[0].1.pop().unwrap();
    heart.abort();
    drop(heart.await);
    let survivor = std::sync::Arc::clone(&stage.nodes[1]);
    tokio::task::spawn_blocking(move || bury(&survivor)).await.unwrap();
    assert!(!stage.nodes[0].node.is_sure_to_live());
    stage.deliver(1);
    stage.until(|stage| !stage.courier.asked.lock().unwrap().is_empty()).await;
    stage.courier.gate.add_permits(100_000);
    // The refusal that the first one hears is another's affair by now: asked, it did not take effect,
    // so it was sent again, and accepted.
    let balance = stage.settled(run).await;
    let accepted = balance.count(Bucket::Accepted);
    assert!(accepted > 0 && balance.count(Bucket::Refused) <= 1, "{balance:?}");
    stage.agrees(accepted);
    // What the first still has in its queue it does not send: it is not sure to live.
    assert!(!stage.nodes[0].node.is_sure_to_live());
    stage.stop().await;
}

#[test]
fn no_clock_ends_the_lease_of_a_process_that_lives() {
    let stage = Stage::open(2, "");
    stage.save("H501", 1);
    let [a, b] = [&stage.nodes[0], &stage.nodes[1]];
    a.start_run(&Stage::request("H501", None, "pushed")).unwrap();
    let route = a.settings.route("pushed").unwrap();
    let gathered = a.gather_pushed(route, "H501", 0, 100).unwrap();
    let submission = gathered.submissions[0].id;
    let (token, now) = (format!("{}/1", a.node.id()), a.clock.now_ms());
    let lease = move |token: String, now: i64| {
        move |tx: &mut raccordo::ledger::Tx<'_>| {
            Ok::<_, LedgerError>(tx.lease_one(submission, &token, now, now + 1_000)?.is_some())
        }
    };
    assert!(a.books.write(lease(token.clone(), now)).unwrap());
    let hour = 3_600_000;
    assert!(!b.books.write(lease(format!("{}/2", b.node.id()), now + hour)).unwrap(), "its clock jumped");
    bury(b);
    assert!(b.books.write(lease(format!("{}/2", b.node.id()), now)).unwrap(), "its holder is dead");
    assert!(!a.books.write(move |tx| tx.hold_lease(submission, &token)).unwrap());
}
