//! How far a batch goes, and what is reported of it.

use std::sync::Arc;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use stream_runtime::engine::Clock;
use stream_runtime::prelude::*;
use stream_runtime::testing::ManualClock;

use crate::Numbers;
use crate::support::{PATIENCE, Topic, ends, numbers, run, unique, until};

#[tokio::test]
async fn a_limit_is_split_over_partitions_by_what_is_new() {
    let topic = Topic::new(3).await;
    topic.numbers(0, 0..100);
    topic.numbers(1, 100..400);
    topic.numbers(2, 400..401);
    let (results, _) = MemorySink::new();
    let progress = run(topic.source().max_offsets_per_trigger(100), &results, None).await.unwrap();
    // Of 401: 24.9, 74.8 and 0.2; then of 302: 25.2, 74.5 and 0; …
    assert_eq!(ends(&progress, &topic.name)[..2], [vec![24, 74, 1], vec![49, 148, 1]]);
    assert_eq!(ends(&progress, &topic.name).last().unwrap(), &[100, 300, 1]);
    assert_eq!(numbers(&results), (0..401).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_batch_is_bounded_by_bytes() {
    let topic = Topic::new(1).await;
    let padded = |n: i64| format!("{{\"n\":{n},\"padding\":\"{}\"}}", "x".repeat(10_000));
    (0..100).for_each(|n| topic.send(0, padded(n)));
    topic.flush();
    let (results, _) = MemorySink::new();
    let progress = run(topic.source().max_bytes_per_trigger(200_000), &results, None).await.unwrap();
    // Three messages of an unknown size, then of 10 kB.
    let ends = ends(&progress, &topic.name);
    assert_eq!(ends[..2], [[3], [22]]);
    assert_eq!(numbers(&results), (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_batch_waits_for_enough_messages_or_long_enough() {
    let topic = Topic::new(1).await;
    topic.numbers(0, 0..1);
    let clock = ManualClock::new(Timestamp::from_secs(1_000));
    let (results, sink) = MemorySink::new();
    let source = topic.source().min_offsets_per_trigger(3).max_trigger_delay(minutes(5));
    let query = Numbers::query()
        .numbers(source)
        .to(sink)
        .clock(Arc::clone(&clock) as Arc<dyn Clock>)
        .start()
        .await
        .unwrap();
    until("the first batch, which never waits", || results.rows().len() == 1).await;
    topic.numbers(0, 1..3);
    topic.numbers(0, 3..4);
    until("three more", || results.rows().len() == 4).await;
    topic.numbers(0, 4..6);
    clock.advance(minutes(5));
    until("five minutes later", || results.rows().len() == 6).await;
    query.stop().await.unwrap();
    let batches: Vec<_> = results.batches().iter().map(|batch| batch.rows.len()).collect();
    assert!(batches == [1, 3, 2], "{batches:?}");
}

#[tokio::test]
async fn progress_tells_how_far_partitions_are_behind() {
    let topic = Topic::new(2).await;
    topic.numbers(0, 0..10);
    topic.numbers(1, 10..40);
    let (results, _) = MemorySink::new();
    let progress = run(topic.source().max_offsets_per_trigger(20), &results, None).await.unwrap();
    let metrics = &progress[0].sources[0].metrics;
    let lag = ["minOffsetsBehindLatest", "maxOffsetsBehindLatest", "avgOffsetsBehindLatest"];
    assert_eq!(lag.map(|name| &*metrics[name]), ["5", "15", "10.0"]);
    let latest = progress[0].sources[0].latest_offset.as_ref().unwrap();
    assert_eq!(latest.0, serde_json::json!({ &*topic.name: { "0": 10, "1": 30 } }));
    let metrics = &progress[1].sources[0].metrics;
    assert_eq!(lag.map(|name| &*metrics[name]), ["0", "0", "0.0"]);
}

#[tokio::test]
async fn positions_are_committed_to_a_group_only_if_asked() {
    let topic = Topic::new(1).await;
    topic.numbers(0, 0..7);
    let group = unique("group");
    let committed = || {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &topic.servers).set("group.id", &group);
        let consumer: BaseConsumer = config.create().unwrap();
        let mut list = rdkafka::TopicPartitionList::new();
        list.add_partition(&topic.name, 0);
        consumer.committed_offsets(list, PATIENCE).unwrap().elements()[0].offset()
    };
    let (results, sink) = MemorySink::new();
    run(topic.source().group_id(&group), &results, None).await.unwrap();
    assert_eq!(committed(), rdkafka::Offset::Invalid);

    let source = topic.source().group_id(&group).commit_to_group(true);
    let query = Numbers::query().numbers(source).to(sink).start().await.unwrap();
    until("the commit", || committed() == rdkafka::Offset::Offset(7)).await;
    query.stop().await.unwrap();
}
