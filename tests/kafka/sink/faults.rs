//! Brokers and transactions that fail while a batch is written.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use kafka_broker::Node;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::TopicPartitionList;
use stream_runtime::engine::StreamingQuery;
use stream_runtime::error::BoxError;
use stream_runtime::prelude::*;
use stream_runtime::sink::{KafkaSink, MessageWriter};

use super::{committed, group};
use crate::support::{PATIENCE, Topic, root};
use crate::{Number, Numbers, json};

/// A sink that does something once, when it is about to write a number.
fn at(n: i64, topic: &Topic, then: impl Fn() + Send + Sync + 'static) -> KafkaSink<Number> {
    let done = AtomicBool::new(false);
    let format = move |row: &Number, message: &mut MessageWriter| -> Result<(), BoxError> {
        if row.n == n && !done.swap(true, Ordering::Relaxed) {
            then();
        }
        row.encode_message(message);
        Ok(())
    };
    KafkaSink::new(&topic.servers).topic(&topic.name).format(format)
}

async fn start(
    input: &Topic,
    sink: KafkaSink<Number>,
    checkpoint: &std::path::Path,
) -> stream_runtime::Result<StreamingQuery> {
    Numbers::query()
        .numbers(input.source())
        .to(sink)
        .checkpoint(checkpoint)
        .trigger(Trigger::AvailableNow)
        .start()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_restarts_in_mid_batch_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::start(directory.path().join("broker")).unwrap();
    let servers = node.bootstrap_servers();
    let input = Topic::new(1).await;
    let output = Topic::with(&servers, "output", 2, &[]).await;
    input.numbers(0, 0..5_000);
    let node = Mutex::new(node);
    let sink = at(2_500, &output, move || {
        let mut node = node.lock().unwrap();
        node.stop();
        node.restart().unwrap();
    });
    // The node lives as long as the sink: what it has is read in a query of its own.
    let checkpoint = directory.path().join("checkpoint");
    let query = Numbers::query()
        .numbers(input.source())
        .to(sink)
        .to(reading(&output, 5_000))
        .checkpoint(checkpoint)
        .trigger(Trigger::AvailableNow)
        .start()
        .await
        .unwrap();
    query.await_termination().await.unwrap();
}

