//! Offsets by topic and partition, in the JSON that Spark writes: `{"clicks":{"0":23,"1":40}}`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Partition {
    pub(crate) topic: String,
    pub(crate) number: i32,
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "topic `{}`, partition {}", self.topic, self.number)
    }
}

/// Kafka's own rule for names.
pub(crate) fn check_topic(topic: &str) -> Result<(), String> {
    let legal = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | '-');
    if topic.is_empty() || topic.len() > 249 || matches!(topic, "." | "..") || !topic.chars().all(legal) {
        return Err(format!(
            "`{}` can't be a topic: a name has 1 to 249 of the characters a to z, A to Z, 0 to 9, `.`, `_` and `-`",
            topic.escape_debug()
        ));
    }
    Ok(())
}

/// For each partition the offset of the next message to read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct PartitionOffsets(BTreeMap<String, BTreeMap<i32, i64>>);

impl PartitionOffsets {
    pub(crate) fn get(&self, partition: &Partition) -> Option<i64> {
        self.0.get(&partition.topic)?.get(&partition.number).copied()
    }

    pub(crate) fn set(&mut self, partition: Partition, offset: i64) {
        self.0.entry(partition.topic).or_default().insert(partition.number, offset);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.values().all(BTreeMap::is_empty)
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Partition) -> bool) {
        *self = self.iter().filter(|(partition, _)| keep(partition)).collect();
    }

    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::json!(self.0)
    }

    /// Reads what [`to_json`](Self::to_json) has written.
    ///
    /// # Errors
    /// What is wrong: a name that the client would choke on is refused like a number that is no offset.
    pub(crate) fn from_json(json: &serde_json::Value) -> Result<Self, String> {
        let offsets = Self::deserialize(json).map_err(|error| error.to_string())?;
        for (partition, offset) in offsets.iter() {
            check_topic(&partition.topic)?;
            if partition.number < 0 || offset < 0 {
                return Err(format!("{partition} can't be at offset {offset}"));
            }
        }
        Ok(offsets)
    }

    /// In order of topic and partition.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Partition, i64)> {
        self.0.iter().flat_map(|(topic, partitions)| {
            partitions.iter().map(|(&number, &offset)| (Partition { topic: topic.clone(), number }, offset))
        })
    }
}

impl FromIterator<(Partition, i64)> for PartitionOffsets {
    fn from_iter<I: IntoIterator<Item = (Partition, i64)>>(entries: I) -> Self {
        let mut offsets = Self::default();
        offsets.extend(entries);
        offsets
    }
}

impl Extend<(Partition, i64)> for PartitionOffsets {
    fn extend<I: IntoIterator<Item = (Partition, i64)>>(&mut self, entries: I) {
        for (partition, offset) in entries {
            self.set(partition, offset);
        }
    }
}

/// Where to begin or to end in the partitions of topics.
///
/// Parses from `earliest`, `latest`, and from Spark's JSON, in which −2 stands for the earliest and −1 for the latest offset:
///
/// ```
/// use stream_runtime::source::KafkaOffsets;
///
/// let offsets: KafkaOffsets = r#"{"clicks":{"0":23,"1":-1}}"#.parse()?;
/// assert_eq!(offsets, KafkaOffsets::at([("clicks", 0, 23), ("clicks", 1, KafkaOffsets::LATEST)]));
/// assert_eq!("earliest".parse(), Ok(KafkaOffsets::Earliest));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KafkaOffsets {
    /// The oldest messages that the brokers still have.
    Earliest,
    /// Behind the newest message.
    Latest,
    /// For each partition the offset of a message, [`LATEST`](Self::LATEST) or [`EARLIEST`](Self::EARLIEST).
    PerPartition(BTreeMap<String, BTreeMap<i32, i64>>),
}

impl KafkaOffsets {
    /// Stands for a partition's latest offset.
    pub const LATEST: i64 = -1;
    /// Stands for a partition's earliest offset.
    pub const EARLIEST: i64 = -2;

    /// Offsets by topic and partition.
    pub fn at<T: Into<String>>(offsets: impl IntoIterator<Item = (T, i32, i64)>) -> Self {
        let offsets = offsets
            .into_iter()
            .map(|(topic, number, offset)| (Partition { topic: topic.into(), number }, offset));
        Self::PerPartition(offsets.collect::<PartitionOffsets>().0)
    }
}

impl FromStr for KafkaOffsets {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "earliest" => Ok(Self::Earliest),
            "latest" => Ok(Self::Latest),
            json => serde_json::from_str(json).map(Self::PerPartition).map_err(|error| {
                format!(
                    "`{json}` is neither `earliest` nor `latest` nor offsets by topic and partition: {error}"
                )
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_written_as_spark_writes_them() {
        let mut offsets = PartitionOffsets::default();
        offsets.set(Partition { topic: "b".into(), number: 10 }, 7);
        offsets.set(Partition { topic: "b".into(), number: 9 }, 0);
        offsets.set(Partition { topic: "a".into(), number: 0 }, 1);
        let json = serde_json::to_string(&offsets).unwrap();
        assert_eq!(json, r#"{"a":{"0":1},"b":{"9":0,"10":7}}"#);
        assert_eq!(serde_json::from_str::<PartitionOffsets>(&json).unwrap(), offsets);
    }

    #[test]
    fn what_is_no_offset_is_refused() {
        for text in ["", "newest", "{}{}", r#"{"a":{"x":1}}"#, r#"{"a":[1]}"#, r#"{"a":{"0":1.5}}"#] {
            assert!(text.parse::<KafkaOffsets>().is_err(), "{text}");
        }
    }
}
