//! The anchor of pushed work: what the broker client alone carries, published, confirmed,
//! consumed and acknowledged, through one quorum queue of the broker at RACCORDO_AMQP.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use futures_core::Stream;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer};
use serde_json::{Value, json};

use super::measure::{child, number};
use super::table::{Table, thousands};

const MESSAGES: usize = 20_000;
const BODY: [u8; 100] = [b'x'; 100];
/// AMQP 0-9-1: `delivery-mode` 2 is persistent.
const PERSISTENT: u8 = 2;

/// One row for each number of messages under way.
pub fn measure(table: &mut Table) -> Result<()> {
    for in_flight in ["64", "512"] {
        let rates = (0..super::ROUNDS).map(|_| rate(in_flight)).collect::<Result<Vec<_>>>()?;
        row(table, in_flight, rates.into_iter().fold(0.0, f64::max));
    }
    Ok(())
}

/// Messages per second of one round.
pub fn rate(in_flight: &str) -> Result<f64> {
    Ok(MESSAGES as f64 / number(&child(&["broker", in_flight])?, "wall_s")?)
}

/// The row of the anchor.
pub fn row(table: &mut Table, in_flight: &str, rate: f64) {
    table.row(
        &format!("bare lapin: publish, confirm, consume, ack; {in_flight} under way"),
        &format!("{}/s", thousands(rate)),
        "100-byte persistent messages, one quorum queue",
    );
}

/// The child: all messages through one queue of its own.
pub fn run(in_flight: usize) -> Result<Value> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let wall_s = runtime.block_on(carry(in_flight))?;
    Ok(json!({ "wall_s": wall_s, "messages": MESSAGES }))
}

async fn carry(in_flight: usize) -> Result<f64> {
    let url = std::env::var("RACCORDO_AMQP").context("no broker: RACCORDO_AMQP; `make bench` starts one")?;
    let publisher = Connection::connect(&url, ConnectionProperties::default()).await?;
    let consumer = Connection::connect(&url, ConnectionProperties::default()).await?;
    let (publishing, consuming) = (publisher.create_channel().await?, consumer.create_channel().await?);
    let queue = ShortString::from(format!("bench-{}", uuid::Uuid::now_v7()));
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    publishing.queue_declare(queue.clone(), QueueDeclareOptions::durable(), arguments).await?;
    publishing.confirm_select(ConfirmSelectOptions::default()).await?;
    consuming.basic_qos(u16::try_from(in_flight)?, BasicQosOptions::default()).await?;
    let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
    let subscription = consuming.basic_consume(queue.clone(), "".into(), options, none).await?;
    let begun = Instant::now();
    tokio::try_join!(publish(&publishing, &queue, in_flight), consume(subscription))?;
    let wall_s = begun.elapsed().as_secs_f64();
    publishing.queue_delete(queue, QueueDeleteOptions::default()).await?;
    Ok(wall_s)
}

async fn publish(channel: &Channel, queue: &ShortString, in_flight: usize) -> Result<()> {
    let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let mut under_way = VecDeque::with_capacity(in_flight);
    for _ in 0..MESSAGES {
        if under_way.len() == in_flight {
            confirmed(&mut under_way).await?;
        }
        let publishing = channel.basic_publish("".into(), queue.clone(), options, &BODY, properties.clone());
        under_way.push_back(publishing.await?);
    }
    while !under_way.is_empty() {
        confirmed(&mut under_way).await?;
    }
    Ok(())
}

async fn confirmed(under_way: &mut VecDeque<lapin::PublisherConfirm>) -> Result<()> {
    let oldest = under_way.pop_front().context("nothing under way")?;
    ensure!(oldest.await?.is_ack(), "not confirmed");
    Ok(())
}

async fn consume(mut subscription: Consumer) -> Result<()> {
    for _ in 0..MESSAGES {
        let next = poll_fn(|context| Pin::new(&mut subscription).poll_next(context));
        let delivery = next.await.context("the subscription ended")??;
        delivery.ack(BasicAckOptions::default()).await?;
    }
    Ok(())
}
