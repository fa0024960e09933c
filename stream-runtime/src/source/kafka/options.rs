//! The options of a [`KafkaSource`], under the names that Spark and Kafka give them, and what they mean together.

use rdkafka::ClientConfig;

use super::KafkaSource;
use super::format::MessageFormat;
use super::subscription::{Subscription, Topics};
use crate::error::{Error, Result};
use crate::kafka::{KafkaOffsets, Partition, Properties, Refusal};
use crate::time::{Duration, Timestamp, minutes, seconds};

/// How many bytes of messages a batch takes, about, unless `max_bytes_per_trigger` says otherwise: 1 GiB, as with files.
const DEFAULT_MAX_BYTES: u64 = 1 << 30;
/// How many bytes of messages are fetched ahead at most, unless set: 64 MiB.
const DEFAULT_PREFETCH: u64 = 64 << 20;
/// What the fetch of a partition asks for at most, if the budget allows: the client's own default, and Kafka's largest message.
const MAX_FETCH: u64 = 1 << 20;
/// What the client needs for a message in its queue besides the message's bytes, about.
const OVERHEAD: u64 = 512;
/// The client's defaults that make a reader wait, in milliseconds, unless the service sets them itself. A partition whose queue was full
/// is looked at again after so long (the client's own default is a second). And a fetch is answered at the latest after so long
/// (500 ms): one that asks only for partitions without anything new keeps all others of the broker from being fetched until then.
const READY: [(&str, &str); 2] = [("fetch.queue.backoff.ms", "5"), ("fetch.wait.max.ms", "10")];

/// Which messages a query sees of transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IsolationLevel {
    /// Those of committed transactions and those outside of any; a batch ends before the first open transaction.
    #[default]
    ReadCommitted,
    /// All, also those of transactions that are open or were aborted.
    ReadUncommitted,
}

impl IsolationLevel {
    fn name(self) -> &'static str {
        match self {
            Self::ReadCommitted => "read_committed",
            Self::ReadUncommitted => "read_uncommitted",
        }
    }
}

/// Where a partition begins that has no message of the starting time or later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoMatch {
    /// The query doesn't start.
    #[default]
    Error,
    /// Behind its newest message.
    Latest,
}

#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) properties: Properties,
    pub(super) subscriptions: Vec<Subscription>,
    pub(super) starting: KafkaOffsets,
    pub(super) starting_timestamp: Option<Timestamp>,
    pub(super) no_match: NoMatch,
    pub(super) ending: Option<KafkaOffsets>,
    pub(super) max_offsets: Option<u64>,
    pub(super) max_bytes: u64,
    pub(super) min_offsets: Option<u64>,
    pub(super) max_delay: Duration,
    pub(super) fail_on_data_loss: bool,
    pub(super) group_id: Option<String>,
    pub(super) commit_to_group: bool,
    pub(super) isolation: IsolationLevel,
    pub(super) prefetch_bytes: u64,
    pub(super) discovery: Duration,
    pub(super) request_timeout: Duration,
    pub(super) poll_timeout: Duration,
    pub(super) skip_tombstones: bool,
}

impl Options {
    pub(super) fn new(servers: String) -> Self {
        Self {
            properties: Properties::new(servers),
            subscriptions: Vec::new(),
            starting: KafkaOffsets::Latest,
            starting_timestamp: None,
            no_match: NoMatch::Error,
            ending: None,
            max_offsets: None,
            max_bytes: DEFAULT_MAX_BYTES,
            min_offsets: None,
            max_delay: minutes(15),
            fail_on_data_loss: true,
            group_id: None,
            commit_to_group: false,
            isolation: IsolationLevel::ReadCommitted,
            prefetch_bytes: DEFAULT_PREFETCH,
            discovery: seconds(1),
            request_timeout: minutes(1),
            poll_timeout: minutes(2),
            skip_tombstones: false,
        }
    }

