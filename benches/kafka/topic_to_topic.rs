//! A stateless query from one topic to another one, in transactions, beside a loop over the client that consumes and produces.

use std::time::Duration;

use rdkafka::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use stream_runtime::prelude::*;
use stream_runtime::source::KafkaOffsets;

use crate::reading::{READY, value};
use crate::support::{Broker, PATIENCE, Topic, compare, send};

const MESSAGES: u64 = 500_000;
const PARTITIONS: i32 = 4;

#[derive(Schema)]
struct Event {
    user_id: String,
    action: String,
    amount: f64,
    ts: Timestamp,
}

stream_query! {
    /// Every event as it is, parsed and written anew.
    query Copied(events: Event) -> Event {
        from e in events;
        select Event { user_id: e.user_id, action: e.action, amount: e.amount, ts: e.ts };
        output append;
    }
}

/// What the sink sets, too: batches fill up for as long.
const PRODUCER: [(&str, &str); 2] = [("linger.ms", "5"), ("queue.buffering.max.messages", "500000")];

/// Writes every message to the other topic, in transactions of `per_transaction` if there is a number.
fn bare(broker: &Broker, from: &Topic<'_>, to: &Topic<'_>, per_transaction: Option<u64>) {
    let mut config = broker.config();
    for (name, value) in PRODUCER {
        config.set(name, value);
    }
    if per_transaction.is_some() {
        config.set("transactional.id", &to.name);
    }
    let producer: BaseProducer = config.create().expect("a producer");
    if per_transaction.is_some() {
        producer.init_transactions(PATIENCE).expect("the broker answers");
    }
    let consumer = from.consumer(&READY);
    for index in 0..MESSAGES {
        if per_transaction.is_some_and(|size| index % size == 0) {
            if index > 0 {
                producer.commit_transaction(PATIENCE).expect("the transaction can be committed");
            }
            producer.begin_transaction().expect("no transaction is open");
        }
        let message = consumer.poll(PATIENCE).expect("a message").expect("no error");
        let value = message.payload().expect("a value");
        send(&producer, BaseRecord::<(), [u8]>::to(&to.name).payload(value));
        if index % 1_000 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    match per_transaction {
        Some(_) => producer.commit_transaction(PATIENCE).expect("the transaction can be committed"),
        None => producer.flush(PATIENCE).expect("everything can be written"),
    }
}

pub(crate) fn run(broker: &Broker) {
    let from = broker.topic(PARTITIONS);
    let to = broker.topic(PARTITIONS);
    let bytes = from.fill((0..MESSAGES).map(value));
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let mut round = 0;
    let mut query = || {
        round += 1;
        let source = KafkaSource::new(broker.servers())
            .subscribe([&from.name])
            .starting_offsets(KafkaOffsets::Earliest)
            .max_offsets_per_trigger(PER_TRANSACTION);
        broker.runtime.block_on(async {
            let query = Copied::query()
                .events(source)
                .to(KafkaSink::new(broker.servers()).topic(&to.name))
                .checkpoint(directory.path().join(format!("{round}")))
                .trigger(Trigger::AvailableNow)
                .start()
                .await
                .expect("the query starts");
            query.await_termination().await.expect("the query runs to its end");
        });
    };
    compare(
        MESSAGES,
        bytes,
        &mut [
            ("a loop that consumes and produces", &mut || bare(broker, &from, &to, None)),
            ("the same in transactions", &mut || bare(broker, &from, &to, Some(PER_TRANSACTION))),
            ("the query, in transactions, with a checkpoint", &mut query),
        ],
    );
}

/// How many messages a batch, and a transaction, has.
const PER_TRANSACTION: u64 = 50_000;
