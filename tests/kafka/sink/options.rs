//! What keeps a query from starting.

use stream_runtime::prelude::*;
use stream_runtime::sink::KafkaSink;

use crate::support::{Topic, root, unique};
use crate::{Number, Numbers};

/// The error that a query with this sink doesn't start with.
async fn refused(sinks: impl IntoIterator<Item = KafkaSink<Number>>) -> String {
    let (_input, source) = MemorySource::new();
    let directory = tempfile::tempdir().unwrap();
    let mut query = Numbers::query().numbers(source).checkpoint(directory.path());
    for sink in sinks {
        query = query.to(sink);
    }
    root(query.start().await)
}

#[tokio::test]
async fn properties_that_would_break_the_contract_are_refused_with_the_reason() {
    let sink = || KafkaSink::new("127.0.0.1:1").topic("t");
    for (name, reason) in [
        ("transactional.id", "transactional_id"),
        ("kafka.transaction.timeout.ms", "transaction_timeout"),
        ("enable.idempotence", "written twice"),
        ("acks", "get lost"),
        ("bootstrap.servers", "named where"),
    ] {
        let error = refused([sink().option(name, "0")]).await;
        assert!(error.contains(reason) && error.contains("can't be set"), "{name}: {error}");
    }
    let error = refused([sink().option("no.such.property", "1")]).await;
    assert!(error.contains("no.such.property"), "{error}");
}

#[tokio::test]
async fn options_that_dont_fit_together_are_refused() {
    let sink = || KafkaSink::new("127.0.0.1:1");
    let cases = [
        (sink(), "say where rows go"),
        (sink().topic("a topic"), "`a topic` can't be a topic"),
        (sink().topic("t").at_least_once().transactional_id("x"), "no transactions"),
        (sink().topic("t").transaction_timeout(milliseconds(1)), "at least a second"),
    ];
    for (sink, expected) in cases {
        let error = refused([sink]).await;
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_sink_that_remembers_batches_needs_a_checkpoint() {
    let (_input, source) = MemorySource::new();
    let query = Numbers::query().numbers(source).to(KafkaSink::new("127.0.0.1:1").topic("t"));
    let error = root(query.start().await);
    assert!(error.contains("KafkaSink[t]") && error.contains("checkpoint"), "{error}");
}

#[derive(Schema, Clone, Debug)]
struct Placed {
    n: i64,
    #[schema(kafka = "offset")]
    offset: i64,
}

stream_query! {
    query Places(numbers: Placed) -> Placed {
        from row in numbers;
        select Placed { n: row.n, offset: row.offset };
        output append;
    }
}

#[tokio::test]
async fn an_offset_cant_be_written() {
    let (_input, source) = MemorySource::new();
    let directory = tempfile::tempdir().unwrap();
    let query = Places::query()
        .numbers(source)
        .to(KafkaSink::new("127.0.0.1:1").topic("t"))
        .checkpoint(directory.path());
    let error = root(query.start().await);
    assert!(error.contains("column `offset`"), "{error}");
}

#[tokio::test]
async fn two_sinks_of_a_query_to_one_topic_need_ids_of_their_own() {
    let (input, output) = (Topic::new(1).await, Topic::new(1).await);
    let sink = || KafkaSink::<Number>::new(&output.servers).topic(&output.name);
    let error = refused([sink(), sink()]).await;
    assert!(error.contains("transactional_id"), "{error}");

    input.numbers(0, 0..2);
    let directory = tempfile::tempdir().unwrap();
    let query = Numbers::query()
        .numbers(input.source())
        .to(sink())
        .to(sink().transactional_id(unique("second")))
        .checkpoint(directory.path())
        .trigger(Trigger::AvailableNow)
        .start()
        .await
        .unwrap();
    query.await_termination().await.unwrap();
    assert_eq!(output.committed_numbers(), [0, 0, 1, 1]);
}

#[tokio::test]
async fn a_transaction_that_may_last_longer_than_brokers_allow_is_refused_by_their_setting() {
    let output = Topic::new(1).await;
    let error =
        refused([KafkaSink::new(&output.servers).topic(&output.name).transaction_timeout(minutes(16))]).await;
    assert!(error.contains("transaction.max.timeout.ms"), "{error}");
}

#[tokio::test]
async fn a_topic_that_isnt_there_is_named_before_the_first_batch() {
    let output = Topic::new(1).await;
    let missing = unique("missing");
    let error = refused([KafkaSink::new(&output.servers).topic(&missing)]).await;
    assert!(error.contains(&missing), "{error}");
}

#[tokio::test]
async fn brokers_that_arent_there_are_named() {
    let sink = KafkaSink::new("127.0.0.1:1").topic("t").request_timeout(milliseconds(300));
    let error = refused([sink]).await;
    assert!(error.contains("127.0.0.1:1") && error.contains("request_timeout"), "{error}");
}