    /// What to read, if everything fits together.
    pub(super) fn check(&self) -> Result<Topics> {
        let invalid =
            |option, message: &str| Err(Error::InvalidOption { option, message: message.to_owned() });
        let [subscription] = &*self.subscriptions else {
            return invalid(
                "subscribe",
                "a source needs exactly one of `subscribe`, `subscribe_pattern` and `assign`",
            );
        };
        if self.ending == Some(KafkaOffsets::Earliest) {
            return invalid("ending_offsets", "a query that ends where it begins reads nothing");
        }
        if self.max_offsets == Some(0) {
            return invalid("max_offsets_per_trigger", "a batch needs at least one offset");
        }
        if self.max_bytes == 0 {
            return invalid("max_bytes_per_trigger", "a batch needs at least one byte");
        }
        if self.max_offsets.zip(self.min_offsets).is_some_and(|(max, min)| max < min) {
            return invalid("min_offsets_per_trigger", "it can't be above `max_offsets_per_trigger`");
        }
        if self.prefetch_bytes < 1 << 20 {
            return invalid("prefetch_bytes", "fetching needs at least 1 MiB");
        }
        if self.commit_to_group && self.group_id.is_none() {
            return invalid("commit_to_group", "name the group with `group_id`");
        }
        for (option, time) in [
            ("max_trigger_delay", self.max_delay),
            ("partition_discovery_interval", self.discovery),
            ("request_timeout", self.request_timeout),
            ("poll_timeout", self.poll_timeout),
        ] {
            if time.is_negative() {
                return invalid(option, "a time can't be negative");
            }
        }
        subscription.check()
    }

    /// The configuration of the client that asks, and doesn't fetch.
    pub(super) fn asking(&self) -> Result<ClientConfig> {
        self.properties.config(REFUSALS, &[("isolation.level", self.isolation.name())])
    }

    /// The configuration of the client that fetches, for at most so many partitions.
    pub(super) fn config(&self, group: &str, partitions: usize) -> Result<ClientConfig> {
        // Each partition has a queue of its own, and may have one fetch more than its queue is meant to hold.
        let share = self.prefetch_bytes / (partitions.max(1) as u64) / 2;
        let fetch = share.clamp(16 << 10, MAX_FETCH).to_string();
        let queue = (share >> 10).clamp(16, 2_097_151).to_string();
        let messages = (share / OVERHEAD).clamp(1, 10_000_000).to_string();
        let mut config = self.properties.config(
            REFUSALS,
            &[
                ("group.id", self.group_id.as_deref().unwrap_or(group)),
                ("isolation.level", self.isolation.name()),
                ("enable.auto.commit", "false"),
                ("enable.auto.offset.store", "false"),
                // The client must never go to another offset by itself.
                ("auto.offset.reset", "error"),
                ("enable.partition.eof", "true"),
                ("queued.max.messages.kbytes", &queue),
                ("queued.min.messages", &messages),
                ("fetch.message.max.bytes", &fetch),
            ],
        )?;
        for (name, value) in READY {
            if config.get(name).is_none() {
                config.set(name, value);
            }
        }
        Ok(config)
    }
}

/// Properties on which exactly-once reading rests.
const REFUSALS: &[Refusal] = &[
    ("group.id", "use `group_id`"),
    ("isolation.level", "use `isolation_level`"),
    (
        "enable.auto.commit",
        "positions are in the query's checkpoint; use `commit_to_group` to show them to others",
    ),
    ("enable.auto.offset.store", "positions are in the query's checkpoint"),
    ("auto.commit.interval.ms", "positions are in the query's checkpoint"),
    (
        "auto.offset.reset",
        "use `starting_offsets`; where a query goes on is in its checkpoint, and messages that aren't there any more are a case for \
         `fail_on_data_loss`",
    ),
    ("client.rack", "a replica other than the leader may take a partition to end before it does"),
    ("enable.partition.eof", "the source needs it to know the end of a partition"),
    ("queued.max.messages.kbytes", "use `prefetch_bytes`, which holds for all partitions together"),
    ("queued.min.messages", "use `prefetch_bytes`, which holds for all partitions together"),
    ("fetch.message.max.bytes", "use `prefetch_bytes`, which holds for all partitions together"),
    ("max.partition.fetch.bytes", "use `prefetch_bytes`, which holds for all partitions together"),
    ("key.deserializer", "rows say by `#[schema(kafka = \"key\")]` what a key is"),
    ("value.deserializer", "the row type or `format` says what a value is"),
    ("interceptor.classes", "there are none in Rust"),
];

