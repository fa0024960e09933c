//! [`Message`]: a message of a topic, as sources hand it to the decoder.

use std::fmt;

use crate::format::RowError;
use crate::time::Timestamp;

/// A message of a topic: what a row of `#[derive(Schema)]` is decoded from.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
    /// When it was made or written; `None` if its producer was too old to say.
    pub timestamp: Option<Timestamp>,
    /// What `timestamp` is.
    pub timestamp_type: TimestampType,
    /// The key, if there is one.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// The headers, which are looked at only if somebody asks.
    pub headers: &'a dyn MessageHeaders,
}

impl<'a> Message<'a> {
    /// The value as text, without white space around it.
    pub(crate) fn value_text(&self) -> Result<&'a str, RowError> {
        match std::str::from_utf8(self.value.ok_or_else(Self::tombstone)?) {
            Ok(text) => Ok(text.trim_ascii()),
            Err(error) => Err(RowError::new(format_args!("the value isn't UTF-8: {error}"))),
        }
    }

    /// The error of a message without a value where a value has to be.
    #[cold]
    pub(crate) fn tombstone() -> RowError {
        RowError::new(
            "the message has no value (it is a tombstone); pass over such messages with `skip_tombstones(true)`, or take the value as an \
             `Option`",
        )
    }
}

/// What the timestamp of a [`Message`] is; the numbers are Kafka's and Spark's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// There is none.
    None = -1,
    /// When the producer made the message.
    CreateTime = 0,
    /// When the broker appended it to its log.
    LogAppendTime = 1,
}

/// The headers of a [`Message`].
pub trait MessageHeaders {
    /// Shows each header, in order.
    ///
    /// # Errors
    /// A header's name isn't UTF-8: the message is malformed. The headers in front of it have been shown.
    fn for_each<'a>(&'a self, each: &mut dyn FnMut(&'a str, Option<&'a [u8]>)) -> Result<(), RowError>;
}

/// A header of a message, as an element of a column with `#[schema(kafka = "headers")]`.
#[derive(Clone, Debug, PartialEq, Eq, stream_macros::Schema)]
pub struct Header {
    /// The header's name; several may have the same.
    pub key: String,
    /// Its value, which may be null.
    pub value: Option<Vec<u8>>,
}

/// No headers at all.
impl MessageHeaders for () {
    fn for_each<'a>(&'a self, _: &mut dyn FnMut(&'a str, Option<&'a [u8]>)) -> Result<(), RowError> {
        Ok(())
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, partition, offset, timestamp, timestamp_type, key, value, headers: _ } = self;
        f.debug_struct("Message")
            .field("topic", topic)
            .field("partition", partition)
            .field("offset", offset)
            .field("timestamp", timestamp)
            .field("timestamp_type", timestamp_type)
            .field("key", key)
            .field("value", value)
            .finish_non_exhaustive()
    }
}
