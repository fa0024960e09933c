//! [`Clock`]: where the engine and its sources take the time from, so that tests own it.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::time::{Duration, Timestamp};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The current time. It may jump, also backwards: nothing may rely on its order.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        from_system(SystemTime::now())
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
