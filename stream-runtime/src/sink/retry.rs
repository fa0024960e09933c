//! [`Retry`]: how often a batch is tried again, and after what time.

use std::time::Duration;

/// How often a sink tries a batch again that it couldn't write, and how long it waits before each time.
///
/// A query that is told to stop ends the batch first: it stops once the batch is written, or given up.
///
/// ```
/// use std::time::Duration;
/// use stream_runtime::sink::Retry;
///
/// // After 200 ms, 400 ms, 800 ms, and 1 s.
/// let retry = Retry::times(4).backoff(Duration::from_millis(200), Duration::from_secs(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    times: u32,
    first: Duration,
    most: Duration,
}

impl Retry {
    /// Not at all: the first failure ends the query.
    pub const NEVER: Self = Self::times(0);

    /// So many times, after waits from 100 milliseconds to 10 seconds.
    pub const fn times(times: u32) -> Self {
        Self { times, first: Duration::from_millis(100), most: Duration::from_secs(10) }
    }

    /// Waits for `first` before the first time, twice as long before each further one, and never for more than `most`.
    pub const fn backoff(self, first: Duration, most: Duration) -> Self {
        Self { first, most, ..self }
    }

    /// How long to wait after so many failures; `None` to give up.
    pub(crate) fn wait_after(self, failures: u32) -> Option<Duration> {
        let doubled = failures.saturating_sub(1);
        let factor = 1_u32.checked_shl(doubled).unwrap_or(u32::MAX);
        (failures <= self.times).then(|| self.first.saturating_mul(factor).min(self.most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_end_with_the_last_time() {
        let retry = Retry::times(4).backoff(Duration::from_millis(200), Duration::from_secs(1));
        let waits: Vec<_> = (1..=5).map(|failures| retry.wait_after(failures)).collect();
        let millis = |millis| Some(Duration::from_millis(millis));
        assert_eq!(waits, [millis(200), millis(400), millis(800), millis(1_000), None]);
        assert_eq!(Retry::NEVER.wait_after(1), None);
        assert_eq!(Retry::times(u32::MAX).wait_after(90), Some(Duration::from_secs(10)));
    }
}
