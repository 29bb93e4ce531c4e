//! What a broker may refuse or undo: other arguments, deleted queues, a wrong password, TLS.

use std::time::Duration;

use lapin::options::{BasicGetOptions, BasicNackOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use raccordo::queue::{Credentials, Queue, Work};

use super::broker::{Behind, Installation, Running};
use super::{nothing_comes, taken, until, work, worked_on};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_done_comes_again_to_the_next_one() {
    let installation = Installation::new();
    let queue = installation.queue().await;
    queue.announce(vec![work(1, 0), work(2, 0)]).await.unwrap();
    let (done, open) = (taken(&queue, "a").await, taken(&queue, "a").await);
    queue.done(done).await.unwrap();
    queue.stop().await;
    queue.done(open).await.unwrap();
    let next = installation.queue().await;
    assert_eq!(worked_on(&next).await, 2);
    nothing_comes(&next, "a", false).await;
    next.stop().await;
    installation.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_with_other_arguments_is_named_with_the_mend() {
    let installation = Installation::new();
    let behind = Behind::open(&installation.url).await;
    let name = installation.name("a.bulk");
    let classic = behind.channel.queue_declare(
        name.as_str().into(),
        QueueDeclareOptions::durable(),
        FieldTable::default(),
    );
    classic.await.unwrap();
    let queue = installation.start();
    let state = until(&queue, "the refusal", |state| {
        state.trouble.as_ref().is_some_and(|why| why.contains("other arguments"))
    });
    let trouble = state.await.trouble.unwrap();
    assert!(trouble.contains(&format!("rabbitmqctl delete_queue {name}")), "{trouble}");
    assert!(queue.announce(vec![work(1, 0)]).await.unwrap_err().0.contains("other arguments"));
    behind.delete(&name).await;
    until(&queue, "the mended queue", |state| state.connected).await;
    queue.announce(vec![work(1, 0)]).await.unwrap();
    assert_eq!(worked_on(&queue).await, 1);
    queue.stop().await;
    installation.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_delivery_limit_is_noticed() {
    let mut installation = Installation::new();
    installation.queue().await.stop().await;
    installation.broker.delivery_limit = 21;
    let queue = installation.start();
    until(&queue, "the refusal", |state| {
        state.trouble.as_ref().is_some_and(|why| why.contains("x-delivery-limit"))
    })
    .await;
    queue.stop().await;
    installation.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_delivered_too_often_is_announced_again() {
    let mut installation = Installation::new();
    installation.broker.delivery_limit = 2;
    let queue = installation.queue().await;
    queue.announce(vec![work(1, 0)]).await.unwrap();
    drop(taken(&queue, "a").await);
    queue.stop().await;
    let behind = Behind::open(&installation.url).await;
    let name = installation.name("a.bulk");
    // Once with the worker that is gone, twice here: that is more than the limit. What is given
    // back comes again in its own time.
    for _ in 0..2 {
        let message = loop {
            if let Some(message) = get(&behind, &name).await {
                break message;
            }
        };
        message.nack(BasicNackOptions { requeue: true, ..BasicNackOptions::default() }).await.unwrap();
    }
    let queue = installation.queue().await;
    until(&queue, "the dead letter", |state| state.epoch == 2).await;
    nothing_comes(&queue, "a", false).await;
    queue.announce(vec![work(1, 0)]).await.unwrap();
    assert_eq!(worked_on(&queue).await, 1);
    queue.stop().await;
    installation.clear().await;
}

/// A message, or none if there is none just now.
async fn get(behind: &Behind, queue: &str) -> Option<lapin::message::BasicGetMessage> {
    behind.channel.basic_get(queue.into(), BasicGetOptions::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_reaches_no_queue_is_an_error_and_the_queue_is_made_again() {
    let installation = Installation::new();
    let queue = installation.queue().await;
    Behind::open(&installation.url).await.delete(&installation.name("delay.1s")).await;
    let refused = queue.announce(vec![work(1, 1_500)]).await.unwrap_err();
    assert!(refused.0.contains("delay.1s"), "{refused}");
    until(&queue, "the queue again", |state| state.connected && state.epoch == 2).await;
    queue.announce(vec![work(1, 1_500)]).await.unwrap();
    assert_eq!(worked_on(&queue).await, 1);
    queue.stop().await;
    installation.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_work_queue_is_made_again() {
    let installation = Installation::new();
    let queue = installation.queue().await;
    Behind::open(&installation.url).await.delete(&installation.name("a.bulk")).await;
    until(&queue, "the queue again", |state| state.connected && state.epoch == 2).await;
    queue.announce(vec![work(1, 0)]).await.unwrap();
    assert_eq!(worked_on(&queue).await, 1);
    queue.stop().await;
    installation.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_told_without_it() {
    let mut installation = Installation::new();
    installation.broker.credentials = Credentials::parse("guest:segreto-sbagliato\n").unwrap();
    let queue = installation.start();
    let state = until(&queue, "the refusal", |state| {
        state.trouble.as_ref().is_some_and(|why| why.contains("refuses user `guest`"))
    })
    .await;
    assert!(!state.connected);
    assert!(!format!("{state:?}").contains("segreto"), "{state:?}");
    queue.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vhost_that_is_not_there_is_told() {
    let mut installation = Installation::new();
    installation.broker.url = installation.url.replace("%2f", "altrove");
    let queue = installation.start();
    let refused = |why: &String| why.contains("into this vhost") && why.contains("altrove");
    until(&queue, "the refusal", |state| state.trouble.as_ref().is_some_and(refused)).await;
    queue.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_asks_for_an_authority_that_is_known() {
    let running = Running::shared();
    let mut installation = Installation::new();
    installation.broker.url = running.file("url-tls");
    let stranger = installation.start();
    let state = until(&stranger, "the refusal", |state| {
        state.trouble.as_ref().is_some_and(|why| why.contains("certificate"))
    });
    println!("{}", state.await.trouble.unwrap());
    stranger.stop().await;
    installation.broker.authorities = running.file("tls/authority.pem");
    let queue = installation.queue().await;
    queue.announce(vec![work(1, 0)]).await.unwrap();
    assert_eq!(worked_on(&queue).await, 1);
    queue.stop().await;
    installation.clear().await;
}

#[tokio::test]
async fn an_address_with_credentials_is_refused_without_repeating_them() {
    let mut installation = Installation::new();
    installation.broker.url = "amqp://utente:segreto@127.0.0.1:1/%2f".to_owned();
    let queue = installation.start();
    let state = until(&queue, "the refusal", |state| state.trouble.as_deref() != Some("not connected yet"));
    let trouble = state.await.trouble.unwrap();
    assert!(trouble.contains("credentials_file") && !trouble.contains("segreto"), "{trouble}");
    queue.stop().await;
}

#[tokio::test]
async fn a_broker_out_of_reach_is_told_and_announcing_does_not_wait() {
    let mut installation = Installation::new();
    // The discard port: nobody listens there.
    installation.broker.url = "amqp://127.0.0.1:9/%2f".to_owned();
    let queue = installation.start();
    let refused = |why: &String| why.contains("127.0.0.1:9 can't be reached");
    until(&queue, "the refusal", |state| state.trouble.as_ref().is_some_and(refused)).await;
    assert_eq!(queue.state().epoch, 0);
    let announcing = tokio::time::timeout(Duration::from_millis(500), queue.announce(vec![work(1, 0)]));
    assert!(announcing.await.unwrap().is_err());
    queue.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_that_is_not_configured_is_an_error_on_both_sides() {
    let installation = Installation::new();
    let queue = installation.queue().await;
    let strange = Work { route: "c".to_owned(), ..work(1, 0) };
    assert!(queue.announce(vec![strange]).await.unwrap_err().0.contains("`c`"));
    assert!(queue.take("c", false).await.err().unwrap().0.contains("`c`"));
    queue.stop().await;
    installation.clear().await;
}
