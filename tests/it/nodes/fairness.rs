//! Who has a turn: enti beside each other, bulk work beside people, a route beside a dead one.

use raccordo::exchange::Bucket;

use super::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn an_ente_that_comes_later_does_not_wait_for_all_that_another_has_queued() {
    let mut stage = Stage::open(1, "concurrency = 1");
    stage.save("H501", 60);
    stage.save("F205", 2);
    Stage::close(&stage.courier);
    stage.deliver(0);
    let large = stage.run("H501", None, "pushed").await;
    stage.until(|stage| stage.sent() == 1).await;
    let small = stage.run("F205", None, "pushed").await;
    stage.courier.gate.add_permits(100_000);
    stage.settled(small).await;
    let left = stage.balance(large).count(Bucket::Queued) + stage.balance(large).count(Bucket::Sending);
    let all = stage.settled(large).await.count(Bucket::Accepted);
    assert!(all > 100, "{all}");
    assert!(left > all / 4, "{left} of {all} were left when the small ente was done");
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn bulk_work_has_its_share_however_many_people_wait() {
    let mut stage = Stage::open(1, "concurrency = 1");
    let ids = stage.save("H501", 60);
    // Several lanes: what waits for its own person's turn wants no place meanwhile.
    stage.save("F205", 6);
    Stage::close(&stage.courier);
    stage.deliver(0);
    let bulk = stage.run("F205", None, "pushed").await;
    stage.until(|stage| stage.sent() == 1).await;
    for id in &ids {
        stage.run("H501", Some(id), "pushed").await;
    }
    let wanted = |stage: &Stage| stage.nodes[0].books.look(|tx| tx.wanted_soon("pushed", i64::MAX)).unwrap();
    stage.until(|stage| wanted(stage) > 60).await;
    stage.courier.gate.add_permits(100_000);
    stage.settled(bulk).await;
    let sent = stage.courier.sent.lock().unwrap().clone();
    let books = &stage.nodes[0].books;
    let folders = books.folders_of("F205", 0, 100).unwrap();
    let records = folders.iter().flat_map(|folder| books.records_of(folder.id, "siuss").unwrap());
    let bulk_ids: Vec<i64> = records.map(|record| record.id).collect();
    let is_bulk = |id: &String| bulk_ids.contains(&id.split('.').next().unwrap().parse().unwrap());
    let sixth = sent.iter().enumerate().filter(|(_, id)| is_bulk(id)).nth(5).unwrap().0;
    let people = sixth - 5;
    // One worker takes either, one more only what people wait for: both together serve them.
    println!("{people} people before the sixth bulk container, {} in all", sent.len());
    assert!(people <= 6 * 20, "{people} people before the sixth bulk container");
    assert!(sent.iter().filter(|id| !is_bulk(id)).count() > 180, "people were many");
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_recipient_that_never_answers_holds_up_its_own_route_only() {
    let mut stage = Stage::open(1, "concurrency = 2");
    stage.save("H501", 6);
    stage.save("F205", 6);
    Stage::close(&stage.dead);
    stage.deliver(0);
    let stuck = stage.run("H501", None, "dead").await;
    stage.until(|stage| stage.dead.sent.lock().unwrap().len() == 2).await;
    let run = stage.run("F205", None, "pushed").await;
    assert!(stage.settled(run).await.count(Bucket::Accepted) > 6);
    assert_eq!(stage.balance(stuck).count(Bucket::Accepted), 0);
    stage.dead.gate.add_permits(100_000);
    stage.settled(stuck).await;
    stage.stop().await;
}
