//! Brokers that are away.

use kafka_broker::Node;
use stream_runtime::prelude::*;

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
    let (started, halted) = std::sync::mpsc::channel();
    let (resume, resumed) = std::sync::mpsc::channel::<()>();
    HALT.get_or_init(|| std::sync::Mutex::new(Some((started, resumed))));
    let (results, sink) = MemorySink::new();
    let query = Halting::query()
        .numbers(topic.source().prefetch_bytes(1 << 20))
        .to(sink)
        .checkpoint(directory.path().join("checkpoint"))
        .workers(1)
        .start()
        .await
        .unwrap();
    // The batch has read its first row.
    tokio::task::spawn_blocking(move || halted.recv().unwrap()).await.unwrap();
    node.stop();
    resume.send(()).unwrap();
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

type Halt = (std::sync::mpsc::Sender<()>, std::sync::mpsc::Receiver<()>);
static HALT: std::sync::OnceLock<std::sync::Mutex<Option<Halt>>> = std::sync::OnceLock::new();

/// Lets the first row of the batch wait until the test says so.
fn halt() -> bool {
    if let Some((started, resumed)) = HALT.get().and_then(|halt| halt.lock().unwrap().take()) {
        started.send(()).unwrap();
        resumed.recv().unwrap();
    }
    true
}

stream_query! {
    query Halting(numbers: crate::Number) -> crate::Number {
        from row in numbers;
        where halt();
        select crate::Number { n: row.n };
        output append;
    }
}
