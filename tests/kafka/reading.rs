//! Reading topics: where a query begins, how far a batch goes, and what it sees.

use stream_runtime::engine::Trigger;
use stream_runtime::prelude::*;
use stream_runtime::source::KafkaOffsets;

use crate::support::{Topic, servers};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Number {
    n: i64,
}

stream_query! {
    query Numbers(numbers: Number) -> Number {
        from row in numbers;
        select Number { n: row.n };
        output append;
    }
}

fn json(n: i64) -> String {
    format!("{{\"n\":{n}}}")
}

#[tokio::test]
async fn everything_is_read_from_the_earliest_offset_on() {
    let topic = Topic::new(2).await;
    for n in 0..100 {
        topic.send((n % 2) as i32, json(n));
    }
    topic.flush();
    let (results, sink) = MemorySink::new();
    let source =
        KafkaSource::new(servers()).subscribe([&topic.name]).starting_offsets(KafkaOffsets::Earliest);
    let query =
        Numbers::query().numbers(source).to(sink).trigger(Trigger::AvailableNow).start().await.unwrap();
    query.await_termination().await.unwrap();
    let mut rows: Vec<i64> = results.rows().into_iter().map(|row| row.n).collect();
    rows.sort_unstable();
    assert_eq!(rows, (0..100).collect::<Vec<_>>());
}