impl<R> KafkaSource<R> {
    /// Reads all partitions of these topics, also those that are added later.
    #[must_use]
    pub fn subscribe<T: Into<String>>(mut self, topics: impl IntoIterator<Item = T>) -> Self {
        let topics = topics.into_iter().map(Into::into).collect();
        self.options.subscriptions.push(Subscription::Topics(topics));
        self
    }

    /// Reads all partitions of the topics whose whole name matches the regular expression, also those that are made later. Kafka's
    /// internal topics never match.
    #[must_use]
    pub fn subscribe_pattern(mut self, pattern: impl Into<String>) -> Self {
        self.options.subscriptions.push(Subscription::Pattern(pattern.into()));
        self
    }

    /// Reads these partitions, given as topic and number.
    #[must_use]
    pub fn assign<T: Into<String>>(mut self, partitions: impl IntoIterator<Item = (T, i32)>) -> Self {
        let partition = |(topic, number): (T, i32)| Partition { topic: topic.into(), number };
        let partitions = partitions.into_iter().map(partition).collect();
        self.options.subscriptions.push(Subscription::Partitions(partitions));
        self
    }

    /// Where a query begins that has no checkpoint yet: [`KafkaOffsets::Latest`] by default. With offsets for each partition, all
    /// partitions have to be listed. Partitions that are found later begin at their earliest offset.
    #[must_use]
    pub fn starting_offsets(mut self, offsets: KafkaOffsets) -> Self {
        self.options.starting = offsets;
        self
    }

    /// Begins in each partition with the first message of this time or later; goes before
    /// [`starting_offsets`](Self::starting_offsets).
    #[must_use]
    pub fn starting_timestamp(mut self, time: Timestamp) -> Self {
        self.options.starting_timestamp = Some(time);
        self
    }

    /// Where a partition begins that has no message of the [`starting_timestamp`](Self::starting_timestamp) or later:
    /// [`NoMatch::Error`] by default.
    #[must_use]
    pub fn starting_offsets_by_timestamp_strategy(mut self, no_match: NoMatch) -> Self {
        self.options.no_match = no_match;
        self
    }

    /// Where the source ends: nothing from these offsets on is read. For bounded runs, with
    /// [`Trigger::AvailableNow`](crate::engine::Trigger::AvailableNow); by default a source goes on for ever.
    /// [`KafkaOffsets::Latest`] is what is there when a run begins. With offsets for each partition, all partitions have to be listed.
    /// Either way partitions that are found later aren't read.
    #[must_use]
    pub fn ending_offsets(mut self, offsets: KafkaOffsets) -> Self {
        self.options.ending = Some(offsets);
        self
    }

    /// About how many offsets a batch takes at most, each partition by its share of what is new; a partition with little gets at
    /// least one. No limit by default, besides [`max_bytes_per_trigger`](Self::max_bytes_per_trigger).
    #[must_use]
    pub fn max_offsets_per_trigger(mut self, offsets: u64) -> Self {
        self.options.max_offsets = Some(offsets);
        self
    }

    /// About how many bytes of keys and values a batch takes at most: 1 GiB by default. The source goes by the size of the messages of
    /// the batch before, and takes a message for 64 KiB before it has read any.
    #[must_use]
    pub fn max_bytes_per_trigger(mut self, bytes: u64) -> Self {
        self.options.max_bytes = bytes;
        self
    }

