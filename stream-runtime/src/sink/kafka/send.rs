//! [`Sending`]: a batch's messages into the producer, as fast as its queue takes them.

use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer};

use super::delivery::Undelivered;
use super::producer::{Client, Trouble};
use crate::kafka::check_topic;
use crate::sink::MessageWriter;
use crate::time::Timestamp;

/// The wait for room in the producer's queue.
const WAIT: Duration = Duration::from_millis(1);
/// How many messages go before other tasks of the thread get their turn.
const BETWEEN_YIELDS: usize = 256;

/// The state of a batch while it is sent.
pub(super) struct Sending<'a> {
    client: &'a Client,
    message: &'a mut MessageWriter,
    /// A topic that rows have named, and that can be one.
    checked: String,
    place: usize,
}

/// Why a message wasn't taken.
#[derive(Debug)]
pub(super) enum Unsent {
    /// The row can't be a message.
    Row { place: usize, problem: String },
    /// The transaction can't go on.
    Trouble(Trouble),
}

impl<'a> Sending<'a> {
    pub(super) fn new(client: &'a Client, message: &'a mut MessageWriter) -> Self {
        Self { client, message, checked: String::new(), place: 0 }
    }

    /// Sends the next message, which `write` writes; to `topic` unless it says otherwise.
    pub(super) async fn send(
        &mut self,
        topic: Option<&str>,
        write: impl FnOnce(&mut MessageWriter) -> Result<(), String>,
    ) -> Result<(), Unsent> {
        let place = self.place;
        self.place += 1;
        self.message.clear();
        write(self.message)
            .and_then(|()| self.check(topic))
            .map_err(|problem| Unsent::Row { place, problem })?;
        self.hand_over(topic, place).await?;
        if self.place.is_multiple_of(BETWEEN_YIELDS) {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Refuses what the client or the brokers would take for something else.
    fn check(&mut self, topic: Option<&str>) -> Result<(), String> {
        match (self.message.topic(), topic) {
            (None, None) => return Err("it has no topic, and the sink names none with `topic`".to_owned()),
            (Some(topic), _) if topic != self.checked => {
                check_topic(topic)?;
                topic.clone_into(&mut self.checked);
            }
            _ => {}
        }
        if let Some(partition) = self.message.partition().filter(|partition| *partition < 0) {
            return Err(format!("there is no partition {partition}"));
        }
        // Kafka takes milliseconds, of which the client takes 0 for the present.
        if let Some(time) = self.message.timestamp().filter(|time| *time < Timestamp::from_millis(1)) {
            return Err(format!(
                "{time} can't be a message's timestamp, which is after 1970-01-01T00:00:00Z; make it null for the time of writing"
            ));
        }
        Ok(())
    }

    async fn hand_over(&self, topic: Option<&str>, place: usize) -> Result<(), Unsent> {
        let (producer, message) = (&self.client.producer, &*self.message);
        let topic = message.topic().or(topic).unwrap_or_default();
        let mut record = BaseRecord::<[u8], [u8], usize>::with_opaque_to(topic, place);
        (record.key, record.payload, record.partition) =
            (message.key(), message.value(), message.partition());
        record.timestamp = message.timestamp().map(Timestamp::as_millis);
        let headers = message.headers();
        if headers.len() > 0 {
            let empty = OwnedHeaders::new_with_capacity(headers.len());
            record.headers = Some(headers.fold(empty, |all, (key, value)| all.insert(Header { key, value })));
        }
        let mut had_all_room = false;
        loop {
            let error = match producer.send(record) {
                Ok(()) => return Ok(()),
                Err((error, back)) => {
                    record = back;
                    error
                }
            };
            match error.rdkafka_error_code() {
                Some(Code::QueueFull) if !had_all_room => {
                    // Nobody else sends, so what doesn't fit into the empty queue never will.
                    had_all_room = producer.in_flight_count() == 0;
                    if let Some(trouble) = self.client.trouble() {
                        return Err(Unsent::Trouble(trouble));
                    }
                    if !had_all_room {
                        tokio::time::sleep(WAIT).await;
                    }
                }
                Some(
                    Code::QueueFull | Code::MessageSizeTooLarge | Code::UnknownPartition | Code::UnknownTopic,
                ) => {
                    let size = message.key().map_or(0, <[u8]>::len) + message.value().map_or(0, <[u8]>::len);
                    let (partition, key) = (message.partition(), message.key());
                    let undelivered = Undelivered::new(place, &error, topic, partition, key, size);
                    return Err(Unsent::Trouble(Trouble::Undelivered(undelivered)));
                }
                _ => {
                    let trouble = self.client.trouble();
                    return Err(Unsent::Trouble(
                        trouble.unwrap_or_else(|| Trouble::Abort(error.to_string())),
                    ));
                }
            }
        }
    }
}
