//! [`Callbacks`]: what a producer reports: its log, and the first message of a batch that could not be delivered.

use std::sync::{Mutex, PoisonError};

use rdkafka::Message;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{DeliveryResult, ProducerContext};

use crate::kafka::Context;

/// The callbacks of one producer.
#[derive(Debug, Default)]
pub(super) struct Callbacks {
    pub(super) context: Context,
    failed: Mutex<Option<Undelivered>>,
}

/// A message that could not be delivered.
#[derive(Clone, Debug)]
pub(super) struct Undelivered {
    /// Its place in the batch.
    pub(super) place: usize,
    pub(super) code: Option<Code>,
    /// What to tell the user, but for the place.
    pub(super) message: String,
}

impl Callbacks {
    /// Begins a batch: what was before is forgotten.
    pub(super) fn begin(&self) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The first message of the batch that has failed.
    pub(super) fn failed(&self) -> Option<Undelivered> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Undelivered {
    pub(super) fn new(
        place: usize,
        error: &KafkaError,
        topic: &str,
        partition: Option<i32>,
        key: Option<&[u8]>,
        size: usize,
    ) -> Self {
        let code = error.rdkafka_error_code();
        let partition = partition.map(|partition| format!(", partition {partition}")).unwrap_or_default();
        let why = match code {
            Some(code) => code.to_string(),
            None => error.to_string(),
        };
        let mut message = format!("key {}, {size} bytes, for topic `{topic}`{partition}: {why}", shown(key));
        message.push_str(match code {
            Some(Code::MessageSizeTooLarge) => {
                "; raise the topic's `max.message.bytes` and the sink's `.option(\"message.max.bytes\", …)`, and if each row fits, lower \
                 `.option(\"batch.size\", …)`, since what counts for the broker is the batch of messages that go together"
            }
            Some(Code::QueueFull) => {
                "; it is too large for the client's queue even when that is empty: raise the sink's \
                 `.option(\"queue.buffering.max.kbytes\", …)`"
            }
            _ => "",
        });
        Self { place, code, message }
    }

    /// Whether it would fail again, however often it is sent.
    pub(super) fn is_for_good(&self) -> bool {
        matches!(
            self.code,
            Some(
                Code::MessageSizeTooLarge
                    | Code::InvalidMessage
                    | Code::InvalidMessageSize
                    | Code::InvalidRecord
                    | Code::InvalidTimestamp
                    | Code::InvalidTopic
                    | Code::MessageBatchTooLarge
                    | Code::PolicyViolation
                    | Code::QueueFull
                    | Code::TopicAuthorizationFailed
                    | Code::UnknownPartition
                    | Code::UnknownTopic
                    | Code::UnknownTopicOrPartition
                    | Code::UnsupportedForMessageFormat
            )
        )
    }
}

/// A key as an error shows it.
fn shown(key: Option<&[u8]>) -> String {
    const MOST: usize = 40;
    let Some(key) = key else { return "null".to_owned() };
    let text = String::from_utf8_lossy(key);
    let shown: String = text.chars().take(MOST).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    format!("`{}{more}`", shown.escape_debug())
}

impl ClientContext for Callbacks {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.context.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.context.error(error, reason);
    }
}

impl ProducerContext for Callbacks {
    /// The message's place in its batch.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, place: usize) {
        let Err((error, message)) = result else { return };
        // Those are taken back with the batch that they belong to, because of another.
        if matches!(error.rdkafka_error_code(), Some(Code::PurgeQueue | Code::PurgeInflight)) {
            return;
        }
        let size = message.key().map_or(0, <[u8]>::len) + message.payload().map_or(0, <[u8]>::len);
        let partition = Some(message.partition()).filter(|partition| *partition >= 0);
        let undelivered = Undelivered::new(place, error, message.topic(), partition, message.key(), size);
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(undelivered);
    }
}
