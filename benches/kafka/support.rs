//! The broker, topics with messages, and medians.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::Offset;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::TopicPartitionList;
use stream_runtime::Uuid;
use tokio::runtime::Runtime;

/// How long anything may take that isn't measured.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// How many times each side runs.
const ROUNDS: usize = 5;

/// The broker, and a runtime to talk to it.
pub(crate) struct Broker {
    broker: kafka_broker::Broker,
    pub(crate) runtime: Runtime,
}

impl Broker {
    pub(crate) fn find() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self { broker: kafka_broker::shared().expect("a broker"), runtime: runtime.expect("a runtime") }
    }

    pub(crate) fn servers(&self) -> &str {
        self.broker.bootstrap_servers()
    }

    pub(crate) fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.servers());
        config
    }

    /// A new topic, deleted when this is dropped.
    pub(crate) fn topic(&self, partitions: i32) -> Topic<'_> {
        let topic = Topic { broker: self, name: format!("bench-{}", Uuid::new_v4()), partitions };
        let new =
            NewTopic::new(&topic.name, partitions, TopicReplication::Fixed(1)).set("retention.ms", "-1");
        let created = self.runtime.block_on(self.admin().create_topics([&new], &AdminOptions::new()));
        created.expect("the broker answers").remove(0).expect("the topic can be made");
        topic
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config().create().expect("a client")
    }
}

pub(crate) struct Topic<'a> {
    broker: &'a Broker,
    pub(crate) name: String,
    pub(crate) partitions: i32,
}

impl Topic<'_> {
    /// Writes messages, to each partition in turn; gives the sum of their sizes.
    pub(crate) fn fill(&self, values: impl Iterator<Item = Vec<u8>>) -> u64 {
        let producer: BaseProducer = self
            .broker
            .config()
            .set("linger.ms", "20")
            .set("batch.size", "1000000")
            .set("queue.buffering.max.messages", "1000000")
            .create()
            .expect("a producer");
        let mut bytes = 0;
        for (index, value) in values.enumerate() {
            bytes += value.len() as u64;
            let partition = index as i32 % self.partitions;
            send(&producer, BaseRecord::<(), [u8]>::to(&self.name).partition(partition).payload(&value));
        }
        producer.flush(PATIENCE).expect("everything can be written");
        bytes
    }

    /// A consumer of all partitions from their beginnings.
    pub(crate) fn consumer(&self, settings: &[(&str, &str)]) -> BaseConsumer {
        let mut config = self.broker.config();
        config.set("group.id", "bench").set("enable.auto.commit", "false");
        for (name, value) in settings {
            config.set(*name, *value);
        }
        let consumer: BaseConsumer = config.create().expect("a consumer");
        let mut partitions = TopicPartitionList::new();
        for number in 0..self.partitions {
            partitions.add_partition_offset(&self.name, number, Offset::Beginning).expect("a valid offset");
        }
        consumer.assign(&partitions).expect("the partitions can be assigned");
        consumer
    }
}

impl Drop for Topic<'_> {
    fn drop(&mut self) {
        let deleted = self.broker.admin();
        // What isn't deleted goes with the broker's data.
        let _ = self.broker.runtime.block_on(deleted.delete_topics(&[&self.name], &AdminOptions::new()));
    }
}

/// Hands a message to a producer, when it has room.
pub(crate) fn send(producer: &BaseProducer, record: BaseRecord<'_, (), [u8]>) {
    let mut record = Some(record);
    while let Some(each) = record.take() {
        match producer.send(each) {
            Ok(()) => {}
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                producer.poll(Duration::from_millis(1));
                record = Some(back);
            }
            Err((error, _)) => panic!("the message can't be written: {error}"),
        }
    }
}

/// What is compared: a name, and what it does.
pub(crate) type Side<'a> = (&'a str, &'a mut dyn FnMut());

/// Runs the sides in turns, and prints for each the median of its throughput, and its ratio to that of the first.
pub(crate) fn compare(messages: u64, bytes: u64, sides: &mut [Side<'_>]) {
    let mut times = vec![Vec::new(); sides.len()];
    for _ in 0..ROUNDS {
        for ((_, run), times) in sides.iter_mut().zip(&mut times) {
            let begun = Instant::now();
            run();
            times.push(begun.elapsed());
        }
    }
    let medians: Vec<f64> = times.iter_mut().map(|times| percentile(times, 50).as_secs_f64()).collect();
    for ((name, _), (median, times)) in sides.iter().zip(medians.iter().zip(&times)) {
        println!(
            "{name:<44} {:>10.0} messages/s {:>8.1} MB/s   {:>5.2}   ({:.2} s to {:.2} s)",
            messages as f64 / median,
            bytes as f64 / median / 1e6,
            medians[0] / median,
            times[0].as_secs_f64(),
            times[times.len() - 1].as_secs_f64()
        );
    }
}

/// The time that so many of a hundred don't exceed; sorts them.
pub(crate) fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() * percent / 100).min(times.len() - 1)]
}
