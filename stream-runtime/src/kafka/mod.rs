//! What the source and the sink of Apache Kafka have in common: properties of the client, its log, patience with brokers, and offsets.
//!
//! The client is librdkafka. Every call into it that waits is made off tokio's threads.

mod context;
mod offsets;
mod patience;
mod properties;

pub(crate) use context::Context;
pub use offsets::KafkaOffsets;
pub(crate) use offsets::{Partition, PartitionOffsets, check_topic};
pub(crate) use patience::Patience;
pub(crate) use properties::{Properties, Refusal};
