//! [`Patience`]: how long to go on trying while brokers are away or are choosing a leader.

use std::thread;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

use super::Context;

/// The wait between two attempts.
const PAUSE: Duration = Duration::from_millis(100);

/// The longest wait for one answer: the client waits for the leader of a partition that is gone as long as it is let.
const ATTEMPT: Duration = Duration::from_secs(5);

/// An upper bound on the time that brokers get to answer.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    pub(crate) servers: String,
    pub(crate) timeout: Duration,
}

impl Patience {
    /// Calls `attempt`, with the time that is left, until it succeeds, fails for good, or time is up. Blocks.
    ///
    /// # Errors
    /// What to tell the user.
    pub(crate) fn wait<T>(
        &self,
        context: &Context,
        what: &str,
        mut attempt: impl FnMut(Duration) -> KafkaResult<T>,
    ) -> Result<T, String> {
        let begun = Instant::now();
        loop {
            let left = self.timeout.saturating_sub(begun.elapsed());
            // A zero would be no wait at all, and a first attempt is due to everybody.
            let error = match attempt(left.clamp(PAUSE, ATTEMPT)) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if !is_transient(&error) {
                return Err(format!("{what}: {error}"));
            }
            if context.is_closed() {
                return Err(format!("{what}: the query has ended"));
            }
            if begun.elapsed() + PAUSE >= self.timeout {
                let last = context.last_error().map(|last| format!(" ({last})")).unwrap_or_default();
                return Err(format!(
                    "{what}: no answer from `{}` for {} ms: {error}{last}; see that the address is right and the brokers run, or \
                     give them more time with `request_timeout`",
                    self.servers,
                    self.timeout.as_millis()
                ));
            }
            thread::sleep(PAUSE);
        }
    }
}

/// Whether another attempt may succeed without anybody doing anything.
pub(crate) fn is_transient(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::AllBrokersDown
                | Code::BrokerTransportFailure
                | Code::BrokerNotAvailable
                | Code::CoordinatorLoadInProgress
                | Code::CoordinatorNotAvailable
                | Code::FencedLeaderEpoch
                | Code::KafkaStorageError
                | Code::LeaderNotAvailable
                | Code::NetworkException
                | Code::NotCoordinator
                | Code::NotLeaderForPartition
                | Code::OffsetNotAvailable
                | Code::OperationTimedOut
                | Code::ReplicaNotAvailable
                | Code::RequestTimedOut
                | Code::Resolve
                | Code::UnknownLeaderEpoch
                | Code::UnstableOffsetCommit
                | Code::WaitingForCoordinator
        )
    )
}
