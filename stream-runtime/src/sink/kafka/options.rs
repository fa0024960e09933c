//! The options of a [`KafkaSink`], and what they mean together.

use rdkafka::config::ClientConfig;
use uuid::Uuid;

use super::KafkaSink;
use super::dead_letters::{KafkaDeadLetters, Kept};
use super::format::RowFormat;
use crate::error::{Error, Result};
use crate::kafka::{Patience, Properties, Refusal, check_topic};
use crate::schema::{Field, MessagePart};
use crate::time::{Duration, minutes, seconds};

#[derive(Clone, Debug)]
pub(super) struct Options {
    properties: Properties,
    pub(super) topic: Option<String>,
    pub(super) dead_letters: Option<String>,
    transactional_id: Option<String>,
    pub(super) transaction_timeout: Duration,
    request_timeout: Duration,
    pub(super) at_least_once: bool,
}

impl Options {
    pub(super) fn new(servers: String) -> Self {
        Self {
            properties: Properties::new(servers),
            topic: None,
            dead_letters: None,
            transactional_id: None,
            transaction_timeout: minutes(1),
            request_timeout: minutes(1),
            at_least_once: false,
        }
    }

    /// Refuses what doesn't fit together, or doesn't fit rows with these columns.
    pub(super) fn check(&self, fields: &[Field], has_format: bool) -> Result<()> {
        let invalid = |option, message: String| Err(Error::InvalidOption { option, message });
        for (option, topic) in [("topic", &self.topic), ("dead_letters", &self.dead_letters)] {
            if let Some(problem) = topic.as_ref().and_then(|topic| check_topic(topic).err()) {
                return invalid(option, problem);
            }
        }
        if self.transaction_timeout < seconds(1) {
            return invalid("transaction_timeout", "a transaction gets at least a second".to_owned());
        }
        if self.request_timeout.is_negative() {
            return invalid("request_timeout", "a time can't be negative".to_owned());
        }
        if self.at_least_once && self.transactional_id.is_some() {
            return invalid("transactional_id", "with `at_least_once` there are no transactions".to_owned());
        }
        if self.transactional_id.as_ref().is_some_and(String::is_empty) {
            return invalid("transactional_id", "it can't be empty".to_owned());
        }
        if has_format {
            return Ok(());
        }
        let column = |part| fields.iter().find(|field| field.part == Some(part));
        for (part, owner) in
            [(MessagePart::Offset, "its broker gives"), (MessagePart::TimeType, "its topic has")]
        {
            if let Some(Field { name, .. }) = column(part) {
                let message = format!(
                    "the rows' column `{name}` is what a message is given by others ({owner} it), so nothing can be written there; select \
                     into a type without this column, or whose column is one of the value"
                );
                return invalid("to", message);
            }
        }
        match (&self.topic, column(MessagePart::Topic)) {
            (None, None) => invalid(
                "topic",
                "say where rows go: with `topic`, or with a column that has `#[schema(kafka = \"topic\")]`"
                    .to_owned(),
            ),
            (Some(_), Some(Field { name, nullable: false, .. })) => invalid(
                "topic",
                format!(
                    "the rows' column `{name}` names the topic; leave `topic` out, or make the column an `Option`"
                ),
            ),
            _ => Ok(()),
        }
    }

    /// The transactional id, the same for every run of the query, and the name of its group.
    pub(super) fn id(&self, query: Uuid) -> String {
        match (&self.transactional_id, &self.topic) {
            (Some(prefix), _) => format!("{prefix}-{query}"),
            (None, Some(topic)) => format!("stream-runtime-{topic}-{query}"),
            (None, None) => format!("stream-runtime-{query}"),
        }
    }

    /// The configuration of the producer. Without an id it knows no transactions.
    pub(super) fn producer(&self, id: Option<&str>) -> Result<ClientConfig> {
        let timeout = self.transaction_timeout.as_millis().to_string();
        let mut ours = vec![("enable.idempotence", "true"), ("delivery.report.only.error", "true")];
        if let Some(id) = id {
            ours.extend([("transactional.id", id), ("transaction.timeout.ms", &timeout)]);
        }
        let mut config = self.properties.config(REFUSALS, &ours)?;
        for (name, value) in DEFAULTS {
            if config.get(name).is_none() {
                config.set(*name, *value);
            }
        }
        Ok(config)
    }

    /// The configuration of the client that reads the last batch's id.
    pub(super) fn reader(&self) -> Result<ClientConfig> {
        self.properties
            .config(REFUSALS, &[("enable.auto.commit", "false"), ("enable.auto.offset.store", "false")])
    }

    pub(super) fn patience(&self) -> Patience {
        Patience { servers: self.properties.servers().to_owned(), timeout: self.request_timeout.to_std() }
    }
}

/// What a producer has unless the service sets it.
const DEFAULTS: &[(&str, &str)] = &[
    // A key's partition is that of Kafka's own clients.
    ("partitioner", "murmur2_random"),
    // The end of a batch is known, so there is little to wait for.
    ("linger.ms", "1"),
    // A batch's messages don't pile up without a bound.
    ("queue.buffering.max.kbytes", "65536"),
    // How large a message may be is the topic's to say. The client's own limit is below Kafka's, so that a dead letter, which is larger than
    // the message that it was, might not fit where that came from.
    ("message.max.bytes", "10485760"),
];

