//! [`Cluster`]: what a source asks brokers between two reads: which partitions there are, and where they begin and end. Blocks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;
use rdkafka::topic_partition_list::TopicPartitionList;

use super::subscription::{Topics, matches};
use crate::kafka::{Context, Partition, PartitionOffsets, Patience};

/// How many of the client's events are served after a question.
const EVENTS: usize = 8;

/// A source's brokers.
#[derive(Clone)]
pub(super) struct Cluster {
    pub(super) consumer: Arc<BaseConsumer<Context>>,
    pub(super) topics: Topics,
    pub(super) patience: Patience,
}

/// What a partition's offset is asked for by.
#[derive(Clone, Copy, Debug)]
pub(super) enum At {
    /// The oldest message that is still there.
    Beginning,
    /// Behind the newest message that may be read: in a `read_committed` source, before the first open transaction.
    End,
    /// The first message of this time (milliseconds since the epoch) or later.
    Time(i64),
}

impl Cluster {
    /// The partitions that there are of those that the source reads.
    pub(super) fn partitions(&self) -> Result<BTreeSet<Partition>, String> {
        self.ask("asking for partitions", |left| self.list(left))
    }

    fn list(&self, left: Duration) -> KafkaResult<BTreeSet<Partition>> {
        match &self.topics {
            Topics::Named(topics) => self.list_of(topics, left),
            Topics::Matching(pattern) => {
                let metadata = self.consumer.fetch_metadata(None, left)?;
                let found = metadata.topics().iter().filter(|topic| matches(pattern, topic.name()));
                Ok(found.map(partitions_of).collect::<KafkaResult<Vec<_>>>()?.into_iter().flatten().collect())
            }
            Topics::Partitions(wanted) => {
                let topics = wanted.iter().map(|partition| partition.topic.clone()).collect();
                Ok(wanted.intersection(&self.list_of(&topics, left)?).cloned().collect())
            }
        }
    }

    fn list_of(&self, topics: &BTreeSet<String>, left: Duration) -> KafkaResult<BTreeSet<Partition>> {
        let mut partitions = BTreeSet::new();
        for topic in topics {
            let metadata = self.consumer.fetch_metadata(Some(topic), left)?;
            for found in metadata.topics().iter().filter(|found| found.name() == topic) {
                partitions.extend(partitions_of(found)?);
            }
        }
        Ok(partitions)
    }

    /// An offset of each partition; partitions that are gone, or have no message of that time, are left out.
    pub(super) fn offsets(
        &self,
        partitions: impl IntoIterator<Item = Partition>,
        at: At,
    ) -> Result<PartitionOffsets, String> {
        let offset = match at {
            At::Beginning => Offset::Beginning,
            At::End => Offset::End,
            At::Time(millis) => Offset::Offset(millis),
        };
        let mut partitions: Vec<Partition> = partitions.into_iter().collect();
        let mut attempts = 0;
        self.ask("asking for offsets", |left| {
            if attempts > 0 {
                // Nobody answers for a partition that is gone meanwhile.
                let exist = self.list(left)?;
                partitions.retain(|partition| exist.contains(partition));
            }
            attempts += 1;
            if partitions.is_empty() {
                return Ok(PartitionOffsets::default());
            }
            let mut asked = TopicPartitionList::with_capacity(partitions.len());
            for Partition { topic, number } in &partitions {
                asked.add_partition_offset(topic, *number, offset)?;
            }
            let answered = self.consumer.offsets_for_times(asked, left)?;
            let mut found = PartitionOffsets::default();
            for element in answered.elements() {
                match element.error() {
                    Ok(()) => {}
                    Err(error) if is_gone(&error) => continue,
                    Err(error) => return Err(error),
                }
                if let Offset::Offset(offset) = element.offset() {
                    found.set(
                        Partition { topic: element.topic().to_owned(), number: element.partition() },
                        offset,
                    );
                }
            }
            Ok(found)
        })
    }

    fn ask<T>(&self, what: &str, mut attempt: impl FnMut(Duration) -> KafkaResult<T>) -> Result<T, String> {
        self.patience.wait(self.consumer.context(), what, |left| {
            let answer = attempt(left);
            // Serves the client's log and errors, which nobody else does.
            for _ in 0..EVENTS {
                self.consumer.poll(Duration::ZERO);
            }
            answer
        })
    }
}

/// A topic's partitions; none if it doesn't exist.
fn partitions_of(topic: &MetadataTopic) -> KafkaResult<Vec<Partition>> {
    if let Some(error) = topic.error() {
        let error = KafkaError::MetadataFetch(error.into());
        return if is_gone(&error) { Ok(Vec::new()) } else { Err(error) };
    }
    let partition = |number| Partition { topic: topic.name().to_owned(), number };
    Ok(topic.partitions().iter().map(|each| partition(each.id())).collect())
}

/// Whether the brokers say that there is no such topic or partition.
pub(super) fn is_gone(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition)
    )
}
