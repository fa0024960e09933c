//! Sources and sinks of Kafka, against a real broker.

mod reading;
mod support;
