//! Columns that are parts of a Kafka message: `#[schema(kafka = "…")]`, both ways.

use super::{Column, Decoding, List, TimestampFormat};
use crate::format::RowError;
use crate::format::message::{Header, HeaderView, Message};
use crate::format::message_writer::MessageWriter;
use crate::time::Timestamp;

/// The part of a message that a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessagePart {
    /// The key.
    MessageKey,
    /// The value as a whole.
    Value,
    /// The topic's name.
    Topic,
    /// The partition's number.
    Partition,
    /// The offset in the partition.
    Offset,
    /// When the message was made or written.
    Time,
    /// Which of the two the timestamp is.
    TimeType,
    /// The headers.
    Headers,
}

/// The parts as types, for [`InMessage`].
pub mod part {
    /// The key.
    #[derive(Clone, Copy, Debug)]
    pub enum MessageKeyPart {}
    /// The value as a whole.
    #[derive(Clone, Copy, Debug)]
    pub enum ValuePart {}
    /// The topic's name.
    #[derive(Clone, Copy, Debug)]
    pub enum TopicPart {}
    /// The partition's number.
    #[derive(Clone, Copy, Debug)]
    pub enum PartitionPart {}
    /// The offset in the partition.
    #[derive(Clone, Copy, Debug)]
    pub enum OffsetPart {}
    /// When the message was made or written.
    #[derive(Clone, Copy, Debug)]
    pub enum TimePart {}
    /// Which of the two the timestamp is.
    #[derive(Clone, Copy, Debug)]
    pub enum TimeTypePart {}
    /// The headers.
    #[derive(Clone, Copy, Debug)]
    pub enum HeadersPart {}
}

/// A [`Column`] that can be the part `P` of a message.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` can't be a message's `{P}`",
    label = "not this part's type",
    note = "`topic` is a `String` or `Option<String>`, `partition` is an `i32` or `Option<i32>`, `timestamp_type` is `i32`, `offset` is `i64`, `timestamp` is a `Timestamp` or `Option<Timestamp>`, `headers` is `Vec<Header>`; `key` and `value` may be any column"
)]
pub trait InMessage<P>: Column {
    /// Takes the value from the message.
    ///
    /// # Errors
    /// What is missing, or what is wrong with it.
    fn from_message<'a>(message: &Message<'a>, decoding: Decoding<'a>) -> Result<Self::View<'a>, RowError>;

    /// Puts the value into a message; a null leaves the part to the client.
    fn write_message(view: Self::View<'_>, timestamps: TimestampFormat, message: &mut MessageWriter);
}

impl<T: Column> InMessage<part::MessageKeyPart> for T {
    fn from_message<'a>(message: &Message<'a>, decoding: Decoding<'a>) -> Result<T::View<'a>, RowError> {
        match message.key {
            Some(key) => T::decode_bytes(key, decoding),
            None => T::missing().ok_or_else(|| RowError::new("the message has no key")),
        }
    }

    fn write_message(view: T::View<'_>, timestamps: TimestampFormat, message: &mut MessageWriter) {
        if !T::is_null(view) {
            message.write_key(|out| T::encode_bytes(view, timestamps, out));
        }
    }
}

impl<T: Column> InMessage<part::ValuePart> for T {
    fn from_message<'a>(message: &Message<'a>, decoding: Decoding<'a>) -> Result<T::View<'a>, RowError> {
        match message.value {
            Some(value) => T::decode_bytes(value, decoding),
            None => T::missing().ok_or_else(Message::tombstone),
        }
    }

    fn write_message(view: T::View<'_>, timestamps: TimestampFormat, message: &mut MessageWriter) {
        if !T::is_null(view) {
            message.write_value(|out| T::encode_bytes(view, timestamps, out));
        }
    }
}

impl InMessage<part::TopicPart> for String {
    fn from_message<'a>(message: &Message<'a>, _: Decoding<'a>) -> Result<&'a str, RowError> {
        Ok(message.topic)
    }

    fn write_message(topic: &str, _: TimestampFormat, message: &mut MessageWriter) {
        message.set_topic(topic);
    }
}

impl InMessage<part::TopicPart> for Option<String> {
    fn from_message<'a>(message: &Message<'a>, _: Decoding<'a>) -> Result<Option<&'a str>, RowError> {
        Ok(Some(message.topic))
    }

    fn write_message(topic: Option<&str>, _: TimestampFormat, message: &mut MessageWriter) {
        if let Some(topic) = topic {
            message.set_topic(topic);
        }
    }
}

impl InMessage<part::PartitionPart> for i32 {
    fn from_message<'a>(message: &Message<'a>, _: Decoding<'a>) -> Result<i32, RowError> {
        Ok(message.partition)
    }

    fn write_message(partition: i32, _: TimestampFormat, message: &mut MessageWriter) {
        message.set_partition(partition);
    }
}

impl InMessage<part::PartitionPart> for Option<i32> {
    fn from_message<'a>(message: &Message<'a>, _: Decoding<'a>) -> Result<Option<i32>, RowError> {
        Ok(Some(message.partition))
    }

    fn write_message(partition: Option<i32>, _: TimestampFormat, message: &mut MessageWriter) {
        if let Some(partition) = partition {
            message.set_partition(partition);
        }
    }
}

impl InMessage<part::TimePart> for Timestamp {
    fn from_message<'a>(message: &Message<'a>, _: Decoding<'a>) -> Result<Timestamp, RowError> {
        message.timestamp.ok_or_else(|| RowError::new("the message has no timestamp"))
    }

    fn write_message(time: Timestamp, _: TimestampFormat, message: &mut MessageWriter) {
        message.set_timestamp(time);
    }
}

impl InMessage<part::TimePart> for Option<Timestamp> {
    fn from_message<'a>(message: &Message<'a>, _: Decoding<'a>) -> Result<Option<Timestamp>, RowError> {
        Ok(message.timestamp)
    }

    fn write_message(time: Option<Timestamp>, _: TimestampFormat, message: &mut MessageWriter) {
        if let Some(time) = time {
            message.set_timestamp(time);
        }
    }
}

impl InMessage<part::OffsetPart> for i64 {
    fn from_message<'a>(message: &Message<'a>, _: Decoding<'a>) -> Result<i64, RowError> {
        Ok(message.offset)
    }

    /// The broker gives it: a sink refuses rows with such a column before it writes any.
    fn write_message(_: i64, _: TimestampFormat, _: &mut MessageWriter) {}
}

impl InMessage<part::TimeTypePart> for i32 {
    fn from_message<'a>(message: &Message<'a>, _: Decoding<'a>) -> Result<i32, RowError> {
        Ok(message.timestamp_type as i32)
    }

    /// The topic has it: a sink refuses rows with such a column before it writes any.
    fn write_message(_: i32, _: TimestampFormat, _: &mut MessageWriter) {}
}

impl InMessage<part::HeadersPart> for Vec<Header> {
    fn from_message<'a>(message: &Message<'a>, decoding: Decoding<'a>) -> Result<List<'a, Header>, RowError> {
        let mut headers = decoding.arena.list(0);
        message.headers.for_each(&mut |key, value| headers.push(HeaderView { key, value }))?;
        Ok(List::of_views(headers.into_bump_slice()))
    }

    fn write_message(view: List<'_, Header>, _: TimestampFormat, message: &mut MessageWriter) {
        for HeaderView { key, value } in view {
            message.add_header(key, value);
        }
    }
}
