//! [`Subscription`]: which topics and partitions a source reads.

use std::collections::BTreeSet;

use regex_lite::Regex;

use crate::error::{Error, Result};
use crate::kafka::{Partition, check_topic};

/// Topics that Kafka keeps for itself, which a pattern never means.
const INTERNAL: &[&str] = &["__consumer_offsets", "__transaction_state", "__share_group_state"];

/// What to read, as the service says it.
#[derive(Clone, Debug)]
pub(super) enum Subscription {
    /// All partitions of these topics.
    Topics(BTreeSet<String>),
    /// All partitions of the topics whose whole name matches.
    Pattern(String),
    /// These partitions.
    Partitions(BTreeSet<Partition>),
}

/// What to read, checked.
#[derive(Clone, Debug)]
pub(super) enum Topics {
    Named(BTreeSet<String>),
    Matching(Regex),
    Partitions(BTreeSet<Partition>),
}

impl Subscription {
    pub(super) fn check(&self) -> Result<Topics> {
        let invalid = |option, message: String| Error::InvalidOption { option, message };
        match self {
            Self::Topics(topics) => {
                if topics.is_empty() {
                    return Err(invalid("subscribe", "name at least one topic".to_owned()));
                }
                for topic in topics {
                    check_topic(topic).map_err(|message| invalid("subscribe", message))?;
                }
                Ok(Topics::Named(topics.clone()))
            }
            Self::Pattern(pattern) => Regex::new(&format!("^(?:{pattern})$"))
                .map(Topics::Matching)
                .map_err(|error| invalid("subscribe_pattern", error.to_string())),
            Self::Partitions(partitions) => {
                if partitions.is_empty() {
                    return Err(invalid("assign", "name at least one partition".to_owned()));
                }
                for partition in partitions {
                    check_topic(&partition.topic).map_err(|message| invalid("assign", message))?;
                    if partition.number < 0 {
                        return Err(invalid("assign", format!("{partition} can't be: numbers begin at 0")));
                    }
                }
                Ok(Topics::Partitions(partitions.clone()))
            }
        }
    }

    /// What the description says between its brackets.
    pub(super) fn describe(&self) -> String {
        let joined = |items: Vec<String>| items.join(", ");
        match self {
            Self::Topics(topics) => joined(topics.iter().cloned().collect()),
            Self::Pattern(pattern) => format!("/{pattern}/"),
            Self::Partitions(partitions) => joined(
                partitions.iter().map(|Partition { topic, number }| format!("{topic}-{number}")).collect(),
            ),
        }
    }
}

impl Topics {
    /// At the start of a run a name that doesn't exist is a mistake.
    pub(super) fn check_exist(&self, found: &BTreeSet<Partition>) -> Result<(), String> {
        match self {
            Self::Named(topics) => {
                let exists = |topic: &&String| found.iter().any(|partition| partition.topic == **topic);
                match topics.iter().find(|topic| !exists(topic)) {
                    Some(topic) => {
                        Err(format!("topic `{topic}` doesn't exist; create it, or correct its name"))
                    }
                    None => Ok(()),
                }
            }
            Self::Matching(_) => Ok(()),
            Self::Partitions(partitions) => match partitions.difference(found).next() {
                Some(partition) => Err(format!("{partition} doesn't exist; create it, or correct its name")),
                None => Ok(()),
            },
        }
    }
}

/// Whether a topic of this name may match a pattern.
pub(super) fn matches(pattern: &Regex, topic: &str) -> bool {
    !INTERNAL.contains(&topic) && pattern.is_match(topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(topics: &[&str]) -> Subscription {
        Subscription::Topics(topics.iter().map(|&topic| topic.to_owned()).collect())
    }

    #[test]
    fn names_that_kafka_would_not_take_are_refused_before_it_is_asked() {
        for topics in [&[""][..], &["a", "b c"], &["a\0"], &["."], &[&"x".repeat(250)], &[]] {
            assert!(named(topics).check().is_err(), "{topics:?}");
        }
        assert!(named(&["Clicks_2.eu-1"]).check().is_ok());
        let partition = Partition { topic: "a".into(), number: -1 };
        assert!(Subscription::Partitions([partition].into()).check().is_err());
    }

    #[test]
    fn a_pattern_means_whole_names_and_no_internal_topics() {
        let Ok(Topics::Matching(pattern)) = Subscription::Pattern("click|.*offsets".into()).check() else {
            panic!("a pattern")
        };
        let found =
            ["click", "clicks", "my_offsets", "__consumer_offsets"].map(|topic| matches(&pattern, topic));
        assert_eq!(found, [true, false, true, false]);
        assert!(Subscription::Pattern("(".into()).check().is_err());
    }
}
