//! The broker, and a topic of a test's own with what stands in it.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use kafka_broker::Broker;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaErrorCode as Code;
use stream_runtime::Uuid;
use stream_runtime::engine::{Progress, Trigger};
use stream_runtime::sink::MemoryResults;
use stream_runtime::source::{KafkaOffsets, KafkaSource, Source};

use crate::{Number, Numbers};

/// How long a test waits for what has to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The broker that all tests share.
pub(crate) fn servers() -> &'static str {
    static BROKER: OnceLock<Broker> = OnceLock::new();
    BROKER.get_or_init(|| kafka_broker::shared().expect("a broker")).bootstrap_servers()
}

/// A name that no other test has.
pub(crate) fn unique(name: &str) -> String {
    format!("{name}-{}", Uuid::new_v4())
}

/// A topic of a test's own.
pub(crate) struct Topic {
    pub(crate) servers: String,
    pub(crate) name: String,
    admin: AdminClient<DefaultClientContext>,
    producer: BaseProducer,
}

impl Topic {
    pub(crate) async fn new(partitions: i32) -> Self {
        Self::with(servers(), &unique("topic"), partitions, &[]).await
    }

    pub(crate) async fn with(servers: &str, name: &str, partitions: i32, settings: &[(&str, &str)]) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", servers).set("message.max.bytes", "4000000");
        let topic = Self {
            servers: servers.to_owned(),
            name: name.to_owned(),
            admin: config.create().unwrap(),
            producer: config
                .set("linger.ms", "0")
                .set("topic.metadata.refresh.interval.ms", "100")
                .create()
                .unwrap(),
        };
        topic.create(partitions, settings).await;
        topic
    }

    pub(crate) async fn create(&self, partitions: i32, settings: &[(&str, &str)]) {
        // Some messages are older than a broker keeps them otherwise.
        let new = NewTopic::new(&self.name, partitions, TopicReplication::Fixed(1)).set("retention.ms", "-1");
        let new = settings.iter().fold(new, |new, (name, value)| new.set(name, value));
        let created = self.admin.create_topics([&new], &options()).await.unwrap();
        created.into_iter().next().unwrap().unwrap();
    }

    /// Writes a message to a partition.
    pub(crate) fn send(&self, partition: i32, value: impl AsRef<[u8]>) {
        let value = value.as_ref();
        self.record(BaseRecord::<(), [u8]>::to(&self.name).partition(partition).payload(value));
    }

    pub(crate) fn record<K: rdkafka::message::ToBytes + ?Sized>(&self, record: BaseRecord<'_, K, [u8]>) {
        let mut record = Some(record);
        while let Some(each) = record.take() {
            if let Err((error, back)) = self.producer.send(each) {
                // A partition that was added a moment ago isn't known to the producer yet.
                let code = error.rdkafka_error_code();
                assert!(matches!(code, Some(Code::QueueFull | Code::UnknownPartition)), "{error}");
                self.producer.poll(Duration::from_millis(10));
                record = Some(back);
            }
        }
    }

    /// Writes these numbers to a partition, and waits until they stand there.
    pub(crate) fn numbers(&self, partition: i32, numbers: impl IntoIterator<Item = i64>) {
        numbers.into_iter().for_each(|n| self.send(partition, crate::json(n)));
        self.flush();
    }

    /// A source of the topic from its earliest offset on.
    pub(crate) fn source(&self) -> KafkaSource<Number> {
        KafkaSource::new(&self.servers).subscribe([&self.name]).starting_offsets(KafkaOffsets::Earliest)
    }

    /// Waits until everything is written.
    pub(crate) fn flush(&self) {
        self.producer.flush(PATIENCE).unwrap();
    }

    pub(crate) async fn add_partitions(&self, to: usize) {
        let partitions = NewPartitions::new(&self.name, to);
        let created = self.admin.create_partitions([&partitions], &options()).await.unwrap();
        created.into_iter().next().unwrap().unwrap();
    }

    pub(crate) async fn delete(&self) {
        let deleted = self.admin.delete_topics(&[&self.name], &options()).await.unwrap();
        deleted.into_iter().next().unwrap().unwrap();
    }

    /// Makes the topic once more, as soon as its deletion is through.
    pub(crate) async fn create_again(&self, partitions: i32) {
        let begun = Instant::now();
        let new = NewTopic::new(&self.name, partitions, TopicReplication::Fixed(1));
        while self.admin.create_topics([&new], &options()).await.unwrap().remove(0).is_err() {
            assert!(begun.elapsed() < PATIENCE, "the topic can't be made again");
        }
    }

    /// Does what retention does: deletes the messages before `offset`.
    pub(crate) async fn delete_before(&self, partition: i32, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.name, partition, rdkafka::Offset::Offset(offset)).unwrap();
        let deleted = self.admin.delete_records(&list, &options()).await.unwrap();
        deleted.elements().iter().for_each(|element| element.error().unwrap());
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited for: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Runs a query over all that is there, and gives its batches' progress.
pub(crate) async fn run(
    source: impl Source<Number>,
    results: &MemoryResults<Number>,
    checkpoint: Option<&Path>,
) -> stream_runtime::Result<Vec<Arc<Progress>>> {
    let mut query = Numbers::query().numbers(source).to(results.sink()).trigger(Trigger::AvailableNow);
    if let Some(checkpoint) = checkpoint {
        query = query.checkpoint(checkpoint);
    }
    let query = query.start().await?;
    query.await_termination().await?;
    Ok(query.recent_progress())
}

/// The numbers of all rows, in order of size.
pub(crate) fn numbers(results: &MemoryResults<Number>) -> Vec<i64> {
    let mut numbers: Vec<i64> = results.rows().into_iter().map(|row| row.n).collect();
    numbers.sort_unstable();
    numbers
}

/// Where each batch ended in the partitions of a topic.
pub(crate) fn ends(progress: &[Arc<Progress>], topic: &str) -> Vec<Vec<i64>> {
    let end = |progress: &Arc<Progress>| {
        let end = &progress.sources[0].end_offset.as_ref().unwrap().0[topic];
        let mut partitions: Vec<(i32, i64)> = end
            .as_object()
            .unwrap()
            .iter()
            .map(|(number, offset)| (number.parse().unwrap(), offset.as_i64().unwrap()))
            .collect();
        partitions.sort_unstable();
        partitions.into_iter().map(|(_, offset)| offset).collect()
    };
    progress.iter().map(end).collect()
}

/// The text of what ended a query.
pub(crate) fn root<T>(result: stream_runtime::Result<T>) -> String {
    match result {
        Ok(_) => panic!("it should have failed"),
        Err(error) => error.root().to_string(),
    }
}
