//! What the examples of Kafka have in common: a broker, topics of the run's own, a producer's worth of messages, and a look at what came out.

#![allow(dead_code, reason = "no example needs all of it")]

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use stream_runtime::Uuid;

const PATIENCE: Duration = Duration::from_secs(30);

/// A broker, and the topics that this run has made on it, which are deleted at its end.
pub(crate) struct Kafka {
    broker: kafka_broker::Broker,
    run: Uuid,
    topics: Vec<String>,
}

impl Kafka {
    /// The broker that `KAFKA_BOOTSTRAP_SERVERS` names, or one that is started here.
    pub(crate) fn find() -> Self {
        match kafka_broker::shared() {
            Ok(broker) => Self { broker, run: Uuid::new_v4(), topics: Vec::new() },
            Err(error) => {
                eprintln!("{error}");
                std::process::exit(1);
            }
        }
    }

    pub(crate) fn servers(&self) -> &str {
        self.broker.bootstrap_servers()
    }

    /// Makes a topic; gives its name, which no other run has.
    pub(crate) async fn topic(&mut self, name: &str, partitions: i32) -> String {
        let name = format!("{name}-{}", self.run.simple());
        let new = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
        let made = self.admin().create_topics([&new], &AdminOptions::new()).await;
        made.expect("the broker answers").remove(0).expect("the topic can be made");
        self.topics.push(name.clone());
        name
    }

    /// Writes messages, given as key and value; messages of one key go to one partition.
    pub(crate) fn produce<'a>(&self, topic: &str, messages: impl IntoIterator<Item = (&'a str, String)>) {
        let producer: BaseProducer = self.config().create().expect("a producer");
        for (key, value) in messages {
            let sent = producer.send(BaseRecord::to(topic).key(key).payload(&value));
            sent.map_err(|(error, _)| error).expect("a message of a few bytes can be written");
        }
        producer.flush(PATIENCE).expect("the broker takes the messages");
    }

    /// Prints the committed messages of a topic.
    pub(crate) fn print(&self, topic: &str) {
        let consumer: BaseConsumer = self.config().set("group.id", "examples").create().expect("a consumer");
        let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).expect("the broker answers");
        let partitions = metadata.topics().iter().flat_map(rdkafka::metadata::MetadataTopic::partitions);
        for partition in partitions.map(rdkafka::metadata::MetadataPartition::id) {
            let (_, end) = consumer.fetch_watermarks(topic, partition, PATIENCE).expect("the broker answers");
            let mut list = TopicPartitionList::new();
            list.add_partition_offset(topic, partition, Offset::Beginning).expect("a valid offset");
            consumer.assign(&list).expect("the partition can be assigned");
            // The last offset may be a transaction's marker, which is no message.
            while position(&consumer, topic, partition) < end {
                let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
                let message = message.expect("the broker answers");
                let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or(b"-")).into_owned();
                println!("  {:<12} {}", text(message.key()), text(message.payload()));
            }
        }
    }

    /// Deletes the run's topics.
    pub(crate) async fn delete_topics(self) {
        let topics: Vec<_> = self.topics.iter().map(String::as_str).collect();
        let deleted = self.admin().delete_topics(&topics, &AdminOptions::new()).await;
        deleted.expect("the broker answers");
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.servers());
        config
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config().create().expect("a client")
    }
}

/// The offset behind what a consumer has taken.
fn position(consumer: &BaseConsumer, topic: &str, partition: i32) -> i64 {
    let positions = consumer.position().expect("a partition is assigned");
    match positions.find_partition(topic, partition).map(|found| found.offset()) {
        Some(Offset::Offset(offset)) => offset,
        _ => 0,
    }
}