    /// Waits until there are so many new offsets, or [`max_trigger_delay`](Self::max_trigger_delay) has passed since the last batch.
    /// The first batch of a run doesn't wait, nor does one of [`Trigger::Once`](crate::engine::Trigger::Once) or
    /// [`Trigger::AvailableNow`](crate::engine::Trigger::AvailableNow).
    #[must_use]
    pub fn min_offsets_per_trigger(mut self, offsets: u64) -> Self {
        self.options.min_offsets = Some(offsets);
        self
    }

    /// How long to wait for [`min_offsets_per_trigger`](Self::min_offsets_per_trigger), by the query's clock: 15 minutes by default.
    #[must_use]
    pub fn max_trigger_delay(mut self, delay: impl Into<Duration>) -> Self {
        self.options.max_delay = delay.into();
        self
    }

    /// Whether the query fails if messages that it hasn't read are gone: deleted by retention, or with their partition or topic. On by
    /// default. Off, the query logs a warning and reads what is left.
    ///
    /// Offsets without a message, from compaction or transactions, are no loss.
    #[must_use]
    pub fn fail_on_data_loss(mut self, fail: bool) -> Self {
        self.options.fail_on_data_loss = fail;
        self
    }

    /// The consumer group that the brokers see, for access rights or [`commit_to_group`](Self::commit_to_group). A name of the source's
    /// own by default. The source isn't a member of the group and takes no positions from it.
    #[must_use]
    pub fn group_id(mut self, group: impl Into<String>) -> Self {
        self.options.group_id = Some(group.into());
        self
    }

    /// Commits the position to the consumer group `group_id` after each batch's own commit, for tools that watch lag. Off by default. A
    /// failure is logged, no more.
    #[must_use]
    pub fn commit_to_group(mut self, commit: bool) -> Self {
        self.options.commit_to_group = commit;
        self
    }

    /// Which messages of transactions the query sees: [`IsolationLevel::ReadCommitted`] by default.
    #[must_use]
    pub fn isolation_level(mut self, level: IsolationLevel) -> Self {
        self.options.isolation = level;
        self
    }

    /// How many bytes of messages are fetched ahead at most, over all partitions: 64 MiB by default, and at least 32 KiB a partition.
    /// What the client needs for a message besides its bytes, about half a kilobyte, counts, too, but for those of a partition's latest
    /// fetch. A message or compressed batch of messages that is larger than that is fetched all the same.
    #[must_use]
    pub fn prefetch_bytes(mut self, bytes: u64) -> Self {
        self.options.prefetch_bytes = bytes;
        self
    }

    /// How often to look for new topics and partitions, and for deleted ones: every second by default.
    #[must_use]
    pub fn partition_discovery_interval(mut self, interval: impl Into<Duration>) -> Self {
        self.options.discovery = interval.into();
        self
    }

    /// How long brokers get to answer what is asked between batches, retries included: 1 minute by default. After that the query fails.
    #[must_use]
    pub fn request_timeout(mut self, timeout: impl Into<Duration>) -> Self {
        self.options.request_timeout = timeout.into();
        self
    }

    /// How long to wait for the next message of a batch, for instance while a broker restarts: 2 minutes by default. After that the
    /// query fails.
    #[must_use]
    pub fn poll_timeout(mut self, timeout: impl Into<Duration>) -> Self {
        self.options.poll_timeout = timeout.into();
        self
    }

    /// Passes over messages without a value. Off by default: then a tombstone is a row if the row type has a place for it (its value is
    /// an `Option`, or it has no column of the value at all), and malformed if not.
    #[must_use]
    pub fn skip_tombstones(mut self, skip: bool) -> Self {
        self.options.skip_tombstones = skip;
        self
    }

    /// Sets a property of the client, such as `security.protocol`, by [librdkafka's
    /// names](https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md), with or without Spark's `kafka.` in front. Those
    /// that the source rests on can't be set; the query then doesn't start, and says why.
    #[must_use]
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.options.properties.set(name, value);
        self
    }

    /// Decodes messages with code of the service's own instead of what the row type derives.
    #[must_use]
    pub fn format(mut self, format: impl MessageFormat<R>) -> Self {
        self.format = Some(Box::new(format));
        self
    }
}
