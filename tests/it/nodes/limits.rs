//! What a recipient bears is borne by all processes together.

use std::time::{Duration, Instant};

use raccordo::exchange::Bucket;

use super::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn processes_keep_a_routes_rate_together() {
    let mut stage = Stage::open(3, "concurrency = 4\nrate_per_s = 40.0");
    stage.save("H501", 12);
    (0..3).for_each(|node| stage.deliver(node));
    let run = stage.run("H501", None, "pushed").await;
    stage.until(|stage| stage.sent() > 0).await;
    let began = Instant::now();
    let accepted = stage.settled(run).await.count(Bucket::Accepted);
    assert!(accepted > 12);
    // Between so many there are so many intervals, but one.
    let least = Duration::from_millis((accepted - 2) * 25);
    assert!(began.elapsed() >= least, "{accepted} in {:?}, not in {least:?}", began.elapsed());
    stage.agrees(accepted);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn processes_have_no_more_under_way_together_than_a_route_allows() {
    let mut stage = Stage::open(3, "concurrency = 2");
    stage.save("H501", 6);
    Stage::close(&stage.courier);
    (0..3).for_each(|node| stage.deliver(node));
    let run = stage.run("H501", None, "pushed").await;
    stage.until(|stage| stage.sent() == 2).await;
    // Each look of a worker that waits for a place comes after 50 ms: here come several of each.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(stage.sent(), 2);
    stage.courier.gate.add_permits(100_000);
    let accepted = stage.settled(run).await.count(Bucket::Accepted);
    stage.agrees(accepted);
    stage.stop().await;
}