/// Properties on which the sink rests.
const REFUSALS: &[Refusal] = &[
    ("transactional.id", "use `transactional_id`"),
    ("transaction.timeout.ms", "use `transaction_timeout`"),
    (
        "enable.idempotence",
        "without it a message may be written twice; the sink needs it, with or without transactions",
    ),
    ("acks", "a message that isn't on all replicas can get lost; the sink needs `all`"),
    ("request.required.acks", "a message that isn't on all replicas can get lost; the sink needs `all`"),
    ("delivery.report.only.error", "the sink needs it to know what has failed"),
    ("dr_cb", "the sink has its own"),
    ("dr_msg_cb", "the sink has its own"),
    ("group.id", "the group that holds the last batch's id is named as the `transactional_id` says"),
    ("isolation.level", "it is for readers; the sink reads the last batch's id as it needs to"),
    ("enable.auto.commit", "the group that holds the last batch's id is the sink's own"),
    ("key.serializer", "rows say by `#[schema(kafka = \"key\")]` what a key is"),
    ("value.serializer", "the row type or `format` says what a value is"),
    ("interceptor.classes", "there are none in Rust"),
];

impl<R> KafkaSink<R> {
    /// Writes to this topic. Rows with a column `#[schema(kafka = "topic")]` say themselves where they go; with an `Option` there, this
    /// is the topic of rows with a null.
    #[must_use]
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.options.topic = Some(topic.into());
        self
    }

    /// Sets a property of the client, such as `compression.type`, by [librdkafka's
    /// names](https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md), with or without Spark's `kafka.` in front. Those
    /// that the sink rests on can't be set; the query then doesn't start, and says why.
    ///
    /// Unless set, `partitioner` is `murmur2_random`, as in Kafka's Java clients, `linger.ms` is 1, `queue.buffering.max.kbytes` 65536 and
    /// `message.max.bytes` 10 MiB: up to that the topic's `max.message.bytes` decides which message is too large.
    #[must_use]
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.options.properties.set(name, value);
        self
    }

    /// The first part of the transactional id, which the query's id follows: `stream-runtime-` and the topic by default. Two sinks of one
    /// query to one topic need it. To change it is to begin anew: what the brokers know of written batches is under the old one.
    #[must_use]
    pub fn transactional_id(mut self, prefix: impl Into<String>) -> Self {
        self.options.transactional_id = Some(prefix.into());
        self
    }

    /// How long writing a batch may take before the brokers abort its transaction: 1 minute by default. The brokers have a limit of their
    /// own, `transaction.max.timeout.ms`, 15 minutes by default. If a query dies in a transaction and isn't started again, readers of
    /// committed messages wait that long for what comes behind it.
    #[must_use]
    pub fn transaction_timeout(mut self, timeout: impl Into<Duration>) -> Self {
        self.options.transaction_timeout = timeout.into();
        self
    }

    /// How long brokers get to answer, retries included: 1 minute by default. After that the query fails.
    #[must_use]
    pub fn request_timeout(mut self, timeout: impl Into<Duration>) -> Self {
        self.options.request_timeout = timeout.into();
        self
    }

    /// Writes without transactions: each row at least once. A batch that was being written when the query ended is written again from its
    /// first row, and readers see rows before their batch is complete. Saves the transaction's round trips.
    #[must_use]
    pub fn at_least_once(mut self) -> Self {
        self.options.at_least_once = true;
        self
    }

    /// Makes messages with code of the service's own instead of what the row type derives.
    #[must_use]
    pub fn format(mut self, format: impl RowFormat<R>) -> Self {
        self.format = Some(Box::new(format));
        self
    }

    /// A second sink, for [`OnMalformed::dead_letter`](crate::source::OnMalformed::dead_letter), whose rows go to this topic in the same
    /// transaction as the batch's output. Both have to be given to one query.
    ///
    /// ```
    /// use stream_runtime::prelude::*;
    ///
    /// # #[derive(Schema)]
    /// # struct Order { id: u64 }
    /// let (sink, dead_letters) =
    ///     KafkaSink::<Order>::new("localhost:9092").topic("processed").dead_letters("malformed");
    /// let orders = KafkaSource::<Order>::new("localhost:9092")
    ///     .subscribe(["orders"])
    ///     .on_malformed(OnMalformed::dead_letter(dead_letters));
    /// # drop((sink, orders));
    /// ```
    ///
    /// A dead letter has the key, the value, the headers and the timestamp of the malformed message, and Kafka Connect's headers
    /// `__connect.errors.topic`, `__connect.errors.partition`, `__connect.errors.offset` and `__connect.errors.exception.message` behind
    /// them, as text. A [`KafkaSink`] that is a dead-letter sink itself writes the same, in transactions of its own.
    ///
    /// The headers make a dead letter larger than the message that it was. Give its topic a `max.message.bytes` that is a few KiB above that
    /// of the largest input: a dead letter that its topic refuses fails the batch, with an error that names the setting, and the query goes
    /// on where it was once the setting is raised.
    pub fn dead_letters(mut self, topic: impl Into<String>) -> (Self, KafkaDeadLetters) {
        let (topic, kept) = (topic.into(), std::sync::Arc::new(Kept::default()));
        let handle = kept.handle(topic.clone());
        self.options.dead_letters = Some(topic);
        self.dead_letters = Some(kept);
        (self, handle)
    }
}
