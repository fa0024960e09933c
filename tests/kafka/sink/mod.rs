//! The sink: what is in its topics for readers of committed messages.

mod basics;
mod child;
mod crash;
mod dead_letters;
mod faults;
mod options;
mod rows;

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::groups::GroupInfo;
use rdkafka::message::{BorrowedMessage, Headers, Message as _};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::{ClientConfig, Offset};

use crate::support::{PATIENCE, Topic};

/// A message as a reader sees it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) partition: i32,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) millis: Option<i64>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Seen {
    fn new(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().into_iter().flat_map(Headers::iter);
        Self {
            partition: message.partition(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            millis: message.timestamp().to_millis(),
            headers: headers
                .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)))
                .collect(),
        }
    }

    pub(crate) fn value_text(&self) -> &str {
        std::str::from_utf8(self.value.as_ref().expect("a value")).expect("text")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(key, _)| key == name)?;
        std::str::from_utf8(value.as_ref()?).ok()
    }
}

/// Everything in a topic that a reader of committed messages sees, in the order of each partition. Waits for open transactions.
pub(crate) fn committed(servers: &str, topic: &str) -> Vec<Seen> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", "tests")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "error")
        .create()
        .unwrap();
    // To a reader of committed messages a partition ends before the first open transaction, whose end is waited for here.
    let of_everything: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", "tests")
        .set("isolation.level", "read_uncommitted")
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
    let partitions = metadata.topics()[0].partitions().len() as i32;
    let mut list = TopicPartitionList::new();
    let mut ends = BTreeMap::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        let (_, end) = of_everything.fetch_watermarks(topic, partition, PATIENCE).unwrap();
        ends.insert(partition, end);
    }
    consumer.assign(&list).unwrap();
    let begun = std::time::Instant::now();
    let mut seen = Vec::new();
    loop {
        assert!(begun.elapsed() < PATIENCE, "the topic can't be read to its end");
        match consumer.poll(Duration::from_millis(20)) {
            Some(Ok(message)) => seen.push(Seen::new(&message)),
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) | None => {}
            Some(Err(error)) => panic!("{error}"),
        }
        let position = consumer.position().unwrap();
        let is_through = |(&partition, &end): (&i32, &i64)| {
            end == 0
                || position.find_partition(topic, partition).is_some_and(
                    |element| matches!(element.offset(), Offset::Offset(offset) if offset >= end),
                )
        };
        if ends.iter().all(is_through) {
            return seen;
        }
    }
}

/// The name of the only group that begins like this.
pub(crate) fn group(servers: &str, prefix: &str) -> String {
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", servers).set("group.id", "tests").create().unwrap();
    let groups = consumer.fetch_group_list(None, PATIENCE).unwrap();
    let mut groups = groups.groups().iter().map(GroupInfo::name).filter(|name| name.starts_with(prefix));
    let group = groups.next().expect("a group").to_owned();
    assert_eq!(groups.next(), None);
    group
}

impl Topic {
    /// What a reader of committed messages sees.
    pub(crate) fn committed(&self) -> Vec<Seen> {
        committed(&self.servers, &self.name)
    }

    /// The numbers in the values, in order of size.
    pub(crate) fn committed_numbers(&self) -> Vec<i64> {
        let number = |seen: Seen| {
            let row: serde_json::Value = serde_json::from_str(seen.value_text()).unwrap();
            row["n"].as_i64().unwrap()
        };
        let mut numbers: Vec<_> = self.committed().into_iter().map(number).collect();
        numbers.sort_unstable();
        numbers
    }
}
