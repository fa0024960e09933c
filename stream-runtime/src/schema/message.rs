//! Columns that are parts of a Kafka message: `#[schema(kafka = "…")]`.

use super::{Column, Decoding, List};
use crate::format::RowError;
use crate::source::{Header, HeaderView, Message};
use crate::time::Timestamp;

/// The part of a message that a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessagePart {
    /// The key.
    Key,
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

/// The parts as types, for [`FromMessage`].
pub mod part {
    /// The key.
    #[derive(Clone, Copy, Debug)]
    pub enum KeyPart {}
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
    note = "`topic` is a `String`, `partition` and `timestamp_type` are `i32`, `offset` is `i64`, `timestamp` is a `Timestamp` or `Option<Timestamp>`, `headers` is `Vec<Header>`; `key` and `value` may be any column"
)]
pub trait FromMessage<P>: Column {
    /// Takes the value from the message.
    ///
    /// # Errors
    /// What is missing, or what is wrong with it.
    fn from_message<'a>(message: &Message<'a>, decoding: Decoding<'a>) -> Result<Self::View<'a>, RowError>;
}

impl<T: Column> FromMessage<part::KeyPart> for T {
    fn from_message<'a>(message: &Message<'a>, decoding: Decoding<'a>) -> Result<T::View<'a>, RowError> {
        match message.key {
            Some(key) => T::decode_bytes(key, decoding),
            None => T::missing().ok_or_else(|| RowError::new("the message has no key")),
        }
    }
}

impl<T: Column> FromMessage<part::ValuePart> for T {
    fn from_message<'a>(message: &Message<'a>, decoding: Decoding<'a>) -> Result<T::View<'a>, RowError> {
        match message.value {
            Some(value) => T::decode_bytes(value, decoding),
            None => T::missing().ok_or_else(Message::tombstone),
        }
    }
}

impl FromMessage<part::TopicPart> for String {
    fn from_message<'a>(message: &Message<'a>, _: Decoding<'a>) -> Result<&'a str, RowError> {
        Ok(message.topic)
    }
}

impl FromMessage<part::PartitionPart> for i32 {
    fn from_message<'a>(message: &Message<'a>, _: Decoding<'a>) -> Result<i32, RowError> {
        Ok(message.partition)
    }
}

impl FromMessage<part::OffsetPart> for i64 {
    fn from_message<'a>(message: &Message<'a>, _: Decoding<'a>) -> Result<i64, RowError> {
        Ok(message.offset)
    }
}

impl FromMessage<part::TimePart> for Timestamp {
    fn from_message<'a>(message: &Message<'a>, _: Decoding<'a>) -> Result<Timestamp, RowError> {
        message.timestamp.ok_or_else(|| RowError::new("the message has no timestamp"))
    }
}

impl FromMessage<part::TimePart> for Option<Timestamp> {
    fn from_message<'a>(message: &Message<'a>, _: Decoding<'a>) -> Result<Option<Timestamp>, RowError> {
        Ok(message.timestamp)
    }
}

impl FromMessage<part::TimeTypePart> for i32 {
    fn from_message<'a>(message: &Message<'a>, _: Decoding<'a>) -> Result<i32, RowError> {
        Ok(message.timestamp_type as i32)
    }
}

impl FromMessage<part::HeadersPart> for Vec<Header> {
    fn from_message<'a>(message: &Message<'a>, decoding: Decoding<'a>) -> Result<List<'a, Header>, RowError> {
        let mut headers = decoding.arena.list(0);
        message.headers.for_each(&mut |key, value| headers.push(HeaderView { key, value }));
        Ok(List::of_views(headers.into_bump_slice()))
    }
}
