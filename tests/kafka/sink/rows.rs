//! What a row becomes: parts of a message by attribute, the value by the rest.

use rdkafka::producer::BaseRecord;
use stream_runtime::error::BoxError;
use stream_runtime::prelude::*;
use stream_runtime::sink::MessageWriter;
use stream_runtime::source::{Header, KafkaOffsets};

use super::committed;
use crate::support::{Topic, root};

/// Everything that a message has, taken from one and put into another.
#[derive(Schema, Clone, Debug)]
struct Whole {
    #[schema(kafka = "topic")]
    topic: Option<String>,
    #[schema(kafka = "partition")]
    partition: Option<i32>,
    #[schema(kafka = "key")]
    key: Option<Vec<u8>>,
    #[schema(kafka = "timestamp")]
    time: Timestamp,
    #[schema(kafka = "headers")]
    headers: Vec<Header>,
    #[schema(kafka = "value")]
    value: Option<Vec<u8>>,
}

stream_query! {
    query Moved(messages: Whole) -> Whole {
        from m in messages;
        select Whole {
            topic: m.headers.iter().find(|header| header.key == "to").and_then(|header| {
                String::from_utf8(header.value?.to_vec()).ok()
            }),
            partition: m.partition.map(|partition| 1 - partition),
            key: m.key,
            time: m.time,
            headers: m.headers,
            value: m.value,
        };
        output append;
    }
}

#[tokio::test]
async fn a_row_may_be_a_whole_message_and_a_null_value_is_a_tombstone() {
    let (input, output, other) = (Topic::new(2).await, Topic::new(2).await, Topic::new(2).await);
    let time = 1_700_000_000_123;
    let header = |value: Option<&str>| {
        rdkafka::message::OwnedHeaders::new()
            .insert(rdkafka::message::Header { key: "to", value })
            .insert(rdkafka::message::Header { key: "none", value: None::<&str> })
    };
    let record = BaseRecord::<[u8], [u8]>::to(&input.name).timestamp(time);
    let value = b"\xff\x00 bytes".as_slice();
    input.record(
        record.partition(0).key(b"\xfe".as_slice()).payload(value).headers(header(Some(&other.name))),
    );
    let record = BaseRecord::<[u8], [u8]>::to(&input.name).timestamp(time + 1);
    input.record(record.partition(1).key(b"gone".as_slice()).headers(header(None)));
    input.flush();

    let directory = tempfile::tempdir().unwrap();
    let source =
        KafkaSource::new(&input.servers).subscribe([&input.name]).starting_offsets(KafkaOffsets::Earliest);
    let query = Moved::query()
        .messages(source)
        .to(KafkaSink::new(&output.servers).topic(&output.name))
        .checkpoint(directory.path())
        .trigger(Trigger::AvailableNow)
        .start()
        .await
        .unwrap();
    query.await_termination().await.unwrap();

    let [moved] = &*other.committed() else { panic!("one message") };
    assert_eq!((moved.partition, moved.millis), (1, Some(time)));
    assert_eq!((moved.key.as_deref(), moved.value.as_deref()), (Some(b"\xfe".as_slice()), Some(value)));
    assert_eq!(moved.headers, [("to".into(), Some(other.name.clone().into())), ("none".into(), None)]);
    let [tombstone] = &*output.committed() else { panic!("one message") };
    assert_eq!((tombstone.partition, tombstone.millis), (0, Some(time + 1)));
    assert_eq!((tombstone.key.as_deref(), tombstone.value.as_deref()), (Some(b"gone".as_slice()), None));
}

#[derive(Schema, Clone, Debug)]
struct Routed {
    #[schema(kafka = "topic")]
    topic: String,
    n: i64,
}

stream_query! {
    query Routes(routes: Routed) -> Routed {
        from row in routes;
        select Routed { topic: row.topic, n: row.n };
        output append;
    }
}

#[tokio::test]
async fn rows_that_all_name_their_topic_are_written_once_too() {
    let topics = [Topic::new(1).await, Topic::new(2).await];
    let directory = tempfile::tempdir().unwrap();
    let (input, source) = MemorySource::new();
    input.add([0, 1, 2].map(|n| Routed { topic: topics[n % 2].name.clone(), n: n as i64 }));
    let query = |source| {
        Routes::query()
            .routes(source)
            .to(KafkaSink::new(&topics[0].servers))
            .checkpoint(directory.path())
            .trigger(Trigger::AvailableNow)
    };
    // The checkpoint lacks the commit of what is in the topics.
    let crash =
        query(source).at_step(std::sync::Arc::new(|_, step| step != stream_runtime::engine::Step::Written));
    let error = root(crash.start().await.unwrap().await_termination().await);
    assert!(error.contains("Written"), "{error}");
    for _ in 0..2 {
        let query = query(input.source()).start().await.unwrap();
        query.await_termination().await.unwrap();
        assert_eq!(topics[0].committed_numbers(), [0, 2]);
        assert_eq!(topics[1].committed_numbers(), [1]);
    }
}

