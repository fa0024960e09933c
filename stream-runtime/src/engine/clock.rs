//! [`Clock`]: the one place where time and randomness come from, so that a test can own both.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;

use crate::time::{Duration, Timestamp};

/// Time and randomness.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// The time of day. It may jump, also backwards; the engine never lets a batch's time run backwards.
    fn now(&self) -> Timestamp;

    /// Time since some fixed instant. It never runs backwards; durations are measured with it.
    fn elapsed(&self) -> Duration;

    /// Waits until the time of day is `deadline` or later.
    async fn sleep_until(&self, deadline: Timestamp);

    /// Sixteen random bytes: for ids, and for the seed of a new checkpoint's key hash.
    fn random(&self) -> u128;
}

/// The machine's clock and random numbers.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// The machine's clock.
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }

    /// The machine's clock, shared.
    pub fn shared() -> Arc<dyn Clock> {
        Arc::new(Self::new())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => Timestamp::UNIX_EPOCH + Duration::from_std(since),
            Err(before) => Timestamp::UNIX_EPOCH - Duration::from_std(before.duration()),
        }
    }

    fn elapsed(&self) -> Duration {
        Duration::from_std(self.started.elapsed())
    }

    async fn sleep_until(&self, deadline: Timestamp) {
        let wait = deadline - self.now();
        if !wait.is_negative() {
            tokio::time::sleep(wait.to_std()).await;
        }
    }

    fn random(&self) -> u128 {
        uuid::Uuid::new_v4().as_u128()
    }
}