/// A sink behind another one: checks that the topic has the numbers up to `end`, each once.
fn reading(
    topic: &Topic,
    end: i64,
) -> impl stream_runtime::sink::Sink<Number, Modes = stream_runtime::sink::AnyMode> + use<> {
    let (servers, name) = (topic.servers.clone(), topic.name.clone());
    let mut is_read = false;
    ForeachSink::new(move |_: &Number| {
        if !std::mem::replace(&mut is_read, true) {
            let seen = committed(&servers, &name);
            let mut numbers: Vec<_> = seen.iter().map(super::Seen::value_text).collect();
            numbers.sort_unstable();
            let mut expected: Vec<_> = (0..end).map(json).collect();
            expected.sort_unstable();
            assert!(numbers == expected, "{} messages", numbers.len());
        }
        Ok(())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_gone_at_the_commit_leaves_the_batch_to_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::start(directory.path().join("broker")).unwrap();
    let input = Topic::new(1).await;
    let output = Topic::with(&node.bootstrap_servers(), "output", 1, &[]).await;
    input.numbers(0, 0..10);
    let checkpoint = directory.path().join("checkpoint");
    // A broker's first transaction takes longer than this test wants to wait for an answer.
    start(&input, at(-1, &output, || {}), &checkpoint).await.unwrap().await_termination().await.unwrap();
    input.numbers(0, 10..20);
    let node = Arc::new(Mutex::new(node));
    let stopping = Arc::clone(&node);
    let sink = at(19, &output, move || stopping.lock().unwrap().stop()).request_timeout(seconds(2));
    let query = start(&input, sink, &checkpoint).await.unwrap();
    let error = root(query.await_termination().await);
    assert!(error.contains("request_timeout"), "{error}");

    node.lock().unwrap().restart().unwrap();
    let query = start(&input, at(-1, &output, || {}), &checkpoint).await.unwrap();
    query.await_termination().await.unwrap();
    assert_eq!(output.committed_numbers(), (0..20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_the_broker_aborts_in_mid_batch_is_begun_anew() {
    let (input, output) = (Topic::new(1).await, Topic::new(1).await);
    let directory = tempfile::tempdir().unwrap();
    input.numbers(0, 0..10);
    let (servers, name) = (output.servers.clone(), output.name.clone());
    let aborted = move || {
        until_written(&servers, &name);
        // A reader of committed messages gets to the end of the topic once the broker has put an end to what is open.
        assert_eq!(committed(&servers, &name), []);
    };
    let sink = at(9, &output, aborted).transaction_timeout(seconds(1));
    let query = start(&input, sink, directory.path()).await.unwrap();
    query.await_termination().await.unwrap();
    assert_eq!(output.committed_numbers(), (0..10).collect::<Vec<_>>());
}

/// Waits until a message stands in the topic, committed or not.
fn until_written(servers: &str, topic: &str) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", "tests")
        .set("isolation.level", "read_uncommitted")
        .create()
        .unwrap();
    let begun = std::time::Instant::now();
    while consumer.fetch_watermarks(topic, 0, PATIENCE).unwrap().1 == 0 {
        assert!(begun.elapsed() < PATIENCE, "nothing is written");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_turns_out_to_be_committed_isnt_written_again() {
    let (input, output) = (Topic::new(1).await, Topic::new(1).await);
    let directory = tempfile::tempdir().unwrap();
    input.numbers(0, 0..10);
    let (servers, name) = (output.servers.clone(), output.name.clone());
    // Commits the batch in the sink's name, as if its own commit had gone through and the answer had been lost.
    let commit = move |prefix: &str| {
        let (run, id) = marker(&servers, &name, prefix);
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &servers).set("group.id", &id);
        let consumer: BaseConsumer = config.create().unwrap();
        let producer: BaseProducer = config.clone().set("transactional.id", &id).create().unwrap();
        producer.init_transactions(PATIENCE).unwrap();
        producer.begin_transaction().unwrap();
        for n in 0..10 {
            producer.send(BaseRecord::<(), str>::to(&name).payload(&json(n))).unwrap();
        }
        let mut list = TopicPartitionList::new();
        let mut element = list.add_partition(&name, 0);
        element.set_offset(rdkafka::Offset::Offset(1)).unwrap();
        element.set_metadata(run);
        producer.send_offsets_to_transaction(&list, &consumer.group_metadata().unwrap(), PATIENCE).unwrap();
        producer.commit_transaction(PATIENCE).unwrap();
    };
    let prefix = crate::support::unique("id");
    let given = prefix.clone();
    let sink = at(9, &output, move || commit(&given)).transactional_id(prefix);
    let query = start(&input, sink, directory.path()).await.unwrap();
    query.await_termination().await.unwrap();
    assert_eq!(output.committed_numbers(), (0..10).collect::<Vec<_>>());
}

/// The metadata of a sink's marker, and the sink's id.
fn marker(servers: &str, topic: &str, prefix: &str) -> (String, String) {
    let group = group(servers, prefix);
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", &group)
        .set("isolation.level", "read_uncommitted")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, 0);
    let list = consumer.committed_offsets(list, PATIENCE).unwrap();
    (list.elements()[0].metadata().to_owned(), group)
}

#[tokio::test]
async fn a_message_that_is_too_large_is_named_and_nothing_of_its_batch_is_committed() {
    let (input, output) = (Topic::new(1).await, Topic::new(1).await);
    input.numbers(0, 0..3);
    let sink = |large: usize| {
        let format = move |row: &Number, message: &mut MessageWriter| -> Result<(), BoxError> {
            message.write_key(|out| out.extend_from_slice(format!("key-{}", row.n).as_bytes()));
            let size = if row.n == 1 { large } else { 10 };
            message.write_value(|out| out.resize(size, b'x'));
            Ok(())
        };
        KafkaSink::new(&output.servers).topic(&output.name).format(format)
    };
    let directory = tempfile::tempdir().unwrap();
    // The client refuses the first, the broker the second.
    for sink in [sink(2 << 20).option("message.max.bytes", "1000000"), sink(2 << 20)] {
        let query = start(&input, sink, directory.path()).await.unwrap();
        let error = root(query.await_termination().await);
        for expected in
            ["batch 0, row 2", "`key-1`", "2097157 bytes", "max.message.bytes", "message.max.bytes"]
        {
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }
    assert_eq!(output.committed(), []);
    let query = start(&input, sink(1_000_000 - 200), directory.path()).await.unwrap();
    query.await_termination().await.unwrap();
    let sizes: Vec<_> = output.committed().iter().map(|seen| seen.value.as_ref().unwrap().len()).collect();
    assert_eq!(sizes, [10, 999_800, 10]);
}

#[tokio::test]
async fn a_batch_that_is_larger_than_the_clients_queue_goes_through() {
    let (input, output) = (Topic::new(1).await, Topic::new(2).await);
    input.numbers(0, 0..3_000);
    let directory = tempfile::tempdir().unwrap();
    let sink = KafkaSink::new(&output.servers)
        .topic(&output.name)
        .option("queue.buffering.max.messages", "100")
        .option("linger.ms", "0");
    let query = start(&input, sink, directory.path()).await.unwrap();
    query.await_termination().await.unwrap();
    assert_eq!(output.committed_numbers(), (0..3_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_message_that_is_larger_than_the_clients_queue_is_named() {
    let (input, output) = (Topic::new(1).await, Topic::new(1).await);
    input.numbers(0, 0..3);
    let format = |row: &Number, message: &mut MessageWriter| -> Result<(), BoxError> {
        message.write_value(|out| out.resize(if row.n == 1 { 3_000 } else { 10 }, b'x'));
        Ok(())
    };
    let sink = KafkaSink::new(&output.servers)
        .topic(&output.name)
        .option("queue.buffering.max.kbytes", "2")
        .format(format);
    let directory = tempfile::tempdir().unwrap();
    let query = start(&input, sink, directory.path()).await.unwrap();
    let error = root(query.await_termination().await);
    for expected in ["batch 0, row 2", "3000 bytes", "queue.buffering.max.kbytes"] {
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert_eq!(output.committed(), []);
}

#[tokio::test]
async fn at_least_once_writes_without_a_transaction_and_without_a_checkpoint() {
    let (input, output) = (Topic::new(1).await, Topic::new(1).await);
    input.numbers(0, 0..5);
    let sink = KafkaSink::new(&output.servers).topic(&output.name).at_least_once();
    let query = Numbers::query()
        .numbers(input.source())
        .to(sink)
        .trigger(Trigger::AvailableNow)
        .start()
        .await
        .unwrap();
    query.await_termination().await.unwrap();
    assert!(query.last_progress().unwrap().sink.description.contains("at least once"));
    assert_eq!(output.committed_numbers(), (0..5).collect::<Vec<_>>());
}
