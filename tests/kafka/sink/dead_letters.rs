//! Malformed messages in a topic of their own.

use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::BaseRecord;
use stream_runtime::prelude::*;
use stream_runtime::sink::{KafkaDeadLetters, KafkaSink};

use crate::support::{Topic, root};
use crate::{Number, Numbers};

fn sink(output: &Topic, dead: &Topic) -> (KafkaSink<Number>, KafkaDeadLetters) {
    KafkaSink::new(&output.servers).topic(&output.name).dead_letters(&dead.name)
}

#[tokio::test]
async fn a_dead_letter_is_the_message_with_where_it_came_from() {
    let (input, output, dead) = (Topic::new(1).await, Topic::new(1).await, Topic::new(1).await);
    input.numbers(0, 0..1);
    let headers = || OwnedHeaders::new().insert(Header { key: "trace", value: Some("7") });
    let record = BaseRecord::<[u8], [u8]>::to(&input.name).timestamp(1_700_000_000_123).headers(headers());
    input.record(record.key(b"\xff\xfe".as_slice()).payload(b"{\"n\":\xff}".as_slice()));
    // A tombstone and an empty value are two things.
    input.record(BaseRecord::<[u8], [u8]>::to(&input.name).key(b"gone".as_slice()));
    input.record(BaseRecord::<[u8], [u8]>::to(&input.name).payload(b"".as_slice()));
    input.flush();
    // The sink of its own writes what the half of a sink writes.
    for alone in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let query = if alone {
            let letters = KafkaSink::new(&dead.servers).topic(&dead.name);
            let (results, _) = MemorySink::new();
            Numbers::query()
                .numbers(input.source().on_malformed(OnMalformed::dead_letter(letters)))
                .to(results.sink())
        } else {
            let (sink, letters) = sink(&output, &dead);
            Numbers::query().numbers(input.source().on_malformed(OnMalformed::dead_letter(letters))).to(sink)
        };
        let query = query.checkpoint(directory.path()).trigger(Trigger::AvailableNow).start().await.unwrap();
        query.await_termination().await.unwrap();
    }
    assert_eq!(output.committed_numbers(), [0]);
    let letters = dead.committed();
    let letters: Vec<_> = letters
        .iter()
        .map(|seen| {
            let own = seen.headers.iter().filter(|(name, _)| !name.starts_with("__connect")).count();
            assert_eq!(seen.header("__connect.errors.topic"), Some(&*input.name));
            assert_eq!(seen.header("__connect.errors.partition"), Some("0"));
            assert!(seen.header("__connect.errors.exception.message").is_some());
            (seen.key.as_deref(), seen.value.as_deref(), own, seen.header("__connect.errors.offset").unwrap())
        })
        .collect();
    let expected = [
        (Some(b"\xff\xfe".as_slice()), Some(b"{\"n\":\xff}".as_slice()), 1, "1"),
        (Some(b"gone".as_slice()), None, 0, "2"),
        (None, Some(b"".as_slice()), 0, "3"),
    ];
    assert_eq!(letters, [expected, expected].concat());
    assert_eq!(dead.committed()[0].millis, Some(1_700_000_000_123));
}

#[tokio::test]
async fn a_batch_of_nothing_but_dead_letters_is_written() {
    let (input, output, dead) = (Topic::new(1).await, Topic::new(1).await, Topic::new(1).await);
    input.send(0, "x");
    input.flush();
    let (sink, letters) = sink(&output, &dead);
    let directory = tempfile::tempdir().unwrap();
    let query = Numbers::query()
        .numbers(input.source().on_malformed(OnMalformed::dead_letter(letters)))
        .to(sink)
        .checkpoint(directory.path())
        .trigger(Trigger::AvailableNow)
        .start()
        .await
        .unwrap();
    query.await_termination().await.unwrap();
    assert_eq!(dead.committed().len(), 1);
    assert_eq!(output.committed(), []);
}

#[tokio::test]
async fn neither_half_is_used_without_the_other() {
    let (input, output, dead) = (Topic::new(1).await, Topic::new(1).await, Topic::new(1).await);
    let directory = tempfile::tempdir().unwrap();
    let (only_sink, letters) = sink(&output, &dead);
    let query = Numbers::query().numbers(input.source()).to(only_sink).checkpoint(directory.path());
    let error = root(query.start().await);
    assert!(error.contains("no input of the query sends it dead letters"), "{error}");
    drop(letters);

    let (sink, only_letters) = sink(&output, &dead);
    drop(sink);
    let (results, _) = MemorySink::new();
    let query = Numbers::query()
        .numbers(input.source().on_malformed(OnMalformed::dead_letter(only_letters)))
        .to(results.sink());
    let error = root(query.start().await);
    assert!(error.contains("isn't one of the query's"), "{error}");
}
