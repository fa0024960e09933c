//! Messages that are gone before they were read.

use stream_runtime::prelude::*;
use stream_runtime::sink::MemoryResults;

use crate::halt::{Halt, Halted, Halting};
use crate::support::{Topic, numbers, root, run, until};
use crate::{Number, Numbers};

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

/// A query that stands at the row `first`, the first of a batch of far more bytes than it fetches ahead.
async fn halted_at(
    topic: &Topic,
    first: i64,
    fail_on_data_loss: bool,
) -> (StreamingQuery, Halted, MemoryResults<Number>) {
    let halt = Halt::at(first);
    let padding = "x".repeat(20_000);
    for n in first..first + 1_000 {
        topic.send(0, format!("{{\"n\":{n},\"padding\":\"{padding}\"}}"));
    }
    topic.flush();
    let (results, sink) = MemorySink::new();
    let source = topic.source().prefetch_bytes(1 << 20).fail_on_data_loss(fail_on_data_loss);
    let query = Halting::query().numbers(source).to(sink).workers(1).start().await.unwrap();
    (query, halt.reached().await, results)
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_that_overtakes_a_batch_is_a_loss() {
    let topic = Topic::new(1).await;
    let (query, halted, _) = halted_at(&topic, 10_000, true).await;
    topic.delete_before(0, 900).await;
    halted.resume();
    let error = root(query.await_termination().await);
    assert!(error.contains("to 900 have been deleted before they were read"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_retention_overtakes_goes_on_with_what_is_left() {
    let topic = Topic::new(1).await;
    let (query, halted, results) = halted_at(&topic, 20_000, false).await;
    topic.delete_before(0, 900).await;
    halted.resume();
    until("the last row", || results.rows().last().is_some_and(|row| row.n == 20_999)).await;
    query.stop().await.unwrap();
    let numbers = numbers(&results);
    let lost = (20_000..21_000).filter(|n| !numbers.contains(n)).collect::<Vec<_>>();
    // What was fetched ahead isn't lost, nor what is left.
    assert!(lost[0] > 20_000 && lost.last() == Some(&20_899), "{lost:?}");
    assert!(lost.is_sorted() && lost.len() as i64 == 20_900 - lost[0], "{lost:?}");
    assert_eq!(numbers.len() + lost.len(), 1_000, "no row comes twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_deleted_in_the_middle_of_a_batch_is_a_loss() {
    let topic = Topic::new(1).await;
    let (strict, halted_strict, _) = halted_at(&topic, 30_000, true).await;
    let other = Topic::new(1).await;
    let (tolerant, halted_tolerant, results) = halted_at(&other, 40_000, false).await;
    topic.delete().await;
    other.delete().await;
    halted_strict.resume();
    halted_tolerant.resume();
    let error = root(strict.await_termination().await);
    assert!(error.contains("it was deleted before offsets"), "{error}");
    until("what was fetched ahead", || !results.rows().is_empty()).await;
    tolerant.stop().await.unwrap();
    let numbers = numbers(&results);
    assert_eq!(numbers, (40_000..40_000 + numbers.len() as i64).collect::<Vec<_>>());
}
