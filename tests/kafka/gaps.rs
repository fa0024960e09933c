//! Offsets without a message: transactions and compaction. They are no loss.

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use stream_runtime::prelude::*;
use stream_runtime::source::IsolationLevel;

use crate::support::{PATIENCE, Topic, ends, numbers, run, servers, unique, until};
use crate::{Numbers, json};

/// A producer whose messages are in transactions.
struct Transactions<'a> {
    topic: &'a Topic,
    producer: BaseProducer,
}

impl<'a> Transactions<'a> {
    fn on(topic: &'a Topic) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &topic.servers).set("transactional.id", unique("transactions"));
        let producer: BaseProducer = config.create().unwrap();
        producer.init_transactions(PATIENCE).unwrap();
        Self { topic, producer }
    }

    fn begin(&self, numbers: impl IntoIterator<Item = i64>) {
        self.producer.begin_transaction().unwrap();
        for n in numbers {
            let payload = json(n);
            let record = BaseRecord::<(), str>::to(&self.topic.name).partition(0).payload(&*payload);
            self.producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        self.producer.flush(PATIENCE).unwrap();
    }

    fn commit(&self) {
        self.producer.commit_transaction(PATIENCE).unwrap();
    }

    fn abort(&self) {
        self.producer.abort_transaction(PATIENCE).unwrap();
    }
}

#[tokio::test]
async fn a_query_sees_committed_transactions_and_ends_before_open_ones() {
    let topic = Topic::new(1).await;
    let (first, second) = (Transactions::on(&topic), Transactions::on(&topic));
    first.begin(0..3);
    first.commit();
    first.begin(10..13);
    first.abort();
    topic.numbers(0, 3..5);
    second.begin(5..7);
    topic.numbers(0, 7..8);
    let directory = tempfile::tempdir().unwrap();
    let (results, _) = MemorySink::new();
    let progress = run(topic.source(), &results, Some(directory.path())).await.unwrap();
    assert_eq!(numbers(&results), (0..5).collect::<Vec<_>>());
    // Three and a marker, three and a marker, two.
    assert_eq!(ends(&progress, &topic.name), [[10]]);
    let (all, _) = MemorySink::new();
    let source = topic.source().isolation_level(IsolationLevel::ReadUncommitted);
    run(source, &all, None).await.unwrap();
    assert_eq!(numbers(&all), [0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12]);

    second.commit();
    run(topic.source(), &results, Some(directory.path())).await.unwrap();
    assert_eq!(numbers(&results), (0..8).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_batch_may_end_at_a_marker_or_among_aborted_messages() {
    let topic = Topic::new(1).await;
    let transactions = Transactions::on(&topic);
    for round in 0..5 {
        transactions.begin(round * 10..round * 10 + 3);
        transactions.commit();
        transactions.begin(round * 10 + 100..round * 10 + 104);
        transactions.abort();
    }
    // A round has nine offsets, of which the first three are rows.
    for limit in [1, 2, 3, 4, 5, 8, 9, 100] {
        let (results, _) = MemorySink::new();
        run(topic.source().max_offsets_per_trigger(limit), &results, None).await.unwrap();
        let expected: Vec<_> = (0..50).filter(|n| n % 10 < 3).collect();
        assert_eq!(numbers(&results), expected, "{limit} offsets a batch");
    }
}

#[tokio::test]
async fn a_query_goes_on_behind_markers_as_they_come() {
    let topic = Topic::new(1).await;
    let transactions = Transactions::on(&topic);
    let (results, sink) = MemorySink::new();
    let query = Numbers::query().numbers(topic.source()).to(sink).start().await.unwrap();
    for round in 0..10 {
        transactions.begin(round * 2..round * 2 + 2);
        if round % 3 == 2 {
            transactions.abort();
        } else {
            transactions.commit();
            let rows = (round + 1 - (round + 1) / 3) * 2;
            until("the transaction", || results.rows().len() as i64 == rows).await;
        }
    }
    query.stop().await.unwrap();
}

#[tokio::test]
async fn compacted_messages_are_no_loss() {
    let settings = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "100"),
        ("segment.bytes", "1048576"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("delete.retention.ms", "0"),
    ];
    let topic = Topic::with(servers(), &unique("compacted"), 1, &settings).await;
    let send = |key: &str, n: i64| {
        let payload = json(n);
        topic.record(BaseRecord::to(&topic.name).partition(0).key(key).payload(payload.as_bytes()));
        topic.flush();
    };
    (0..20).for_each(|n| send(if n % 2 == 0 { "even" } else { "odd" }, n));
    // A segment is closed by the first message after its time, and compacted if it isn't the last one.
    let mut next = 20;
    let readable = || {
        let (results, _) = MemorySink::new();
        let source = topic.source();
        async move {
            run(source, &results, None).await.unwrap();
            numbers(&results)
        }
    };
    let begun = std::time::Instant::now();
    let left = loop {
        send("other", next);
        next += 1;
        let left = readable().await;
        if !left.contains(&0) && !left.contains(&17) {
            break left;
        }
        assert!(begun.elapsed() < PATIENCE, "nothing is compacted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(left.contains(&18) && left.contains(&19), "{left:?}");
    // The same for every size of batch.
    for limit in [1, 3, 7] {
        let (results, _) = MemorySink::new();
        run(topic.source().max_offsets_per_trigger(limit), &results, None).await.unwrap();
        let found: BTreeSet<_> = numbers(&results).into_iter().collect();
        assert!(found.is_superset(&[18, 19, next - 1].into()), "{limit} offsets a batch: {found:?}");
    }
}
