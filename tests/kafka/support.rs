//! The broker, and a topic of a test's own with what stands in it.

use std::sync::OnceLock;
use std::time::Duration;

use kafka_broker::Broker;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::TopicPartitionList;
use stream_runtime::Uuid;

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
            producer: config.set("linger.ms", "0").create().unwrap(),
        };
        topic.create(partitions, settings).await;
        topic
    }

    pub(crate) async fn create(&self, partitions: i32, settings: &[(&str, &str)]) {
        let mut new = NewTopic::new(&self.name, partitions, TopicReplication::Fixed(1));
        for (name, value) in settings {
            new = new.set(name, value);
        }
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
                assert_eq!(error.rdkafka_error_code(), Some(rdkafka::types::RDKafkaErrorCode::QueueFull));
                self.producer.poll(Duration::from_millis(10));
                record = Some(back);
            }
        }
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
