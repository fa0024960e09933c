//! [`ManualClock`]: time that moves when a test says so, and randomness that is the same in every run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::engine::Clock;
use crate::time::{Duration, Timestamp};

/// A clock that stands still until it is moved.
///
/// ```
/// use stream_runtime::engine::Clock;
/// use stream_runtime::prelude::*;
/// use stream_runtime::testing::ManualClock;
///
/// let clock = ManualClock::new("2026-01-01T00:00:00Z".parse()?);
/// clock.advance(minutes(5));
/// assert_eq!(clock.now().to_string(), "2026-01-01T00:05:00.000Z");
/// # Ok::<(), stream_runtime::time::ParseTimestampError>(())
/// ```
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<Timestamp>,
    started: Timestamp,
    random: AtomicU64,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> Arc<Self> {
        Arc::new(Self { now: watch::Sender::new(now), started: now, random: AtomicU64::new(0) })
    }

    /// Moves the clock forward and wakes whoever waits for a time that has come.
    pub fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now += by);
    }

    /// Sets the clock, also backwards: clocks of machines do that too.
    pub fn set(&self, now: Timestamp) {
        self.now.send_replace(now);
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    fn elapsed(&self) -> Duration {
        self.now() - self.started
    }

    async fn sleep_until(&self, deadline: Timestamp) {
        let mut changes = self.now.subscribe();
        // An error means that the clock is gone, which it can't be while `self` is borrowed.
        let _ = changes.wait_for(|now| *now >= deadline).await;
    }

    /// The numbers of `SplitMix64` from a fixed seed.
    fn random(&self) -> u128 {
        let draw = || {
            let step = self.random.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            let mut z = step.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        (u128::from(draw()) << 64) | u128::from(draw())
    }
}
