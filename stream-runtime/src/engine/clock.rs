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
        from_system(SystemTime::now())
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

/// A time of the operating system in whole microseconds, rounded down; saturates.
pub(crate) fn from_system(time: SystemTime) -> Timestamp {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => Timestamp::from_micros(Duration::from_std(after).as_micros()),
        Err(before) => {
            let before = before.duration();
            let micros = Duration::from_std(before).as_micros();
            let rest = i64::from(!before.subsec_nanos().is_multiple_of(1_000));
            Timestamp::from_micros(micros.saturating_add(rest).saturating_neg())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_times_are_rounded_down_on_both_sides_of_the_epoch() {
        let half = std::time::Duration::from_nanos(1_500);
        assert_eq!(from_system(UNIX_EPOCH + half), Timestamp::from_micros(1));
        assert_eq!(from_system(UNIX_EPOCH - half), Timestamp::from_micros(-2));
        assert_eq!(from_system(UNIX_EPOCH), Timestamp::UNIX_EPOCH);
    }
}
