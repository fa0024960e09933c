//! Brokers that are away.

use kafka_broker::Node;
use stream_runtime::prelude::*;

use crate::halt::{Halt, Halting};
use crate::support::{Topic, numbers, root, run, until};

#[tokio::test]
async fn a_broker_that_is_not_there_is_an_error_after_a_while() {
    let (results, _) = MemorySink::new();
    let source = KafkaSource::new("127.0.0.1:1").subscribe(["clicks"]).request_timeout(milliseconds(500));
    let error = root(run(source, &results, None).await);
    assert!(error.contains("no answer from `127.0.0.1:1` for 500 ms"), "{error}");
    assert!(error.contains("Connection refused"), "the client's own reason: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_waits_for_a_broker_that_is_not_there_yet() {
    let directory = tempfile::tempdir().unwrap();
    let mut node = Node::start(directory.path().join("broker")).unwrap();
    let topic = Topic::with(&node.bootstrap_servers(), "numbers", 2, &[]).await;
    topic.numbers(0, 0..10);
    node.stop();
    let (results, sink) = MemorySink::new();
    let query = crate::Numbers::query().numbers(topic.source()).to(sink).start().await.unwrap();
    let node = tokio::task::spawn_blocking(move || {
        node.restart().unwrap();
        node
    });
    let node = node.await.unwrap();
    until("all rows", || results.rows().len() == 10).await;
    query.stop().await.unwrap();
    drop(node);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_outlives_a_broker_that_is_killed_in_the_middle_of_a_batch() {
    let directory = tempfile::tempdir().unwrap();
    let mut node = Node::start(directory.path().join("broker")).unwrap();
    let topic = Topic::with(&node.bootstrap_servers(), "numbers", 2, &[]).await;
    // Far more than a client fetches ahead with the smallest budget.
    let padding = "x".repeat(20_000);
    for n in 0..1_000 {
        topic.send(n % 2, format!("{{\"n\":{n},\"padding\":\"{padding}\"}}"));
    }
    topic.flush();
    let halt = Halt::at(0);
    let (results, sink) = MemorySink::new();
    let query = Halting::query()
        .numbers(topic.source().prefetch_bytes(1 << 20))
        .to(sink)
        .checkpoint(directory.path().join("checkpoint"))
        .workers(1)
        .start()
        .await
        .unwrap();
    let halted = halt.reached().await;
    node.stop();
    halted.resume();
    let node = tokio::task::spawn_blocking(move || {
        node.restart().unwrap();
        node
    });
    let node = node.await.unwrap();
    until("all rows", || results.rows().len() == 1_000).await;
    assert_eq!(results.batches().iter().filter(|batch| !batch.rows.is_empty()).count(), 1, "one batch");
    topic.numbers(0, 1_000..1_010);
    until("what comes later", || results.rows().len() == 1_010).await;
    query.stop().await.unwrap();
    assert_eq!(numbers(&results), (0..1_010).collect::<Vec<_>>());
    drop(node);
}
