//! Where a query begins, and where it goes on.

use rdkafka::producer::BaseRecord;
use stream_runtime::prelude::*;
use stream_runtime::source::{KafkaOffsets, NoMatch};

use crate::support::{Topic, numbers, root, run, until};
use crate::{Numbers, json};

#[tokio::test]
async fn everything_is_read_from_the_earliest_offset_on() {
    let topic = Topic::new(2).await;
    topic.numbers(0, 0..50);
    topic.numbers(1, 50..100);
    let (results, _) = MemorySink::new();
    run(topic.source(), &results, None).await.unwrap();
    assert_eq!(numbers(&results), (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn without_a_word_a_query_begins_behind_the_newest_message() {
    let topic = Topic::new(2).await;
    topic.numbers(0, 0..10);
    let directory = tempfile::tempdir().unwrap();
    let (results, sink) = MemorySink::new();
    let source = KafkaSource::new(&topic.servers).subscribe([&topic.name]);
    let query = Numbers::query().numbers(source).to(sink).checkpoint(directory.path()).start().await.unwrap();
    // The first batch has no rows, and makes the beginning durable.
    until("the first batch", || query.last_progress().is_some()).await;
    query.stop().await.unwrap();
    topic.numbers(0, 10..12);
    topic.numbers(1, 12..14);
    let source = KafkaSource::new(&topic.servers).subscribe([&topic.name]);
    run(source, &results, Some(directory.path())).await.unwrap();
    assert_eq!(numbers(&results), [10, 11, 12, 13]);
}

#[tokio::test]
async fn each_partition_begins_where_it_is_told() {
    let topic = Topic::new(3).await;
    for partition in 0..3 {
        let first = i64::from(partition) * 10;
        topic.numbers(partition, first..first + 5);
    }
    let at = |offsets: &[i64]| {
        let offsets = offsets.iter().enumerate();
        KafkaOffsets::at(offsets.map(|(number, &offset)| (&*topic.name, number as i32, offset)))
    };
    let (results, _) = MemorySink::new();
    let source = topic.source().starting_offsets(at(&[3, KafkaOffsets::LATEST, KafkaOffsets::EARLIEST]));
    run(source, &results, None).await.unwrap();
    assert_eq!(numbers(&results), [3, 4, 20, 21, 22, 23, 24]);

    let error = root(run(topic.source().starting_offsets(at(&[3, 0])), &results, None).await);
    assert!(error.contains("has to list every partition") && error.contains("partition 2"), "{error}");
    let error = root(run(topic.source().starting_offsets(at(&[3, 0, 0, 0])), &results, None).await);
    assert!(error.contains("partition 3, which doesn't exist"), "{error}");
}

#[tokio::test]
async fn a_partition_may_begin_behind_what_it_holds_so_far() {
    let topic = Topic::new(1).await;
    topic.numbers(0, 0..3);
    let directory = tempfile::tempdir().unwrap();
    let (results, _) = MemorySink::new();
    let source = || topic.source().starting_offsets(KafkaOffsets::at([(&*topic.name, 0, 5)]));
    for first in [3, 4] {
        run(source(), &results, Some(directory.path())).await.unwrap();
        topic.numbers(0, [first]);
    }
    run(source(), &results, Some(directory.path())).await.unwrap();
    topic.numbers(0, 5..7);
    run(source(), &results, Some(directory.path())).await.unwrap();
    assert_eq!(numbers(&results), [5, 6]);
}

#[tokio::test]
async fn a_partition_begins_with_the_first_message_of_a_time() {
    let topic = Topic::new(2).await;
    for (partition, n, second) in [(0, 1, 100), (0, 2, 200), (0, 3, 300), (1, 4, 150)] {
        let payload = json(n);
        let record = BaseRecord::<(), [u8]>::to(&topic.name).partition(partition).timestamp(second * 1_000);
        topic.record(record.payload(payload.as_bytes()));
    }
    topic.flush();
    let (results, _) = MemorySink::new();
    let from = |second| topic.source().starting_timestamp(Timestamp::from_secs(second));
    run(from(150), &results, None).await.unwrap();
    assert_eq!(numbers(&results), [2, 3, 4]);

    let error = root(run(from(151), &results, None).await);
    assert!(error.contains("partition 1 has no message of the starting time or later"), "{error}");
    results.clear();
    let source = from(151).starting_offsets_by_timestamp_strategy(NoMatch::Latest);
    run(source, &results, None).await.unwrap();
    assert_eq!(numbers(&results), [2, 3]);
}

#[tokio::test]
async fn a_bounded_run_ends_where_it_is_told() {
    let topic = Topic::new(2).await;
    topic.numbers(0, 0..10);
    topic.numbers(1, 10..20);
    let directory = tempfile::tempdir().unwrap();
    let (results, _) = MemorySink::new();
    let ending = KafkaOffsets::at([(&*topic.name, 0, 4), (&topic.name, 1, KafkaOffsets::LATEST)]);
    run(topic.source().ending_offsets(ending), &results, Some(directory.path())).await.unwrap();
    assert_eq!(numbers(&results), (0..4).chain(10..20).collect::<Vec<_>>());
    // An end before the place where the query stands is no way back.
    let ending = KafkaOffsets::at([(&*topic.name, 0, 2), (&topic.name, 1, 2)]);
    run(topic.source().ending_offsets(ending), &results, Some(directory.path())).await.unwrap();
    assert_eq!(results.rows().len(), 14);
}

#[tokio::test]
async fn a_restart_goes_on_where_the_checkpoint_stands() {
    let topic = Topic::new(2).await;
    let directory = tempfile::tempdir().unwrap();
    let (results, _) = MemorySink::new();
    for round in 0..3 {
        topic.numbers(0, round * 10..round * 10 + 5);
        topic.numbers(1, round * 10 + 5..round * 10 + 10);
        run(topic.source(), &results, Some(directory.path())).await.unwrap();
        assert_eq!(numbers(&results), (0..round * 10 + 10).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_second_instance_of_a_query_does_not_start() {
    let topic = Topic::new(1).await;
    topic.numbers(0, 0..10);
    let directory = tempfile::tempdir().unwrap();
    let (results, sink) = MemorySink::new();
    let first = Numbers::query().numbers(topic.source()).to(sink).checkpoint(directory.path());
    let first = first.start().await.unwrap();
    until("the first instance", || results.rows().len() == 10).await;
    let (second, _) = MemorySink::new();
    let error = root(run(topic.source(), &second, Some(directory.path())).await);
    assert!(error.contains("another process uses it"), "{error}");
    assert!(second.rows().is_empty());
    topic.numbers(0, 10..12);
    until("the first instance, which goes on", || results.rows().len() == 12).await;
    first.stop().await.unwrap();
    run(topic.source(), &second, Some(directory.path())).await.unwrap();
    assert!(second.rows().is_empty(), "it begins where the first one ended");
}

#[tokio::test]
async fn a_topic_that_does_not_exist_is_said_to_be_missing() {
    let topic = Topic::new(1).await;
    let (results, _) = MemorySink::new();
    let source = KafkaSource::new(&topic.servers).subscribe([&*topic.name, "no-such-topic"]);
    let error = root(run(source, &results, None).await);
    assert!(error.contains("topic `no-such-topic` doesn't exist"), "{error}");
    let source = KafkaSource::new(&topic.servers).assign([(&*topic.name, 1)]);
    let error = root(run(source, &results, None).await);
    assert!(error.contains("partition 1 doesn't exist"), "{error}");
}

#[tokio::test]
async fn options_that_would_break_the_contract_are_refused_with_the_reason() {
    let (results, _) = MemorySink::new();
    let topic = Topic::new(1).await;
    for (name, reason) in [
        ("enable.auto.commit", "positions are in the query's checkpoint"),
        ("kafka.auto.offset.reset", "starting_offsets"),
        ("group.id", "`group_id`"),
        ("bootstrap.servers", "where the source or sink is made"),
        ("no.such.property", "no.such.property"),
    ] {
        let error = root(run(topic.source().option(name, "earliest"), &results, None).await);
        assert!(error.contains(reason), "{name}: {error}");
    }
    let error = root(run(topic.source().subscribe_pattern("x"), &results, None).await);
    assert!(error.contains("exactly one of"), "{error}");
    let error = root(run(topic.source().commit_to_group(true), &results, None).await);
    assert!(error.contains("name the group with `group_id`"), "{error}");
    run(topic.source().option("kafka.client.id", "test"), &results, None).await.unwrap();
}
