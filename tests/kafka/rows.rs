//! What a row is taken from, and messages that are no rows.

use rdkafka::message::{Header as KafkaHeader, OwnedHeaders};
use rdkafka::producer::BaseRecord;
use stream_runtime::engine::Trigger;
use stream_runtime::error::BoxError;
use stream_runtime::prelude::*;
use stream_runtime::source::{Header, KafkaOffsets, MalformedRow, Message};

use crate::Number;
use crate::support::{Topic, numbers, root, run};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Click {
    #[schema(kafka = "key")]
    user: Option<String>,
    page: String,
    #[schema(kafka = "topic")]
    topic: String,
    #[schema(kafka = "partition")]
    partition: i32,
    #[schema(kafka = "offset")]
    offset: i64,
    #[schema(kafka = "timestamp")]
    time: Timestamp,
    #[schema(kafka = "timestamp_type")]
    time_type: i32,
    #[schema(kafka = "headers")]
    headers: Vec<Header>,
    #[schema(default)]
    amount: f64,
}

stream_query! {
    query Clicks(clicks: Click) -> Click {
        from row in clicks;
        select Click {
            user: row.user, page: row.page, topic: row.topic, partition: row.partition, offset: row.offset, time: row.time,
            time_type: row.time_type, headers: row.headers, amount: row.amount,
        };
        output append;
    }
}

