//! A real Apache Kafka broker on loopback, for tests, examples and benchmarks.
//!
//! [`shared`] finds or starts the one that everything in a working tree has in common: named by `KAFKA_BOOTSTRAP_SERVERS`, else
//! running already, else started from Kafka's own jars (through Maven), else in Docker. It ends by itself some minutes after its last user.
//! [`Node`] is a broker of a test's own, to be stopped and started again.

mod docker;
mod error;
mod home;
mod jars;
mod node;
mod shared;
mod watch;

pub use error::Error;
pub use node::Node;
pub use shared::{Broker, VARIABLE, down, shared, up};

/// The version of Kafka that is started.
pub const KAFKA: &str = "4.3.1";

/// The result of this crate's calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;
