//! Orders from one topic, processed orders into another one, exactly once.
//!
//! `cargo run --features kafka --example kafka_orders` — finds or starts a broker, makes its topics, and ends by itself.

#[path = "support/kafka.rs"]
mod kafka;

use kafka::Kafka;
use stream_runtime::prelude::*;
use stream_runtime::source::KafkaOffsets;

/// A message of the topic `orders`: parts of it, and what its JSON value says.
#[derive(Schema)]
struct Order {
    #[schema(kafka = "key")]
    kafka_key: Option<String>,
    order_id: String,
    amount: f64,
    #[schema(kafka = "topic")]
    topic: String,
    #[schema(kafka = "timestamp")]
    kafka_timestamp: Timestamp,
}

/// A message of the topic `processed_orders`.
#[derive(Schema)]
struct ProcessedOrder {
    #[schema(kafka = "key")]
    key: String,
    #[schema(kafka = "value")]
    value: String,
}

stream_query! {
    /// The order's id becomes the key, its amount the value.
    query ProcessedOrders(orders: Order) -> ProcessedOrder {
        from o in orders;
        where o.amount > 0.0;
        select ProcessedOrder { key: o.order_id, value: format!("{:.2}", o.amount) };
        output append;
    }
}

#[derive(Schema)]
struct Parsed {
    kafka_key: Option<String>,
    order_id: String,
    amount: f64,
    topic: String,
    kafka_timestamp: Timestamp,
}

stream_query! {
    /// All that there is to know of a message.
    query ParsedOrders(orders: Order) -> Parsed {
        from o in orders;
        select Parsed {
            kafka_key: o.kafka_key,
            order_id: o.order_id,
            amount: o.amount,
            topic: o.topic,
            kafka_timestamp: o.kafka_timestamp,
        };
        output append;
    }
}

/// Customer, order, and its amount. The last one is a correction that nobody has to process.
const ORDERS: [(&str, &str, f64); 8] = [
    ("ada", "o-1", 19.9),
    ("bob", "o-2", 250.0),
    ("ada", "o-3", 5.25),
    ("eve", "o-4", 80.0),
    ("bob", "o-5", 12.0),
    ("eve", "o-6", 99.99),
    ("ada", "o-7", 42.0),
    ("bob", "o-8", -12.0),
];

fn messages(orders: &'static [(&str, &str, f64)]) -> impl Iterator<Item = (&'static str, String)> {
    orders.iter().map(|&(customer, order, amount)| {
        (customer, format!("{{\"order_id\":\"{order}\",\"amount\":{amount}}}"))
    })
}

#[tokio::main]
async fn main() -> stream_runtime::Result<()> {
    let mut kafka = Kafka::find();
    let orders = kafka.topic("orders", 2).await;
    let processed = kafka.topic("processed_orders", 2).await;
    let servers = kafka.servers().to_owned();
    let source = || {
        KafkaSource::new(&servers)
            .subscribe([&orders])
            .starting_offsets(KafkaOffsets::Earliest)
            .max_offsets_per_trigger(10_000)
    };
    let directory = tempfile::tempdir().expect("a directory for the checkpoint can be made");

    kafka.produce(&orders, messages(&ORDERS[..5]));
    println!("=== the messages of `orders`, parsed\n");
    let parsed = ParsedOrders::query()
        .orders(source())
        .to(ConsoleSink::new().truncate(false))
        .trigger(Trigger::AvailableNow)
        .start()
        .await?;
    parsed.await_termination().await?;

    // Two runs with one checkpoint: the second goes on behind the last order of the first.
    for run in 0..2 {
        if run == 1 {
            kafka.produce(&orders, messages(&ORDERS[5..]));
        }
        let query = ProcessedOrders::query()
            .orders(source())
            .to(KafkaSink::new(&servers).topic(&processed))
            .checkpoint(directory.path())
            .trigger(Trigger::AvailableNow)
            .start()
            .await?;
        query.await_termination().await?;
        let rows: u64 = query.recent_progress().iter().map(|progress| progress.num_input_rows).sum();
        println!("\n=== run {run} has read {rows} orders; the messages of `processed_orders` after it\n");
        kafka.print(&processed);
    }
    kafka.delete_topics().await;
    Ok(())
}
