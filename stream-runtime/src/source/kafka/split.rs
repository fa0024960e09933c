//! [`KafkaSplit`]: one partition's part of a batch.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::message::{BorrowedMessage, Headers, Message as _, OwnedMessage};

use super::format::MessageFormat;
use super::limit::Measured;
use super::reader::{Reader, Taken, Trouble};
use crate::error::{Error, Result};
use crate::format::RowError;
use crate::schema::Schema;
use crate::source::{Chunk, Message, MessageHeaders, Position, Rows, Split, TimestampType};
use crate::time::Timestamp;

/// What all splits of a source have in common.
pub(super) struct Reading<R> {
    /// The source's description, for errors.
    pub(super) source: String,
    pub(super) fail_on_data_loss: bool,
    pub(super) skip_tombstones: bool,
    /// How long to wait for the next message of a range.
    pub(super) poll_timeout: Duration,
    pub(super) format: Option<Box<dyn MessageFormat<R>>>,
    pub(super) measured: Measured,
}

/// The messages of a partition from one offset up to another one.
pub(super) struct KafkaSplit<R> {
    pub(super) reading: Arc<Reading<R>>,
    pub(super) reader: Arc<Reader>,
    pub(super) from: i64,
    pub(super) end: i64,
}

impl<R: Schema> Split<R> for KafkaSplit<R> {
    fn weight(&self) -> u64 {
        u64::try_from(self.end - self.from).unwrap_or(0)
    }

    fn read(&mut self, rows: &mut dyn Rows<R>) -> Result<()> {
        let mut from = self.from;
        let measured = &self.reading.measured;
        measured.add(0, self.weight(), 0);
        while from < self.end {
            let read = self.reader.read(from, self.end, self.reading.poll_timeout, |taken| match taken {
                Taken::Fetched(messages) => self.push(messages, rows),
                Taken::Carried(message) => self.push(std::slice::from_ref(message), rows),
            });
            match read {
                Ok(()) => break,
                Err(Trouble::Taker(error)) => return Err(error),
                Err(trouble) => from = self.recover(trouble)?,
            }
        }
        Ok(())
    }
}

impl<R: Schema> KafkaSplit<R> {
    /// Decodes messages and runs the query over them.
    fn push<M: rdkafka::Message + MessageHeaders>(
        &self,
        messages: &[M],
        rows: &mut dyn Rows<R>,
    ) -> Result<()> {
        let topic = &*self.reader.partition.topic;
        let (mut bytes, mut tombstones) = (0, 0);
        let mut views = Vec::with_capacity(messages.len());
        for message in messages {
            bytes += message.payload().map_or(0, <[u8]>::len) + message.key().map_or(0, <[u8]>::len);
            if self.reading.skip_tombstones && message.payload().is_none() {
                tombstones += 1;
            } else {
                views.push(view(topic, message));
            }
        }
        self.reading.measured.add(bytes as u64, 0, tombstones);
        match &self.reading.format {
            None => rows.push(Chunk::Messages(&views)),
            Some(format) => decode(&**format, &views, rows),
        }
    }