#[tokio::test]
async fn columns_come_from_the_parts_of_a_message_and_the_others_from_its_value() {
    let topic = Topic::new(2).await;
    let headers = OwnedHeaders::new()
        .insert(KafkaHeader { key: "trace", value: Some("abc") })
        .insert(KafkaHeader::<&str> { key: "empty", value: None });
    let record = BaseRecord::<str, [u8]>::to(&topic.name).partition(1).timestamp(1_700_000_000_123);
    // What the value calls `partition` isn't the message's.
    topic.record(record.key("ada").payload(br#"{"page":"/home","partition":"none"}"#).headers(headers));
    let record = BaseRecord::<str, [u8]>::to(&topic.name).partition(1).timestamp(1_700_000_000_456);
    topic.record(record.payload(br#"{"amount":1.5,"user":"nobody","page":"/\u0063art"}"#));
    topic.flush();
    let (results, sink) = MemorySink::new();
    let source =
        KafkaSource::new(&topic.servers).subscribe([&topic.name]).starting_offsets(KafkaOffsets::Earliest);
    let query = Clicks::query().clicks(source).to(sink).trigger(Trigger::AvailableNow).start().await.unwrap();
    query.await_termination().await.unwrap();
    let first = Click {
        user: Some("ada".into()),
        page: "/home".into(),
        topic: topic.name.clone(),
        partition: 1,
        offset: 0,
        time: Timestamp::from_millis(1_700_000_000_123),
        time_type: 0,
        headers: vec![
            Header { key: "trace".into(), value: Some(b"abc".to_vec()) },
            Header { key: "empty".into(), value: None },
        ],
        amount: 0.0,
    };
    let second = Click {
        user: None,
        page: "/cart".into(),
        offset: 1,
        time: Timestamp::from_millis(1_700_000_000_456),
        headers: Vec::new(),
        amount: 1.5,
        ..first.clone()
    };
    assert_eq!(results.rows(), [first, second]);
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Raw {
    #[schema(kafka = "key")]
    key: i64,
    #[schema(kafka = "value")]
    value: Option<Vec<u8>>,
}

stream_query! {
    query Raws(raws: Raw) -> Raw {
        from row in raws;
        select Raw { key: row.key, value: row.value };
        output append;
    }
}

#[tokio::test]
async fn a_value_may_be_taken_as_it_is_and_a_tombstone_is_a_null() {
    let topic = Topic::new(1).await;
    topic.record(BaseRecord::to(&topic.name).partition(0).key("7").payload(b"\xff\x00".as_slice()));
    topic.record(BaseRecord::<str, [u8]>::to(&topic.name).partition(0).key("-8"));
    topic.flush();
    let (results, sink) = MemorySink::new();
    let source =
        KafkaSource::new(&topic.servers).subscribe([&topic.name]).starting_offsets(KafkaOffsets::Earliest);
    let query = Raws::query().raws(source).to(sink).trigger(Trigger::AvailableNow).start().await.unwrap();
    query.await_termination().await.unwrap();
    let raw = |key, value: Option<&[u8]>| Raw { key, value: value.map(<[u8]>::to_vec) };
    assert_eq!(results.rows(), [raw(7, Some(b"\xff\x00")), raw(-8, None)]);
}

#[tokio::test]
async fn a_tombstone_without_a_place_in_the_row_is_malformed_or_passed_over() {
    let topic = Topic::new(1).await;
    topic.numbers(0, 0..2);
    topic.record(BaseRecord::<str, [u8]>::to(&topic.name).partition(0).key("k"));
    topic.numbers(0, 2..3);
    let (results, _) = MemorySink::new();
    let error = root(run(topic.source(), &results, None).await);
    assert!(
        error.contains(&format!("malformed row in topic `{}`, partition 0, offset 2: ", topic.name)),
        "{error}"
    );
    assert!(error.contains("tombstone") && error.contains("skip_tombstones"), "{error}");
    let progress = run(topic.source().skip_tombstones(true), &results, None).await.unwrap();
    assert_eq!(numbers(&results), [0, 1, 2]);
    assert_eq!(progress[0].sources[0].metrics["tombstones"], "1");
}

#[tokio::test]
async fn malformed_messages_are_dropped_or_kept_with_where_they_came_from() {
    let topic = Topic::new(1).await;
    topic.numbers(0, 0..1);
    topic.record(BaseRecord::to(&topic.name).partition(0).key("k").payload(b"{\"n\":\"x\"}".as_slice()));
    topic.record(BaseRecord::<str, [u8]>::to(&topic.name).partition(0).payload(b"\xff".as_slice()));
    topic.send(0, "");
    topic.numbers(0, 1..2);
    let (results, _) = MemorySink::new();
    let error = root(run(topic.source(), &results, None).await);
    assert!(error.contains("offset 1") && error.contains("column `n`"), "{error}");
    let progress = run(topic.source().on_malformed(OnMalformed::Drop), &results, None).await.unwrap();
    assert_eq!(numbers(&results), [0, 1]);
    assert_eq!(progress[0].sources[0].metrics["malformedRows"], "3");

    let (rejected, dead_letters) = MemorySink::<MalformedRow>::new();
    run(topic.source().on_malformed(OnMalformed::dead_letter(dead_letters)), &results, None).await.unwrap();
    let rejected: Vec<_> = rejected
        .rows()
        .into_iter()
        .map(|row| (row.source == topic.name, row.partition, row.offset, row.key, row.bytes))
        .collect();
    assert_eq!(
        rejected,
        [
            (true, Some(0), 1, Some(b"k".to_vec()), b"{\"n\":\"x\"}".to_vec()),
            (true, Some(0), 2, None, b"\xff".to_vec()),
            (true, Some(0), 3, None, Vec::new()),
        ]
    );
}

#[tokio::test]
async fn a_format_of_the_services_own_makes_rows_or_says_why_not() {
    fn decode(message: &Message<'_>) -> Result<Number, BoxError> {
        let text = std::str::from_utf8(message.value.ok_or("no value")?)?;
        Ok(Number { n: text.parse::<i64>()? * 2 })
    }
    let topic = Topic::new(1).await;
    for text in ["1", "2", "x", "3"] {
        topic.send(0, text);
    }
    topic.flush();
    let (results, _) = MemorySink::new();
    let error = root(run(topic.source().format(decode), &results, None).await);
    assert!(error.contains("offset 2") && error.contains("invalid digit"), "{error}");
    run(topic.source().format(decode).on_malformed(OnMalformed::Drop), &results, None).await.unwrap();
    assert_eq!(numbers(&results), [2, 4, 6]);
}

#[tokio::test]
async fn a_format_that_cannot_decode_now_fails_the_query_and_drops_nothing() {
    use std::sync::atomic::{AtomicBool, Ordering};
    static AWAY: AtomicBool = AtomicBool::new(true);

    /// Looks something up that isn't always there.
    fn decode(message: &Message<'_>) -> Result<Number, BoxError> {
        let n = std::str::from_utf8(message.value.ok_or("no value")?)?.parse()?;
        if n == 2 && AWAY.load(Ordering::Relaxed) {
            let (source_name, message) = ("registry".to_owned(), "it doesn't answer".to_owned());
            return Err(stream_runtime::Error::Source { source_name, message }.into());
        }
        Ok(Number { n })
    }
    let topic = Topic::new(1).await;
    for text in ["1", "x", "2", "3"] {
        topic.send(0, text);
    }
    topic.flush();
    let directory = tempfile::tempdir().unwrap();
    let (results, _) = MemorySink::new();
    let source = || topic.source().format(decode).on_malformed(OnMalformed::Drop);
    let error = root(run(source(), &results, Some(directory.path())).await);
    assert!(error.contains("`registry`: it doesn't answer"), "{error}");
    assert!(results.rows().is_empty());
    AWAY.store(false, Ordering::Relaxed);
    run(source(), &results, Some(directory.path())).await.unwrap();
    assert_eq!(numbers(&results), [1, 2, 3]);
}
