//! [`MessageWriter`]: a message on its way to a topic, in buffers that are used again for the next.

use std::fmt;

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
    topic: Option<String>,
    partition: Option<i32>,
    timestamp: Option<Timestamp>,
    key: Part,
    value: Part,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

/// A part with room of its own: a format may do with it what it likes.
#[derive(Default)]
struct Part {
    bytes: Vec<u8>,
    is_set: bool,
}

impl MessageWriter {
    /// Sets the topic.
    pub fn set_topic(&mut self, topic: &str) {
        self.topic = Some(topic.to_owned());
    }

    /// Sets the partition.
    pub fn set_partition(&mut self, partition: i32) {
        self.partition = Some(partition);
    }

    /// Sets the timestamp, of which messages hold the milliseconds.
    pub fn set_timestamp(&mut self, timestamp: Timestamp) {
        self.timestamp = Some(timestamp);
    }

    /// Sets the key to what `write` puts into the empty buffer.
    pub fn write_key(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.key.write(write);
    }

    /// Sets the value to what `write` puts into the empty buffer.
    pub fn write_value(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.value.write(write);
    }

    /// Adds a header; several may have the same name.
    pub fn add_header(&mut self, name: &str, value: Option<&[u8]>) {
        self.headers.push((name.to_owned(), value.map(<[u8]>::to_vec)));
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
        self.key.get()
    }

    /// The value; `None` is null.
    pub fn value(&self) -> Option<&[u8]> {
        self.value.get()
    }

    /// The headers in the order in which they were added.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = (&str, Option<&[u8]>)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// Makes the message empty, and keeps its room unless one huge message took it.
    #[cfg(feature = "kafka")]
    pub(crate) fn clear(&mut self) {
        let Self { topic, partition, timestamp, key, value, headers } = self;
        (*topic, *partition, *timestamp) = (None, None, None);
        key.clear();
        value.clear();
        headers.clear();
    }
}

impl Part {
    fn write(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.clear();
        write(&mut self.bytes);
        self.is_set = true;
    }

    fn get(&self) -> Option<&[u8]> {
        self.is_set.then_some(&*self.bytes)
    }

    #[cfg(feature = "kafka")]
    fn clear(&mut self) {
        const KEPT: usize = 1 << 20;
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        self.is_set = false;
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
