//! [`Marker`]: the id of the next batch, kept by the brokers as a consumer group's offset.
//!
//! A marker is committed in the transaction of the rows that it counts, so the two agree whatever crashes. It also names the run that wrote
//! it: a producer that was fenced reads there whether another instance of the query has taken over, or only its transaction took too long.

use rdkafka::Offset;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{TopicPartitionList, TopicPartitionListElem};
use uuid::Uuid;

use crate::kafka::{Context, Patience};

/// Stands in front of the run's id in the offset's metadata.
const METADATA: &str = "stream-runtime run ";

/// Topics that rows name have no partition that is there before the first row; this one is there once a group is.
const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// What the brokers know of a sink's batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marker {
    /// The first batch that isn't written.
    pub(super) next: u64,
    /// The run that wrote the marker.
    pub(super) run: Uuid,
}

/// Where a sink's marker is.
#[derive(Clone, Debug)]
pub(super) struct MarkerPlace {
    pub(super) group: String,
    pub(super) topic: Option<String>,
}

/// Which answer counts while a transaction is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// Waits until it is over.
    Stable,
    /// What was there before it.
    Committed,
}

impl MarkerPlace {
    fn topic(&self) -> &str {
        self.topic.as_deref().unwrap_or(OFFSETS_TOPIC)
    }

    /// The marker, as the client takes it.
    pub(super) fn offsets(&self, marker: Marker) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        let mut element = list.add_partition(self.topic(), 0);
        element.set_offset(Offset::Offset(marker.next as i64))?;
        element.set_metadata(format!("{METADATA}{}", marker.run));
        Ok(list)
    }

    /// A client that knows the group; it never joins it.
    fn consumer(&self, config: &ClientConfig, read: Read) -> KafkaResult<BaseConsumer<Context>> {
        let isolation = match read {
            Read::Stable => "read_committed",
            Read::Committed => "read_uncommitted",
        };
        config
            .clone()
            .set("group.id", &self.group)
            .set("isolation.level", isolation)
            .create_with_context(Context::default())
    }

    /// What a transaction needs to know of the group.
    pub(super) fn group(&self, config: &ClientConfig) -> Result<ConsumerGroupMetadata, String> {
        let consumer = self.consumer(config, Read::Stable).map_err(|error| error.to_string())?;
        consumer.group_metadata().ok_or_else(|| format!("the client doesn't know the group `{}`", self.group))
    }

    /// Asks the brokers for the marker. Blocks.
    ///
    /// # Errors
    /// What to tell the user.
    pub(super) fn read(
        &self,
        config: &ClientConfig,
        patience: &Patience,
        read: Read,
    ) -> Result<Option<Marker>, String> {
        let consumer = self.consumer(config, read).map_err(|error| error.to_string())?;
        let mut list = TopicPartitionList::new();
        list.add_partition(self.topic(), 0);
        let what = format!("reading the last batch's id from group `{}`", self.group);
        let list = patience.wait(consumer.context(), &what, |left| {
            // Errors of the client come as events.
            consumer.poll(std::time::Duration::ZERO);
            let list = consumer.committed_offsets(list.clone(), left)?;
            list.elements().iter().try_for_each(TopicPartitionListElem::error)?;
            Ok::<_, KafkaError>(list)
        })?;
        let elements = list.elements();
        let Some(element) = elements.first() else { return Ok(None) };
        let Offset::Offset(next) = element.offset() else { return Ok(None) };
        let run = element.metadata().strip_prefix(METADATA).and_then(|run| run.parse().ok());
        match (u64::try_from(next), run) {
            (Ok(next), Some(run)) => Ok(Some(Marker { next, run })),
            _ => Err(format!(
                "the consumer group `{}` is somebody else's: its offset {next} of `{}` wasn't committed by a query; name another one \
                 with `transactional_id`",
                self.group,
                self.topic()
            )),
        }
    }
}
