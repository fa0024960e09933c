//! Which partitions are read: assigned ones, new ones, many.

use stream_runtime::prelude::*;
use stream_runtime::source::KafkaOffsets;

use crate::Numbers;
use crate::support::{Topic, numbers, run, servers, unique, until};

#[tokio::test]
async fn only_assigned_partitions_are_read() {
    let topic = Topic::new(3).await;
    (0..3).for_each(|partition| topic.numbers(partition, [i64::from(partition)]));
    let (results, _) = MemorySink::new();
    let source = KafkaSource::new(&topic.servers)
        .assign([(&*topic.name, 0), (&topic.name, 2)])
        .starting_offsets(KafkaOffsets::Earliest);
    run(source, &results, None).await.unwrap();
    assert_eq!(numbers(&results), [0, 2]);
}

#[tokio::test]
async fn partitions_that_are_added_are_read_from_their_beginning() {
    let topic = Topic::new(1).await;
    topic.numbers(0, 0..3);
    let (results, sink) = MemorySink::new();
    let source = topic.source().partition_discovery_interval(milliseconds(20));
    let query = Numbers::query().numbers(source).to(sink).start().await.unwrap();
    until("what is there", || results.rows().len() == 3).await;
    topic.add_partitions(3).await;
    topic.numbers(2, 3..6);
    topic.numbers(1, 6..9);
    topic.numbers(0, 9..10);
    until("the new partitions", || results.rows().len() == 10).await;
    query.stop().await.unwrap();
    assert_eq!(numbers(&results), (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn where_a_query_begins_and_ends_needs_no_word_of_partitions_that_are_added_later() {
    let topic = Topic::new(1).await;
    topic.numbers(0, 0..3);
    let directory = tempfile::tempdir().unwrap();
    let (results, _) = MemorySink::new();
    let source = |end| {
        let at = |offset| KafkaOffsets::at([(&*topic.name, 0, offset)]);
        topic.source().starting_offsets(at(1)).ending_offsets(at(end))
    };
    run(source(2), &results, Some(directory.path())).await.unwrap();
    topic.add_partitions(2).await;
    topic.numbers(1, 10..12);
    run(source(3), &results, Some(directory.path())).await.unwrap();
    assert_eq!(numbers(&results), [1, 2]);
}

#[tokio::test]
async fn a_pattern_finds_topics_that_are_made_later() {
    let prefix = unique("pattern");
    let first = Topic::with(servers(), &format!("{prefix}.a"), 1, &[]).await;
    let other = Topic::with(servers(), &format!("{prefix}-a"), 1, &[]).await;
    first.numbers(0, 0..3);
    other.numbers(0, 100..103);
    let (results, sink) = MemorySink::new();
    let source = KafkaSource::new(servers())
        .subscribe_pattern(format!("{prefix}\\..*"))
        .starting_offsets(KafkaOffsets::Earliest)
        .partition_discovery_interval(milliseconds(20));
    let query = Numbers::query().numbers(source).to(sink).start().await.unwrap();
    until("the first topic", || results.rows().len() == 3).await;
    let second = Topic::with(servers(), &format!("{prefix}.b"), 2, &[]).await;
    second.numbers(1, 3..6);
    until("the second topic", || results.rows().len() == 6).await;
    query.stop().await.unwrap();
    assert_eq!(numbers(&results), (0..6).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_topic_made_anew_under_a_query_that_bears_loss_is_read_from_its_beginning() {
    let prefix = unique("anew");
    let topic = Topic::with(servers(), &format!("{prefix}.a"), 1, &[]).await;
    topic.numbers(0, 0..5);
    topic.delete_before(0, 2).await;
    let (results, sink) = MemorySink::new();
    let source = KafkaSource::new(servers())
        .subscribe_pattern(format!("{prefix}.*"))
        .starting_offsets(KafkaOffsets::Earliest)
        .fail_on_data_loss(false)
        .partition_discovery_interval(milliseconds(20));
    let query = Numbers::query().numbers(source).to(sink).start().await.unwrap();
    until("what is there", || results.rows().len() == 3).await;
    topic.delete().await;
    let gone =
        || query.last_progress().unwrap().sources[0].end_offset.as_ref().unwrap().0 == serde_json::json!({});
    until("the query to have seen that it is gone", gone).await;
    topic.create_again(1).await;
    topic.numbers(0, 10..12);
    until("the new topic", || results.rows().len() == 5).await;
    query.stop().await.unwrap();
    assert_eq!(numbers(&results), [2, 3, 4, 10, 11]);
}

#[tokio::test]
async fn a_hundred_partitions_are_read() {
    let topic = Topic::new(100).await;
    for n in 0..1_000 {
        topic.send((n % 100) as i32, crate::json(n));
    }
    topic.flush();
    let directory = tempfile::tempdir().unwrap();
    let (results, _) = MemorySink::new();
    run(topic.source().max_offsets_per_trigger(300), &results, Some(directory.path())).await.unwrap();
    for n in 1_000..1_100 {
        topic.send((n % 100) as i32, crate::json(n));
    }
    topic.flush();
    run(topic.source(), &results, Some(directory.path())).await.unwrap();
    assert_eq!(numbers(&results), (0..1_100).collect::<Vec<_>>());
}

#[tokio::test]
async fn messages_of_a_megabyte_are_read_with_the_smallest_budget() {
    let topic = Topic::with(servers(), &unique("large"), 2, &[("max.message.bytes", "4000000")]).await;
    let padding = "x".repeat(1 << 20);
    for n in 0..20 {
        topic.send(n % 2, format!("{{\"n\":{n},\"padding\":\"{padding}\"}}"));
    }
    topic.flush();
    let (results, _) = MemorySink::new();
    run(topic.source().prefetch_bytes(1 << 20), &results, None).await.unwrap();
    assert_eq!(numbers(&results), (0..20).collect::<Vec<_>>());
}