#[derive(Schema, Clone, Debug)]
struct Counted {
    #[schema(kafka = "key")]
    parity: i64,
    count: u64,
    last: Option<i64>,
}

stream_query! {
    query Counts(numbers: crate::Number) -> Counted {
        from row in numbers;
        let parity = row.n % 2;
        group by parity unbounded;
        select Counted { parity: parity, count: count(), last: max(row.n) };
        output update;
    }
}

#[tokio::test]
async fn update_mode_writes_a_message_for_each_changed_key() {
    let (input, output) = (Topic::new(1).await, Topic::new(4).await);
    let directory = tempfile::tempdir().unwrap();
    for numbers in [vec![1, 2, 3], vec![5]] {
        input.numbers(0, numbers);
        let query = Counts::query()
            .numbers(input.source())
            .to(KafkaSink::new(&output.servers).topic(&output.name))
            .checkpoint(directory.path())
            .trigger(Trigger::AvailableNow)
            .start()
            .await
            .unwrap();
        query.await_termination().await.unwrap();
    }
    let seen = output.committed();
    let of = |key: &[u8]| {
        let of_key = seen.iter().filter(|seen| seen.key.as_deref() == Some(key));
        of_key.map(|seen| (seen.partition, seen.value_text())).collect::<Vec<_>>()
    };
    let (even, odd) = (of(b"0"), of(b"1"));
    assert_eq!(even.iter().map(|(_, value)| *value).collect::<Vec<_>>(), [r#"{"count":1,"last":2}"#]);
    assert_eq!(
        odd.iter().map(|(_, value)| *value).collect::<Vec<_>>(),
        [r#"{"count":2,"last":3}"#, r#"{"count":3,"last":5}"#]
    );
    assert_eq!(odd[0].0, odd[1].0, "a key stays in its partition");
}

#[tokio::test]
async fn a_key_goes_to_the_partition_that_kafkas_own_clients_choose() {
    // `Utils.toPositive(Utils.murmur2("21".getBytes())) % 7` and so on, from Kafka's own tests of `murmur2`.
    for (key, hash) in
        [("21", -973_932_308_i32), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536)]
    {
        let (input, output) = (Topic::new(1).await, Topic::new(7).await);
        input.numbers(0, 0..1);
        let format = move |_: &crate::Number, message: &mut MessageWriter| -> Result<(), BoxError> {
            message.write_key(|out| out.extend_from_slice(key.as_bytes()));
            Ok(())
        };
        let query = crate::Numbers::query()
            .numbers(input.source())
            .to(KafkaSink::new(&output.servers).topic(&output.name).at_least_once().format(format))
            .trigger(Trigger::AvailableNow)
            .start()
            .await
            .unwrap();
        query.await_termination().await.unwrap();
        let [seen] = &*output.committed() else { panic!("one message") };
        assert_eq!(seen.partition, (hash & 0x7fff_ffff) % 7, "{key}");
    }
}

#[tokio::test]
async fn a_row_that_cant_be_a_message_fails_its_batch_by_number() {
    let (input, output) = (Topic::new(1).await, Topic::new(1).await);
    input.numbers(0, 0..3);
    for (mistake, expected) in [
        ("row", "no ones"),
        ("topic", "`a topic` can't be a topic"),
        ("partition", "no partition -1"),
        ("unknown partition", "partition 9: "),
        ("timestamp", "1970-01-01"),
    ] {
        let format = move |row: &crate::Number, message: &mut MessageWriter| -> Result<(), BoxError> {
            match mistake {
                _ if row.n != 1 => {}
                "topic" => message.set_topic("a topic"),
                "partition" => message.set_partition(-1),
                "unknown partition" => message.set_partition(9),
                "timestamp" => message.set_timestamp(Timestamp::default()),
                _ => return Err("no ones".into()),
            }
            Ok(())
        };
        let directory = tempfile::tempdir().unwrap();
        let query = crate::Numbers::query()
            .numbers(input.source())
            .to(KafkaSink::new(&output.servers).topic(&output.name).format(format))
            .checkpoint(directory.path())
            .trigger(Trigger::AvailableNow)
            .start()
            .await
            .unwrap();
        let error = root(query.await_termination().await);
        assert!(error.contains("batch 0, row 2") && error.contains(expected), "{error}");
    }
    assert_eq!(committed(&output.servers, &output.name), []);
}
