//! Windows counted over a topic, beside a loop over the client that does nothing but count its messages, and one that parses them, too.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hint::black_box;

use rdkafka::Message;
use stream_runtime::prelude::*;
use stream_runtime::source::KafkaOffsets;

use crate::support::{Broker, PATIENCE, Topic, compare};

const MESSAGES: u64 = 2_000_000;
const PARTITIONS: i32 = 4;

#[derive(Schema)]
struct Event {
    user_id: String,
    action: String,
    amount: f64,
    ts: Timestamp,
}

#[derive(Schema)]
struct ByAction {
    window: Window,
    action: String,
    n: u64,
    total: f64,
    mean: f64,
}

stream_query! {
    /// The case w1 of `benches/queries.rs`.
    query W1(events: Event) -> ByAction {
        from e in events watermark(e.ts, minutes(5));
        group by window(e.ts, minutes(10)) as w, e.action;
        select ByAction { window: w, action: e.action, n: count(), total: sum(e.amount), mean: avg(e.amount) };
        output append;
    }
}

/// What serde makes of a message.
#[derive(serde::Deserialize)]
struct Parsed<'a> {
    action: &'a str,
    amount: f64,
}

/// A client that has emptied its queue waits a second for more by default. This one doesn't.
pub(crate) const READY: [(&str, &str); 2] = [("fetch.queue.backoff.ms", "5"), ("fetch.wait.max.ms", "10")];

const ACTIONS: [&str; 5] = ["view", "view", "view", "click", "purchase"];

/// A JSON value of 100 bytes; time runs over two hours.
pub(crate) fn value(index: u64) -> Vec<u8> {
    let mut value = String::with_capacity(100);
    let ts = Timestamp::from_millis(1_767_225_600_000 + (index * 7_200_000 / MESSAGES).cast_signed());
    let action = ACTIONS[(index.wrapping_mul(0x9e37_79b9) >> 7) as usize % ACTIONS.len()];
    let amount = index % 20_000;
    let _ = write!(
        value,
        "{{\"action\":\"{action}\",\"amount\":{}.{:02},\"ts\":\"{ts}\",\"user_id\":\"",
        amount / 100,
        amount % 100
    );
    let user = index % 5_000;
    let _ = write!(value, "{user:0width$}\"}}", width = 98 - value.len());
    debug_assert_eq!(value.len(), 100);
    value.into_bytes()
}

/// Takes every message from a bare consumer.
fn bare(topic: &Topic<'_>, settings: &[(&str, &str)], mut each: impl FnMut(&[u8])) {
    let consumer = topic.consumer(settings);
    for _ in 0..MESSAGES {
        let message = consumer.poll(PATIENCE).expect("a message").expect("no error");
        each(message.payload().expect("a value"));
    }
}

pub(crate) fn run(broker: &Broker) {
    let topic = broker.topic(PARTITIONS);
    let bytes = topic.fill((0..MESSAGES).map(value));
    let query = |workers: usize| {
        let source = KafkaSource::new(broker.servers())
            .subscribe([&topic.name])
            .starting_offsets(KafkaOffsets::Earliest);
        broker.runtime.block_on(async {
            let query = W1::query()
                .events(source)
                .to(ForeachSink::new(|row| {
                    black_box(row);
                    Ok(())
                }))
                .trigger(Trigger::AvailableNow)
                .workers(workers)
                .start()
                .await
                .expect("the query starts");
            query.await_termination().await.expect("the query runs to its end");
            let rows: u64 = query.recent_progress().iter().map(|progress| progress.num_input_rows).sum();
            assert_eq!(rows, MESSAGES, "rows that were read");
        });
    };
    let count = |settings: &[(&str, &str)]| {
        let mut size = 0;
        bare(&topic, settings, |payload| size += payload.len());
        assert_eq!(size as u64, bytes);
    };
    let mut parse = || {
        let mut totals: HashMap<String, (u64, f64)> = HashMap::new();
        bare(&topic, &READY, |payload| {
            let parsed: Parsed<'_> = serde_json::from_slice(payload).expect("valid JSON");
            if !totals.contains_key(parsed.action) {
                totals.insert(parsed.action.to_owned(), (0, 0.0));
            }
            let total = totals.get_mut(parsed.action).expect("it was inserted above");
            *total = (total.0 + 1, total.1 + parsed.amount);
        });
        black_box(totals);
    };
    compare(
        MESSAGES,
        bytes,
        &mut [
            ("a loop that counts messages", &mut || count(&READY)),
            ("the same with the client's defaults", &mut || count(&[])),
            ("a loop that parses them with serde, too", &mut parse),
            ("the query, one worker", &mut || query(1)),
            ("the query, two workers", &mut || query(2)),
        ],
    );
}
