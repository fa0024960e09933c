//! [`MessageWriter`]: a message on its way to a topic, in one buffer that is used again for the next.

use std::fmt;
use std::ops::Range;

use crate::time::Timestamp;

/// A message that a row becomes: what a format writes its parts into. Parts that nobody writes are left to the client: no key, no value (a
/// tombstone), no headers, the sink's topic, a partition by the key, the time of writing.
///
/// ```
/// use stream_runtime::sink::MessageWriter;
///
/// let mut message = MessageWriter::default();
/// message.write_key(|out| out.extend_from_slice(b"kitchen"));
/// message.write_value(|out| out.extend_from_slice(b"21.5"));
/// message.add_header("unit", Some(b"celsius"));
/// assert_eq!(message.key(), Some(b"kitchen".as_slice()));
/// assert_eq!(message.headers().next(), Some(("unit", Some(b"celsius".as_slice()))));
/// ```
#[derive(Default)]
pub struct MessageWriter {
    bytes: Vec<u8>,
    topic: Option<String>,
    partition: Option<i32>,
    timestamp: Option<Timestamp>,
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
    headers: Vec<(String, Option<Range<usize>>)>,
}

impl MessageWriter {
    /// Sets the topic.
    pub fn set_topic(&mut self, topic: &str) {
        let place = self.topic.get_or_insert_default();
        place.clear();
        place.push_str(topic);
    }

    /// Sets the partition.
    pub fn set_partition(&mut self, partition: i32) {
        self.partition = Some(partition);
    }

    /// Sets the timestamp, of which messages hold the milliseconds.
    pub fn set_timestamp(&mut self, timestamp: Timestamp) {
        self.timestamp = Some(timestamp);
    }

    /// Sets the key to what `write` appends.
    pub fn write_key(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.key = Some(self.append(write));
    }

    /// Sets the value to what `write` appends.
    pub fn write_value(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.value = Some(self.append(write));
    }

    /// Adds a header; several may have the same name.
    pub fn add_header(&mut self, name: &str, value: Option<&[u8]>) {
        let value = value.map(|value| self.append(|out| out.extend_from_slice(value)));
        self.headers.push((name.to_owned(), value));
    }

    /// The topic, if one has been set.
    pub fn topic(&self) -> Option<&str> {
        self.topic.as_deref()
    }

    /// The partition, if one has been set.
    pub fn partition(&self) -> Option<i32> {
        self.partition
    }

    /// The timestamp, if one has been set.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// The key; `None` is null.
    pub fn key(&self) -> Option<&[u8]> {
        self.written(self.key.as_ref()?)
    }

    /// The value; `None` is null.
    pub fn value(&self) -> Option<&[u8]> {
        self.written(self.value.as_ref()?)
    }

    /// The headers in the order in which they were added.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = (&str, Option<&[u8]>)> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_ref().and_then(|range| self.written(range))))
    }

    /// Makes the message empty, and keeps its room unless one huge message took it.
    #[cfg(feature = "kafka")]
    pub(crate) fn clear(&mut self) {
        const KEPT: usize = 1 << 20;
        let Self { bytes, topic, partition, timestamp, key, value, headers } = self;
        bytes.clear();
        bytes.shrink_to(KEPT);
        (*topic, *partition, *timestamp, *key, *value) = (None, None, None, None, None);
        headers.clear();
    }

    fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
        let start = self.bytes.len();
        write(&mut self.bytes);
        // A format that took something away would have taken it from another part.
        start.min(self.bytes.len())..self.bytes.len()
    }

    fn written(&self, range: &Range<usize>) -> Option<&[u8]> {
        self.bytes.get(range.clone())
    }
}

impl fmt::Debug for MessageWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageWriter")
            .field("topic", &self.topic())
            .field("partition", &self.partition)
            .field("timestamp", &self.timestamp)
            .field("key", &self.key())
            .field("value", &self.value())
            .finish_non_exhaustive()
    }
}
