//! Messages that are gone before they were read.

use stream_runtime::prelude::*;

use crate::Numbers;
use crate::support::{Topic, numbers, root, run, until};

#[tokio::test]
async fn messages_deleted_before_they_are_read_are_a_loss() {
    let topic = Topic::new(1).await;
    topic.numbers(0, 0..10);
    let directory = tempfile::tempdir().unwrap();
    let (results, _) = MemorySink::new();
    run(topic.source(), &results, Some(directory.path())).await.unwrap();
    topic.numbers(0, 10..30);
    topic.delete_before(0, 15).await;
    let error = root(run(topic.source(), &results, Some(directory.path())).await);
    assert!(
        error.contains("offset 10 to 15 have been deleted") && error.contains("fail_on_data_loss"),
        "{error}"
    );
    assert_eq!(numbers(&results), (0..10).collect::<Vec<_>>());

    let source = topic.source().fail_on_data_loss(false);
    run(source, &results, Some(directory.path())).await.unwrap();
    assert_eq!(numbers(&results), (0..10).chain(15..30).collect::<Vec<_>>());
    topic.numbers(0, 30..33);
    run(topic.source(), &results, Some(directory.path())).await.unwrap();
    assert_eq!(numbers(&results), (0..10).chain(15..33).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_batch_whose_messages_are_all_gone_ends() {
    let topic = Topic::new(1).await;
    topic.numbers(0, 0..10);
    let directory = tempfile::tempdir().unwrap();
    let (results, _) = MemorySink::new();
    run(topic.source(), &results, Some(directory.path())).await.unwrap();
    topic.numbers(0, 10..30);
    topic.delete_before(0, 30).await;
    let source = topic.source().fail_on_data_loss(false).max_offsets_per_trigger(5);
    run(source, &results, Some(directory.path())).await.unwrap();
    topic.numbers(0, 30..33);
    run(topic.source(), &results, Some(directory.path())).await.unwrap();
    assert_eq!(numbers(&results), (0..10).chain(30..33).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_topic_deleted_under_a_query_is_a_loss() {
    let topic = Topic::new(2).await;
    let kept = Topic::new(1).await;
    topic.numbers(0, 0..10);
    kept.numbers(0, 100..103);
    let both = || {
        KafkaSource::new(&topic.servers)
            .subscribe([&topic.name, &kept.name])
            .starting_offsets(stream_runtime::source::KafkaOffsets::Earliest)
            .partition_discovery_interval(milliseconds(20))
    };
    let (results, sink) = MemorySink::new();
    let strict = Numbers::query().numbers(both()).to(sink).start().await.unwrap();
    let (tolerant_results, sink) = MemorySink::new();
    let source = both().fail_on_data_loss(false);
    let tolerant = Numbers::query().numbers(source).to(sink).start().await.unwrap();
    until("what is there", || results.rows().len() == 13 && tolerant_results.rows().len() == 13).await;
    topic.delete().await;
    let error = root(strict.await_termination().await);
    assert!(error.contains(&topic.name) && error.contains("doesn't exist any more"), "{error}");
    kept.numbers(0, 103..106);
    until("the other topic", || tolerant_results.rows().len() == 16).await;
    tolerant.stop().await.unwrap();
}

#[tokio::test]
async fn a_topic_made_anew_is_a_loss_and_read_from_its_beginning() {
    let topic = Topic::new(1).await;
    topic.numbers(0, 0..10);
    let directory = tempfile::tempdir().unwrap();
    let (results, _) = MemorySink::new();
    run(topic.source(), &results, Some(directory.path())).await.unwrap();
    topic.delete().await;
    topic.create_again(1).await;
    topic.numbers(0, 100..104);
    let error = root(run(topic.source(), &results, Some(directory.path())).await);
    assert!(error.contains("it ends at offset 4, and the query has read up to 10"), "{error}");
    let source = topic.source().fail_on_data_loss(false).max_offsets_per_trigger(3);
    run(source, &results, Some(directory.path())).await.unwrap();
    assert_eq!(numbers(&results), (0..10).chain(100..104).collect::<Vec<_>>());
}