    /// Where to go on, if data loss is no reason to fail.
    fn recover(&self, trouble: Trouble) -> Result<i64> {
        let partition = &self.reader.partition;
        let (from, gone) = match trouble {
            Trouble::Lost { from, gone } => (from, gone),
            Trouble::Taker(error) => return Err(error),
            Trouble::Silence { at, last_error } => {
                let last =
                    last_error.map(|last| format!(" (the client's last error: {last})")).unwrap_or_default();
                return Err(self.failed(format_args!(
                    "{partition}, offset {at}: no message within {} ms, though the brokers had said that there are some up to {}{last}; \
                     see that they run, or give them more time with `poll_timeout`",
                    self.reading.poll_timeout.as_millis(),
                    self.end
                )));
            }
            Trouble::Misplaced { at } => {
                return Err(self.failed(format_args!(
                    "{partition}, offset {at}: the client has mixed up its queues, so messages would be missing; start the query again"
                )));
            }
            Trouble::Client { at, error } => {
                return Err(self.failed(format_args!("{partition}, offset {at}: {error}")));
            }
        };
        let edges = if gone { Ok(None) } else { self.reader.edges(self.reading.poll_timeout) };
        // Without an answer nothing is known to be lost.
        let edges = edges.map_err(|error| {
            self.failed(format_args!(
                "{partition}, offset {from}: the message isn't there, and asking which are left failed: {error}; see that the brokers run, \
                 and start the query again"
            ))
        })?;
        let (lost, next) = match edges {
            Some((left, _)) if left > from => {
                let next = left.min(self.end);
                let lost = format!(
                    "{partition}: the messages from offset {from} to {next} have been deleted before they were read"
                );
                (lost, next)
            }
            Some((_, end)) if end <= from => {
                let lost = format!(
                    "{partition}: it ends at offset {end}, and the messages from offset {from} to {} haven't been read; its topic was \
                     deleted and made anew, or its brokers have lost messages",
                    self.end
                );
                (lost, self.end)
            }
            Some((left, end)) => {
                return Err(self.failed(format_args!(
                    "{partition}, offset {from}: a broker says that the message isn't there, though there are those from offset {left} to \
                     {end}; it may have become the leader a moment ago, so start the query again"
                )));
            }
            None => {
                let lost =
                    format!("{partition}: it was deleted before offsets {from} to {} were read", self.end);
                (lost, self.end)
            }
        };
        if self.reading.fail_on_data_loss {
            return Err(self.failed(format_args!("{lost}; {}", super::ON_LOSS)));
        }
        tracing::warn!("source `{}`: {lost}", self.reading.source);
        Ok(next)
    }

    fn failed(&self, message: std::fmt::Arguments<'_>) -> Error {
        Error::source(&*self.reading.source, message)
    }
}

/// Rows of a format that the service has written.
fn decode<R: Schema>(
    format: &dyn MessageFormat<R>,
    messages: &[Message<'_>],
    rows: &mut dyn Rows<R>,
) -> Result<()> {
    let mut decoded = Vec::with_capacity(messages.len());
    for message in messages {
        match format.decode(message) {
            Ok(row) => decoded.push(row),
            Err(error) => {
                // What the message can't help is no reason to drop it.
                let error = match error.downcast::<Error>() {
                    Ok(error) => return Err(*error),
                    Err(error) => error,
                };
                rows.push(Chunk::Rows(&decoded))?;
                decoded.clear();
                let bytes = message.value.unwrap_or_default();
                let at = Position::of_message(message);
                rows.push(Chunk::Malformed { bytes, at, reason: &error.to_string() })?;
            }
        }
    }
    rows.push(Chunk::Rows(&decoded))
}

/// The client's message as the decoder knows it.
fn view<'a, M: rdkafka::Message + MessageHeaders>(topic: &'a str, message: &'a M) -> Message<'a> {
    let (millis, timestamp_type) = match message.timestamp() {
        rdkafka::Timestamp::NotAvailable => (None, TimestampType::None),
        rdkafka::Timestamp::CreateTime(millis) => (Some(millis), TimestampType::CreateTime),
        rdkafka::Timestamp::LogAppendTime(millis) => (Some(millis), TimestampType::LogAppendTime),
    };
    Message {
        topic,
        partition: message.partition(),
        offset: message.offset(),
        timestamp: millis.map(Timestamp::from_millis),
        timestamp_type,
        key: message.key(),
        value: message.payload(),
        headers: message,
    }
}

impl MessageHeaders for BorrowedMessage<'_> {
    fn for_each<'a>(&'a self, each: &mut dyn FnMut(&'a str, Option<&'a [u8]>)) -> Result<(), RowError> {
        show(self.headers(), each)
    }
}

impl MessageHeaders for OwnedMessage {
    fn for_each<'a>(&'a self, each: &mut dyn FnMut(&'a str, Option<&'a [u8]>)) -> Result<(), RowError> {
        show(self.headers(), each)
    }
}

fn show<'a, H: Headers>(
    headers: Option<&'a H>,
    each: &mut dyn FnMut(&'a str, Option<&'a [u8]>),
) -> Result<(), RowError> {
    let Some(headers) = headers else { return Ok(()) };
    for index in 0..headers.count() {
        // The client's crate panics at a name that isn't UTF-8, and has no other safe way to a header.
        let header = catch_unwind(AssertUnwindSafe(|| headers.try_get(index)));
        match header {
            Ok(Some(header)) => each(header.key, header.value),
            Ok(None) => {}
            Err(_) => return Err(RowError::new(format_args!("the name of header {index} isn't UTF-8"))),
        }
    }
    Ok(())
}
