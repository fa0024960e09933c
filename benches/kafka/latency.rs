//! How long after a message is sent its result is there for a reader of committed messages: a query as fast as possible, its results in
//! transactions, its checkpoint durable.

use std::thread;
use std::time::{Duration as StdDuration, Instant};

use rdkafka::Message;
use rdkafka::producer::{BaseProducer, BaseRecord};
use stream_runtime::prelude::*;
use stream_runtime::source::KafkaOffsets;

use crate::support::{Broker, PATIENCE, percentile, send};

/// One message each hundredth of a second, so that messages meet batches at any moment.
const MESSAGES: u64 = 2_000;
const PAUSE: StdDuration = StdDuration::from_millis(10);
/// Those that come while everything starts.
const WARM_UP: u64 = 200;

#[derive(Schema)]
struct Tick {
    n: u64,
    ts: Timestamp,
}

#[derive(Schema)]
struct Total {
    key: u64,
    n: u64,
}

stream_query! {
    /// An aggregation with state; each message makes one result, which names it.
    query Latest(ticks: Tick) -> Total {
        from t in ticks watermark(t.ts, minutes(1));
        group by t.n as key unbounded;
        select Total { key, n: count() };
        output update;
    }
}

pub(crate) fn run(broker: &Broker) {
    let (from, to) = (broker.topic(1), broker.topic(1));
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let source =
        KafkaSource::new(broker.servers()).subscribe([&from.name]).starting_offsets(KafkaOffsets::Earliest);
    let query = broker.runtime.block_on(async {
        let query = Latest::query()
            .ticks(source)
            .to(KafkaSink::new(broker.servers()).topic(&to.name))
            .checkpoint(directory.path().join("checkpoint"));
        query.start().await.expect("the query starts")
    });
    let producer: BaseProducer = broker.config().set("linger.ms", "0").create().expect("a producer");
    let consumer = to.consumer(&[("isolation.level", "read_committed")]);
    let begun = Instant::now();
    let sent = thread::scope(|scope| {
        let seen = scope.spawn(|| {
            let mut seen = vec![StdDuration::ZERO; MESSAGES as usize];
            for _ in 0..MESSAGES {
                let message = consumer.poll(PATIENCE).expect("a message").expect("no error");
                let now = begun.elapsed();
                let total: serde_json::Value =
                    serde_json::from_slice(message.payload().expect("a value")).expect("valid JSON");
                seen[total["key"].as_u64().expect("a key") as usize] = now;
            }
            seen
        });
        let mut sent = Vec::new();
        for n in 0..MESSAGES {
            let value = format!("{{\"n\":{n},\"ts\":\"2026-01-01T00:00:00Z\"}}");
            sent.push(begun.elapsed());
            send(&producer, BaseRecord::<(), [u8]>::to(&from.name).payload(value.as_bytes()));
            thread::sleep(PAUSE);
        }
        let seen = seen.join().expect("the reader ends");
        let taken = |(seen, sent): (StdDuration, StdDuration)| seen.saturating_sub(sent);
        seen.into_iter().zip(sent).map(taken).collect::<Vec<_>>()
    });
    broker.runtime.block_on(query.stop()).expect("the query stops");
    let mut latencies = sent[WARM_UP as usize..].to_vec();
    let [median, p90, p99, most] = [50, 90, 99, 100].map(|percent| percentile(&mut latencies, percent));
    println!("produced to visible: median {median:.1?}, p90 {p90:.1?}, p99 {p99:.1?}, at most {most:.1?}");
}
